"""The benchmark of the estimate's error: how sets are drawn, and what its figures mean."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import accuracy
import random_sets

from memguard_hooks.catalog import lookup

PYTHONS = ("3.11", "3.13")


def draw_all(seed: int, python: str) -> list[list[random_sets.Drawn]]:
    candidates, unknown = random_sets.read_candidates(python), random_sets.find_unknown()
    return [random_sets.draw(seed, python, number, candidates, unknown) for number in range(24)]


@pytest.mark.parametrize("python", PYTHONS)
def test_a_seed_names_its_sets(python: str) -> None:
    first, again, other = draw_all(1, python), draw_all(1, python), draw_all(2, python)
    assert first == again
    assert not {frozenset(one) for one in first} & {frozenset(one) for one in other}


def test_a_draw_may_ask_for_how_many_roots() -> None:
    candidates = random_sets.read_candidates("3.11")
    sets = [random_sets.draw(1, "3.11", number, candidates, [], (3, 4)) for number in range(12)]
    assert {len(one) for one in sets} == {3, 4}


def test_a_row_more_in_the_catalog_leaves_most_sets_alone() -> None:
    candidates = random_sets.read_candidates("3.11")
    without = [one for one in candidates if one is not candidates[len(candidates) // 2]]
    sets = [[random_sets.draw(1, "3.11", number, ones, []) for ones in (candidates, without)] for number in range(24)]
    assert sum(one == other for one, other in sets) >= 16


@pytest.mark.parametrize("python", PYTHONS)
def test_what_is_drawn_was_measured_and_goes_together(python: str) -> None:
    for number, drawn in enumerate(draw_all(1, python)):
        known = [one for one in drawn if one.is_known]
        assert random_sets.SMALLEST <= len(known) <= random_sets.LARGEST
        assert len({one.distribution for one in known}) == len(known)
        assert len(drawn) - len(known) == (number % random_sets.UNKNOWN_EVERY == random_sets.UNKNOWN_EVERY - 1)
        for one in known:
            footprint = lookup.find(one.name, one.distribution, python=python)
            assert footprint is not None
        provided = [module for one in known for module, ones in lookup.modules().items() if one.distribution in names(ones)]
        assert len(set(provided)) == len(provided)


def names(modules: tuple[lookup.MeasuredModule, ...]) -> set[str]:
    return {one.distribution for one in modules}


def test_an_unknown_root_is_in_no_table_of_the_catalog() -> None:
    unknown = random_sets.find_unknown()
    assert len(unknown) >= 10
    for one in unknown:
        assert lookup.root_of(one.name) is None


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        pytest.param("sklearn.metrics", "import sklearn.metrics", id="module"),
        pytest.param("celery:Celery", "from celery import Celery", id="attribute"),
    ],
)
def test_the_import_that_an_app_writes(name: str, statement: str) -> None:
    assert random_sets.Drawn("any", name).statement == statement


def test_errors_of_known_figures() -> None:
    errors = accuracy.errors_of([(110, 100), (180, 200), (100, 100)])
    assert errors.mean_absolute == pytest.approx(0.2 / 3)
    assert errors.worst == pytest.approx(0.1)
    assert errors.bias == pytest.approx(0)
    assert accuracy.errors_of([(50, 100), (130, 100)]) == pytest.approx((0.4, -0.5, -0.1))


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        pytest.param([3, 1, 2], 0.5, 2, id="median"),
        pytest.param([0, 10], 0.9, 9, id="between neighbors"),
        pytest.param([7], 0.05, 7, id="one value"),
        pytest.param(range(101), 0.95, 95, id="exact"),
    ],
)
def test_quantile(values: list[float], share: float, expected: float) -> None:
    assert accuracy.quantile(values, share) == pytest.approx(expected)


def test_each_set_of_a_span_has_a_day_of_its_own() -> None:
    days = {random_sets.draw_day(1, "3.11", number, "2024-12-01..2026-11-28") for number in range(24)}
    assert len(days) > 12
    assert all("2024-12-01" <= day <= "2026-11-28" for day in days)
    assert random_sets.draw_day(1, "3.11", 3, "2025-01-01") == "2025-01-01"


def test_the_readme_has_the_figures_of_the_method_page() -> None:
    root = Path(__file__).resolve().parent.parent
    page, readme = ((root / path).read_text("utf-8") for path in ("docs/estimate.md", "README.md"))
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if ", roots in the catalog | resident |" in line]
    [[sets, _, _, error, *_, within], [_, _, _, by_hand, *_]] = rows
    number = sets.partition(",")[0]
    text = " ".join(readme.split())
    assert f"Over {number} random sets" in text
    assert f"off by {error.replace('%', ' %')}, with {within.partition(' ')[0]} in the range" in text
    assert f"the sum of all packages is off by {by_hand.replace('%', ' %')}" in text
