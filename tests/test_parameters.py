"""What stands for `$NAME` and `${NAME:-default}` in the texts of each tool, and what stays as it is written."""

from __future__ import annotations

import pytest

from memguard_hooks.formats import parameters
from memguard_hooks.formats.parameters import COMPOSE, DOCKER, KUBERNETES, MAX_TEXT, SYSTEMD, Dialect, put_in

KNOWN = {"A": "1", "E": ""}


@pytest.mark.parametrize(
    ("dialect", "text", "expected", "is_known"),
    [
        pytest.param(DOCKER, "no parameter", "no parameter", True, id="none"),
        pytest.param(DOCKER, "$A-${A}$B", "1-1$B", False, id="names"),
        pytest.param(DOCKER, "${B:-x}${B-x}${E:-y}${E-y}", "xxy", True, id="defaults"),
        pytest.param(DOCKER, "${A:+x}${E:+y}${E+z}${B+z}", "xz", True, id="others"),
        pytest.param(DOCKER, "${A?m}${E:?m}", "1${E:?m}", False, id="errors"),
        pytest.param(DOCKER, "${B:-${C:-${A}}}", "1", True, id="nested"),
        pytest.param(DOCKER, "'$A' \\$A \"$A\"", "'$A' \\$A \"1\"", True, id="docker-quotes"),
        pytest.param(DOCKER, "$A${1}${A", "1${1}${A", False, id="no-parameter"),
        pytest.param(COMPOSE, "$$A '$A'", "$A '1'", True, id="compose-dollar"),
        pytest.param(COMPOSE, "${B+x}${A+y}", "${B+x}y", False, id="compose-host-may-set-it"),
        pytest.param(KUBERNETES, "$(A)$$(A)$A${A}$(B)", "1$(A)$A${A}$(B)", False, id="kubernetes"),
        pytest.param(SYSTEMD, "${A}$$A$A$(A)", "1$A$A$(A)", True, id="systemd"),
    ],
)
def test_put_in(dialect: Dialect, text: str, expected: str, is_known: bool) -> None:  # noqa: FBT001 - a column of the table
    assert put_in(text, KNOWN, dialect) == (expected, is_known)


@pytest.mark.parametrize("dialect", [DOCKER, COMPOSE])
def test_what_is_put_in_is_bounded(dialect: Dialect) -> None:
    found = put_in("$A" * 50_000, {"A": "x" * 100}, dialect)
    assert (found.is_known, found.text.count("x")) == (False, MAX_TEXT // 100 * 100)
    assert put_in("${B:-" * 50_000 + "}" * 50_000, {}, dialect).is_known is False
    assert put_in("${B:-" * 50_000, {}, dialect) == ("${B:-" * 50_000, False)


def test_the_parts_of_a_parameter() -> None:
    assert parameters.parse("NAME:-a:-b") == ("NAME", ":-", "a:-b")
    assert parameters.parse("NAME") == ("NAME", "", "")
    assert parameters.parse("NAME!") is None
