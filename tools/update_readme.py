"""Put the real output of the examples, and how much was measured, into the pages, or check that it is there.

python tools/update_readme.py [--check]
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
CATALOG = ROOT / "memguard_hooks" / "catalog" / "data"


class Example(NamedTuple):
    """One output: the page that shows it, the name of the marks around it there, and the command that prints it."""

    page: str
    mark: str
    command: tuple[str, ...]


EXAMPLES = (
    Example("README.md", "example", ("check", "--select", "MG3", "examples/oom-bot")),
    Example("README.md", "lean", ("check", "examples/lean-bot")),
    Example("docs/hooks.md", "all", ("check", "examples/oom-bot")),
)


def run(command: tuple[str, ...]) -> str:
    """Return what a command prints, as a reader of a clean clone sees it."""
    result = subprocess.run(
        [sys.executable, "-m", "memguard_hooks", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    output = result.stdout + result.stderr
    # In a clean clone nothing differs from the last commit.
    output = re.sub(r"(?m)^ +(?:fix: )?this commit brings .*\n", "", output)
    return re.sub(r"this commit [+-]\d+( at start, [+-]\d+ serving)?", "this commit +0", output)


def render(page: str, text: str) -> str:
    """Return the text of a page with the output of each of its examples between its marks."""
    for _, mark, command in (one for one in EXAMPLES if one.page == page):
        start, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
        before, _, rest = text.partition(start)
        after = rest.partition(end)[2]
        block = f"```console\n$ memguard {' '.join(command)}\n{run(command)}```"
        text = f"{before}{start}\n\n{block}\n\n{end}{after}"
    return re.sub(r"\d+(?= distributions and the standard library)", str(count_measured()), text)


def count_measured() -> int:
    """Return how many distributions the catalog knows, also those that take little."""
    rows = (CATALOG / "light.tsv").read_text("utf-8").splitlines()
    light = {row.split("\t")[1] for row in rows if not row.startswith("#")}
    return len(light.union(path.stem for path in CATALOG.glob("*.json")))


def main(argv: list[str] | None = None) -> int:
    """Rewrite the pages; with `--check` only say whether they are up to date."""
    parser = argparse.ArgumentParser(description="Put the real output of the examples into the README and docs/hooks.md.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 where a page is out of date")
    options = parser.parse_args(argv)
    status = 0
    for page in dict.fromkeys(one.page for one in EXAMPLES):
        old = (ROOT / page).read_text(encoding="utf-8")
        new = render(page, old)
        if old == new:
            continue
        if options.check:
            print(f"{page} is out of date: run `python tools/update_readme.py`", file=sys.stderr)
            status = 1
        else:
            (ROOT / page).write_text(new, encoding="utf-8")
            print(f"{page} rewritten", file=sys.stderr)
    return status


if __name__ == "__main__":
    raise SystemExit(main())
