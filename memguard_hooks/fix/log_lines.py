"""How a line changes by which `log-volume` has nothing more to say of it.

Levels in deployment files, libraries that are muted, DEBUG lines that ask first, and bounds on what Docker keeps;
`fix/deployment.py` judges each change and keeps what helps.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Sequence

from memguard_hooks.app.service_estimate import RunningService
from memguard_hooks.finding import Finding
from memguard_hooks.formats import python_source
from memguard_hooks.formats.python_nodes import walk
from memguard_hooks.pattern import late_pattern

_OPTION = late_pattern(
    r"(?i)(?P<option>--log-?level(?:[= ]|[\"'][ \t]*,[ \t]*[\"'])|(?<=\s)-l )(?P<level>[\"']?(?:debug|trace)\b)"
)
_VALUE = late_pattern(r"(?i)^[ \t]*value:[ \t]*[\"']?(?P<level>debug|trace|10)\b")
_LEVEL = late_pattern(r"(?i)\blevel[\"']?[ \t]*[:=][ \t]*[\"']?(?P<level>debug|trace|notset|10)\b")
_SETS_ROOT = late_pattern(r"^[ \t]*logging\.basicConfig\(")
_DEBUG = late_pattern(r"(?s)^(?P<indent>[ \t]*)(?P<call>(?P<logger>(?:self\.)?\w+)\.debug\(.*\))[ \t]*$")
_IMPORTED = late_pattern(r"(?m)^import[ \t]+(?:[\w.]+[ \t]*,[ \t]*)*logging[ \t]*(?:[,;#\r]|$)")
_RENAMED = late_pattern(r"\blogging[ \t]+as[ \t]")
_SERVICE = late_pattern(r"^(?P<indent>[ \t]+)[\w.\"'-]+:[ \t]*$")


def at_info(text: str, finding: Finding, _running: RunningService | None) -> str | None:
    """Return a line of a deployment file whose level is INFO."""
    if finding.path.endswith(".py"):
        return None
    own = re.search(
        rf"(?i)\b{re.escape(finding.subject)}[\"']?(?:[ \t]*[:=][ \t]*|[ \t]+)[\"']?(?P<level>debug|trace|10)\b", text
    )
    match = own or _OPTION.search(text) or _VALUE.match(text) or _LEVEL.search(text)
    if match is None:
        return None
    level = match["level"].lstrip("\"'")
    name = "20" if level.isdecimal() else "info" if level.islower() else "INFO"
    end = match.end("level")
    return f"{text[: end - len(level)]}{name}{text[end:]}"


STATEMENTS = ("MG504", "MG505")
"""What changes a whole statement."""


def end_of(data: bytes, line: int) -> int:
    """Return the last line of the call that begins a line, that line itself where none does."""
    module = python_source.tree_of(data.decode("utf-8"))
    calls = (one for one in walk(module) if isinstance(one, ast.Expr) and one.lineno == line)
    return max((one.end_lineno or line for one in calls), default=line)


def muted(text: str, finding: Finding, _running: RunningService | None) -> str | None:
    """Return the line that sets the root logger with those behind it that mute what is loud."""
    if not _SETS_ROOT.match(text) or not _is_one_call(text):
        return None
    indent = text[: len(text) - len(text.lstrip())]
    return "\n".join([text, *(f"{indent}{line}" for line in finding.fix)])


def asking(text: str, _finding: Finding, _running: RunningService | None) -> str | None:
    """Return a DEBUG line whose arguments are only computed where it is written, and not before it is."""
    match = _DEBUG.match(text)
    if match is None:
        return None
    if not _is_one_call(text):
        return None
    indent = match["indent"]
    step = "\t" if indent.startswith("\t") else "    "
    call = match["call"]
    if "#" not in call or "\n" not in call:  # a comment in it would be lost
        call = _with_arguments(call)
    call = call.replace("\n", f"\n{step}")
    # The module writes by its root logger, and has no such method itself.
    logger = "logging.getLogger()" if match["logger"] == "logging" else match["logger"]
    return f"{indent}if {logger}.isEnabledFor(logging.DEBUG):\n{indent}{step}{call}"


def _is_one_call(text: str) -> bool:
    """Return whether lines are one call, in which no text goes over several lines: its own indentation would change."""
    try:
        body = ast.parse(textwrap.dedent(text)).body
    except (SyntaxError, ValueError):
        return False
    texts = (one for node in body for one in walk(node) if isinstance(one, (ast.Constant, ast.JoinedStr)))
    return len(body) == 1 and all(one.lineno == one.end_lineno for one in texts)


def _with_arguments(call: str) -> str:
    """Return a call whose f-string is a text with `%s` and its arguments, as `logging` joins them; as it is in doubt."""
    try:
        node = ast.parse(call, mode="eval").body
    except (SyntaxError, ValueError):
        return call
    if not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords or not isinstance(node.args[0], ast.JoinedStr):
        return call
    texts, arguments = [], []
    for part in node.args[0].values:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            texts.append(part.value.replace("%", "%%"))
        elif isinstance(part, ast.FormattedValue) and part.format_spec is None and part.conversion in _CONVERSIONS:
            texts.append(_CONVERSIONS[part.conversion])
            arguments.append(ast.unparse(part.value))
        else:
            return call
    if not arguments:
        return call
    text = "".join(texts)
    quoted = json.dumps(text, ensure_ascii=False) if text.isprintable() else repr(text)
    return f"{ast.unparse(node.func)}({', '.join((quoted, *arguments))})"


_CONVERSIONS = {-1: "%s", ord("s"): "%s", ord("r"): "%r", ord("a"): "%a"}


def bounded(text: str, finding: Finding, _running: RunningService | None) -> str | None:
    """Return the line that begins a service of compose with the bounds of its log."""
    match = _SERVICE.match(text)
    if match is None or finding.subject != "max-size":
        return None
    indent = match["indent"] * 2  # as `may_change` has seen
    return "\n".join([text, *(f"{indent}{line}" for line in finding.fix)])


def may_change(finding: Finding, data: bytes, lines: Sequence[str]) -> bool:
    """Return whether what a line becomes has all that it needs: the module `logging`, the indentation of its neighbors."""
    if finding.code == "MG504" and (b"loguru" in data or b"structlog" in data):
        return False  # their loggers cannot be asked so
    if finding.code in ("MG504", "MG505"):
        text = data.decode("utf-8", "replace")
        return _IMPORTED.search(text) is not None and _RENAMED.search(text) is None
    if finding.code != "MG507":
        return True
    here, below = (_indent(line) for line in (*lines[finding.line - 1 : finding.line + 1], "")[:2])
    return finding.path.endswith((".yml", ".yaml")) and len(below) == 2 * len(here) > 0


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))]


def told(finding: Finding) -> str:
    """Return what a rewriting did: all lines of the fix where they are its text."""
    return "; ".join(line.strip() for line in finding.fix) if finding.code in ("MG505", "MG507") else finding.fix[0]


REWRITES = {"MG501": at_info, "MG504": asking, "MG505": muted, "MG507": bounded}
"""Code → how a line changes by which it is fixed, None for a line that is not the one."""
