"""Settings of a project: `[tool.memguard]` in pyproject.toml, or the same keys in memguard.toml.

Reading is strict: an unknown key, a wrong type or a value that means nothing is an error with its
place and the nearest known key. Arguments of a command beat these settings, and these beat the
defaults written in `Settings`.
"""

from __future__ import annotations

import os.path
import re
from types import MappingProxyType

from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB, MOMENTS, Moment, Skipped
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record, T
from memguard_hooks.tree import inside, join

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any, Literal, TypeAlias

    from memguard_hooks.formats.toml_document import KeyPath, TomlDocument
    from memguard_hooks.tree import Tree


FixStyle: TypeAlias = "Literal['function', 'module-getattr', 'lazy-module']"
"""Where fixes put heavy imports: into functions, or behind a module that loads its library, or all of them, when used."""

FIX_STYLES: tuple[FixStyle, ...] = ("function", "module-getattr", "lazy-module")
SCOPES: tuple[Literal["reachable", "all"], ...] = ("reachable", "all")

_NOTHING: Mapping[str, str] = MappingProxyType({})

FILE = "memguard.toml"


class AllowedName(Record):
    """A name that the settings allow, the reason given, and where it is written."""

    reason: str
    path: str
    line: int
    column: int


class ServiceSettings(Record):
    """What `[services.NAME]`, or the top level for all services, says of one service.

    `is_asked` tells that the entry points are those of the command line, which win over what files start. `workers` are the
    processes that a start makes, whatever its files say, None where they decide.
    """

    platform: str | None = None
    limit: int | None = None
    limit_source: str = ""
    entrypoints: tuple[str, ...] = ()
    target_python: tuple[int, int] | None = None
    warn: float | None = None
    fail: float | None = None
    growth: int | None = None
    runtime: int | None = None
    pessimistic: bool | None = None
    judge: Moment | None = None
    skip: str = ""
    is_asked: bool = False
    workers: int | None = None

    def over(self, other: ServiceSettings) -> ServiceSettings:
        """Return these settings with those of `other` where nothing is set here; platform and limit go together."""
        limited = self if self.limit_source else other
        return ServiceSettings(
            platform=limited.platform,
            limit=limited.limit,
            limit_source=limited.limit_source,
            entrypoints=self.entrypoints or other.entrypoints,
            is_asked=self.is_asked or other.is_asked,
            target_python=self.target_python or other.target_python,
            warn=self.warn or other.warn,
            fail=self.fail or other.fail,
            growth=other.growth if self.growth is None else self.growth,
            runtime=other.runtime if self.runtime is None else self.runtime,
            pessimistic=other.pessimistic if self.pessimistic is None else self.pessimistic,
            judge=self.judge or other.judge,
            skip=self.skip,
            workers=self.workers,
        )


class Settings(Record):
    """All settings, with their defaults. Sizes are bytes, shares are of 1."""

    service: ServiceSettings = ServiceSettings()
    services: Mapping[str, ServiceSettings] = MappingProxyType({})
    source_roots: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    scope: Literal["reachable", "all"] | None = None
    heavy_threshold: int = 40 * MIB
    heavy_add: tuple[str, ...] = ()
    heavy_remove: tuple[str, ...] = ()
    heavy_allow: Mapping[str, AllowedName] = MappingProxyType({})
    only_through: Mapping[str, str] = _NOTHING
    forbid_add: tuple[str, ...] = ()
    forbid_remove: tuple[str, ...] = ()
    forbid_allow: Mapping[str, AllowedName] = MappingProxyType({})
    forbid_companions: bool = False
    fix_style: FixStyle = "function"
    pins: Mapping[str, str] = _NOTHING
    pin_sources: Mapping[str, str] = _NOTHING
    """Who has set each of these: a place in the settings, or an option."""
    baseline: str | None = None
    file: str = "pyproject.toml"

    def table(self, name: str) -> str:
        """Return the header of one of the tables, as it stands in the file that the settings are read from."""
        return f"[tool.memguard.{name}]" if self.file.endswith("pyproject.toml") else f"[{name}]"


WARN, FAIL = 0.78, 0.88
"""The bands of the limit: some 400 and 450 of 512 MiB."""

