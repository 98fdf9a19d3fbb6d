"""What a file builds of its classes and routes while it loads, by its bytes: more than its source takes.

A class of pydantic's has a schema and a validator of each field, a mapped class of SQLAlchemy's a table and a mapper, a
route of FastAPI's the fields of what it takes and returns. What counts here is how many there are; whose class it is, the
names of its bases tell, which other files may define.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record


class BuiltClass(Record):
    """A class at module level: the last names of its bases, its annotated fields, its columns and its fields of Django."""

    name: str
    bases: tuple[str, ...]
    fields: int
    columns: int
    assigned: int


class BuiltAtLoad(Record):
    """The routes of FastAPI's that a file adds, and the classes with bases that it defines."""

    routes: int = 0
    classes: tuple[BuiltClass, ...] = ()


NOTHING = BuiltAtLoad()

_CLASS = late_pattern(rb"^class[ \t]+(\w{1,200})[ \t]*\(([^()]{1,500})\)[ \t]*:[^\n]*\n", re.MULTILINE)
_END = late_pattern(rb"^(?![ \t\r\n#)\]}])", re.MULTILINE)
_TEXT = late_pattern(rb"\"\"\".*?\"\"\"|'''.*?'''", re.DOTALL)
_FIELD = late_pattern(rb"^(?: {2,4}|\t)(?!class\b)\w{1,200}[ \t]*:[ \t]*[\w\"'(]", re.MULTILINE)
_COLUMN = late_pattern(rb"\b(?:Column|mapped_column|relationship)\(")
_ASSIGNED_FIELD = late_pattern(rb"=[ \t]*(?:models\.)?\w{0,50}(?:Field|ForeignKey)\(")
_ROUTE = late_pattern(
    rb"^[ \t]*@\w[\w.]{0,200}\.(?:get|post|put|patch|delete|head|options|websocket|api_route)\(", re.MULTILINE
)
_ASSIGNED = late_pattern(rb"^(\w{1,200})[ \t]*(?::[^=\n]{1,200})?=[ \t]*(?:\w+\.){0,3}(declarative_base)\(", re.MULTILINE)


def read_built(data: bytes) -> BuiltAtLoad:
    """Return what a file builds while it loads."""
    if b"class" not in data and b"@" not in data:
        return NOTHING
    routes = len(_ROUTE.findall(data)) if b"fastapi" in data else 0
    return BuiltAtLoad(routes, tuple(_classes(data)))


def _classes(data: bytes) -> Iterator[BuiltClass]:
    for name, base in _ASSIGNED.findall(data) if b"declarative_base" in data else ():
        yield BuiltClass(_decoded(name), (_decoded(base),), 0, 0, 0)
    for header in _CLASS.finditer(data) if b"class" in data else ():
        end = _END.search(data, header.end())
        body = data[header.end() : end.start() if end else len(data)]
        if b'"""' in body or b"'''" in body:
            body = _TEXT.sub(b"", body)
        columns = len(_COLUMN.findall(body))
        bases = [base.split(b"[")[0].rpartition(b".")[2].strip() for base in header[2].split(b",") if b"=" not in base]
        options = b"table" in header[2] and b"True" in header[2]
        found = tuple(_decoded(base) for base in bases if base)
        yield BuiltClass(
            _decoded(header[1]),
            (*found, *(["table"] if options else [])),
            len(_FIELD.findall(body)),
            columns,
            len(_ASSIGNED_FIELD.findall(body)),
        )


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "replace")
