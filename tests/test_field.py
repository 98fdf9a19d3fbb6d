"""What the benchmarks of the field tell of an error's causes, and how the catalog would have aged."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import aging
import causes
import field
import field_results
import update_readme
from folders import commit, write

from memguard_hooks.app.estimate import ProcessEstimate
from memguard_hooks.app.service_estimate import assess
from memguard_hooks.catalog import lookup
from memguard_hooks.finding import MIB
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.tree import WorkTree


def node(package: str, distribution: str | None, version: str | None, own: float, *below: object) -> dict[str, object]:
    return {"package": package, "distribution": distribution, "version": version, "own_mib": own, "imports": list(below)}


ENTRY: dict[str, Any] = {
    "resident_mib": 40.0,
    "base_mib": 8.0,
    "first_party": {"resident_mib": 2.0},
    "imports": [
        node("flask", "flask", "2.2.0", 5.0, node("werkzeug", "werkzeug", "3.1.0", 4.0), node("json", None, None, 1.0)),
        node("mystery", "mystery", "1.0", 20.0),
    ],
}


def estimate(root: Path) -> ProcessEstimate:
    write(root, {"main.py": "import flask\nimport mystery\n", "requirements.txt": "flask==2.3.3\nmystery\n"})
    write(root, {"memguard.toml": 'entrypoints = ["main.py"]\ntarget-python = "3.11"\nplatform = "local"\n'})
    commit(root)
    tree = WorkTree(str(root))
    [service] = assess(Project(tree, load(tree)[0]), None)
    tree.close()
    assert service.now is not None
    return service.now.process


def test_the_causes_of_an_error_add_up_to_it(tmp_path: Path) -> None:
    process = estimate(tmp_path)
    gaps = causes.find_field_gaps(ENTRY, process)
    error = process.at("start").expected - ENTRY["resident_mib"] * MIB
    assert sum(gap.excess for gap in gaps) == pytest.approx(error, abs=MIB / 100)
    found = {gap.package: gap.cause for gap in gaps}
    assert found["flask"] == causes.OTHER_VERSION
    assert found["mystery"] == causes.NOT_FORESEEN
    assert found["(first-party)"] == causes.OWN_SOURCE
    assert found["click"] == causes.NOT_LOADED
    assert causes.render_causes([gaps], 40 * MIB).count("\n") == len({gap.cause for gap in gaps}) + 1


def test_a_name_of_an_application_is_one_folder() -> None:
    names = [app.name for app in field.read_table(field.TABLE)]
    assert len(names) == len(set(names))
    assert not any("/" in name for name in names)


def test_an_estimate_ages_by_what_was_known_before() -> None:
    aged = list(aging.find_aged("3.11"))
    assert len(aged) > 40
    for one in aged:
        assert one.newest.module == one.known.module
        assert lookup.release_of(one.known.version) < lookup.release_of(one.newest.version)
        newest = [found for found in lookup.read_footprints(one.newest.distribution) if found.module == one.newest.module]
        assert one.newest == next(found for found in reversed(newest) if found.python.startswith("3.11."))


def test_the_table_of_aging_has_the_packages_that_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert aging.main(["--packages", "7"]) == 0
    table = capsys.readouterr().out
    assert table.count("\n|") == 8
    assert "7 packages: mean absolute error" in table


def test_a_module_takes_much_the_same_on_two_pythons(capsys: pytest.CaptureFixture[str]) -> None:
    assert aging.main(["--against", "3.13"]) == 0
    told = capsys.readouterr().out
    low, high = re.findall(r"nine in ten between (\S+) and (\S+);", told)[0]
    assert int(told.split()[0]) > 300
    assert 0.9 < float(low) < 1 < float(high) < 1.1


def test_the_pages_have_what_is_published() -> None:
    root = Path(__file__).resolve().parent.parent
    page = (root / "docs" / "estimate.md").read_text(encoding="utf-8")
    for half, results in field_results.read().items():
        assert half.removesuffix("-serving") in field.SAMPLES
        assert field_results.table(results) in page
    assert "\n".join(update_readme.field_lines()) in (root / "README.md").read_text(encoding="utf-8")


def test_a_half_is_published_in_place_of_what_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_results, "FILE", tmp_path / "field.tsv")
    one = field_results.Result(
        "tuned", "2026-11-30", "a/b@1", "main:app", "3.11", "50.0", "45.0", "40 to 50", "-10.0%", "yes"
    )
    (tmp_path / "field.tsv").write_text("# a title\n", encoding="utf-8")
    field_results.publish("tuned", [one])
    field_results.publish("judged", [one._replace(half="judged")])
    field_results.publish("tuned", [one._replace(error="-9.0%")])
    assert [(half, [row.error for row in rows]) for half, rows in field_results.read().items()] == [
        ("tuned", ["-9.0%"]),
        ("judged", ["-10.0%"]),
    ]
