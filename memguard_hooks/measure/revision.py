"""A revision of the project in a folder of its own, to be measured beside the work tree."""

from __future__ import annotations

import os
from shutil import ReadError, unpack_archive
from tarfile import TarError

from memguard_hooks.errors import MemguardError
from memguard_hooks.git import ask


def check_out(root: str, revision: str, folder: str) -> str:
    """Write what a revision holds of the folder `root` into another, and return the name of its commit.

    `git archive` writes it: neither the work tree nor the index is touched, and what git does not track is not there, nor
    what `.gitattributes` says is `export-ignore`. It runs the filters that git's settings name, such as those of LFS.
    Raises MemguardError where git knows no such commit, or the folder is not in it.
    """
    found = ask(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found is None or found.status != 0:
        raise MemguardError(f"git knows no commit {revision} here")
    commit = found.output.decode("ascii", "replace").strip()
    archive = f"{folder}.tar"
    written = ask(root, "archive", "--format=tar", f"--output={archive}", commit)
    if written is None or written.status != 0:
        said = written.errors.decode("utf-8", "replace").strip().splitlines() if written is not None else []
        raise MemguardError(f"git does not write {revision}: {said[-1] if said else 'it takes too long'}")
    try:
        unpack_archive(archive, folder, "tar")
    except (OSError, ReadError, TarError) as error:
        raise MemguardError(f"{revision} cannot be written into a folder: {error}") from error
    finally:
        os.unlink(archive)
    return commit
