"""Measure what packages take with pydantic 2.10, 2.11 and 2.14, which differ in the schemas of models, into the catalog.

A package that makes many models of each other as it is imported takes up to three times as much with pydantic before 2.11.
The catalog measures each with what was the newest beside it, so that an application that pins both needs this table.

    python tools/measure_pydantic.py

Each distribution of ``DISTRIBUTIONS`` is installed as of one day on which its newest version took all of them, and imported,
traced, as ``tools/measure_footprints.py`` does, once with each. ``pydantic.tsv`` keeps the own KiB of each package that
requires pydantic by itself, and whose cost differs by more than a tenth and by more than ``LEAST``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution
from pathlib import Path

from measure_footprints import (
    CATALOG,
    Environment,
    MeasurementError,
    Row,
    environment,
    find_python,
    fold,
    say,
    write_atomically,
)
from packaging.requirements import Requirement

TABLE = CATALOG / "pydantic.tsv"
VERSIONS = ("2.10.6", "2.11.7", "2.14.4")
"""One of each way to build schemas: what lies between two behaves as the older one."""

DAY = "2025-07-01"
LEAST = 300
"""KiB; what differs by less is noise."""

DISTRIBUTIONS = (
    "fastapi", "aiogram", "atproto", "langchain-openai:langchain_openai", "langchain-anthropic:langchain_anthropic",
    "google-genai:google.genai", "cohere", "mistralai", "langchain:langchain.chains", "openai-agents:agents",
    "llama-index-core:llama_index.core", "django-ninja:ninja", "groq", "litellm", "qdrant-client:qdrant_client", "sqlmodel",
    "langgraph:langgraph.graph", "faststream",
)  # fmt: skip
"""What declares pydantic and is often declared, each with what is imported where that has another name."""


def compare(distribution: str, module: str, python: Path) -> dict[str, tuple[int, ...]]:
    """Return the own KiB with each version, of the packages that require pydantic and whose cost differs."""
    with environment(python) as place:
        row = Row(distribution, (module,), None, (f"pydantic=={VERSIONS[0]}",), ("--exclude-newer", DAY), False, {})
        place.install(row, "uv")
        costs = [own_costs(place, module)]
        for version in VERSIONS[1:]:
            place.install(Row("pydantic", ("pydantic",), version, (), (), False, {}), "uv")
            costs.append(own_costs(place, module))
        files = {str(file) for one in place.distributions().values() if requires(one) for file in one.files or ()}
    found = {package: tuple(cost[package] for cost in costs) for package in costs[0] if all(package in one for one in costs)}
    return {
        package: own
        for package, own in found.items()
        if max(own) - min(own) > max(LEAST, min(own) / 10) and f"{package.replace('.', '/')}/__init__.py" in files
    }


def own_costs(place: Environment, module: str) -> dict[str, int]:
    """Return the own resident KiB of each package that importing a module loads."""
    place.probe_once(module)
    return {package: cost[0] for package, cost in fold(place.probe_once(module, "--trace")).items()}


def requires(distribution: Distribution) -> bool:
    """Whether a distribution requires pydantic by itself."""
    return any(Requirement(text).name == "pydantic" for text in distribution.requires or ())


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", default="3.11", help="the interpreter: a path, a command or a version (3.11)")
    python = find_python(parser.parse_args(argv).python)
    found: dict[str, tuple[int, ...]] = {}
    for name in DISTRIBUTIONS:
        distribution, _, module = name.partition(":")
        try:
            costs = compare(distribution, module or distribution, python)
        except MeasurementError as error:
            say(f"{distribution}: {error}")
            continue
        say(f"{distribution}: {', '.join(f'{package} {own}' for package, own in costs.items()) or 'the same'}")
        found.update((package, own) for package, own in costs.items() if max(own) > max(found.get(package, (0,))))
        lines = [f"# by tools/measure_pydantic.py: package, own KiB with pydantic {', '.join(VERSIONS)}"]
        lines += ["\t".join([package, *map(str, own)]) for package, own in sorted(found.items())]
        write_atomically(TABLE, "\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
