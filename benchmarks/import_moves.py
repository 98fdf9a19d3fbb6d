"""What `no-eager-heavy-imports --fix` does to repositories: which imports leave, what holds the others, and the lints after.

    python benchmarks/import_moves.py FOLDER ... [--scope all] [--verbose] [--beside-ruff] [--beside-trial]

Nothing is written: what would be is compiled, walked, fixed once more, and given to ruff beside what there is. With
`--beside-ruff` nothing is moved, and the imports that run at start are told apart from those that ruff's TID253
(banned-module-level-imports) finds when all heavy modules are banned.

`--beside-trial` compares with a codemod that looks at one file at a time: it moves each import that nothing but bodies of
functions and annotations use, whatever stays, whatever that saves. A site is a statement that loads a heavy library at
start. It is out where the walk of the result does not find it there; its library is, where no site of it is left in that
repository: only that makes the start smaller. `worth it` counts those of them whose library makes some service 5 MiB smaller
at start, which the fixer asks of each move; where no service is known, all of them. The MiB are those of the starts of all
services that are known: what they would take less if none loaded a heavy library at start, and what they do take less. Last
comes what holds the libraries that stay here: the sites of each by its first reason, and the MiB that the services take for
the library alone, were all others gone.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from memguard_hooks.app.heavy_imports import Loading, eager_imports, find_entries
from memguard_hooks.app.movable_imports import as_wanted, read_source
from memguard_hooks.app.moved_saving import LEAST, find_saving
from memguard_hooks.app.service_estimate import estimate_entry, estimate_without
from memguard_hooks.app.takers import Takers
from memguard_hooks.app.walks import walk_entry
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB, Step
from memguard_hooks.fix.import_edit import ImportChange, move
from memguard_hooks.fix.imports import plan
from memguard_hooks.formats.python_source import decode, tree_of
from memguard_hooks.imports.movable import HeldBy, Moves, Wanted
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.tree import WorkTree

KINDS = {
    "used at module level": r"at module level, while|in a lambda",
    "base, decorator, default, class body": r"as a (?:base|decorator|default)|in the body of class",
    "annotations may be read": r"may (?:read|be read)|reads annotations|reads the types",
    "in try, a condition, a block": r"it stands in|stands under",
    "its function runs at start": r"runs while the app loads",
    "taken or patched by another file": r"\bfrom it\b|patches",
    "bound again, global": r"binds|deletes|declares",
    "builds what others need": r"builds \w+ of it",
    "saves too little": r"moving it saves",
    "its file has to load at start": r"would have to load later|still loads|loads first",
    "cannot be parsed here": r"cannot parse|too long",
}
"""What holds an import → how its reason reads."""


def main() -> int:
    """Print a row for each repository, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--scope", choices=("reachable", "all"))
    parser.add_argument("--verbose", action="store_true", help="print each import that stays")
    parser.add_argument("--beside-ruff", action="store_true", help="compare what is found with what TID253 finds")
    parser.add_argument("--beside-trial", action="store_true", help="compare with moving all that files let move")
    options = parser.parse_args()
    if options.beside_trial:
        return _beside_trial(options.folders, options.scope)
    if options.beside_ruff:
        return _beside_ruff(options.folders, options.scope)
    os.environ["MEMGUARD_CACHE_DIR"] = ""
    print("| repository | sites | gone | files | left, by reason | CPU s |\n| --- | ---: | ---: | ---: | --- | ---: |")
    totals: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    faults: list[str] = []
    for folder in options.folders:
        project = _open(folder, options.scope)
        began = time.process_time()
        change = plan(project, to_start=True)
        seconds = time.process_time() - began
        before, after = len(_eager(project)), len(_eager(project.edited(change.files)))
        held = Counter(_kind(one.reason) for one in change.left)
        faults += _faults(project, change)
        totals += Counter(sites=before, gone=before - after, files=len(change.files))
        reasons += held
        why = ", ".join(f"{kind} {number}" for kind, number in held.most_common())
        name = os.path.basename(os.path.abspath(folder))
        print(f"| {name} | {before} | {before - after} | {len(change.files)} | {why} | {seconds:.1f} |", flush=True)
        for one in change.left if options.verbose else ():
            print(f"  {one.path}:{one.line}: {one.library}: {one.reason}")
    why = ", ".join(f"{kind} {number}" for kind, number in reasons.most_common())
    print(f"| all | {totals['sites']} | {totals['gone']} | {totals['files']} | {why} | |")
    print(*faults, f"{len(faults)} faults", sep="\n")
    return int(bool(faults))


