"""Whether a change of one line is judged as with an empty store: `python benchmarks/one_line_changes.py PROJECT...`.

Each project is copied and judged, so that the store and the last verdict are there. Then one line of a random file is put
in, doubled, changed or taken out, again and again without going back, and what the hook `memguard` prints for that file is
compared with what it prints where nothing is kept. Projects are folders of git repositories. The exit status is 1 where any
differs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from checkout import forget_variables

NEW = (
    "",
    "# A comment",
    "import json",
    "import pandas",
    "def added():",
    "    return 1",
    "x = 1",
    "    import torch",
    "torch",
)
"""Lines that are put in: most of no meaning, as most are that people write."""

KINDS = ("*.py", "*.txt", "*.toml", "*.yaml", "*.yml", "*Dockerfile*", "*Procfile*", "*.lock", "*.sh")
LARGEST = 200_000
"""Bytes of a file that is edited."""

TIMES = 4
"""Files of Python that are edited for each other one."""


class Said(NamedTuple):
    """What the hook said of a file."""

    status: int
    output: str
    errors: str


def judge(folder: Path, name: str, *, is_kept: bool) -> Said:
    """Run the hook on a file, with what earlier runs have kept or without."""
    environment = {**os.environ, **({} if is_kept else {"MEMGUARD_CACHE_DIR": ""})}
    command = [sys.executable, "-m", "memguard_hooks", "hook", "--", name]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return Said(done.returncode, done.stdout, done.stderr)


def edit(path: Path, choose: random.Random) -> str:
    """Change one line of a file; return in words what was done."""
    lines = path.read_text("utf-8").split("\n")
    place = choose.randrange(len(lines))
    kind = choose.choice(("put in", "put in", "doubled", "changed", "taken out"))
    if kind == "put in":
        lines.insert(place, choose.choice(NEW))
    elif kind == "doubled":
        lines.insert(place, lines[place])
    elif kind == "changed":
        lines[place] += choose.choice((" ", "  # so", "x", ".y"))
    else:
        del lines[place]
    path.write_text("\n".join(lines), "utf-8")
    return f"line {place + 1} {kind}"


def files(folder: Path, choose: random.Random) -> Iterator[str]:
    """Yield files to edit, endlessly; none where the project has none."""
    listed = subprocess.run(["git", "ls-files", "-z", *KINDS], cwd=folder, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.split("\0") if name and _is_text(folder / name)]
    sources = [name for name in names if name.endswith(".py")]
    while names:
        yield choose.choice(sources if sources and choose.randrange(TIMES + 1) else names)


def _is_text(path: Path) -> bool:
    try:
        return not path.is_symlink() and path.stat().st_size < LARGEST and bool(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return False


def compare(project: Path, edits: int, choose: random.Random) -> Iterator[tuple[str, Said, Said]]:
    """Yield for each edit what was done, what was said of it, and what is said where nothing is kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "project")
        shutil.copytree(project, folder, symlinks=True)
        shutil.rmtree(folder / ".git" / "memguard", ignore_errors=True)
        for file in files(folder, choose):
            if not edits:
                return
            edits -= 1
            judge(folder, file, is_kept=True)
            done = edit(folder / file, choose)
            yield f"{file}: {done}", judge(folder, file, is_kept=True), judge(folder, file, is_kept=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Print each edit that is judged in two ways, and how many there were."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("projects", nargs="+", type=Path, metavar="PROJECT")
    parser.add_argument("--edits", type=int, default=4, help="edits of each project")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    forget_variables()
    choose = random.Random(options.seed)  # noqa: S311 - the same edits each time
    made = unlike = 0
    for project in options.projects:
        for done, kept, empty in compare(project, options.edits, choose):
            made += 1
            if kept != empty:
                unlike += 1
                print(f"{project.name}: {done}")
                for one in (kept, empty):
                    print(f"  exit {one.status}\n{one.output}{one.errors}")
    print(f"{len(options.projects)} projects, {made} edits, {unlike} judged in another way")
    return int(bool(unlike))


if __name__ == "__main__":
    raise SystemExit(main())
