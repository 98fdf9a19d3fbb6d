"""`memguard init [PATH]`: show and then write what lets a project be checked at each commit and each pull request.

That is the entry in `.pre-commit-config.yaml`, a workflow for GitHub Actions, and `[tool.memguard]` with what was found
about the services. Nothing that exists is overwritten: files are new, or grow at one place and are read again to prove
that nothing else has changed. What is there already is left alone.

`memguard init --runtime FOLDER/memguard_runtime.py` writes that file alone: a copy of `memguard_hooks/runtime.py`, by which
the deployed app asks for its memory. An old copy is renewed, and one that somebody has edited is left alone.

Exit status: 0 where all is written or was there, 1 where it was only shown (no terminal to ask at and no `--yes`, or the
answer was no), 2 for usage or input at fault and for a file that cannot be edited safely.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from importlib.metadata import PackageNotFoundError, distribution

import yaml

from memguard_hooks.arguments import ArgumentParser
from memguard_hooks.atomic_write import exchange_file
from memguard_hooks.commands.first_settings import draft
from memguard_hooks.dependencies import runtime_copy
from memguard_hooks.errors import MemguardError, UnreadableError
from memguard_hooks.finding import Skipped, note
from memguard_hooks.fix.yaml_insert import BOM, Item, Style, insert_item, render_item
from memguard_hooks.formats.toml_document import parse as parse_toml
from memguard_hooks.formats.yaml_nodes import compose, get, items, place, scalar
from memguard_hooks.git import find_git
from memguard_hooks.hooks.all_hooks import HOOKS
from memguard_hooks.output import plain, tell, write
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import Settings
from memguard_hooks.published import NAME, REPOSITORY, tag, version
from memguard_hooks.record import Record
from memguard_hooks.tree import WorkTree

GITHUB = "https://github.com/"

PRE_COMMIT = ".pre-commit-config.yaml"
WORKFLOW = ".github/workflows/memguard.yml"
PYPROJECT = "pyproject.toml"
SETTINGS = "memguard.toml"
TABLE = "[tool.memguard]"

ALL_IN_ONE = "memguard"
"""The hook that runs all rules in one process."""

WORKFLOW_TEXT = """\
# Written by `memguard init`. Actions are pinned to commits: a tag can be moved. Dependabot can keep them up to date.
name: memguard
on:
  push:
  pull_request:
permissions:
  contents: read
jobs:
  memguard:
    runs-on: ubuntu-latest
    timeout-minutes: 15
    permissions:
      contents: read
      actions: read # the upload to code scanning asks for it in private repositories
      security-events: write # the upload itself
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          fetch-depth: 0 # the base of a pull request, to say what it adds
          persist-credentials: false
      - id: memguard
        uses: {action}@{rev}
      # The reports are kept also where findings have failed the step above.
      - if: ${{{{ !cancelled() && steps.memguard.outputs.sarif-file != '' }}}}
        continue-on-error: true # a private repository may have no code scanning
        uses: github/codeql-action/upload-sarif@8aad20d150bbac5944a9f9d289da16a4b0d87c1e # v4.36.2
        with:
          sarif_file: ${{{{ steps.memguard.outputs.sarif-file }}}}
          category: memguard
      - if: ${{{{ !cancelled() && steps.memguard.outputs.html-file != '' }}}}
        uses: actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0
        with:
          name: memguard
          path: ${{{{ steps.memguard.outputs.html-file }}}}
