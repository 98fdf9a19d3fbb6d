"""`memguard config`, and the schema of the settings, which takes and refuses what the parser does."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import tomli
from folders import write

from memguard_hooks.commands import config
from memguard_hooks.errors import MemguardError
from memguard_hooks.project.settings import _SERVICE_KEYS, _TABLES, _TOP_KEYS, DEFAULTS, SCHEMA, load
from memguard_hooks.rules.policy import CEILING, LITELLM
from memguard_hooks.tree import WorkTree

SETTINGS = json.loads(Path(SCHEMA).read_text(encoding="utf-8"))
PAGE = (Path(__file__).parent.parent / "docs" / "settings.md").read_text(encoding="utf-8")


def test_the_schema_is_one_and_knows_the_keys_of_the_parser() -> None:
    jsonschema.Draft7Validator.check_schema(SETTINGS)
    keys = SETTINGS["properties"]
    assert set(keys) == set(_TOP_KEYS)
    assert set(keys["services"]["additionalProperties"]["properties"]) == set(_SERVICE_KEYS)
    assert set(SETTINGS["definitions"]["budget"]["properties"]) == set(_TABLES["budget"])
    assert all(set(keys[name]["properties"]) == set(_TABLES[name]) for name in ("heavy", "forbid"))


def test_each_key_has_a_default() -> None:
    below = [f"{table}.{key}" for table, keys in _TABLES.items() for key in keys]
    top = [key for key in _TOP_KEYS if key not in {*_TABLES, "services"}]
    assert set(DEFAULTS) == {*top, *below, f"pins.{LITELLM}"}
    assert DEFAULTS[f"pins.{LITELLM}"] == CEILING


GOOD = [
    'limit = "512MiB"\n', 'limit = "1.5 gb"\n', 'scope = "all"\n', 'target-python = "3.11.9"\n', 'pins = {openai = "<2"}\n',
    '[budget]\nwarn = "70.5 %"\njudge = "all"\npessimistic = true\n', '[services.web]\nskip = "toy"\n', 'exclude = ["a"]\n',
    "[services.web]\nworkers = 2\n",
    '[heavy]\nallow = {pandas = "why"}\nonly-through = {litellm = "app.lazy"}\n', "[forbid]\ncompanions = true\n",
]  # fmt: skip
BAD = [
    'limit = "512"\n', "limit = 512\n", 'scope = "some"\n', 'target-python = "2.7"\n', "pins = {openai = 2}\n",
    '[budget]\nwarn = "0.7"\n', '[budget]\njudge = "late"\n', '[services.web]\nskip = " "\n', 'exclude = "a"\n',
    "[heavy]\nallow = {pandas = 1}\n", "[forbid]\ncompanions = 1\n", 'platfrom = "x"\n', '[services.web]\nscope = "all"\n',
    "[heavy]\nwarn = 1\n", "[services.web]\nworkers = 0\n", "[services.web]\nworkers = true\n",
    "[services.web]\nworkers = 10000\n",
]  # fmt: skip


@pytest.mark.parametrize(("text", "is_good"), [*((text, True) for text in GOOD), *((text, False) for text in BAD)])
def test_the_schema_takes_what_the_parser_takes(tmp_path: Path, text: str, is_good: bool) -> None:  # noqa: FBT001
    write(tmp_path, {"memguard.toml": text})
    assert jsonschema.Draft7Validator(SETTINGS).is_valid(tomli.loads(text)) is is_good
    if is_good:
        load(WorkTree(str(tmp_path)))
    else:
        with pytest.raises(MemguardError):
            load(WorkTree(str(tmp_path)))


def test_the_page_of_the_settings_is_valid() -> None:
    example = PAGE.partition("```toml\n")[2].partition("```")[0]
    jsonschema.validate(tomli.loads(example)["tool"]["memguard"], SETTINGS)


def test_what_counts_is_told_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '[tool.memguard]\nplatform = "render-free"\n\n[tool.memguard.services.web]\nlimit = "1GiB"\n'
    write(tmp_path, {"pyproject.toml": text})
    assert config.main([str(tmp_path), "--format", "json"]) == 0
    rows = {row["key"]: (row["value"], row["source"]) for row in json.loads(capsys.readouterr().out)["settings"]}
    assert rows["platform"] == ("render-free", "pyproject.toml:2")
    assert rows["services.web.limit"] == ("1GiB", "pyproject.toml:5")
    assert rows["scope"] == ("reachable", "default")
    assert config.main([str(tmp_path)]) == 0
    assert '"render-free"' in capsys.readouterr().out.splitlines()[0]


def test_what_is_at_fault_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"memguard.toml": "scope = 1\n"})
    assert config.main([str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("memguard.toml:1: error: ")


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert config.main(["--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SETTINGS
