"""The fewest imports to defer: of roots made by hand, against every choice that there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memguard_hooks.app.deferral import fewest
from memguard_hooks.app.estimate import Root, add_up
from memguard_hooks.catalog import lookup
from memguard_hooks.finding import MIB, Step


def root(name: str, own: Mapping[str, int], sites: int = 1, parent: str | None = None) -> Root:
    """Return a root of a distribution that was measured to load packages, with their MiB."""
    base = lookup.find("six") or lookup.interpreter()
    footprint = base._replace(
        module=name,
        distribution=name,
        own={package: (size * MIB, size * MIB) for package, size in own.items()},
        resident=sum(own.values()) * MIB,
        installed={},
    )
    steps = tuple(Step(f"{name}_{number}.py", 1, name) for number in range(sites))
    return Root(name, footprint, steps[:1], "exact", steps, parent)


def total(roots: Sequence[Root]) -> int:
    return sum(part.resident for part in add_up(lookup.interpreter(), roots)[0])


def names(roots: Sequence[Root], goal_mib: float) -> list[tuple[str, int]]:
    goal = lookup.interpreter().resident + goal_mib * MIB
    return [(one.name, round(one.saving / MIB)) for one in fewest(roots, total, goal)]


PANDAS = root("pandas", {"pandas": 40, "numpy": 15})
NUMPY = root("numpy", {"numpy": 15})
SEABORN = root("seaborn", {"seaborn": 5, "pandas": 40, "numpy": 15, "matplotlib": 30})
BOTO = root("boto3", {"boto3": 20})


def test_nothing_is_deferred_where_all_fits() -> None:
    assert names([PANDAS, BOTO], 80) == []


def test_one_import_that_suffices_is_enough() -> None:
    assert names([PANDAS, BOTO, NUMPY], 40) == [("pandas", 40)]


def test_an_import_is_worth_only_what_no_other_one_loads() -> None:
    assert names([PANDAS, SEABORN], 60) == [("seaborn", 35)]


def test_what_two_imports_load_goes_only_with_both() -> None:
    assert names([PANDAS, SEABORN, BOTO], 25) == [("seaborn", 35), ("pandas", 55)]


def test_a_package_with_fewer_statements_goes_first() -> None:
    many = root("many", {"many": 30}, sites=10)
    one = root("one", {"one": 30})
    assert names([many, one], 35) == [("one", 30)]


def test_what_comes_only_with_another_goes_with_it() -> None:
    optional = root("extra", {"extra": 50}, sites=0, parent="pandas")
    assert names([PANDAS, optional, BOTO], 30) == [("pandas", 105)]


def test_what_comes_with_another_and_is_imported_too_stays() -> None:
    """The statement that imports it by itself still loads it: it has to be deferred as well."""
    imported = root("extra", {"extra": 50}, parent="pandas")
    assert names([PANDAS, imported, BOTO], 30) == [("pandas", 55), ("extra", 50)]


def test_the_framework_and_what_a_server_loads_stay() -> None:
    assert names([root("flask", {"flask": 50}), root("uvloop", {"uvloop": 50}, sites=0)], 10) == []


def test_where_nothing_suffices_all_that_saves_is_told() -> None:
    assert names([root("flask", {"flask": 500}), PANDAS, BOTO], 100) == [("pandas", 55), ("boto3", 20)]


def test_every_place_of_an_import_is_told() -> None:
    (one,) = fewest([root("a", {"a": 30}, sites=3)], total, 0)
    assert [step.path for step in one.sites] == ["a_0.py", "a_1.py", "a_2.py"]


OWN = st.dictionaries(st.sampled_from("pqrst"), st.integers(2, 40), min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(owns=st.lists(OWN, min_size=1, max_size=6), share=st.floats(0.1, 0.95))
def test_what_is_promised_is_what_the_rest_takes(owns: list[dict[str, int]], share: float) -> None:
    roots = [root(f"root{number}", own) for number, own in enumerate(owns)]
    base = lookup.interpreter().resident
    goal = base + share * (total(roots) - base)
    chosen = fewest(roots, total, goal)
    left = [one for one in roots if one.name not in {deferral.name for deferral in chosen}]
    assert total(left) <= goal
    assert sum(one.saving for one in chosen) == pytest.approx(total(roots) - total(left), abs=len(roots))
    least = next(
        count
        for count in range(1, len(roots) + 1)
        if any(total([one for one in roots if one not in gone]) <= goal for gone in combinations(roots, count))
    )
    assert least <= len(chosen) <= least + 2
