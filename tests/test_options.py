"""What is read of a command line without argparse is what argparse reads of it."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from memguard_hooks.commands import hook
from memguard_hooks.hooks import options
from memguard_hooks.hooks.all_hooks import HOOKS

MODULES = {name: importlib.import_module(f"memguard_hooks.hooks.{name.replace('-', '_')}") for name in HOOKS}
PARSERS = {**{name: module._make_parser for name, module in MODULES.items()}, "memguard": hook.make_parser}
NAMES = [[], ["a.py"], ["a.py", "b/c d.py", "ü.py", "", "@x", "a=b"]]


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("words", NAMES, ids=len)
def test_names_alone_are_read_as_argparse_does(name: str, words: list[str]) -> None:
    found = options.read(words, PARSERS[name])
    parsed = PARSERS[name]().parse_args(words)
    given = {key: value for key, value in vars(parsed).items() if value not in (None, [])}
    defaults = {key: getattr(found, key) for key in vars(parsed) if getattr(found, key) not in (None, (), [])}
    assert defaults == given


@pytest.mark.parametrize("name", PARSERS)
def test_an_option_is_read_by_argparse(name: str) -> None:
    found = options.read(["--format", "json", "--fail-on=never"], PARSERS[name])
    assert (found.format, found.fail_on, list(found.files)) == ("json", "never", [])


def test_a_wrong_one_ends_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--no-such"], ["--format", "sorry"]):
        with pytest.raises(SystemExit) as ended:
            options.read(words, PARSERS["memory-budget"])
        assert ended.value.code == 2
        assert words[0] in capsys.readouterr().err


def test_argparse_is_not_loaded_for_names() -> None:
    code = "import sys; from memguard_hooks.hooks import options; options.read(['a.py'], lambda: None)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print('argparse' in sys.modules)"], capture_output=True, check=True
    )
    assert done.stdout == b"False\n"
