"""What a footprint takes beside other versions: the difference of what was measured, and nothing that is not installed."""

from __future__ import annotations

import pytest

from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.fitting import fit, pins_all
from memguard_hooks.catalog.lookup import Footprint


def found(module: str, distribution: str, version: str | None = None) -> Footprint:
    footprint = lookup.find(module, distribution, version, "3.11")
    assert footprint is not None
    return footprint


def test_what_a_package_loads_counts_in_the_version_that_is_pinned() -> None:
    beside = found("langchain_openai", "langchain-openai")
    old, new = found("openai", "openai", "1.58.1"), found("openai", "openai", beside.installed["openai"])
    fitted = fit(beside, {"openai": "1.58.1"}, "3.11")
    change = fitted.own["openai"][0] - beside.own["openai"][0]
    assert change * (old.own["openai"][0] - new.own["openai"][0]) > 0
    assert fitted.resident - beside.resident == sum(fitted.own[one][0] for one in fitted.own) - sum(
        beside.own[one][0] for one in beside.own
    )
    assert fitted.anonymous != beside.anonymous


def test_what_an_older_version_does_not_load_is_not_there() -> None:
    newer, older = found("agents", "openai-agents", "0.24.0"), found("agents", "openai-agents", "0.2.10")
    assert newer.own["mcp_types"][0] > 8 * 2**20
    fitted = fit(newer, {"mcp": older.installed["mcp"]}, "3.11")
    gone = newer.own.keys() - fitted.own.keys()
    assert {"mcp_types", "cryptography"} <= gone
    assert gone.isdisjoint(older.own)
    assert fitted.resident == newer.resident + sum(cost[0] for cost in fitted.own.values()) - sum(
        cost[0] for cost in newer.own.values()
    )


def test_what_something_else_loads_too_is_still_there() -> None:
    newer, older = (
        found("langchain_anthropic", "langchain-anthropic", "1.7.7"),
        found("langchain_anthropic", "langchain-anthropic", "1.3.4"),
    )
    fitted = fit(newer, older.installed, "3.11")
    assert "httpx2" not in fitted.own
    assert {"httpx", "pydantic", "anthropic"} <= fitted.own.keys()


def test_what_loads_little_by_itself_counts_as_others_have_loaded_its_version() -> None:
    newer, alone = found("langchain_openai", "langchain-openai"), found("langsmith", "langsmith")
    assert alone.own["langsmith"][0] < 2**16
    fitted = fit(newer, {"langsmith": "0.4.21"}, "3.11")
    measured = found("langchain_core.tools:tool", "langchain-core", "0.3.75").own["langsmith"][0]
    assert fitted.own["langsmith"][0] == pytest.approx(measured, rel=0.2)
    assert newer.own["langsmith"][0] > 3 * measured
    assert newer.resident - fitted.resident == newer.own["langsmith"][0] - fitted.own["langsmith"][0]


def test_what_others_load_a_part_of_only_stays_as_it_was_measured() -> None:
    assert lookup.brought_by_others("scipy") is None
    part = found("langchain_openai", "langchain-openai")
    part = part._replace(own={**part.own, "langsmith": (2**20, 2**20)})
    assert fit(part, {"langsmith": "0.4.21"}, "3.11") is part


def test_what_nobody_pins_stays_as_it_was_measured() -> None:
    beside = found("langchain_openai", "langchain-openai")
    assert fit(beside, {}, "3.11") is beside
    assert fit(beside, {"openai": beside.installed["openai"]}, "3.11") is beside
    assert fit(beside, {"langchain-openai": "0.1.25"}, "3.11") is beside


def test_a_version_that_no_number_tells_is_the_newest() -> None:
    beside = found("langchain_openai", "langchain-openai")
    assert fit(beside, {"openai": "no version"}, "3.11").own.keys() >= {"openai"}


def test_what_is_not_installed_is_not_loaded() -> None:
    texts = found("google.cloud.texttospeech", "google-cloud-texttospeech")
    assert texts.own["cryptography"][0] > 0
    everything = {name: version for name, version in texts.installed.items() if name != "cryptography"}
    assert fit(texts, everything, "3.11") is texts
    fitted = fit(texts, everything, "3.11", everything.keys())
    assert "cryptography" not in fitted.own
    assert fitted.resident == texts.resident - texts.own["cryptography"][0]


def test_light_packages_stay_for_nobody_tells_whether_they_are_there() -> None:
    beside = found("pydantic", "pydantic")
    assert fit(beside, {}, "3.11", {"pydantic"}).own.keys() == beside.own.keys()


def test_a_list_of_all_names_what_others_bring() -> None:
    named = {"langchain-openai", "chromadb"}
    brought = {other for name in named for other in lookup.installed_with(name)} & lookup.distributions().keys()
    pins = dict.fromkeys(sorted(brought - named), "1.0")
    assert pins_all(named, pins)
    assert not pins_all(named, {})
    assert not pins_all(named, dict(list(pins.items())[: len(pins) // 2]))
    assert not pins_all({"boto3"}, {"botocore": "1.44.5", "s3transfer": "0.9"})  # of so few nobody can tell
