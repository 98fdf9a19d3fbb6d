"""What a newcomer goes through: paste the entry, run the hook, follow what it ends with, and commit.

python benchmarks/newcomer.py [CASE ...] [--tools pre-commit prek]

Each case is a folder with a project; the first is examples/oom-bot. It is copied into a fresh repository, beside a clone of
this one, whose last commit is what gets installed: the folders of pre-commit and prek are fresh too. The table has the
seconds to the first finding, cold (the environment is built, from the package index) and warm, the commands that were typed
until then, what the hook ended with, and whether the commit passes once that is done.

What it ends with is done as it says, and nothing else: `memguard fix` is run, a line is deleted, a number of workers or a
plan is written into the file that is named. A step that asks for other code is not done, and is counted. Where the commit
is still refused, the ways out come: a baseline, which must let it pass. What was refused before is named.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
ENTRY = "repos:\n  - repo: {repo}\n    rev: {rev}\n    hooks:\n      - id: memguard\n"
AUTHOR = ("-c", "user.name=a newcomer", "-c", "user.email=newcomer@example.org")
FINDING = re.compile(r" *\S+:\d+:\d+: (MG\d{3}) ")
"""A line of the output, which prek indents."""

TIMEOUT = 900

WHERE = re.compile(r"`memguard` is not on your PATH, and was installed as (\S+)")
"""What the hook says to somebody who has only the hook."""


class Row(NamedTuple):
    """What one case came to with one tool."""

    case: str
    tool: str
    cold: float
    warm: float
    commands: int
    found: int
    steps: tuple[str, ...]
    by_hand: int
    left: str


class Newcomer:
    """Somebody in a fresh folder, who counts the commands."""

    def __init__(self, folder: Path, case: Path, clone: Path, tool: str) -> None:
        self.project = folder / case.name
        self.clone = clone
        self.tool = tool
        self.commands = 0
        homes = {"PRE_COMMIT_HOME": str(folder / "pre-commit"), "PREK_HOME": str(folder / "prek")}
        programs = folder / "programs"
        programs.mkdir()
        own = os.path.dirname(sys.executable)
        (programs / tool).symlink_to(os.path.join(own, tool))
        # Nobody has `memguard` who has only pasted the entry.
        path = os.pathsep.join([str(programs), *(one for one in os.environ["PATH"].split(os.pathsep) if one != own)])
        self.environment = {**os.environ, **homes, "PATH": path, "NO_COLOR": "1"}
        self.memguard = "memguard"
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)
        shutil.copytree(case, self.project, ignore=shutil.ignore_patterns(".git", ".pre-commit-config.yaml"))
        for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "as it is")):
            self.run("git", *AUTHOR, *words, is_typed=False)

    def run(self, *words: str, is_typed: bool = True) -> tuple[int, str, float]:
        """Type a command; return its exit status, all that it prints, and its seconds."""
        self.commands += is_typed
        start = time.monotonic()
        done = subprocess.run(
            words, cwd=self.project, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=TIMEOUT, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, time.monotonic() - start

    def go(self, case: str) -> Row:
        """Paste the entry, run the hook, follow it, and commit."""
        rev = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=self.clone, capture_output=True, text=True, check=True
        ).stdout.strip()
        (self.project / ".pre-commit-config.yaml").write_text(ENTRY.format(repo=self.clone, rev=rev), encoding="utf-8")
        self.run("git", "add", ".pre-commit-config.yaml", is_typed=False)
        first, output, cold = self.run(self.tool, "run", "memguard", "--all-files")
        commands = self.commands
        found = sum(FINDING.match(line) is not None for line in output.splitlines())
        _, _, warm = self.run(self.tool, "run", "memguard", "--all-files")
        steps = read_steps(output)
        named = WHERE.search(output)
        if named is not None:
            self.memguard = named[1]
        self.run(self.tool, "install")
        # From the end: a line that is deleted moves those below it.
        by_hand = len(steps) - sum([self.follow(step) for step in (*steps[:1], *steps[:0:-1])])
        after = ""
        for then, words in ((" after the steps", ()), (" with a baseline", ("check", "--write-baseline"))):
            if words:
                self.run(self.memguard, *words)
            status, told = self.commit()
            if status == 0:
                told = f"passes{then}{after}" if first else "was not refused"
                return Row(case, self.tool, cold, warm, commands, found, steps, by_hand, told)
            errors = sorted({one[1] for one in map(FINDING.match, told.splitlines()) if one and is_error(one.string)})
            after = f" ({', '.join(errors) or 'something'} was left)"
        return Row(case, self.tool, cold, warm, commands, found, steps, by_hand, f"refused{after}")

    def commit(self) -> tuple[int, str]:
        """Commit all that there is; return the exit status, and what is said."""
        self.run("git", "add", "-A")
        status, told, _ = self.run("git", *AUTHOR, "commit", "-m", "as it was told")
        return status, told

    def follow(self, step: str) -> bool:
        """Do one thing that the hook ends with; return whether it says it so that it can be done without thought."""
        words = re.search(r"`memguard (fix(?: --to-start)?)`", step)
        if words is not None:
            self.run(self.memguard, *words[1].split())
            return True
        places, _, what = step.partition(": ")
        for pattern, act in ACTS.items():
            match = re.search(pattern, what)
            if match is not None:
                done = [act(self.project, place, match[1]) for place in places.split(", ")]
                return all(done)
        return False


def delete_line(project: Path, place: str, _name: str) -> bool:
    """Delete a line of a file."""
    return rewrite(project, place, lambda lines, number: lines[: number - 1] + lines[number:])


def write_workers(project: Path, place: str, number: str) -> bool:
    """Write a number of workers into the file that says one."""
    pattern = r"(--workers[ =]|-w[ =]?|--concurrency[ =]|WEB_CONCURRENCY[=:] *\"?)\d+"
    return rewrite(project, place, lambda lines, _: [re.sub(pattern, rf"\g<1>{number}", line) for line in lines])


def write_plan(project: Path, place: str, plan: str) -> bool:
    """Write a plan of Render into the file that says one."""
    return rewrite(project, place, lambda lines, _: [re.sub(r"(plan: *)\w+", rf"\g<1>{plan}", line) for line in lines])


def rewrite(project: Path, place: str, act: Callable[[list[str], int], list[str]]) -> bool:
    """Change the lines of the file at a place, or of the one file of Render; return whether that changed anything."""
    path, _, number = place.rpartition(":")
    files = (project / path, project / "render.yaml")
    for file in filter(Path.is_file, files):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        new = act(lines, int(number))
        if new != lines:
            file.write_text("".join(new), encoding="utf-8")
            return True
    return False


ACTS = {
    r"\bdelete ([\w.-]+)(?::|$)": delete_line,
    r"^start (\d+) workers?$": write_workers,
    r"^take render (\w+)": write_plan,
}
"""What a step says, and what does it."""


def is_error(line: str) -> bool:
    """Return whether a finding refuses a commit."""
    return not line.endswith("(warning)")


def read_steps(output: str) -> tuple[str, ...]:
    """Return the numbered lines below `do these three, and it passes:`."""
    return tuple(re.findall(r"(?m)^ +\d+\. (.*)$", output))


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Go through what a newcomer goes through, and print what it takes.")
    parser.add_argument("cases", nargs="*", type=Path, help="folders with a project each, after examples/oom-bot")
    parser.add_argument("--tools", nargs="+", choices=("pre-commit", "prek"), default=["pre-commit", "prek"])
    options = parser.parse_args(argv)
    print(f"{'case':<28} {'tool':<10} {'cold s':>7} {'warm s':>7} {'typed':>5} {'found':>5}  {'then the commit'}")
    for case in (ROOT / "examples" / "oom-bot", *(one.resolve() for one in options.cases)):
        for tool in options.tools:
            with tempfile.TemporaryDirectory() as name:
                clone = Path(name, "memguard-hooks")
                subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
                row = Newcomer(Path(name), case, clone, tool).go(case.name)
            told = f"{row.cold:>7.1f} {row.warm:>7.1f} {row.commands:>5} {row.found:>5}  {row.left}"
            told += f" ({row.by_hand} by hand)" if row.by_hand else ""
            print(f"{row.case:<28} {row.tool:<10} {told}", flush=True)
            for number, step in enumerate(row.steps, 1):
                print(f"{'':<28}   {number}. {step}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
