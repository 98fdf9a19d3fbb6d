"""Make docs/rules.md of the texts that `memguard explain` prints, or check that it is made of them.

python tools/write_rules.py [--check]
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from memguard_hooks.rules import DOCUMENTED, EVERY_HOOK, Rule, read_rule

PAGE = Path(__file__).parent.parent / "docs" / "rules.md"

HEAD = """<!-- Made by tools/write_rules.py of memguard_hooks/rules/*.md: change these, not this page. -->

# The rules

`memguard explain CODE` prints one of these texts, `memguard explain HOOK` lists the rules of a hook. The tests let the hooks
judge each example: what is called bad has the finding, what is called good has none.
"""


def render(rules: Iterable[Rule]) -> str:
    """Return the page: a table of contents by hook, and all texts, one heading deeper."""
    hooks: dict[str, list[Rule]] = {}
    for rule in rules:
        hooks.setdefault(rule.hook, []).append(rule)
    parts = [HEAD]
    for hook, own in hooks.items():
        parts.append(f"\n{hook if hook == EVERY_HOOK else f'`{hook}`'}:\n\n")
        parts += [f"- [{rule.code}](#{_anchor(rule)}) {rule.title}\n" for rule in own]
    for own in hooks.values():
        parts += [f"\n{_deeper(rule.text)}" for rule in own]
    return "".join(parts)


def _anchor(rule: Rule) -> str:
    """Return what GitHub makes of a heading: lower case, without punctuation, and hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", f"{rule.code}: {rule.title}".lower()).replace(" ", "-")


def _deeper(text: str) -> str:
    """Put each heading of a text one level deeper; what stands in a fence is no heading."""
    parts = re.split(r"(?ms)(^```.*?^```$)", text)
    return "".join(part if part.startswith("```") else re.sub(r"(?m)^#", "##", part) for part in parts)


def main(argv: list[str] | None = None) -> int:
    """Rewrite the page; with `--check` only say whether it is up to date."""
    parser = argparse.ArgumentParser(description="Make docs/rules.md of the texts that `memguard explain` prints.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 where the page is out of date")
    options = parser.parse_args(argv)
    new = render(read_rule(code) for code in DOCUMENTED)
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == new:
        return 0
    if options.check:
        print("docs/rules.md is out of date: run `python tools/write_rules.py`", file=sys.stderr)
        return 1
    PAGE.write_text(new, encoding="utf-8", newline="\n")
    print("docs/rules.md rewritten", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
