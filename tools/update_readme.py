"""Put the real output of the examples into the README, or check that it is there.

python tools/update_readme.py [--check]
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
EXAMPLES = {"example": "examples/oom-bot", "lean": "examples/lean-bot"}


def run_check(folder: str) -> str:
    """Return what `memguard check` prints, as a reader of a clean clone sees it."""
    command = [sys.executable, "-m", "memguard_hooks", "check", folder]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    output = result.stdout + result.stderr
    # In a clean clone nothing differs from the last commit.
    output = re.sub(r"(?m)^ +(?:fix: )?this commit brings .*\n", "", output)
    return re.sub(r"this commit [+-]\d+", "this commit +0", output)


def render(text: str) -> str:
    """Return the README with the output of each example between its marks."""
    for mark, folder in EXAMPLES.items():
        block = f"<!-- {mark} -->\n\n```console\n$ memguard check {folder}\n{run_check(folder)}```\n\n<!-- /{mark} -->"
        start, end = text.index(f"<!-- {mark} -->"), text.index(f"<!-- /{mark} -->")
        text = text[:start] + block + text[end + len(f"<!-- /{mark} -->") :]
    return text


def main(argv: list[str] | None = None) -> int:
    """Rewrite the README; with `--check` only say whether it is up to date."""
    parser = argparse.ArgumentParser(description="Put the real output of the examples into the README.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 where the README is out of date")
    options = parser.parse_args(argv)
    old = README.read_text(encoding="utf-8")
    new = render(old)
    if old == new:
        return 0
    if options.check:
        print("README.md is out of date: run `python tools/update_readme.py`", file=sys.stderr)
        return 1
    README.write_text(new, encoding="utf-8")
    print("README.md rewritten", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
