"""Tell how well messages of logs are grouped by what writes them.

    python benchmarks/grouping.py LABELLED [NAME...]
    python benchmarks/grouping.py --code CHECKOUT...
    python benchmarks/grouping.py --flat FOLDER...

LABELLED is a checkout of LogHub (github.com/logpai/loghub) or any folder with `NAME/NAME_2k.log_structured.csv`, whose
columns `Content` and `EventId` hold messages and their labels. A message counts if its group has the same members in both:
grouping accuracy, which Zhu et al. (ICSE-SEIP 2019) define. The first half of LogHub was tuned on; the second was opened
once on 2026-11-29 (0.758), and tuned on since.

With `--flat`, each folder has `NAME_2k_flatten.log` and a label for each of its lines in
`NAME_2k.log_structured_flatten.csv`, as github.com/logpai/hybridlogparser has them. Lines are read as `memguard logs` reads
them, but for their loggers; tables, labeled m and t, are left out.

With `--code`, 2,000 lines are made of the log calls of each checkout, whose labels are their levels and fixed texts: some
are written a hundred times as often as others, and what is put in is made by its name, such as numbers, identifiers, paths,
addresses, words and the text of exceptions. Nothing of the checkout is run.
"""

from __future__ import annotations

import ast
import csv
import os
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping

from memguard_hooks.formats.python_nodes import last_name
from memguard_hooks.logs.calls import level_of
from memguard_hooks.logs.lines import LineReader
from memguard_hooks.logs.templates import Template, Templates

TUNED_ON = ("HDFS", "OpenStack", "Apache", "OpenSSH", "Hadoop", "BGL", "Zookeeper", "Linux")
OPENED_ONCE = ("Spark", "HPC", "Thunderbird", "Mac", "HealthApp", "Android", "Windows", "Proxifier")


def main(arguments: list[str]) -> None:
    """Print the accuracy on each log, and the means."""
    print("| log | grouped right | templates | labelled |")
    print("| --- | --: | --: | --: |")
    if arguments[0] == "--code":
        made = {os.path.basename(os.path.abspath(folder)): made_of(folder, random.Random(1)) for folder in arguments[1:]}  # noqa: S311
        tell({name: (labels, group(messages, levels)) for name, (labels, levels, messages) in made.items() if labels})
        return
    if arguments[0] == "--flat":
        tell({os.path.basename(folder): read_flat(folder) for folder in arguments[1:]})
        return
    folder, *names = arguments
    halves = [TUNED_ON, OPENED_ONCE] if not names else [names]
    for half in halves:
        tell({name: label(os.path.join(folder, name, f"{name}_2k.log_structured.csv")) for name in half})


def tell(logs: Mapping[str, tuple[list[str], list[int]]]) -> None:
    """Print a row for each log, and their mean."""
    shares = {name: accuracy(truth, found) for name, (truth, found) in logs.items()}
    for name, (truth, found) in logs.items():
        print(f"| {name} | {shares[name]:.3f} | {len(set(found))} | {len(set(truth))} |")
    print(f"| mean of {len(shares)} | {sum(shares.values()) / len(shares):.3f} | | |")


