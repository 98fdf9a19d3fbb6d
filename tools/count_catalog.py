"""Count what the catalog holds: distributions on each Python, versions, submodules, and how much space it all takes.

python tools/count_catalog.py

The space is that of the package as it is installed: its files, and their bytecode as the running interpreter compiles it.
"""

from __future__ import annotations

import marshal
from collections import Counter, defaultdict
from pathlib import Path

from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.lookup import minor_of

PACKAGE = Path(lookup.__file__).resolve().parent.parent
DATA = Path(lookup.FOLDER)
ROOMS = """\
| room | source kB | bytecode kB | data kB | all kB |
| --- | ---: | ---: | ---: | ---: |"""
PYC_HEADER = 16
"""Bytes before the code in a compiled file, by PEP 552."""


def count_measurements() -> list[str]:
    """Say how many distributions are measured closely on each Python, in how many versions, and below which modules."""
    pythons: Counter[int] = Counter()
    versions: Counter[int] = Counter()
    submodules: Counter[str] = Counter()
    modules: set[str] = set()
    for distribution in sorted(lookup.distributions()):
        seen = defaultdict(set)
        for one in lookup.read_footprints(distribution):
            seen[minor_of(one.python)].add(one.version)
            modules.add(one.module)
        pythons.update(seen.keys())
        versions[min(9, len(set().union(*seen.values())))] += 1
    submodules.update(name.partition(".")[0] for name in modules if "." in name and ":" not in name)
    measured = ", ".join(f"{number} on 3.{minor}" for minor, number in sorted(pythons.items()))
    several = sum(number for count, number in versions.items() if count >= 3)
    told = ", ".join(f"{count}{'+' * (count == 9)}: {number}" for count, number in sorted(versions.items()))
    below = ", ".join(f"{name} {number}" for name, number in submodules.most_common(25))
    return [
        f"distributions measured closely: {sum(versions.values())}; {measured}",
        f"in so many versions: {told}; {several} in three or more",
        f"modules below a package: {sum(submodules.values())} of {len(submodules)} packages; most: {below}",
    ]


def count_bytes() -> list[str]:
    """Say how many bytes the data, the source and the bytecode take, all and by room."""
    sizes: Counter[str] = Counter()
    rooms: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for path in PACKAGE.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            kind = "catalog" if path.is_relative_to(DATA) else path.suffix
            sizes[kind] += path.stat().st_size
            room = rooms[path.relative_to(PACKAGE).parts[0] if path.parent != PACKAGE else "its own modules"]
            room["source" if kind == ".py" else "data"] += path.stat().st_size
            if path.suffix == ".py":
                code = compile(path.read_bytes(), str(path.relative_to(PACKAGE.parent)), "exec", dont_inherit=True)
                sizes["bytecode"] += PYC_HEADER + len(marshal.dumps(code))
                room["bytecode"] += PYC_HEADER + len(marshal.dumps(code))
    parts = {"catalog": sizes["catalog"], "source": sizes[".py"], "bytecode": sizes["bytecode"]}
    parts |= {"others": sum(sizes.values()) - sum(parts.values()), "all": sum(sizes.values())}
    lines = ["bytes: " + ", ".join(f"{name} {number:,}" for name, number in parts.items()), "", ROOMS]
    for name, room in sorted(rooms.items(), key=lambda one: -one[1].total()):
        cells = (f"{room[kind] / 1000:,.0f}" for kind in ("source", "bytecode", "data"))
        lines.append(f"| `{name}` | {' | '.join(cells)} | {room.total() / 1000:,.0f} |")
    return lines


def main() -> int:
    """Print the counts."""
    light = {line.split("\t")[1] for line in (DATA / "light.tsv").read_text("utf-8").splitlines() if line[0] != "#"}
    print("\n".join([*count_measurements(), f"light distributions besides: {len(light)}", *count_bytes()]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
