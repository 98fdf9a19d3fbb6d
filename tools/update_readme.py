"""Put the real output of the examples, how much was measured and how far estimates are off into the pages, or check it.

python tools/update_readme.py [--check]
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import field_results  # noqa: E402 - what is published of the benchmarks

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


OPENED_ONCE = ("judged", "fresh", "pinned", "locked", "wider", "heavy", "autumn", "winter", "spring")
"""The groups of applications whose estimates were read once."""

NEAR = 0.1


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
        text = put(text, mark, f"```console\n$ memguard {' '.join(command)}\n{run(command)}```")
    for half, results in field_results.read().items():
        text = put(text, f"field {half}", field_results.table(results))
    text = put(text, "field", "\n".join(field_lines()))
    return re.sub(r"\d+(?= distributions and the standard library)", str(count_measured()), text)


def put(text: str, mark: str, block: str) -> str:
    """Return a page with a block between the marks of a name, where it has them."""
    start, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, found, rest = text.partition(start)
    return f"{before}{start}\n\n{block}\n\n{end}{rest.partition(end)[2]}" if found else text


def field_lines() -> list[str]:
    """Return the table of the README: how far the estimate was off for each group that was opened once."""
    lines = ["| opened on | applications | off by, on average | bias | within 10 % | in the range |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for half, results in field_results.read().items():
        if half in OPENED_ONCE:
            errors = [one.share for one in results]
            cells = (
                results[0].date,
                str(len(results)),
                f"{statistics.mean(map(abs, errors)):.1%}",
                f"{statistics.mean(errors):+.1%}",
                str(sum(abs(error) <= NEAR for error in errors)),
                str(sum(one.inside == "yes" for one in results)),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return lines


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
    for page in dict.fromkeys([*(one.page for one in EXAMPLES), "docs/estimate.md"]):
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