"""


class NewContent(Record):
    """A file to write, and what it holds before, None for a new one; `summary` is shown in place of all that."""

    path: str
    before: bytes | None
    after: bytes
    summary: str = ""


class Kept(Record):
    """What is left as it is, and why."""

    place: str
    reason: str


class Refused(Record):
    """A file that is not edited, why, and what its owner may paste."""

    error: MemguardError
    paste: str


Step = NewContent | Kept | Refused


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the sub-command."""
    newest = tag()
    parser = ArgumentParser(
        prog="memguard init",
        description="Show, and then write, what lets a project be checked at each commit and each pull request.",
        epilog="exit status: 0 written or there already, 1 only shown, 2 usage or input at fault, or not safe to edit",
    )
    parser.add_argument("path", nargs="?", default=".", help="root of the project, the top of its git repository")
    parser.add_argument("--yes", action="store_true", help="write without asking")
    parser.add_argument(
        "--hooks", choices=(ALL_IN_ONE, "each"), default=ALL_IN_ONE,
        help="one hook for all rules, which pays for one start (the default), or an entry for each hook",
    )  # fmt: skip
    parser.add_argument(
        "--rev",
        metavar="REV",
        type=_revision,
        default=newest,
        help=f"tag or commit to use ({newest or 'no default where this is not installed'})",
    )
    parser.add_argument(
        "--repo", metavar="REPO", type=_repository,
        help="where memguard-hooks is published, an address of git or OWNER/NAME of GitHub (default: where this was "
        f"installed from, if that is a repository, else {REPOSITORY})",
    )  # fmt: skip
    parser.add_argument(
        "--runtime", metavar="FILE", type=_runtime,
        help=f"write this file alone, FOLDER/{runtime_copy.NAME}: the module by which the deployed app asks for its memory",
    )  # fmt: skip
    parser.add_argument("--no-pre-commit", action="store_true", help=f"leave {PRE_COMMIT} alone")
    parser.add_argument("--no-workflow", action="store_true", help="write no workflow for GitHub Actions")
    parser.add_argument("--no-config", action="store_true", help="write no settings")
    return parser


def _revision(text: str) -> str:
    """Return a name that git, YAML and GitHub all read as it stands."""
    if not text or not text.isascii() or not all(c.isalnum() or c in "._/-" for c in text) or not text[0].isalnum():
        raise argparse.ArgumentTypeError(f"invalid value: {text!r}")
    return text


_SCHEMES = ("https://", "ssh://", "git@", "file://", "/")


def _repository(text: str) -> str:
    """Return an address that git reads, without a password in it."""
    address = f"{GITHUB}{text}" if text.count("/") == 1 and ":" not in text and text[0].isalnum() else text
    host = address.partition("://")[2].partition("/")[0]
    is_plain = address.isascii() and address.isprintable() and " " not in address
    if not address.startswith(_SCHEMES) or not is_plain or ("@" in host and not address.startswith("ssh://")):
        raise argparse.ArgumentTypeError(f"must be OWNER/NAME or an address of git without a password, not {text!r}")
    return address.removesuffix("/").removesuffix(".git")


def installed_from() -> str | None:
    """Return the repository that this was installed from, as pip, pipx and uv note it; None from an index or a folder."""
    try:
        noted = json.loads(distribution(NAME).read_text("direct_url.json") or "{}")
        return _repository(noted["url"]) if "vcs_info" in noted else None
    except (PackageNotFoundError, ValueError, KeyError, TypeError, argparse.ArgumentTypeError):
        return None


def _runtime(text: str) -> str:
    """Return a path by which a copy is found again."""
    path = os.path.normpath(text).replace(os.sep, "/")
    if path.rpartition("/")[2] != runtime_copy.NAME or os.path.isabs(path) or path.startswith("../"):
        raise argparse.ArgumentTypeError(f"must be FOLDER/{runtime_copy.NAME} below the root of the project, not {text!r}")
    return path


def main(argv: Sequence[str] | None = None) -> int:
    """Set up the project in a folder."""
    parser = make_parser()
    options = parser.parse_args(argv)
    if not os.path.isdir(options.path):
        parser.error(f"no such folder: {options.path}")
    tree = WorkTree(options.path)
    try:
        steps = list(plan(tree, options))
        write(sys.stdout, "\n".join(map(render, steps)))
        changes = [step for step in steps if isinstance(step, NewContent)]
        status = 2 if any(isinstance(step, Refused) for step in steps) else 0
        if not changes:
            return status
        if not options.yes and not _is_agreed(len(changes)):
            tell("nothing was written: `memguard init --yes` writes it")
            return status or 1
        for change in changes:
            apply(tree, change)
            tell(f"{change.path}: written")
    except MemguardError as error:
        tell(note(Skipped(error.path or ".", error.line, error.message, broken=True)))
        return 2
    finally:
        tree.close()
    if any(change.path == PRE_COMMIT for change in changes):
        tell("next: `pre-commit install`, so that git runs it at each commit")
    return status


