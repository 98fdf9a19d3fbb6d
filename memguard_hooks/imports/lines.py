"""The imports at the start of lines, for a file that cannot be parsed: what is not indented runs at import."""

from __future__ import annotations

import re

from memguard_hooks.formats.python_source import MAX_PARTS
from memguard_hooks.imports.model import ImportSite, When
from memguard_hooks.pattern import late_pattern

_IMPORT = late_pattern(
    r"""^(?P<lazy>lazy[ \t]+)?
    (?: import[ \t]+(?P<modules>[^\n\#;]+)
      | from(?P<dots>[ \t.]*)(?:(?P<module>\w[\w.]*)[ \t]*)?\bimport[ \t]*
        (?: \((?P<inside>[^()]{0,20000})\) | (?P<names>[^\n\#;]+) ) )""",
    re.MULTILINE | re.VERBOSE,
)


MAX_IMPORTS = 3_000
"""Of one file: no hand writes more, and a file that cannot be parsed is not judged anyway."""


def unindented_imports(data: bytes) -> tuple[ImportSite, ...]:
    """Return the first `MAX_IMPORTS` imports that begin a line, in order; a line in a string may be taken for one."""
    text = data.decode("utf-8", "replace")
    found: list[ImportSite] = []
    line, last = 1, 0
    for match in _IMPORT.finditer(text):
        if len(found) >= MAX_IMPORTS:
            break
        line += text.count("\n", last, match.start())
        last = match.start()
        end = line + match[0].count("\n")
        when: When = "call" if match["lazy"] else "import"
        why = "in a lazy import" if match["lazy"] else "at module level"
        if match["modules"] is not None:
            modules = _names(match["modules"])[: MAX_IMPORTS - len(found)]
            found += [ImportSite(line, 1, end, name, 0, (), when, why) for name in modules]
        else:
            names = tuple(_names(re.sub(r"#[^\n]*", "", match["inside"] or match["names"] or "")))
            level = match["dots"].count(".")
            found.append(ImportSite(line, 1, end, _without_depth(match["module"] or ""), level, names, when, why))
    return tuple(found)


def _names(text: str) -> list[str]:
    """Return the names of a list, each once, without what `as` calls them; nothing of what is no name."""
    words = [part.split() for part in text.replace("\\", " ").split(",", MAX_IMPORTS)[:MAX_IMPORTS]]
    names = dict.fromkeys(_without_depth(part[0]) for part in words if part)
    return [name for name in names if re.fullmatch(r"[\w.]+|\*", name)]


def _without_depth(name: str) -> str:
    """Return the first `MAX_PARTS` of a dotted name: importing it imports them first, and no module lies deeper."""
    return ".".join(name.split(".", MAX_PARTS)[:MAX_PARTS])
