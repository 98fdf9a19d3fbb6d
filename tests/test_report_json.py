"""The JSON of a report is what its schema says: of real projects, of every field, and of nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from memguard_hooks.finding import MIB, Estimate, Figures, Finding, Part, Report, ServiceReport, Skipped, Step
from memguard_hooks.report import json_

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = json.loads((ROOT / "memguard_hooks" / "report" / "report.schema.json").read_text(encoding="utf-8"))

STEPS = (Step("main.py", 2, "a"), Step("a.py", 3, "pandas"))
FIGURES = Figures(MIB, 2 * MIB, 3 * MIB, MIB, MIB, MIB)
WEB = ServiceReport(
    "web", "Procfile", 1, "python main.py", "main.py", 1, 512 * MIB, "default", "default",
    Estimate(FIGURES, FIGURES, FIGURES), "ok",
    (Part("pandas", "2.2.3", MIB, MIB, "catalog", "pandas 2.2.3", STEPS),), worker=FIGURES,
    instead_of=("app.json:1",), also=(("python migrate.py", MIB), ("./run", None)),
)  # fmt: skip
REPORT = Report(
    (
        Finding("a.py", 3, 1, "MG201", "pandas", "no-eager-heavy-imports", "pandas", "warning", MIB, STEPS, ("move it",)),
        Finding("a.txt", 3, 1, "MG101", "x is not pinned", "pin-litellm", "x"),
    ),
    (WEB, WEB._replace(estimate=None, worker=None, limit=None, processes=None, entrypoint=None, reason="it loops")),
    (Skipped("b.py", None, "does not parse"), Skipped("c.py", 3, "does not parse", broken=True)),
)


def validate(value: object) -> None:
    Draft7Validator.check_schema(SCHEMA)
    Draft7Validator(SCHEMA).validate(value)


def test_each_field_is_as_the_schema_says() -> None:
    validate(json.loads(json_.render(REPORT)))


def test_of_an_example_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "memguard_hooks", "check", "--format", "json", "examples/oom-bot"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    value = json.loads(done.stdout)
    assert value["findings"]
    assert value["services"]
    validate(value)


def keys(value: Any, where: str = "") -> set[str]:
    """Return the keys of a value, each with the keys above it; of a list those of all that it holds."""
    if isinstance(value, list):
        return {key for one in value for key in keys(one, where)}
    if not isinstance(value, dict):
        return set()
    return {f"{where}.{key}" for key in value} | {key for name, one in value.items() for key in keys(one, f"{where}.{name}")}


def declared(schema: Any, where: str = "") -> set[str]:
    """Return the same of a schema."""
    if "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    found = {key for one in (schema.get("items"), *schema.get("anyOf", ())) if one for key in declared(one, where)}
    for name, one in schema.get("properties", {}).items():
        found |= {f"{where}.{name}", *declared(one, f"{where}.{name}")}
    return found


def test_the_schema_has_no_key_more() -> None:
    assert keys(json.loads(json_.render(REPORT))) == declared(SCHEMA)


def test_the_page_names_each_key() -> None:
    text = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    missing = {key.rpartition(".")[2] for key in declared(SCHEMA)} - set(text.replace("`", " ").replace(",", " ").split())
    assert not missing
