"""Print what commits and checks take, beside programs of the same kind, with the goal of each figure.

    python benchmarks/commits.py CACHE [--rounds N] [--only GROUP ...] [--project FOLDER]

Makes, in the folder CACHE, an environment with this checkout (not editable, with bytecode) and its peers, and the trees
that it needs: made-up ones, and the wheel of homeassistant (6,725 Python files), which the package index has. What is large
and does not change is used again. `--project` copies a repository to take the place of the Django project that is made up.

A row runs its peer and our command in turn, round after round; the first round only warms up. All ratios are of CPU seconds
of the whole tree of processes. Cold means without any cache of the program's own; the files are in the system's. "Nothing
replayed" means that `.git/memguard` is removed before each run. Prints a Markdown table of medians.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import platform
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import projects
from checkout import (
    commit,
    copy_package,
    forget_variables,
    git,
    make_environment,
    track,
    versions,
    write_files,
    write_repository,
)
from locks import lock_files, make_edges
from timing import Run, middle, run

CORPUS = "homeassistant==2024.3.3"
PEERS = ("pre-commit==4.7.0", "pre-commit-hooks==6.0.0", "prek==0.5.11", "ruff==0.17.6", "grimp==3.19")

HOOKS = {
    "pin-litellm": projects.MANIFESTS,
    "forbid-heavy-deps": projects.MANIFESTS,
    "no-eager-heavy-imports": projects.SOURCES,
    "memory-budget": (),
    "deploy-config": (),
}
"""The five hooks, and which files each is given."""

KIN = {
    "requirements-txt-fixer": projects.MANIFESTS,
    "check-ast": projects.SOURCES,
    "debug-statement-hook": projects.SOURCES,
}
"""Hooks of pre-commit-hooks of the same kind."""

MIXED = (*projects.MANIFESTS[:2], *projects.SOURCES[:3])
"""Five files that wake all hooks."""

HEAVY = ("torch", "pandas", "openai", "tensorflow", "litellm", "cv2", "anthropic", "transformers", "sklearn", "spacy")
RUFF = f"""\
lint.select = ["TID253"]
lint.flake8-tidy-imports.banned-module-level-imports = {list(HEAVY)}
"""
BANNED = ("ruff", "check", "--config=ruff.toml", "--exit-zero", ".")
UNUSED = ("ruff", "check", "--select=F401", "--no-cache", "--quiet", "--isolated", "--exit-zero", ".")
GRIMP = "import grimp, sys; grimp.build_graph('homeassistant', include_external_packages=True, cache_dir={!r})"

FOUND = {
    "no-eager-heavy-imports": ("main.py", f"import pandas\n{projects.SOURCE}"),
    "pin-litellm": ("requirements-bot.txt", f"{projects.REQUIREMENTS}litellm>=1.30\n"),
    "forbid-heavy-deps": ("requirements-bot.txt", f"{projects.REQUIREMENTS}torch==2.8.0\n"),
}
"""What each hook finds without libcst, by the file that holds it."""

PROVEN = (
    f"import pandas\n{projects.SOURCE}\n\nclass Start:\n    @property\n    def library(self) -> object:\n"
    "        return pandas\n\n\nStart().library\n"
)
"""A module that is judged by libcst."""

READS = """\
import collections, os, sys
from memguard_hooks import git

root = os.getcwd() + os.sep
opened, asked = collections.Counter(), collections.Counter()

def watch(event, given):
    if event == "open" and isinstance(given[0], str) and given[0].startswith(root):
        opened[given[0].removeprefix(root)] += not given[0].startswith(root + ".git")

ask = git.CatFile.ask
def count(self, name):
    asked[self, name] += 1
    return ask(self, name)

git.CatFile.ask = count
sys.addaudithook(watch)
from memguard_hooks.__main__ import main
main(sys.argv[1:])
for (_, name), number in asked.most_common(3):
    print(name, number)