def _is_agreed(files: int) -> bool:
    """Ask at a terminal; where there is none, nobody has agreed."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"Write {files} file{'' if files == 1 else 's'}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


# What is to be done


def plan(tree: WorkTree, options: argparse.Namespace) -> Iterator[Step]:
    """Yield what is written, what is left, and what cannot be edited."""
    if options.runtime:
        yield _plan_runtime(tree, options.runtime)
        return
    repo = options.repo or installed_from() or REPOSITORY
    if options.rev is None and not (options.no_pre_commit and options.no_workflow):
        raise MemguardError(f"{NAME} is not installed and has no version: name a tag or a commit by --rev")
    if not (options.no_pre_commit and options.no_workflow):
        found = find_git(tree.root)
        if found is not None and not os.path.lexists(os.path.join(tree.root, ".git")):
            raise MemguardError(
                "is inside of a git repository: pre-commit and GitHub read their files at its top, so run it there, "
                "or with --no-pre-commit --no-workflow for settings alone"
            )
    if not options.no_pre_commit:
        yield _plan_pre_commit(tree, repo, options)
    if not options.no_workflow:
        yield _plan_workflow(tree, repo, options.rev)
    if not options.no_config:
        yield _plan_settings(tree)


def _plan_pre_commit(tree: WorkTree, repo: str, options: argparse.Namespace) -> Step:
    ids = list(HOOKS) if options.hooks == "each" else [ALL_IN_ONE]
    item: Item = {"repo": repo, "rev": options.rev, "hooks": [{"id": name} for name in ids]}
    paste = f"repos:\n{render_item(item, Style())}"

    def grow(before: bytes | None) -> Step:
        if before is None:
            return NewContent(PRE_COMMIT, None, paste.encode())
        line = _find_entry(before)
        if line is not None:
            return Kept(f"{PRE_COMMIT}:{line}", "has memguard already, and is left alone")
        return NewContent(PRE_COMMIT, before, insert_item(before, PRE_COMMIT, "repos", item))

    return _try(tree, PRE_COMMIT, grow, paste)


def _find_entry(data: bytes) -> int | None:
    """Return the line on which a configuration of pre-commit names this repository, or one of its hooks."""
    for entry in items(get(compose(data, PRE_COMMIT), "repos")):
        url = (scalar(get(entry, "repo")) or "").rstrip("/").removesuffix(".git")
        ids = {scalar(get(hook, "id")) for hook in items(get(entry, "hooks"))}
        if url.rpartition("/")[2] == NAME or ids & {ALL_IN_ONE, *HOOKS}:
            return place(entry)[0]
    return None


def _plan_workflow(tree: WorkTree, repo: str, rev: str) -> Step:
    if not repo.startswith(GITHUB):
        return Kept(WORKFLOW, f"is not written: it needs an action of {GITHUB}, and not one of {repo}")
    text = WORKFLOW_TEXT.format(action=repo.removeprefix(GITHUB), rev=rev)
    folder = os.path.dirname(WORKFLOW)
    for entry in tree.entries(folder):
        path = f"{folder}/{entry.name}"
        if not entry.is_folder and f"/{NAME}@".encode() in (_read(tree, path) or b""):
            return Kept(path, "uses memguard already, and is left alone")

    def grow(before: bytes | None) -> Step:
        if before is not None:
            return Kept(WORKFLOW, "is there already, and is left alone")
        return NewContent(WORKFLOW, None, text.encode())

    return _try(tree, WORKFLOW, grow, text)


def _read(tree: WorkTree, path: str) -> bytes | None:
    try:
        return tree.read(path)
    except UnreadableError:
        return None


def _plan_settings(tree: WorkTree) -> Step:
    if tree.read(SETTINGS) is not None:
        return Kept(SETTINGS, "is there already, and is left alone")
    project = Project(tree, Settings())
    lines = draft(project)
    tell(*(note(gap._replace(line=gap.line or 1)) for gap in project.skipped))
    own = "".join(f"{line}\n" for line in lines)
    table = f"{TABLE}\n{own}"
    if tree.read(PYPROJECT) is None:
        return _try(tree, SETTINGS, lambda _: NewContent(SETTINGS, None, own.encode()), own)

    def grow(before: bytes | None) -> Step:
        document = parse_toml(before or b"", PYPROJECT)
        tools = document.data.get("tool")
        if isinstance(tools, dict) and "memguard" in tools:
            return Kept(f"{PYPROJECT}:{document.place(('tool', 'memguard')).line}", f"has {TABLE}, and is left alone")
        return NewContent(PYPROJECT, before, append_table(before or b"", table))

    return _try(tree, PYPROJECT, grow, table)


def _plan_runtime(tree: WorkTree, path: str) -> Step:
    before = tree.read(path)
    after = runtime_copy.render(version())
    if before is None:
        return NewContent(path, None, after, "new: the module for the deployed app")
    copy = runtime_copy.read(before)
    if copy is None or copy.is_edited:
        raise MemguardError("is not as `memguard init --runtime` has written it: move it away, to get a new one", path)
    if copy.is_current:
        return Kept(path, "is of this version already, and is left alone")
    return NewContent(path, before, after, f"the module for the deployed app, {copy.version} before")


def append_table(data: bytes, table: str) -> bytes:
    """Return pyproject.toml with `[tool.memguard]` at its end. Raises MemguardError where anything else would change."""
    before = parse_toml(data, PYPROJECT)
    newline = b"\r\n" if b"\r\n" in data else b"\n"
    has_text = bool(data.removeprefix(BOM).strip())
    gap = (b"" if data.endswith(b"\n") else newline) + newline if has_text else b""
    after = data + gap + table.encode().replace(b"\n", newline)
    try:
        found = deepcopy(parse_toml(after, PYPROJECT).data)
    except MemguardError as error:
        reason = f"cannot be edited safely: with {TABLE} at its end it {error.message}"
        raise MemguardError(reason, PYPROJECT, error.line, error.column) from None
    added = found.get("tool", {}).pop("memguard", None)
    if "tool" not in before.data:
        found.pop("tool")
    # As text, because a TOML document may hold `nan`, which equals nothing.
    if repr(found) != repr(before.data) or repr(added) != repr(
        parse_toml(table.encode(), PYPROJECT).data["tool"]["memguard"]
    ):
        raise MemguardError(f"cannot be edited safely: with {TABLE} at its end it would say something else", PYPROJECT)
    return after


def _try(tree: WorkTree, path: str, grow: Callable[[bytes | None], Step], paste: str) -> Step:
    """Plan one file, or refuse it."""
    try:
        tree.target(path)
        return grow(tree.read(path))
    except (MemguardError, yaml.YAMLError) as error:
        known = error if isinstance(error, MemguardError) else MemguardError("is not valid YAML", path)
        return Refused(known, paste)


# Shown and written


def render(step: Step) -> str:
    """Show what a step does: a new file whole, else what changes in it."""
    return plain(text.expandtabs(4) for text in _show(step))


def _show(step: Step) -> Iterator[str]:
    if isinstance(step, Kept):
        yield f"{step.place}: {step.reason}"
    elif isinstance(step, Refused):
        yield from (str(step.error), "paste it yourself:", "", *_indented(step.paste))
    elif step.summary:
        yield f"{step.path}: {step.summary}"
    elif step.before is None:
        yield from (f"{step.path}: new", "", *_indented(step.after.decode("utf-8-sig")))
    else:
        before, after = (data.decode("utf-8-sig").splitlines() for data in (step.before, step.after))
        yield from difflib.unified_diff(before, after, step.path, step.path, lineterm="")


def _indented(text: str) -> Iterator[str]:
    yield from (f"    {line}" if line else "" for line in text.splitlines())


def apply(tree: WorkTree, change: NewContent) -> None:
    """Write one file, whole or not at all. Raises MemguardError where it is no longer what was shown."""
    full = tree.target(change.path)
    try:
        os.makedirs(os.path.dirname(full), exist_ok=True)
    except OSError as error:
        raise MemguardError(f"cannot be written: {error.strerror}", change.path) from None
    exchange_file(full, change.before, change.after, change.path)
