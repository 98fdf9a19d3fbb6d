"""List what MG211 to MG215 and MG601 to MG606 say of repositories, to be read one by one.

    python benchmarks/start_findings.py FOLDER ... [--timeout 120]

A row for each finding: repository, code, file and line, message. The last lines count the findings by code, say how many
stand in files that no deployed app loads by their names (tests, scripts, fixtures and examples of rules), and which
repositories could not be judged in time. Nothing is run or written in them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SELECTED = "MG21,MG6"
APART = re.compile(r"(?:^|/)(?:tests?|testing|scripts?|fixtures?|rules?|semgrep[^/]*)/|(?:^|/)(?:test_|conftest)[^/]*\.py$")
AT_ONCE = 2


def find(folder: str, timeout: int) -> list[dict[str, Any]] | str:
    """Return the findings of a repository, or why there are none."""
    command = [
        sys.executable,
        "-m",
        "memguard_hooks",
        "check",
        "--select",
        SELECTED,
        "--format",
        "json",
        "--fail-on",
        "never",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return f"not ended after {timeout} s"
    if not done.stdout.startswith("{"):
        return done.stderr.strip()[-200:] or f"exit {done.returncode}"
    found = (one for one in json.loads(done.stdout)["findings"] if one["code"].startswith(("MG21", "MG6")))
    return sorted(found, key=lambda one: (one["code"], one["path"], one["line"] or 0))


def main() -> int:
    """Print the rows, and what they come to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--timeout", type=int, default=120, help="seconds for a repository")
    options = parser.parse_args()
    codes: Counter[str] = Counter()
    apart, missed, having = [], [], 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for folder, found in zip(
            options.folders, pool.map(lambda one: find(one, options.timeout), options.folders), strict=True
        ):
            name = Path(folder).name
            if isinstance(found, str):
                missed.append(f"{name} ({found})")
                continue
            having += bool(found)
            for one in found:
                codes[one["code"]] += 1
                place = f"{one['path']}:{one['line']}"
                if APART.search(one["path"]):
                    apart.append(f"{name} {place}")
                print(f"{name}\t{one['code']}\t{place}\t{one['message']}", flush=True)
    judged = len(options.folders) - len(missed)
    print(f"\n{sum(codes.values())} findings in {having} of {judged} repositories: {dict(sorted(codes.items()))}")
    print(f"in tests, scripts, fixtures or rules: {len(apart)} {'; '.join(apart)}")
    print(f"not judged: {len(missed)} {'; '.join(missed)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