for path, number in opened.most_common(3):
    print(path, number)
print(max([*opened.values(), *asked.values()]))
"""
"""Prints as its last word how often the path was read that was read most often, in the work tree or in HEAD."""

SMALLEST_SOURCE = 1_000
"""Bytes of a file that is edited."""


class Step(NamedTuple):
    """A command, where it runs, and what happens before each run."""

    command: tuple[str, ...]
    folder: Path
    before: Callable[[], object] = lambda: None
    statuses: tuple[int, ...] = (0,)

    def run(self) -> Run:
        """Run it once."""
        self.before()
        return run(self.command, self.folder, self.statuses)


class Figure(NamedTuple):
    """A figure of a row, by our run and that of the peer, and how it is written."""

    compute: Callable[[Run, Run], float]
    text: str


RATIO = Figure(lambda own, peer: own.cpu / peer.cpu, "{:.2f}x")
SECONDS = Figure(lambda own, _: own.cpu, "{:.2f} s")
READINGS = Figure(lambda own, _: float(own.output.split()[-1]), "{:.0f} reads")
POWER = Figure(lambda own, peer: math.log10(own.cpu / peer.cpu), "n^{:.2f}")
"""By which power of the size the work grows, from a tenth of it: 1 is in proportion."""


class Row(NamedTuple):
    """A line of the table: the work, its peer, the figure, and what it and the peak of memory (MiB) may be at most."""

    work: str
    own: Step
    beside: str
    peer: Step
    figure: Figure
    most: float = math.inf
    most_peak: float = math.inf


class Place(NamedTuple):
    """Where the benchmark works."""

    cache: Path
    scripts: Path
    project: Path | None

    def step(
        self,
        folder: Path,
        *command: str,
        before: Callable[[], object] = lambda: None,
        statuses: tuple[int, ...] = (0,),
    ) -> Step:
        """Return a step whose program is that of the environment."""
        return Step((str(self.scripts / command[0]), *command[1:]), folder, before, statuses)

    def nothing(self, folder: Path) -> tuple[str, Step]:
        """Return the peer of all that is small: the start of Python."""
        return "`python -c pass`", self.step(folder, "python", "-c", "pass")


def forget(folder: Path, name: str = ".git/memguard") -> None:
    """Remove a cache."""
    shutil.rmtree(folder / name, ignore_errors=True)


# Small commits


def staged(place: Place) -> Iterator[Row]:
    """Five staged clean files, and what is said again of them."""
    folder = write_repository(place.cache / "staged", projects.small_app())
    files = [(name, f"{projects.REQUIREMENTS}zxcvbn==4.4.28\n") for name in projects.MANIFESTS]
    files += [(name, f"{projects.SOURCE}\n\ndef count() -> int:\n    return 1\n") for name in projects.SOURCES]
    write_files(folder, files)
    git(folder, "add", "--all")
    peer = place.nothing(folder)
    cold = partial(forget, folder)
    for hook, given in HOOKS.items():
        yield Row(f"five staged clean files, nothing replayed: `{hook}`",
                  place.step(folder, hook, *given, before=cold), *peer, RATIO, 4)  # fmt: skip
    every = ("memguard", "hook", *MIXED)
    yield Row("the same: `memguard hook`", place.step(folder, *every, before=cold), *peer, RATIO, 5)
    for name, given in KIN.items():
        yield Row(f"the same: `{name}`", place.step(folder, name, *given), *peer, RATIO)
    numbers = itertools.count()

    judge = place.step(folder, *every)

    def commit_judged() -> None:
        write_files(folder, ((name, f"{text}# {next(numbers)}\n") for name, text in files))
        git(folder, "add", "--all")
        judge.run()
        commit(folder)

    def commit_other() -> None:
        write_files(folder, [("README.md", f"An app, for the {next(numbers)}th time.\n")])
        commit(folder, "--", "README.md")

    for when, before in (
        ("nothing changed", lambda: None),
        ("nothing changed but an empty commit", lambda: commit(folder, "--allow-empty", "--only")),
        ("nothing changed but a commit of another file", commit_other),
        ("once a commit holds what it has judged", commit_judged),
        ("then an empty commit", lambda: commit(folder, "--allow-empty")),
        ("then a commit of another file", commit_other),
    ):
        yield Row(f"`memguard hook`, {when}", place.step(folder, *every, before=before), *peer, RATIO, 1.5)


def finding(place: Place) -> Iterator[Row]:
    """One finding in five files."""
    for hook, (name, text) in FOUND.items():
        yield _finding(place, hook, name, text, is_proven=False)
    yield _finding(place, "no-eager-heavy-imports", "main.py", PROVEN, is_proven=True)


def _finding(place: Place, hook: str, name: str, text: str, *, is_proven: bool) -> Row:
    folder = place.cache / f"finding-{hook}{'-proven' * is_proven}"
    write_repository(folder, [*projects.small_app(), (name, text)])
    own = place.step(folder, hook, *HOOKS[hook], before=partial(forget, folder), statuses=(1,))
    loaded = run([str(place.scripts / "python"), "-X", "importtime", *own.command], folder, (1,)).output
    if ("libcst" in loaded) is not is_proven:
        raise SystemExit(f"{hook} {'does not need' if is_proven else 'needs'} libcst")
    work = f"one finding {'with' if is_proven else 'without'} libcst: `{hook}`"
    return Row(work, own, *place.nothing(folder), RATIO, 22 if is_proven else 6)


# Whole trees


def _homeassistant(place: Place) -> Path:
    """Return the repository with the files of the wheel."""
    folder = place.cache / "homeassistant"
    if not folder.exists():
        wheels = "homeassistant-*.whl"
        if not any(place.cache.glob(wheels)):
            pip = [
                str(place.scripts / "python"),
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--ignore-requires-python",
            ]
            subprocess.run([*pip, "--only-binary=:all:", f"--dest={place.cache}", CORPUS], check=True)
        with zipfile.ZipFile(next(place.cache.glob(wheels))) as wheel:
            wheel.extractall(folder)
        write_files(folder, [("ruff.toml", RUFF), (".gitignore", ".grimp_cache/\n.ruff_cache/\n")])
        track(folder)
    return folder


def tree(place: Place) -> Iterator[Row]:
    """All files of a large repository."""
    folder = _homeassistant(place)
    hook = ("no-eager-heavy-imports", "--scope=all")
    yield Row("6,725 files, cold: `no-eager-heavy-imports`",
              place.step(folder, *hook, before=partial(forget, folder), statuses=(0, 1)), "ruff TID253, cold",
              place.step(folder, *BANNED, before=partial(forget, folder, ".ruff_cache")), RATIO, 1.6)  # fmt: skip
    yield Row("the same, warm", place.step(folder, *hook, statuses=(0, 1)), "ruff TID253, warm",
              place.step(folder, *BANNED), RATIO, 1)  # fmt: skip


def walk(place: Place) -> Iterator[Row]:
    """What an entry point of a large repository loads."""
    folder = _homeassistant(place)
    hook = ("no-eager-heavy-imports", "--entrypoint=-m homeassistant")
    yield Row("walk from `-m homeassistant`, cold",
              place.step(folder, *hook, before=partial(forget, folder), statuses=(0, 1)), "grimp's graph, cold",
              place.step(folder, "python", "-c", GRIMP.format(None)), RATIO, 0.8)  # fmt: skip
    yield Row("the same, warm", place.step(folder, *hook, statuses=(0, 1)), "grimp's graph, warm",
              place.step(folder, "python", "-c", GRIMP.format(".grimp_cache")), RATIO, 0.2)  # fmt: skip


# A large project


def _project(place: Place) -> Path:
    """Return a copy of the project that was given, or the one that is made up."""
    folder = place.cache / "project"
    if place.project is None:
        return write_repository(folder, projects.django())
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(place.project, folder, symlinks=True)
    forget(folder)
    return folder


def _edited(folder: Path) -> list[str]:
    """Return five source files from all over a project."""
    names = git(folder, "ls-files", "-z", "*.py").split("\0")[:-1]
    sources = [name for name in names if not any(word in name for word in ("test", "migrations", "conf"))]
    sources = [name for name in sources if (folder / name).stat().st_size > SMALLEST_SOURCE]
    return [sources[len(sources) * part // 6 + part] for part in range(5)]


def _edit(folder: Path, files: Sequence[str]) -> Callable[[], None]:
    """Return what commits an edit of five files, and stages the next."""
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in files}
    numbers = itertools.count()

    def edit() -> None:
        number = next(numbers)
        commit(folder, "--allow-empty")
        more = f"\n\ndef added_{number}(rows: list[str]) -> int:\n    return len(rows) + {number}\n"
        write_files(folder, ((name, text + more) for name, text in texts.items()))
        git(folder, "add", "--force", "--", *files)

    return edit


def _configurations(place: Place) -> tuple[Path, Path]:
    """Write the settings of pre-commit for our hook, and for check-ast alone."""
    hooks = place.cache / "hooks"
    copy_package(hooks)
    ours = {"repo": str(hooks), "rev": track(hooks), "hooks": [{"id": "memguard"}]}
    kin = {"id": "check-ast", "name": "check-ast", "entry": "check-ast", "language": "python", "types": ["python"],
           "additional_dependencies": [next(one for one in PEERS if one.startswith("pre-commit-hooks"))]}  # fmt: skip
    found = []
    for name, repository in (("memguard", ours), ("check-ast", {"repo": "local", "hooks": [kin]})):
        found.append(place.cache / f"{name}.yaml")
        found[-1].write_text(json.dumps({"repos": [repository]}), encoding="utf-8")
    return found[0], found[1]


def project(place: Place) -> Iterator[Row]:
    """A first run in a large project, and commits in it."""
    folder = _project(place)
    files = _edited(folder)
    edit = _edit(folder, files)
    either = (0, 1)
    peer = place.nothing(folder)
    first = place.step(folder, "memory-budget", before=partial(forget, folder), statuses=either)
    yield Row("first `memory-budget` in the large project", first, *peer, SECONDS, 3)
    hook = place.step(folder, "memguard", "hook", *files, before=edit, statuses=either)
    yield Row("a commit of five edited files in it, `memguard hook`", hook, *peer, SECONDS, 0.8)
    ours, kin = _configurations(place)
    for program, most in (("pre-commit", 3.0), ("prek", math.inf)):
        own, other = (
            place.step(folder, program, "run", f"--config={config}", before=edit, statuses=either) for config in (ours, kin)
        )
        yield Row(f"the same through {program}", own, f"check-ast through {program}", other, RATIO, most)


def reads(place: Place) -> Iterator[Row]:
    """How often a path is read in one run, of each of both trees."""
    folder = _project(place)
    files = _edited(folder)
    edit = _edit(folder, files)
    script = place.cache / "reads.py"
    script.write_text(READS, encoding="utf-8")

    def before() -> None:
        forget(folder)
        edit()

    own = place.step(folder, "python", "-I", str(script), "hook", *files, before=before)
    yield Row("reads of a path in such a run, nothing replayed", own, *place.nothing(folder), READINGS, 1)


# What grows


def _grown(place: Place, name: str, count: int, files: Callable[[int], projects.Files]) -> Path:
    folder = place.cache / f"{name}-{count}"
    return folder if folder.exists() else write_repository(folder, files(count))


def check(place: Place) -> Iterator[Row]:
    """`memguard check` in a project of 2,000 files."""
    folder = _grown(place, "files", 2_000, projects.app)
    peer = ("ruff F401, no cache", place.step(folder, *UNUSED))
    command = ("memguard", "check", "--fail-on=never")
    cold = place.step(folder, *command, before=partial(forget, folder))
    yield Row("`memguard check`, 2,000 files, cold", cold, *peer, SECONDS, 1.1)
    yield Row("the same, warm", place.step(folder, *command), *peer, SECONDS, 0.3)


def locked(count: int) -> projects.Files:
    """A lock of so many packages, of which one is forbidden; with all archives it would be larger than a lock may be."""
    return lock_files(make_edges(count), archives=1)


def growth(place: Place) -> Iterator[Row]:
    """How `memguard check` grows with what it is given."""
    for name, sizes, files in (
        ("files", (200, 2_000, 20_000), projects.app),
        ("findings", (20, 2_000, 20_000), projects.findings),
        ("services", (10, 100, 1_000), projects.services),
        ("packages of a lock", (100, 1_000, 10_000), locked),
    ):
        steps = []
        for count in sizes:
            folder = _grown(place, name.replace(" ", "-"), count, files)
            steps.append(place.step(folder, "memguard", "check", "--fail-on=never", before=partial(forget, folder)))
        small, tenth, whole = sizes
        yield Row(f"growth from {small:,} {name} to {whole:,}", steps[2], f"{tenth:,} {name}", steps[1], POWER, 1.1, 200)


GROUPS: dict[str, Callable[[Place], Iterator[Row]]] = {
    one.__name__: one for one in (staged, finding, tree, walk, project, reads, check, growth)
}


def measure(row: Row, rounds: int) -> tuple[Run, Run]:
    """Run both commands of a row in turn; the first round only warms up."""
    runs = [(row.peer.run(), row.own.run()) for _ in range(rounds + 1)]
    return middle([own for _, own in runs[1:]]), middle([peer for peer, _ in runs[1:]])


def render(row: Row, own: Run, peer: Run) -> str:
    """Write one line of the table."""
    figure = row.figure.compute(own, peer)
    goals = [f"≤ {row.figure.text.format(row.most)}"] * math.isfinite(row.most)
    goals += [f"< {row.most_peak:.0f} MiB"] * math.isfinite(row.most_peak)
    is_met = figure <= row.most and own.peak < row.most_peak
    took = [f"{one.cpu:.3f} | {one.wall:.3f}" for one in (own, peer)]
    judged = f"{', '.join(goals)} | {('missed', 'met')[is_met] if goals else ''}"
    shown = row.figure.text.format(figure)
    return f"| {row.work} | {took[0]} | {own.peak:.0f} | {row.beside} | {took[1]} | {shown} | {judged} |"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cache", type=Path, help="folder for the environment and the trees")
    parser.add_argument("--rounds", type=int, default=7, help="rounds after the warm-up (default: 7)")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), help="groups of rows (default: all)")
    parser.add_argument("--project", type=Path, help="a repository in place of the Django project that is made up")
    options = parser.parse_args(argv)
    forget_variables()
    cache = options.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    os.environ.update(PRE_COMMIT_HOME=str(cache / "pre-commit"), PREK_HOME=str(cache / "prek"))
    place = Place(cache, make_environment(cache, PEERS), options.project)
    print("| work | CPU s | wall s | peak MiB | beside | CPU s | wall s | figure | goal | |")
    print("| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | --- |", flush=True)
    for group in options.only:
        for row in GROUPS[group](place):
            print(render(row, *measure(row, options.rounds)), flush=True)
    names = ["memguard-hooks", "libcst", "packaging", *(peer.partition("==")[0] for peer in PEERS)]
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"\nMedians of {options.rounds} rounds. {versions(place.scripts / 'python', names)}, {CORPUS}. {machine}.")


if __name__ == "__main__":
    main()
