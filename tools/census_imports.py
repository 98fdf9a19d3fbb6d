"""Count which modules below packages public repositories import, and which of them the catalog has measured.

    python tools/census_imports.py [--declared] [--least 3] [--missing 40] REPOSITORY ...

Each repository is a folder with a git directory, or one itself. Only its last commit is read, and of that lines that begin
with `import` or `from`, outside of folders of tests, examples and vendored code. A module counts once a repository. Told are
modules below the packages of the catalog that several repositories import: how many have a measurement of their own, how
many lie below one that has, and those without either that most repositories import. Nothing is installed or looked up.

With `--declared` it is the names in their requirements files instead: which share of what they declare has a measurement,
and, with `--most 100`, which of the measured they declare most often.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from memguard_hooks.catalog import lookup

LIGHT = Path(lookup.FOLDER) / "light.tsv"
NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[|[=<>~!;@#]|$)")
IMPORT = re.compile(r"\s*(?:from\s+([A-Za-z_][\w.]*)\s+import\s+(.*)|import\s+([^#;]+))")
LEFT_OUT = ("*test*/*", "test_*", "*example*/*", "*vendor*/*", "*third_party/*", "*site-packages/*", "*venv/*", "*docs/*")
TIMEOUT = 60
"""Seconds for one repository."""

MAX_LINES = 200_000
"""Lines of one repository."""


def read_lines(repository: Path, pattern: str, files: str) -> list[str]:
    """Return the lines of some files of the last commit, each with the path of its file; none where git cannot read it."""
    command = ["git", "-C", str(repository), "grep", "-IE", pattern, "HEAD", "--", files]
    try:
        done = subprocess.run(
            [*command, *(f":(exclude){one}" for one in LEFT_OUT)], capture_output=True, check=False, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return []
    return done.stdout.decode("utf-8", "replace").splitlines()[:MAX_LINES]


def split(line: str) -> tuple[str, str]:
    """Return the path of a line of `git grep`, and its text."""
    path, _, text = line.removeprefix("HEAD:").partition(":")
    return path, text


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


def count_imports(repositories: Sequence[Path], least: int, shown: int) -> list[str]:
    """Say which modules below measured packages are imported."""
    measured = frozenset(lookup.modules())
    roots = {name.partition(".")[0] for name in measured}
    counts: Counter[str] = Counter()
    read = 0
    for repository in repositories:
        lines = read_lines(repository, r"^\s*(from|import)\s", "*.py")
        read += bool(lines)
        found = {module for line in lines for module in modules_of(split(line)[1], measured)}
        counts.update(module for module in found if "." in module and module.partition(".")[0] in roots)
    known = [(module, number) for module, number in counts.most_common() if number >= least]
    own = [one for one in known if one[0] in measured]
    below = [one for one in known if one[0] not in measured and "." in (lookup.root_of(one[0]) or "")]
    missing = [one for one in known if one not in own and one not in below]
    uses = [sum(number for _, number in group) for group in (known, own, below, missing)]
    return [
        f"{read} repositories; {len(known)} modules below measured packages that {least} or more import:",
        f"{len(own)} measured, {len(below)} below a measured module, {len(missing)} without either",
        f"by repositories that import them: {uses[0]}; {uses[1]}, {uses[2]} and {uses[3]} of them",
        f"without either: {', '.join(f'{module} {number}' for module, number in missing[:shown])}",
    ]


def count_declared(repositories: Sequence[Path], least: int, shown: int, most: int) -> list[str]:
    """Say which of the names in requirements files have a measurement, and which of those are declared most."""
    measured = set(lookup.distributions())
    light = {line.split("\t")[1] for line in LIGHT.read_text("utf-8").splitlines() if line[0] != "#"} - measured
    counts: Counter[str] = Counter()
    files = 0
    for repository in repositories:
        pairs = [split(line) for line in read_lines(repository, r"^\s*[A-Za-z0-9]", "*requirements*.txt")]
        files += len({path for path, _ in pairs})
        matches = (NAME.match(text) for _, text in pairs)
        counts.update({canonicalize_name(found[1]) for found in matches if found is not None})
    groups = [{name: number for name, number in counts.items() if name in known} for known in (measured, light)]
    missing = [(name, number) for name, number in counts.most_common() if name not in measured | light and number >= least]
    uses = [sum(group.values()) / counts.total() for group in groups]
    used = sorted(groups[0], key=lambda name: (-counts[name], name))[:most]
    return [
        f"{files} requirements files; {len(counts)} names, declared {counts.total()} times by repositories",
        f"{uses[0]:.1%} of these measured closely, {uses[1]:.1%} light; {len(groups[0])} and {len(groups[1])} names",
        f"not measured, declared by {least} or more: {', '.join(f'{name} {number}' for name, number in missing[:shown])}",
        *([f"measured, declared most: {' '.join(used)}"] if used else []),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the counts, and what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("repositories", nargs="+", type=Path, metavar="REPOSITORY")
    parser.add_argument("--declared", action="store_true", help="count the names in requirements files instead")
    parser.add_argument("--least", type=int, default=3, help="repositories that import a module that is told (3)")
    parser.add_argument("--missing", type=int, default=40, help="how many without a measurement to list (40)")
    parser.add_argument("--most", type=int, default=0, help="how many of the measured to list, with --declared")
    options = parser.parse_args(argv)
    if options.declared:
        lines = count_declared(options.repositories, options.least, options.missing, options.most)
    else:
        lines = count_imports(options.repositories, options.least, options.missing)
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
