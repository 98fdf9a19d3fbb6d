"""What programs share that read their options by click: variables that stand for options, and files of variables."""

from __future__ import annotations

import re

from memguard_hooks.deployment.options import ParsedOptions
from memguard_hooks.deployment.start import Host, RefusedError

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Sequence

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off", ""})


def with_variables(
    given: ParsedOptions, valued: Sequence[str], flags: Sequence[str], prefix: str, host: Host
) -> ParsedOptions:
    """Add the options that variables such as `UVICORN_WORKERS` give where the command line does not.

    Raises RefusedError for a flag that is neither yes nor no.
    """
    values, on = dict(given.values), set(given.flags)
    for option in valued:
        text = host.variables.get(_variable(prefix, option))
        if text and option not in values:
            values[option] = text
    for option in flags:
        text = host.variables.get(_variable(prefix, option))
        if text is None or option in on or f"--no-{option[2:]}" in on:
            continue
        if text.strip().lower() in _TRUE:
            on.add(option)
        elif text.strip().lower() not in _FALSE:
            raise RefusedError(f"{_variable(prefix, option)} is {text!r}, which is no yes or no")
    return given._replace(values=values, flags=frozenset(on))


def _variable(prefix: str, option: str) -> str:
    return f"{prefix}_{option[2:].replace('-', '_').upper()}"


def with_file(path: str | None, host: Host) -> Host:
    """Add the variables of a file such as `.env`, as python-dotenv does; those that are set stay."""
    text = host.read_text(path) if path else None
    if text is None:
        return host
    found: dict[str, str] = {}
    for line in text[: 2**16].splitlines():
        match = re.fullmatch(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=(.*)", line)
        if match is not None:
            quoted = re.fullmatch(r"(['\"])(.*)\1(?:\s+#.*)?", match[2].strip())
            found[match[1]] = quoted[2] if quoted else re.split(r"\s#", match[2], maxsplit=1)[0].strip()
    return host._replace(variables={**found, **host.variables})
