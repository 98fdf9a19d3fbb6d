"""Each command of the pages: run as it stands, with the output that the page shows, or marked with what it needs.

A comment above a block says where it runs: `<!-- runs in examples/oom-bot -->` in a copy of that folder, in a repository
of its own, which the blocks of a page share; `<!-- runs after scipy -->` goes on there once an edit of `EDITS` is made.
`<!-- not run: the network -->` names one of `NEEDS`. What `tools/update_readme.py` has written is run by that.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import update_readme
from call_log import make_calls
from folders import git

from memguard_hooks.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))

NEEDS = {
    "the network": r"\b(?:pip|pipx|uvx|git fetch|pre-commit) ",
    "a host": r"\bmemguard (?:health|measure)\b",
    "minutes": r"\bpython tools/\w+\.py|ruff check",
}
"""What a test cannot have, and what a command that needs it looks like."""


def import_scipy(folder: Path) -> None:
    """Import another heavy library, and stage that, where a hook of git judges commits."""
    hook = folder / ".git" / "hooks" / "pre-commit"
    hook.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m memguard_hooks hook\n', encoding="utf-8")
    hook.chmod(0o755)
    with (folder / "reports.py").open("a", encoding="utf-8") as file:
        file.write("\nimport scipy.stats\n")
    git(folder, "add", "-A")


def delete_grpcio(folder: Path) -> None:
    """Take back what was refused, and fix a finding that is known."""
    git(folder, "checkout", "-q", "HEAD", "reports.py")
    path = folder / "requirements.txt"
    path.write_text(re.sub(r"(?m)^grpcio.*\n", "", path.read_text("utf-8")), encoding="utf-8")


def write_log(folder: Path) -> None:
    """Write the log of three calls of a voice bot."""
    (folder / "app.log").write_text("".join(f"{line}\n" for line in make_calls(3)), encoding="utf-8")


def add_lines(folder: Path) -> None:
    """Add what a new feature logs."""
    with (folder / "app.log").open("a", encoding="utf-8") as file:
        file.writelines(f"2024-01-21 00:00:{at % 60:02},000 [INFO] step {at} of the new feature\n" for at in range(750))


EDITS = {"scipy": import_scipy, "grpcio": delete_grpcio, "a log": write_log, "a feature": add_lines}


class Block(NamedTuple):
    """A block of commands, and the comment above it."""

    page: str
    line: int
    kind: str
    marker: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The commands, each in a line."""
        lines = self.text.splitlines()
        return [one.removeprefix("$ ") for one in lines if one.strip() and (self.kind == "sh" or one.startswith("$ "))]


def blocks(page: str) -> Iterator[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    for found in re.finditer(r"(?ms)(?:^ *<!-- ([^>]*) -->\n\s*)?^( *)```(console|sh)\n(.*?)^ *```$", text):
        yield Block(page, text.count("\n", 0, found.start(3)) + 1, found[3], found[1] or "", textwrap.dedent(found[4]))


ALL = [block for page in PAGES for block in blocks(page)]
WRITTEN = {(one.page, one.mark) for one in update_readme.EXAMPLES}

each = pytest.mark.parametrize("block", [pytest.param(one, id=f"{one.page}:{one.line}") for one in ALL])


@each
def test_each_block_says_where_it_runs_or_what_it_needs(block: Block) -> None:
    what, _, need = block.marker.partition(": ")
    if (block.page, block.marker) in WRITTEN:
        return
    assert block.commands
    if what == "not run":
        assert any(re.search(NEEDS[need], command) for command in block.commands)
    else:
        assert re.fullmatch(r"runs (?:in (?:examples/[\w-]+|\.)|after [\w ]+)", block.marker)


def options_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of ours that a text names, and each option of it."""
    for name, words in re.findall(r"(?:^|[\s`/])memguard ([a-z]+)((?: [^`\n|>;&]*)?)", text):
        if name in COMMANDS:
            yield name, ""
            yield from ((name, option) for option in re.findall(r"(?:^|\s)(--[a-z][a-z-]*)", words))


@pytest.mark.parametrize("page", PAGES)
def test_each_option_that_a_page_names_is_one_of_the_command(page: str) -> None:
    code = re.findall(r"`([^`\n]+)`", (ROOT / page).read_text(encoding="utf-8"))
    texts = [*code, *(command for block in blocks(page) for command in block.commands)]
    for name, option in {one for text in texts for one in options_in(text)}:
        if name == "explain":  # whose topics have options of their own
            continue
        parser = importlib.import_module(f"memguard_hooks.commands.{name}").make_parser()
        assert not option or option in parser._option_string_actions, f"memguard {name} {option}"


@pytest.mark.skipif(os.name == "nt", reason="the commands are those of a shell")
@pytest.mark.parametrize("page", [page for page in PAGES if any("runs" in block.marker for block in blocks(page))])
def test_the_commands_of_a_page_print_what_it_shows(page: str, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "memguard").symlink_to(Path(sys.executable).with_name("memguard"))
    environment = {**os.environ, "PATH": os.pathsep.join([str(scripts), os.environ["PATH"]]), "PYTHONPATH": str(ROOT)}
    for block in blocks(page):
        if not block.marker.startswith("runs "):
            continue
        _, how, what = block.marker.split(" ", 2)
        if not folder.exists():
            start(folder, ROOT / what if how == "in" and what != "." else None)
        if how == "after":
            EDITS[what](folder)
        for command, shown in outputs(block):
            done = subprocess.run(
                ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False
            )
            printed = done.stdout + done.stderr
            assert done.returncode in {0, 1}, printed
            assert block.kind == "sh" or re.fullmatch(shown, printed), f"{block.page}:{block.line}: {command}\n{printed}"


def start(folder: Path, example: Path | None) -> None:
    """Make a repository with a copy of an example, or with nothing."""
    if example is None:
        folder.mkdir()
    else:
        shutil.copytree(example, folder)
    git(folder, "init", "-q")
    git(folder, "config", "user.name", "a reader")
    git(folder, "config", "user.email", "reader@example.org")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "as it is")


def outputs(block: Block) -> Iterator[tuple[str, str]]:
    """Yield each command with a pattern of what it prints: a line of three dots stands for any."""
    if block.kind == "sh":
        yield from ((command, "") for command in block.commands)
        return
    for part in re.split(r"(?m)^\$ ", block.text)[1:]:
        command, *lines = part.splitlines()
        yield command, "".join(r"(?:.*\n)*" if line.strip() in {"…", "..."} else f"{re.escape(line)}\n" for line in lines)
