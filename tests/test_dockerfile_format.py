"""The one reader of Dockerfiles: what Docker reads of each instruction, and where a shell finds its characters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memguard_hooks.formats.dockerfile import BrokenInstruction, Instruction, as_shell, exec_form, instructions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("# note\n\n", [], id="comment"),
        pytest.param("FROM x", [("FROM", "x", 1, 1)], id="no-line-end"),
        pytest.param("  run a b \n", [("RUN", "a b ", 1, 3)], id="lower-case"),
        pytest.param("RUN a \\\n# note\n\n  b\nCMD c", [("RUN", "a   b", 1, 1), ("CMD", "c", 5, 1)], id="continued"),
        pytest.param("RUN a \\  \n b", [("RUN", "a  b", 1, 1)], id="blanks-behind-the-escape"),
        pytest.param("RUN a \\\r\n b\r\n", [("RUN", "a  b", 1, 1)], id="windows"),
        pytest.param("RU\\\nN \\\n a", [("RUN", "a", 1, 1)], id="name-in-two-lines"),
        pytest.param("RUN a\\", [("RUN", "a", 1, 1)], id="continued-by-nothing"),
        pytest.param("# syntax=x\n# Escape=`\nRUN C:\\ `\n b", [("RUN", "C:\\  b", 3, 1)], id="escape"),
        pytest.param("# note\n# escape=`\nRUN a \\\n b", [("RUN", "a  b", 3, 1)], id="escape-behind-a-comment"),
        pytest.param("# escape=x\nRUN a \\\n b", [("RUN", "a  b", 2, 1)], id="no-escape"),
        pytest.param("RUN <<A <<-'B'\nx\nA\n\tB\nCMD c", [("RUN", "<<A <<-'B'", 1, 1), ("CMD", "c", 5, 1)], id="heredocs"),
        pytest.param("RUN a <<<b\nCMD c", [("RUN", "a <<<b", 1, 1), ("CMD", "c", 2, 1)], id="here-string"),
        pytest.param("onbuild copy <<A b\nCMD c\nA", [("ONBUILD", "copy <<A b", 1, 1)], id="heredoc-of-onbuild"),
        pytest.param("ENV A=<<B\nCMD c", [("ENV", "A=<<B", 1, 1), ("CMD", "c", 2, 1)], id="no-heredoc"),
        pytest.param("HEALTHCHECK\nCMD c", [("HEALTHCHECK", "", 1, 1), ("CMD", "c", 2, 1)], id="name-alone"),
        pytest.param("<html>\nCMD c", [(1, "is no Dockerfile as it stands: <html>"), ("CMD", "c", 2, 1)], id="none"),
        pytest.param("RUN <<A\nCMD", [("RUN", "<<A", 1, 1), (1, "has a heredoc A without an end")], id="open-heredoc"),
    ],
)  # fmt: skip
def test_instructions(text: str, expected: list[tuple[object, ...]]) -> None:
    assert [tuple(one) if isinstance(one, BrokenInstruction) else one[:4] for one in instructions(text)] == expected


LINES = (
    "RUN pip install a",
    " \\\n",
    "`\n",
    "\n",
    "# note\n",
    "  b 'c d'",
    "<<EOF\n",
    "EOF\n",
    "\r\n",
    "CMD x\n",
    "# escape=`\n",
    "é",
)


@settings(max_examples=300, deadline=None)
@given(parts=st.lists(st.sampled_from(LINES), max_size=12))
def test_each_character_stands_where_the_file_has_it(parts: list[str]) -> None:
    text = "".join(parts)
    for one in instructions(text):
        if isinstance(one, Instruction):
            assert one.start + len(one.written) <= len(text)
            for at, char in enumerate(one.written):
                assert char in (text[one.start + at], " ", "\\", "\n")
            joined = "".join(one.written.replace("\\", "").split())
            assert joined.startswith("".join(one.text.replace("\\", "").split()))


def test_a_shell_reads_what_is_written() -> None:
    (one,) = instructions("# escape=`\nRUN `\n# note\n a `\n\n 'b'\n")
    assert isinstance(one, Instruction)
    assert (one.text, one.start, one.written) == ("a  'b'", 25, "a \\\n  'b'\n")
    assert as_shell('--x=1 ["a", \\\n "b c"] ') == '       "a"     "b c"'
    assert as_shell("a [b]") == "a [b]"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(' ["a", "b c"] ', ("a", "b c"), id="words"),
        pytest.param("[]", (), id="none"),
        pytest.param("['a']", None, id="single-quotes"),
        pytest.param('["a", 1]', None, id="number"),
        pytest.param('["a"] b', None, id="more"),
        pytest.param("[" * 100_000, None, id="deep"),
        pytest.param("a", None, id="shell"),
    ],
)
def test_exec_form(text: str, words: tuple[str, ...] | None) -> None:
    assert exec_form(text) == words