JUDGED: Moment = "serving"
"""The moment that is set against the limit: an app that only starts is of no use."""


def load(tree: Tree, named: str | None = None) -> tuple[Settings, tuple[Skipped, ...]]:
    """Read the settings of a project, from the file `named` or from the usual places.

    Raises MemguardError for a file that is missing or does not parse, and for a key that is unknown.
    """
    if named is not None:
        named = inside(tree.root, named)
        data = tree.read(named)
        if data is None:
            raise MemguardError("no such settings file", named)
        return _read(data, named, in_tool=named.endswith("pyproject.toml")), ()
    own = tree.read(FILE)
    pyproject = tree.read("pyproject.toml")
    if pyproject is not None and _STRAY.search(pyproject):
        _refuse_stray(pyproject, "pyproject.toml")
    if pyproject is None or b"memguard" not in pyproject:
        return (_read(own, FILE, in_tool=False) if own is not None else Settings()), ()
    if own is None:
        return _read(pyproject, "pyproject.toml", in_tool=True), ()
    return _read(own, FILE, in_tool=False), _unused(pyproject, "pyproject.toml")


_STRAY = late_pattern(rb"(?m)^[ \t]*\[[ \t]*(?:tool\.memguard[-_]|memguard|forbid|heavy|fix|pins|budget)")

_OWN_NAMES = ("memguard", "memguard-hooks", "memguard_hooks")


def _refuse_stray(data: bytes, path: str) -> None:
    """Raise MemguardError for a table of these settings that stands in a pyproject.toml where nothing reads it."""
    from memguard_hooks.formats import typed
    from memguard_hooks.formats.toml_document import parse

    document = parse(data, path)
    for key in (*((name,) for name in _OWN_NAMES), *(("tool", name) for name in _OWN_NAMES[1:])):
        if typed.value(document.data, *key) is not None:
            raise document.error(f"nothing reads [{'.'.join(key)}]: write [tool.memguard]", key)
    for name, keys in _TABLES.items():
        found = typed.table(document.data, name)
        if found and (name == "pins" or found.keys() <= {*keys}):
            raise document.error(f"nothing reads [{name}] in a {path}: write [tool.memguard.{name}]", (name,))


class EffectiveSetting(Record):
    """One key with the value that counts, as TOML writes it, and where that comes from: `pyproject.toml:3`, `default`."""

    key: str
    value: object
    source: str


SCHEMA = os.path.join(os.path.dirname(__file__), "settings.schema.json")
"""The JSON schema of memguard.toml, and of `[tool.memguard]`."""

DEFAULTS: Mapping[str, object] = MappingProxyType({
    "platform": None, "limit": None, "baseline": "memguard-baseline.json", "entrypoints": [], "target-python": None,
    "source-roots": [], "exclude": [], "scope": "reachable", "heavy-threshold": "40MiB",
    "heavy.add": [], "heavy.remove": [], "heavy.allow": {}, "heavy.only-through": {},
    "forbid.add": [], "forbid.remove": [], "forbid.allow": {}, "forbid.companions": False,
    "fix.style": "function", "pins.litellm": "<1.70",
    "budget.warn": f"{WARN:.0%}", "budget.fail": f"{FAIL:.0%}", "budget.growth": None, "budget.runtime": None,
    "budget.judge": JUDGED, "budget.pessimistic": False,
})  # fmt: skip
"""What counts where no file sets a key; None where the deployment files decide, or nothing does."""


def effective(tree: Tree, named: str | None = None) -> tuple[list[EffectiveSetting], tuple[Skipped, ...]]:
    """Return each key with its value and source, the tables of services behind the others. Raises as `load` does."""
    from memguard_hooks.formats.toml_document import parse

    found, unused = load(tree, named)
    document = parse(tree.read(found.file) or b"", found.file)
    key: KeyPath = ("tool", "memguard") if found.file.endswith("pyproject.toml") else ()
    values: Any = document.data
    for part in key:
        values = values.get(part, {})
    rows = {name: EffectiveSetting(name, value, "default") for name, value in DEFAULTS.items()}
    for path, value in _written(values, ()):
        name = ".".join(path)
        rows[name] = EffectiveSetting(name, value, f"{found.file}:{document.place((*key, *path)).line}")
    return list(rows.values()), unused