def _beside_ruff(folders: list[str], scope: str | None) -> int:
    print("| repository | both | ruff alone | here alone |\n| --- | ---: | ---: | ---: |")
    for folder in folders:
        project = _open(folder, scope)
        ours = {(one.path, one.site.line) for one in eager_imports(project, find_entries(project))}
        banned = ", ".join(f'"{root}"' for root in sorted(project.heavy.modules))
        setting = f"lint.flake8-tidy-imports.banned-module-level-imports = [{banned}]"
        command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=TID253", "--output-format=concise", "."]
        done = subprocess.run([*command, "--config", setting], cwd=folder, capture_output=True, text=True, check=False)
        found = re.findall(r"(?m)^(.+?):(\d+):\d+: TID253", done.stdout)
        theirs = {(path.replace(os.sep, "/"), int(line)) for path, line in found}
        name = os.path.basename(os.path.abspath(folder))
        print(f"| {name} | {len(ours & theirs)} | {len(theirs - ours)} | {len(ours - theirs)} |", flush=True)
    return 0


def _beside_trial(folders: list[str], scope: str | None) -> int:
    os.environ["MEMGUARD_CACHE_DIR"] = ""
    print(
        "| repository | sites | movable | trial: out | with its library | worth it | here: out | with its library |", end=""
    )
    print(f" MiB at most | trial | here |\n|{' --- |' + ' ---: |' * 10}")
    totals: Counter[str] = Counter()
    held: dict[str, Counter[str]] = {}
    for folder in folders:
        project = _open(folder, scope)
        before, (trial, movable) = _eager(project), _tried(project)
        row = Counter(sites=len(before), movable=movable)
        files = {
            path: move(project.sources.data(path), tree_of(_text(project, path)), one).data for path, one in trial.items()
        }
        change = plan(project, to_start=True)
        row["most"] = _taken(project) - _taken_without(project, {root for _, _, root in before})
        for name, edited in (("trial", files), ("here", change.files)):
            row[f"{name} MiB"] = _taken(project) - _taken(project.edited(edited))
            after = _eager(project.edited(edited))
            roots = {root for _, _, root in after}
            row[name] = len(before) - len(after)
            row[f"{name} whole"] = sum(root not in roots for _, _, root in before)
            worth = _worth(project, {root for _, _, root in before} - roots) if name == "trial" else set()
            row[f"{name} worth"] = sum(root in worth for _, _, root in before)
        every = {root for _, _, root in before}
        for library in sorted({root for _, _, root in after}):
            left = next((one.reason for one in change.left if one.library == library), "nothing is said")
            alone = _taken_without(project, every - {library}) - _taken_without(project, every)
            sites = sum(root == library for _, _, root in after)
            held.setdefault(_kind(left), Counter()).update(sites=sites, libraries=1, MiB=alone)
        totals += row
        print(_trial_row(os.path.basename(os.path.abspath(folder)), row), flush=True)
    print(_trial_row("all", totals))
    print("\n| what holds libraries here | libraries | sites | MiB |\n| --- | ---: | ---: | ---: |")
    for kind, found in sorted(held.items(), key=lambda one: -one[1]["sites"]):
        print(f"| {kind} | {found['libraries']} | {found['sites']} | {found['MiB'] / MIB:.0f} |")
    return 0


def _taken(project: Project) -> int:
    """Return what all services take at start, one process of each, in bytes."""
    return _taken_without(project, frozenset())


def _taken_without(project: Project, libraries: Collection[str]) -> int:
    """Return what all services would take at start if their eager imports of some libraries loaded nothing."""
    entries = find_entries(project)
    gone: list[set[Step]] = [set() for _ in entries]
    for one in eager_imports(project, entries):
        for by in one.services if one.root in libraries else ():
            gone[entries.index(by.entry)].update(by.sites)
    processes = (
        estimate_without(project, estimate_entry(project, entry), sites) for entry, sites in zip(entries, gone, strict=True)
    )
    return sum(one.at("start").expected for one in processes)


