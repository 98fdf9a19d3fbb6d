"""Write the versions of a distribution that the package index serves, by `pip index versions`.

    python tools/list_served_versions.py litellm

A pin to a version that is not served cannot be installed; the table in `memguard_hooks/dependencies/served/`
lets a hook say so without a network.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "memguard_hooks" / "dependencies" / "served"


def main(argv: list[str] | None = None) -> int:
    """Write one file for each distribution that was named."""
    parser = argparse.ArgumentParser(description="List the versions that the package index serves.")
    parser.add_argument("distribution", nargs="+", help="canonical name of a distribution")
    for name in parser.parse_args(argv).distribution:
        command = [sys.executable, "-m", "pip", "index", "versions", name]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        match = re.search(r"^Available versions: (.+)$", output, re.MULTILINE)
        if match is None:
            print(f"{name}: pip does not list its versions", file=sys.stderr)
            return 1
        versions = match[1].split(", ")
        today = dt.datetime.now(tz=dt.timezone.utc).date()
        lines = [f"# {name}: versions served on {today}, newest first", *versions]
        (FOLDER / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
        print(f"{name}: {len(versions)} versions", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