def _written(table: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield the keys of a table and of the tables below it that are no values themselves, each with its value."""
    for name, value in table.items():
        path = (*above, name)
        is_value = not isinstance(value, dict) or ".".join(path) in DEFAULTS
        yield from [(path, value)] if is_value else _written(value, path)


def _unused(data: bytes, path: str) -> tuple[Skipped, ...]:
    """Say that the settings of a pyproject.toml count for nothing beside a file of their own."""
    from memguard_hooks.formats.toml_document import parse

    document = parse(data, path)
    tools = document.data.get("tool")
    if not isinstance(tools, dict) or "memguard" not in tools:
        return ()
    line = document.place(("tool", "memguard")).line
    return (Skipped(path, line, f"its [tool.memguard] is not used: {FILE} is read instead"),)


MAX_PROCESSES = 9999
"""Processes that a start may make: four digits, as in the files that it is read from."""

MAX_TEXTS = 1000
"""Items of one list: a glob and a file make a comparison each."""

MAX_DIGITS = 20
_UNITS = {None: 1, "K": 2**10, "M": 2**20, "G": 2**30}


def parse_size(text: str) -> int:
    """Read `512MiB`, `512M`, `1GiB`, `1.5GB` as bytes; hosts write MB where they mean MiB, so both are 2**20.

    Raises ValueError, also for a number without a unit: `512` is sure to mean something else than bytes.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([KMG])i?B?|B)", text.strip(), re.IGNORECASE | re.ASCII)
    if match is None or len(match[1]) > MAX_DIGITS:
        raise ValueError(f"not a size: {text!r}")
    return int(float(match[1]) * _UNITS[match[2].upper() if match[2] else None])


def parse_python(text: str) -> tuple[int, int]:
    """Read `3.11` or `3.11.9` as (3, 11). Raises ValueError."""
    match = re.fullmatch(r"3\.(\d{1,2})(?:\.\d+)?", text.strip(), re.ASCII)
    if match is None:
        raise ValueError(f"not a Python: {text!r}")
    return 3, int(match[1])


def parse_share(text: str) -> float:
    """Read `78%` as 0.78. Raises ValueError."""
    match = re.fullmatch(r"(\d{1,4}(?:\.\d+)?)\s*%", text.strip(), re.ASCII)
    if match is None or not 0 < float(match[1]) <= 1000:
        raise ValueError(f"not a share: {text!r}")
    return float(match[1]) / 100


def _parse_band(text: str) -> float:
    """Read a share of the limit: above 100% nothing would ever be told."""
    share = parse_share(text)
    if share > 1:
        raise ValueError(text)
    return share