def label(path: str) -> tuple[list[str], list[int]]:
    """Return the label of each message, and the template that was found for it."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = [(row["Content"], row["EventId"]) for row in csv.DictReader(file)]
    return [event for _, event in rows], group([content for content, _ in rows])


def read_flat(folder: str) -> tuple[list[str], list[int]]:
    """Return the label of each line, and the template that was found for it."""
    start = os.path.join(folder, os.path.basename(folder))
    with open(f"{start}_2k_flatten.log", encoding="utf-8") as file:
        lines = file.read().splitlines()
    with open(f"{start}_2k.log_structured_flatten.csv", encoding="utf-8") as file:
        labels = file.read().split()[1:]
    reader, templates = LineReader(), Templates()
    kept = [(label, reader.read(line)) for label, line in zip(labels, lines, strict=True) if label[:1] not in "mt"]
    found = [templates.find("", one.level, one.message) for _, one in kept]
    templates.settle()
    return [label for label, _ in kept], [id(_last(template)) for template in found]


def group(messages: list[str], levels: list[str] | None = None) -> list[int]:
    """Return what stands for the template of each message, once all are read."""
    templates = Templates()
    found = [
        templates.find("", level, message)
        for level, message in zip(levels or ["INFO"] * len(messages), messages, strict=True)
    ]
    templates.settle()
    return [id(_last(template)) for template in found]


def _last(template: Template) -> Template:
    while template.joined is not None:
        template = template.joined
    return template


def accuracy(truth: list[str], found: list[int]) -> float:
    """Return the share of messages whose group has the same members in both."""
    members: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for event, group_ in zip(truth, found, strict=True):
        members[group_][event] += 1
    sizes = Counter(truth)
    right = sum(
        sum(events.values())
        for events in members.values()
        if len(events) == 1 and sizes[next(iter(events))] == next(iter(events.values()))
    )
    return right / len(truth)


# Logs that are made of the calls in code

LINES = 2000
HOLE = "\0"
WORDS = ("alpha", "orders", "Berlin", "weekly report", "premium", "en-US", "gpt-4o", "admin", "Jane Doe", "queue-high",
         "invoice", "sqlite", "audio", "pending", "None", "True", "staging", "primary", "mp3", "worker")  # fmt: skip
ERRORS = ("connection refused", "timed out after 30 seconds", "'NoneType' object has no attribute 'id'",
          "disk is full", "404 Client Error: Not Found for url: https://api.example.org/v1/items",
          "[Errno 2] No such file or directory: 'a.txt'", "Expecting value: line 1 column 1 (char 0)",
          "permission denied", "list index out of range", "rate limit")  # fmt: skip


def made_of(folder: str, rng: random.Random) -> tuple[list[str], list[str], list[str]]:
    """Return labels, levels and messages of a log that the calls in a checkout might have written."""
    calls = sorted({call for path in sorted(_sources(folder)) for call in _calls(path)})
    weights = [1 / (1 + place) for place in range(len(calls))]
    rng.shuffle(calls)
    chosen = rng.choices(calls, weights, k=LINES) if calls else []
    messages = ["".join(_value(part[1:], rng) if part[:1] == HOLE else part for part in parts) for _, parts in chosen]
    labels = [repr((level, [part[:1] if part[:1] == HOLE else part for part in parts])) for level, parts in chosen]
    return labels, [level for level, _ in chosen], [" ".join(one.split("\n")) for one in messages]


def _sources(folder: str) -> list[str]:
    return [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names
            if name.endswith(".py") and "test" not in os.path.relpath(root, folder) and "test" not in name]  # fmt: skip


def _calls(path: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the level and the parts of each log call: fixed text, and names of what is put in after `HOLE`."""
    try:
        with open(path, encoding="utf-8") as file:
            module = ast.parse(file.read())
    except (SyntaxError, ValueError, OSError):
        return []
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and node.args and (level := level_of(node)) and last_name(node.func) != "print":
            parts = _parts(node.args[0], node.args[1:])
            if sum(len(part) for part in parts if part[:1] != HOLE) >= 6:
                found.append((level, tuple(parts)))
    return found


def _parts(node: ast.expr, rest: list[ast.expr]) -> list[str]:
    if isinstance(node, ast.JoinedStr):
        return [
            part.value if isinstance(part, ast.Constant) else HOLE + _name(part.value)  # type: ignore[attr-defined,misc]
            for part in node.values
        ]
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return []
    names = iter([HOLE + _name(one) for one in rest])
    pieces = re.split(r"(%(?:\(\w+\))?[-+ #0-9.]*[sdrfxi]|\{[^{}]*\})", node.value)
    return [next(names, HOLE) if piece[:1] in ("%", "{") and len(piece) > 1 else piece for piece in pieces if piece]


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        name = last_name(node.func)
        return "count" if name == "len" else name if name not in ("str", "repr", "int", "round") else _name(node.args[0])
    return last_name(node) or "value"


def _value(name: str, rng: random.Random) -> str:
    """Return what may be put in for a name."""
    name = name.lower()
    if re.search(r"id$|uuid|sid|hash|token|key$|guid", name):
        return rng.choice((str(rng.randrange(10**6)), f"{rng.getrandbits(64):016x}", f"req-{rng.getrandbits(32):08x}"))
    if re.search(r"count|num|total|len|size|port|status|code|index|attempt|retries|pid|length|bytes|rows|^[nik]$", name):
        return str(rng.randrange(500))
    if re.search(r"elapsed|time|duration|latency|seconds|delay|cost|score|rate", name):
        return f"{rng.random() * 90:.3f}"
    if re.search(r"path|file|dir|folder", name):
        return rng.choice((f"/srv/data/{rng.randrange(99)}.csv", "/srv/upload/report.pdf", f"media/{rng.randrange(9)}.mp3"))
    if re.search(r"url|host|addr|uri|endpoint|ip$", name):
        return rng.choice(("https://api.example.org/v1/items?page=3", f"10.0.0.{rng.randrange(255)}", "db.internal.example"))
    if re.search(r"^e$|^ex$|err|exc|reason|message|detail", name):
        return rng.choice(ERRORS)
    if re.search(r"data|payload|response|result|body|params|args|config|list|items", name):
        return rng.choice(
            (f"{{'id': {rng.randrange(99)}, 'ok': True}}", f"[{rng.randrange(99)}, {rng.randrange(99)}]", "{}")
        )
    return rng.choice(WORDS)


if __name__ == "__main__":
    main(sys.argv[1:])
