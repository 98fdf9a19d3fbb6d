"""Tell how well `memguard logs` groups lines: the share of messages whose template has exactly the lines that it should.

    python benchmarks/grouping.py FOLDER [NAME ...]

FOLDER has labelled logs as LogHub publishes them (github.com/logpai/loghub): `NAME/NAME_2k.log_structured.csv`, with the
columns `Content` and `EventId`. The two halves are told apart: the rules of `logs/templates.py` were written with the first
in view, and the second was opened once, on the date below. Zhu et al. (ICSE-SEIP 2019) define the measure.
"""

from __future__ import annotations

import csv
import os
import sys
from collections import Counter, defaultdict

from memguard_hooks.logs.templates import Template, Templates

TUNED_ON = ("HDFS", "OpenStack", "Apache", "OpenSSH", "Hadoop", "BGL", "Zookeeper", "Linux")
OPENED_ONCE = ("Spark", "HPC", "Thunderbird", "Mac", "HealthApp", "Android", "Windows", "Proxifier")


def main(folder: str, names: list[str]) -> None:
    """Print the accuracy on each log, and the mean of each half."""
    print("| log | grouped right | templates | labelled |")
    print("| --- | --: | --: | --: |")
    for half in (TUNED_ON, OPENED_ONCE):
        shares = []
        for name in half:
            if names and name not in names:
                continue
            truth, found = label(os.path.join(folder, name, f"{name}_2k.log_structured.csv"))
            shares.append(accuracy(truth, found))
            print(f"| {name} | {shares[-1]:.3f} | {len(set(found))} | {len(set(truth))} |")
        if shares:
            print(f"| mean of {len(shares)} | {sum(shares) / len(shares):.3f} | | |")


def label(path: str) -> tuple[list[str], list[int]]:
    """Return the label of each message, and the template that was found for it."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = [(row["Content"], row["EventId"]) for row in csv.DictReader(file)]
    return [event for _, event in rows], group([content for content, _ in rows])


def group(messages: list[str]) -> list[int]:
    """Return what stands for the template of each message, once all are read."""
    templates = Templates()
    found = [templates.find("", "INFO", message) for message in messages]
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


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