def _shown(value: object) -> str:
    """Return a wrong value for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


class _Table:
    """One table of the settings, which knows its keys and where it stands."""

    def __init__(self, document: TomlDocument, key: KeyPath, value: object, known: tuple[str, ...]) -> None:
        self._document = document
        self._key = key
        if not isinstance(value, dict):
            raise document.error(f"{self._name()} must be a table", key)
        self.values: dict[str, Any] = value
        for name in self.values:
            if name not in known:
                raise document.error(self._unknown(name, known), (*key, name))

    def _name(self, name: str | None = None) -> str:
        return ".".join(str(part) for part in (*self._key, *([name] if name else [])))

    def _unknown(self, name: str, known: tuple[str, ...]) -> str:
        import difflib

        home = self._home(name, known)
        if home is not None:
            return f"nothing reads {self._name(name)!r} here: {home}"
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        advice = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
        return f"unknown key {self._name(name)!r}: {advice}"

    def _home(self, name: str, known: tuple[str, ...]) -> str | None:
        """Say where a key belongs that another table knows, None where none does."""
        in_tool = self._key[:2] == ("tool", "memguard")
        prefix = "tool.memguard." if in_tool else ""
        if name in ("tool", *_OWN_NAMES) and not self._key:
            return f"the tables of {FILE} have no prefix, such as [forbid]"
        if name in known:
            return None
        if "services" in self._key and name in _TABLES["budget"]:
            return f"it belongs to [{self._name('budget')}]"
        homes = [table for table, keys in _TABLES.items() if name in keys]
        if homes:
            return f"it belongs to {' or '.join(f'[{prefix}{home}]' for home in homes)}"
        is_of_all = name in _TOP_KEYS and len(self._key) > 2 * in_tool
        top = "[tool.memguard]" if in_tool else f"the top of {self._document.path}"
        return f"it belongs to {top}" if is_of_all else None

    def table(self, name: str, known: tuple[str, ...]) -> _Table:
        return _Table(self._document, (*self._key, name), self.values.get(name, {}), known)

    def place(self, name: str) -> tuple[str, int, int]:
        place = self._document.place((*self._key, name))
        return self._document.path, place.line, place.column

    def text(self, name: str, parse: Callable[[str], T], example: str) -> T | None:
        """Return a parsed string, None where the key is not there."""
        if name not in self.values:
            return None
        value = self.values[name]
        try:
            if isinstance(value, str):
                return parse(value)
        except ValueError:
            pass
        raise self._document.error(f"{self._name(name)} must be {example}, not {_shown(value)}", (*self._key, name))

    def choice(self, name: str, words: Sequence[T]) -> T | None:
        """Return the one of some words that a string is, None where the key is not there."""

        def chosen(text: str) -> T:
            for word in words:
                if text == word:
                    return word
            raise ValueError(text)

        *most, last = map(repr, words)
        return self.text(name, chosen, f"{', '.join(most)} or {last}")

    def flag(self, name: str) -> bool | None:
        """Return true or false, None where the key is not there."""
        value = self.values.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise self._document.error(f"{self._name(name)} must be true or false, not {_shown(value)}", (*self._key, name))

    def number(self, name: str, most: int) -> int | None:
        """Return a number from 1 on, None where the key is not there."""
        value = self.values.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most):
            return value
        raise self._document.error(
            f"{self._name(name)} must be a number from 1 to {most}, not {_shown(value)}", (*self._key, name)
        )

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._document.error(
                f"{self._name(name)} must be a list of strings, not {_shown(value)}", (*self._key, name)
            )
        if len(value) > MAX_TEXTS:
            raise self._document.error(f"{self._name(name)} has more than {MAX_TEXTS} items", (*self._key, name))
        return tuple(value)

    def inside(self, path: str, *key: str | int) -> str:
        """Return a path from the root without `.` and `..`; one that leads out of it is at fault."""
        found = join("", path)
        if found is None:
            name = self._name(str(key[0]))
            raise self._document.error(f"{name} must lie in the project, not at {_shown(path)}", (*self._key, *key))
        return found

    def mapping(self, name: str | None = None) -> dict[str, str]:
        """Return a table of strings: a table below this one, or this one."""
        value = self.values.get(name, {}) if name else self.values
        key = (*self._key, name) if name else self._key
        if not isinstance(value, dict):
            raise self._document.error(f"{self._name(name)} must be a table of strings", key)
        for inner, text in value.items():
            if not isinstance(text, str):
                raise self._document.error(f"{self._name(name)}.{inner} must be a string, not {_shown(text)}", (*key, inner))
        return value

    def allowances(self) -> dict[str, AllowedName]:
        """Return `allow = {name = "reason"}` with places."""
        found: dict[str, AllowedName] = {}
        for name, reason in self.mapping("allow").items():
            place = self._document.place((*self._key, "allow", name))
            found[name] = AllowedName(reason.strip(), self._document.path, place.line, place.column)
        return found


_SHARED_KEYS = ("platform", "limit", "entrypoints", "target-python", "budget")
_SERVICE_KEYS = (*_SHARED_KEYS, "skip", "workers")
_TOP_KEYS = (
    *_SHARED_KEYS,
    "source-roots",
    "exclude",
    "scope",
    "heavy-threshold",
    "heavy",
    "forbid",
    "fix",
    "pins",
    "services",
    "baseline",
)
_LIST_KEYS = ("add", "remove", "allow")
_TABLES = {
    "heavy": (*_LIST_KEYS, "only-through"),
    "forbid": (*_LIST_KEYS, "companions"),
    "fix": ("style",),
    "budget": ("warn", "fail", "growth", "runtime", "pessimistic", "judge"),
    "pins": (),
}
"""Table → the keys that it knows; those of `pins` are packages."""


def _read(data: bytes, path: str, *, in_tool: bool) -> Settings:
    from memguard_hooks.formats.toml_document import parse

    document = parse(data, path)
    key: KeyPath = ()
    value: object = document.data
    if in_tool:
        key = ("tool", "memguard")
        tools = document.data.get("tool", {})
        value = tools.get("memguard", {}) if isinstance(tools, dict) else {}
    top = _Table(document, key, value, _TOP_KEYS)
    heavy, forbid = top.table("heavy", _TABLES["heavy"]), top.table("forbid", _TABLES["forbid"])
    names = top.values.get("services", {})
    baseline = top.text("baseline", str, "a path such as 'memguard-baseline.json'")
    threshold = top.text("heavy-threshold", parse_size, "a size such as '40MiB'")
    services = top.table("services", tuple(names) if isinstance(names, dict) else ())
    everywhere = _service(top)
    return Settings(
        service=everywhere,
        services={name: _service(services.table(name, _SERVICE_KEYS)).over(everywhere) for name in services.values},
        source_roots=tuple(
            top.inside(text, "source-roots", number) for number, text in enumerate(top.texts("source-roots"))
        ),
        exclude=top.texts("exclude"),
        scope=top.choice("scope", SCOPES),
        heavy_threshold=40 * MIB if threshold is None else threshold,
        heavy_add=heavy.texts("add"),
        heavy_remove=heavy.texts("remove"),
        heavy_allow=heavy.allowances(),
        only_through=heavy.mapping("only-through"),
        forbid_add=forbid.texts("add"),
        forbid_remove=forbid.texts("remove"),
        forbid_allow=forbid.allowances(),
        forbid_companions=forbid.flag("companions") is True,
        fix_style=top.table("fix", _TABLES["fix"]).choice("style", FIX_STYLES) or "function",
        pins=_pins(top),
        pin_sources=_pin_sources(top),
        baseline=None if baseline is None else top.inside(baseline, "baseline"),
        file=path,
    )


def _service(table: _Table) -> ServiceSettings:
    budget = table.table("budget", _TABLES["budget"])
    limit = table.text("limit", _parse_limit, "a size such as '512MiB'")
    platform = table.text("platform", str, "a platform such as 'render-free'")
    source = ""
    for name in ("platform", "limit"):
        if name in table.values:
            path, line, _ = table.place(name)
            source = f"{path}:{line} {name}"
    return ServiceSettings(
        platform=platform,
        limit=limit,
        limit_source=source,
        entrypoints=table.texts("entrypoints"),
        target_python=table.text("target-python", parse_python, "a version such as '3.11'"),
        warn=budget.text("warn", _parse_band, "a share up to 100%, such as '78%'"),
        fail=budget.text("fail", _parse_band, "a share up to 100%, such as '88%'"),
        growth=budget.text("growth", parse_size, "a size such as '25MiB'"),
        runtime=budget.text("runtime", parse_size, "a size such as '80MiB'"),
        pessimistic=budget.flag("pessimistic"),
        judge=budget.choice("judge", MOMENTS),
        skip=table.text("skip", _reason, "the reason why it is not judged") or "",
        workers=table.number("workers", MAX_PROCESSES),
    )


def _reason(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text


def _parse_limit(text: str) -> int:
    size = parse_size(text)
    if size == 0:
        raise ValueError(text)
    return size


def _pins(top: _Table) -> dict[str, str]:
    names = tuple(top.mapping("pins"))
    if not names:
        return {}
    from packaging.specifiers import SpecifierSet
    from packaging.utils import canonicalize_name

    table = top.table("pins", names)
    for name in names:
        table.text(name, SpecifierSet, "specifiers such as '<1.70'")  # InvalidSpecifier is a ValueError
    return {str(canonicalize_name(name)): text for name, text in table.mapping().items()}


def _pin_sources(top: _Table) -> dict[str, str]:
    names = tuple(top.mapping("pins"))
    if not names:
        return {}
    from packaging.utils import canonicalize_name

    table = top.table("pins", names)
    places = {str(canonicalize_name(name)): table.place(name) for name in names}
    return {name: f"{path}:{line}" for name, (path, line, _) in places.items()}
