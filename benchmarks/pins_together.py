"""Whether the pins that `pin-litellm` proposes install together: uv resolves seeded manifests before and after.

    python benchmarks/pins_together.py [--seeds 60] [--first 0] [--verbose]

Each manifest asks for some packages that are often seen together. uv resolves it under random bounds; some of what it finds
is pinned so, some left as a range or without a version, and in some manifests a version is above a ceiling. What `--fix`
writes, and all that the findings propose besides, has to resolve where the manifest did before. The index is asked by uv.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import subprocess
import tempfile
from pathlib import Path

from memguard_hooks.fix.pins import write_pins
from memguard_hooks.fix.specifier_edit import Wish
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.rules.dependencies import pins
from memguard_hooks.tree import WorkTree

POOL = (
    "aiohttp", "anthropic", "boto3", "chromadb", "crewai", "dspy", "fastapi", "flask", "google-genai", "httpx", "instructor",
    "jinja2", "langchain", "langchain-anthropic", "langchain-community", "langchain-openai", "langfuse", "langgraph",
    "llama-index-core", "matplotlib", "mcp", "mem0ai", "numpy", "openai-agents", "pandas", "pydantic", "pydantic-ai",
    "python-telegram-bot", "qdrant-client", "redis", "scikit-learn", "smolagents", "sqlmodel", "streamlit", "supabase",
    "tiktoken", "transformers", "uvicorn",
)  # fmt: skip
PYTHON = "3.11"


def main() -> int:
    """Print what became of the manifests, and each that resolves no more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--uv", default="uv", help="where uv lies")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    os.environ["MEMGUARD_CACHE_DIR"] = ""
    written = proposed = manifests = without = 0
    broken: list[str] = []
    seed = options.first
    while manifests < options.seeds:
        text = manifest(random.Random(seed), options.uv)  # noqa: S311 - a sample, not a secret
        seed += 1
        if text is None or resolve(text, options.uv) is None:
            continue
        manifests += 1
        fixed, all_pinned, counts = pinned(text)
        written, proposed, without = written + counts[0], proposed + counts[1], without + counts[2]
        for what, after in (("--fix", fixed), ("all proposals", all_pinned)):
            if after != text and resolve(after, options.uv) is None:
                broken.append(f"seed {seed - 1}, {what}:\n{text}---\n{after}")
        if options.verbose:
            print(f"seed {seed - 1}: {counts}", flush=True)
    print(*broken, sep="\n")
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    print(
        f"{manifests} manifests of seeds {options.first}-{seed - 1}, {today}: {written} pins written, {proposed} proposed,"
    )
    print(f"{without} without a version that is known to go; {len(broken)} resolve no more")
    return int(bool(broken))


def manifest(chance: random.Random, uv: str) -> str | None:
    """Return the text of a requirements file, None where what it asks for does not resolve."""
    names = set(chance.sample(POOL, chance.randint(1, 6)))
    names |= {name for name in ("litellm", "openai") if chance.random() < 0.6}
    bounds = {"litellm": f"<1.{chance.randint(56, 109)}", "openai": f"<{chance.choice(['1.60', '1.80', '2.3', '3.9', '9'])}"}
    asked = [f"{name}{bounds.get(name, '')}" if chance.random() < 0.7 else name for name in sorted(names)]
    found = resolve("\n".join(asked), uv)
    if found is None:
        return None
    # A set has another order in each run, a sample of it has not.
    return "".join(f"{line_of(name, found[name], chance)}\n" for name in chance.sample(sorted(names), len(names)))


def line_of(name: str, version: str, chance: random.Random) -> str:
    """Return one requirement: exact, from a version on, in a range, or open."""
    kind = chance.random()
    major = version.split(".", maxsplit=1)[0]
    if kind < 0.45:
        return f"{name}=={version}"
    if kind < 0.65:
        return f"{name}>={version}"
    if kind < 0.8 and major.isdecimal():
        return f"{name}>={version},<{int(major) + 1}"
    return name


def resolve(text: str, uv: str) -> dict[str, str] | None:
    """Return the versions that uv finds for a requirements file, None where there are none."""
    command = [
        uv,
        "pip",
        "compile",
        "--python-version",
        PYTHON,
        "--no-build",
        "--no-header",
        "--no-annotate",
        "--quiet",
        "-",
    ]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    pins_found = (line.partition(" ;")[0].partition("==") for line in done.stdout.splitlines() if "==" in line)
    return {name.partition("[")[0]: version.strip() for name, _, version in pins_found}


def pinned(text: str) -> tuple[str, str, tuple[int, int, int]]:
    """Return a requirements file after `--fix`, and with all that is proposed; and how many pins these are."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "requirements.txt")
        path.write_text(text, encoding="utf-8")
        tree = WorkTree(folder)
        judged = [one for one in pins.find(Project(tree, load(tree)[0]))[1] if one.finding.code != "MG104"]
        wanted = [one for one in judged if one.version is not None]
        wishes = [(one.may_write, Wish(one.requirement, one.version)) for one in wanted if one.version is not None]
        write_pins(WorkTree(folder), [wish for may_write, wish in wishes if may_write])
        fixed = path.read_text(encoding="utf-8")
        path.write_text(text, encoding="utf-8")
        write_pins(WorkTree(folder), [wish for _, wish in wishes])
        written = sum(one.may_write for one in wanted)
        return fixed, path.read_text(encoding="utf-8"), (written, len(wanted), len(judged) - len(wanted))


if __name__ == "__main__":
    raise SystemExit(main())