def _worth(project: Project, gone: set[str]) -> set[str]:
    """Return the libraries of some that leave the start whose leaving saves what is worth it, where all of them leave."""
    loading: dict[str, dict[str, Loading]] = {}
    for one in eager_imports(project, find_entries(project)):
        loading.setdefault(one.root, {}).update((str(by.entry), by) for by in one.services)
    found: set[str] = set()
    for root in gone:
        others = {site for one in gone - {root} for by in loading.get(one, {}).values() for site in by.sites}
        services = loading.get(root, {}).values()
        if not services or find_saving(project, root, [(by.entry, by.sites) for by in services], others).start >= LEAST:
            found.add(root)
    return found


def _trial_row(name: str, row: Counter[str]) -> str:
    columns = [row[one] for one in ("sites", "movable", "trial", "trial whole", "trial worth", "here", "here whole")]
    shares = [str(one) if index == 0 else f"{one} ({one * 100 // (columns[0] or 1)} %)" for index, one in enumerate(columns)]
    sizes = [str(round(row[one] / MIB)) for one in ("most", "trial MiB", "here MiB")]
    return f"| {' | '.join([name, *shares, *sizes])} |"


def _tried(project: Project) -> tuple[dict[str, Moves], int]:
    """Return how all imports move that the file by itself lets move, and how many these are."""
    takers = Takers(project)
    wanted: dict[str, list[Wanted]] = {}
    for one in eager_imports(project, find_entries(project)):
        found = _moves_of(project, takers, one.path, [as_wanted(project, one)])
        if found is not None:
            wanted.setdefault(one.path, []).append(as_wanted(project, one))
    together = {path: _moves_of(project, takers, path, ones) for path, ones in wanted.items()}
    return {path: one for path, one in together.items() if one is not None}, sum(map(len, wanted.values()))


def _moves_of(project: Project, takers: Takers, path: str, wanted: list[Wanted]) -> Moves | None:
    try:
        movable = read_source(project, path).movable(wanted, project.settings.service.target_python)
    except MemguardError:
        return None
    moves = movable.moves()
    if isinstance(moves, HeldBy) or moves.built or moves.settings or moves.blocks:
        return None
    return moves if takers.of(path, movable.names, moves.typed) is None else None


def _text(project: Project, path: str) -> str:
    return decode(project.sources.data(path), path)


def _eager(project: Project) -> set[tuple[str, int, str]]:
    """Return the statements that load heavy libraries at start, each with its library."""
    entries = find_entries(project)
    for entry in entries:
        walk_entry(project, entry)  # or fewer functions would be followed than by the fix
    return {(one.path, one.site.line, one.root) for one in eager_imports(project, entries)}


def _open(folder: str, scope: str | None) -> Project:
    tree = WorkTree(folder)
    settings, _ = load(tree)
    return Project(tree, settings if scope is None else settings._replace(scope=scope))  # type: ignore[arg-type]


def _kind(reason: str) -> str:
    return next((kind for kind, pattern in KINDS.items() if re.search(pattern, reason)), "other")


def _faults(project: Project, change: ImportChange) -> list[str]:
    """Return what is wrong with files after a fix: they do not compile, have new lints, or would be fixed once more."""
    found: list[str] = []
    for path, data in change.files.items():
        try:
            compile(data, path, "exec", dont_inherit=True)
        except SyntaxError as error:
            found.append(f"{path}: {error}")
        new = _lints(path, data) - _lints(path, project.tree.read(path) or b"")
        found += [f"{path}: {lint}" for lint in new]
    again = plan(project.edited(change.files), to_start=True)
    return found + [f"{path}: is fixed once more" for path in again.files]


def _lints(path: str, data: bytes) -> Counter[str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, os.path.basename(path))
        file.write_bytes(data)
        command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F", "--output-format=concise", str(file)]
        lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    # Without the places, which move with the imports.
    return Counter(re.sub(r" from line \d+", "", line.partition(": ")[2]) for line in lines if str(file) in line)


if __name__ == "__main__":
    raise SystemExit(main())
