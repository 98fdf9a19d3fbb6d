"""All that judges, one folder a family; the text of each rule stands beside its code, and `memguard explain` prints it.

`docs/rules.md` is made of the same files, and each example in them is a test.
"""

from __future__ import annotations

import os

from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import CODES
from memguard_hooks.record import Record

FOLDER = os.path.dirname(__file__)

FAMILIES = {
    "pin-litellm": "dependencies",
    "forbid-heavy-deps": "dependencies",
    "no-eager-heavy-imports": "imports",
    "memory-budget": "budget",
    "deploy-config": "deployment",
    "python-runtime": "python",
    "log-volume": "logs",
}
"""The folder of the rules of each hook; what every hook reports stands at the top."""

APART = {"MG6": "models", "MG21": "startup"}
"""What codes begin with whose rules have a folder of their own: memory-budget reports those on models, and
no-eager-heavy-imports those on other work at start."""

EVERY_HOOK = "every hook"

DOCUMENTED = {**CODES, "MG190": EVERY_HOOK, "MG191": EVERY_HOOK}
"""Each code that has a text, and the hook that reports it."""


class Rule(Record):
    """One rule as people read it; `text` is the whole markdown, whose first line has the code and the title."""

    code: str
    title: str
    hook: str
    text: str


def read_rule(code: str) -> Rule:
    """Return the documentation of a rule. Raises MemguardError for a code that has none."""
    if code not in DOCUMENTED:
        raise MemguardError(f"there is no rule {code!r}")
    hook = DOCUMENTED[code]
    apart = (folder for beginning, folder in APART.items() if code.startswith(beginning))
    family = next(apart, FAMILIES.get(hook, ""))
    with open(os.path.join(FOLDER, family, f"{code}.md"), encoding="utf-8") as stream:
        text = stream.read()
    title = text.partition("\n")[0].partition(": ")[2]
    return Rule(code, title, hook, text)
