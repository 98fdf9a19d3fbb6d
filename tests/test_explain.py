"""`memguard explain`: the table of platforms as text and as JSON, and what is refused."""

from __future__ import annotations

import json

import pytest

from memguard_hooks.commands.explain import main
from memguard_hooks.deployment import platforms


def test_plans_of_one_platform_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["platforms", "fly"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["platform", "plan", "MiB", "CPUs", "sets", "source", "date"]
    smallest = next(row for row in rows if " shared-cpu-1x " in row)
    assert smallest.split() == ["fly", "shared-cpu-1x", "256", "1", "superfly/fly-go,", "machine_types.go", "2026-11"]
    ends = {row.index("superfly") for row in rows}
    assert ends == {header.index("source")}, "columns are aligned"
    assert smallest.index("256") + 3 == header.index("MiB") + 3, "numbers to the right"
    assert any(row[header.index("MiB") - 2 : header.index("MiB") + 3] == "32768" for row in rows)
    assert all(row.startswith("fly ") for row in rows)


def test_all_plans_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["platforms", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1
    rows = {(row["platform"], row["plan"]): row for row in found["platforms"]}
    assert len(rows) == len(platforms.plans())
    assert rows["heroku", "standard-2x"]["memory_mib"] == 1024
    assert rows["heroku", "standard-2x"]["sets"] == {"WEB_CONCURRENCY": "4"}
    assert rows["render", "custom"]["memory_mib"] is None
    assert rows["local", ""]["memory_mib"] is None


def test_no_limit_and_an_unknown_one_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["platforms"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines if line.startswith("local")] == [["local", "no", "limit"]]
    assert [line.split()[2] for line in lines if line.split()[:2] == ["render", "custom"]] == ["unknown"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["platform"], "unknown topic 'platform': did you mean 'platforms'?", id="topic"),
        pytest.param(["platforms", "rendr"], "unknown platform 'rendr': did you mean 'render'?", id="platform"),
        pytest.param([], "the following arguments are required: topic", id="nothing"),
    ],
)
def test_what_is_not_known_is_refused_with_the_nearest(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
