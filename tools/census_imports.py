"""Count which modules below packages public repositories import, and which of them the catalog has measured.

    python tools/census_imports.py [--least 3] [--missing 40] REPOSITORY ...

Each repository is a folder with a git directory, or one itself. Only its last commit is read, and of that lines that begin
with `import` or `from`, outside of folders of tests, examples and vendored code. A module counts once a repository. Told are
modules below the packages of the catalog that several repositories import: how many have a measurement of their own, how
many lie below one that has, and those without either that most repositories import. Nothing is installed or looked up.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from memguard_hooks.catalog import lookup

IMPORT = re.compile(r"\s*(?:from\s+([A-Za-z_][\w.]*)\s+import\s+(.*)|import\s+([^#;]+))")
LEFT_OUT = ("*test*/*", "test_*", "*example*/*", "*vendor*/*", "*third_party/*", "*site-packages/*", "*venv/*", "*docs/*")
TIMEOUT = 60
"""Seconds for one repository."""

MAX_LINES = 200_000
"""Lines of one repository."""


def read_lines(repository: Path) -> list[str]:
    """Return the lines of the last commit that import something; none where git cannot read it."""
    command = ["git", "-C", str(repository), "grep", "-hIE", r"^\s*(from|import)\s", "HEAD", "--", "*.py"]
    try:
        done = subprocess.run(
            [*command, *(f":(exclude){one}" for one in LEFT_OUT)], capture_output=True, check=False, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return []
    return done.stdout.decode("utf-8", "replace").splitlines()[:MAX_LINES]


def modules_of(line: str, measured: frozenset[str]) -> Iterator[str]:
    """Yield the modules that a line imports; a name that is imported from one is one where such a module was measured."""
    found = IMPORT.match(line)
    if found is None:
        return
    source, names, plain = found.groups()
    if plain:
        yield from (part.split()[0] for part in plain.split(",") if part.split())
        return
    below = {f"{source}.{name}" for name in re.findall(r"\w+", re.sub(r"\bas\s+\w+|#.*", "", names))} & measured
    yield from below or (source,)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the counts, and what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("repositories", nargs="+", type=Path, metavar="REPOSITORY")
    parser.add_argument("--least", type=int, default=3, help="repositories that import a module that is told (3)")
    parser.add_argument("--missing", type=int, default=40, help="how many modules without a measurement to list (40)")
    options = parser.parse_args(argv)
    measured = frozenset(lookup.modules())
    roots = {name.partition(".")[0] for name in measured}
    counts: Counter[str] = Counter()
    read = 0
    for repository in options.repositories:
        lines = read_lines(repository)
        read += bool(lines)
        found = {module for line in lines for module in modules_of(line, measured)}
        counts.update(module for module in found if "." in module and module.partition(".")[0] in roots)
    known = [(module, number) for module, number in counts.most_common() if number >= options.least]
    own = [one for one in known if one[0] in measured]
    below = [one for one in known if one[0] not in measured and "." in (lookup.root_of(one[0]) or "")]
    missing = [one for one in known if one not in own and one not in below]
    uses = [sum(number for _, number in group) for group in (known, own, below, missing)]
    print(f"{read} repositories; {len(known)} modules below measured packages that {options.least} or more import:")
    print(f"{len(own)} measured, {len(below)} below a measured module, {len(missing)} without either")
    print(f"by repositories that import them: {uses[0]}; {uses[1]}, {uses[2]} and {uses[3]} of them")
    print("without either:", ", ".join(f"{module} {number}" for module, number in missing[: options.missing]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
