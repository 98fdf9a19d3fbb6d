"""One declared requirement, with its position, and what can be said of it by itself.

packaging judges specifiers and markers; it is imported only for what is not plain, and takes a while to load.
"""

from __future__ import annotations

import re
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne

from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet
    from typing import Literal, TypeAlias

    from packaging.specifiers import SpecifierSet

Group: TypeAlias = "Literal['runtime', 'extra', 'development', 'build']"
Notation: TypeAlias = "Literal['pep508', 'poetry', 'pipfile', 'conda']"
Wanted: TypeAlias = "Callable[[str], bool]"


MAX_CLAUSES = 500
"""Versions and extras of one requirement: nobody writes as many, and packaging takes a while for each."""

MAX_VERSION = 200
"""Characters of a version: Python refuses to make numbers of thousands of digits."""


class RequirementSource(Record):
    """Where a package comes from: the name or URL of an index, the URL of a repository or a file, a path."""

    kind: Literal["index", "vcs", "url", "path"]
    location: str


def source_in_git(url: str, revision: str | None) -> RequirementSource:
    """Return a repository at a revision, or at its newest one."""
    return RequirementSource("vcs", f"git+{url}@{revision}" if revision else f"git+{url}")


class Requirement(Record):
    """A requirement as it is declared in a manifest.

    `name` is normalized; `text` is what packaging parses, without the options of its line, and for
    formats that have another way of writing the same thing in PEP 508; `via` names the packages that
    have brought it, as a compiled file says, and is empty for what the project itself asks for, though `also_via` others;
    `index_name` is the name or the URL of the index that it must come from, None where any will do;
    `notation` is how its file writes it, and `brings` is False where a command installs it without its dependencies.
    """

    name: str
    text: str
    path: str
    line: int
    column: int
    end_line: int
    specifier: str = ""
    marker: str | None = None
    extras: tuple[str, ...] = ()
    url: str | None = None
    group: Group = "runtime"
    group_name: str | None = None
    is_constraint: bool = False
    via: tuple[str, ...] = ()
    index_name: str | None = None
    notation: Notation = "pep508"
    brings: bool = True
    also_via: tuple[str, ...] = ()


class RequirementComment(Record):
    """A comment of a manifest, from its `#` on."""

    path: str
    line: int
    column: int
    text: str


class Manifest(Record):
    """What one manifest, with all that it includes, declares.

    `own_extras` are the extras of the project itself that it asks for (`-e .[ml]`), each with the
    extra that asks, None where it is the deployment.
    """

    requirements: tuple[Requirement, ...] = ()
    comments: tuple[RequirementComment, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    own_extras: tuple[tuple[str | None, str], ...] = ()

    @classmethod
    def of(cls, parts: Iterable[Manifest]) -> Manifest:
        """Return all parts as one."""
        found = list(parts)
        return cls(
            tuple(one for part in found for one in part.requirements),
            tuple(one for part in found for one in part.comments),
            tuple(one for part in found for one in part.skipped),
            tuple(one for part in found for one in part.own_extras),
        )

    def in_group(self, group: Group, name: str | None) -> Manifest:
        """Return a requirements file as the group of the manifest that takes it in."""
        if group == "runtime":
            return self
        requirements = tuple(one._replace(group=group, group_name=name) for one in self.requirements)
        return self._replace(requirements=requirements, own_extras=())


_NAME = late_pattern(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?=$|[][<>=!~;(@,\s])")


@lru_cache(maxsize=2**14)
def normalize_name(name: str) -> str:
    """Normalize the name of a distribution as packaging's `canonicalize_name` does, without loading it."""
    name = name.lower().replace("_", "-").replace(".", "-")
    while "--" in name:
        name = name.replace("--", "-")
    return name


def name_of(text: str) -> str | None:
    """Return the normalized name that a requirement starts with, without judging the rest."""
    name = text.partition("==")[0]  # as most of them are
    if not (name.isascii() and _is_name(name)):
        match = _NAME.match(text)
        if match is None:
            return None
        name = match[1]
    return normalize_name(name)


MAX_BYTES = 8 * 2**20
"""Of one requirements file with what it includes: the largest compiled ones have two or three MiB of hashes."""

LINE_ENDS = (b"\r", b"\n", b"\v", b"\f", b"\x1c", b"\x1d", b"\x1e", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
"""The ends of lines that pip knows, in UTF-8."""

_DASHES = bytes.maketrans(b"_.", b"--")


def mentions(data: bytes, names: Iterable[str]) -> bool:
    """Return whether the bytes of a requirements file may name one of the distributions: never False where they do."""
    if len(data) > MAX_BYTES:  # which its reader tells
        return True
    if b"\0" in data or b"coding" in data:  # UTF-16 or UTF-32; whatever else a coding line says
        return True
    text = data
    if b"\\" in data:  # a name may stand on two lines
        for end in LINE_ENDS:
            text = text.replace(b"\\" + end, b"\\")
        text = text.replace(b"\\", b"")
    text = text.translate(_DASHES).lower()
    while b"--" in text:
        text = text.replace(b"--", b"-")
    return any(name.encode() in text for name in names)


def compose(name: str, extras: Iterable[str], specifier: str, url: str | None, marker: str | None) -> str:
    """Write in PEP 508 what another format says in parts."""
    asked = ",".join(extras)
    text = name + (f"[{asked}]" if asked else "")
    text += f" @ {url.replace(' ', '%20')}" if url is not None else specifier
    return f"{text} ; {marker}" if marker else text


def is_template(path: str) -> bool:
    """Return whether a path has a place to be filled in, as those of a cookiecutter have."""
    return "{{" in path


def shorten(text: str) -> str:
    """Return a text for a message: not too long, and without the password of a URL."""
    text = re.sub(r"://[^/@\s]*@", "://", text[:500])
    return text if len(text) <= 100 else f"{text[:99]}…"


_NAMED = r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[(?P<extras>[a-z0-9]+(?:,[a-z0-9]+)*)\])?"
_NUMBERS = r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,9}"
_CLAUSE = rf"(?:[=!<>]=|[<>]|~=(?= ?[0-9]+\.)) ?{_NUMBERS}"

_RANGE = late_pattern(rf"{_NAMED} ?(?P<specifier>(?:{_CLAUSE}(?: ?, ?{_CLAUSE})*)?)")
"""A name alone, or with bounds; packaging says the same of them, and takes a while to load."""


def _pinned(text: str) -> tuple[str, str]:
    """Return the name and the version of what most lines of an application look like, empty for another."""
    name, _, version = text.partition("==")
    numbers = version.split(".")
    is_plain = text.isascii() and _is_name(name) and len(numbers) <= 10
    return (name, version) if is_plain and all(one.isdecimal() and len(one) < 10 for one in numbers) else ("", "")


def _is_name(text: str) -> bool:
    """Return whether an ASCII text is the name of a distribution."""
    letters = text.replace("-", "").replace("_", "").replace(".", "")
    return letters.isalnum() and text[0].isalnum() and text[-1].isalnum()


@lru_cache(maxsize=2**14)
def parse(text: str, path: str, line: int, column: int, end_line: int) -> Requirement:
    """Parse a PEP 508 requirement. Raises MemguardError with the place. Many files may include one."""
    name, version = _pinned(text)
    if name:
        return Requirement(normalize_name(name), text, path, line, column, end_line, f"=={version}")
    plain = _RANGE.fullmatch(text)
    clauses = plain["specifier"].replace(" ", "").split(",") if plain is not None else []
    if plain is not None and len({one.rstrip("0123456789.") for one in clauses}) == len(clauses):
        extras = tuple(sorted(set(plain["extras"].split(",")))) if plain["extras"] else ()
        name = normalize_name(plain["name"])
        return Requirement(name, text, path, line, column, end_line, ",".join(sorted(clauses)), extras=extras)
    from packaging.requirements import InvalidRequirement
    from packaging.requirements import Requirement as Parsed

    if text.count(",") > MAX_CLAUSES:
        problem = f"is not a valid requirement: {shorten(text)!r} (it has more than {MAX_CLAUSES} parts)"
        raise MemguardError(problem, path, line, column)
    try:
        parsed = Parsed(text)
    except InvalidRequirement as error:
        reason = shorten(str(error).splitlines()[0])
        raise MemguardError(f"is not a valid requirement: {shorten(text)!r} ({reason})", path, line, column) from None
    except RecursionError:
        raise MemguardError("is nested too deeply", path, line, column) from None
    if any(len(specifier.version) > MAX_VERSION for specifier in parsed.specifier):
        raise MemguardError(f"is not a valid requirement: {shorten(text)!r} (no version is as long)", path, line, column)
    return Requirement(
        name=normalize_name(parsed.name),
        text=text,
        path=path,
        line=line,
        column=column,
        end_line=end_line,
        specifier=str(parsed.specifier),
        marker=str(parsed.marker) if parsed.marker else None,
        extras=tuple(sorted(parsed.extras)),
        url=parsed.url,
    )


def is_live(requirement: Requirement, python: tuple[int, int] | None) -> bool:
    """Return whether the marker can hold on a Linux host, for the Python given or for any that hosts still run."""
    return can_hold(requirement.marker, python)


def can_hold(
    text: str | None,
    python: tuple[int, int] | None,
    extras: AbstractSet[str] = frozenset(),
    groups: AbstractSet[str] = frozenset(),
    machine: str | None = None,
) -> bool:
    """Return whether a marker can hold on a Linux host with any of some extras; True for one that is no marker.

    `machine` is that of the host, None where it may be x86_64 or aarch64. In a marker of PEP 751's lock, `extras` and
    `groups` are those of the project that are installed.
    """
    if text is None or "platform_release" in text or "platform_version" in text:  # nobody knows the kernel
        return True
    versions = [python] if python else [(3, minor) for minor in range(8, 16)]
    told = _is_met(text, versions, extras)
    if told is not None:
        return told
    from packaging.markers import InvalidMarker, Marker

    try:
        marker = Marker(text)
    except (InvalidMarker, RecursionError):
        return True
    micros = (0, 99) if "_full_version" in text or "implementation_version" in text else (0,)
    machines = ("x86_64", "aarch64") if "platform_machine" in text and machine is None else (machine or "x86_64",)
    hosts = [_environment(*version, micro, one) for version in versions for micro in micros for one in machines]
    try:
        if " in extras" in text or " in dependency_groups" in text:
            installed: dict[str, str | AbstractSet[str]] = {"extras": extras, "dependency_groups": groups}
            return any(marker.evaluate({**host, **installed}, context="lock_file") for host in hosts)
        asked = ("", *extras) if "extra" in text else ("",)
        return any(marker.evaluate({**host, "extra": extra}) for host in hosts for extra in asked)
    except ValueError:  # a comparison without a meaning, such as `platform_machine === "x86_64"`
        return True


_TERM = late_pattern(
    r"(?P<key>sys_platform|platform_(?:system|python_implementation)|os_name|implementation_name)"
    r' (?P<is>[=!]=) "(?P<text>[A-Za-z]\w*)"'
    r'|extra == "(?P<extra>[A-Za-z0-9._-]+)"'
    r'|python_version (?P<how>[=!]=|[<>]=?) "(?P<major>[0-9]{1,4})\.(?P<minor>[0-9]{1,4})"'
)
_COMPARED = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}


def _is_met(text: str, versions: Iterable[tuple[int, int]], extras: AbstractSet[str]) -> bool | None:
    """Return what packaging says of a marker whose terms are plain and have to hold together; None where it is to be asked.

    Most markers are so, and packaging takes a while to load.
    """
    terms = [_TERM.fullmatch(term.strip("()")) for term in text.split(" and ")]
    if None in terms or text.count("(") != text.count(")") or text.count("extra ==") > 1:
        return None
    names = {normalize_name(one) for one in extras}
    return any(all(_holds(term, one, names) for term in terms if term) for one in versions)


def _holds(term: re.Match[str], version: tuple[int, int], extras: AbstractSet[str]) -> bool:
    """Return whether a plain term of a marker holds."""
    if term["extra"] is not None:
        return normalize_name(term["extra"]) in extras
    if term["how"] is not None:
        return bool(_COMPARED[term["how"]](version, (int(term["major"]), int(term["minor"]))))
    return bool(_COMPARED[term["is"]](_environment(*version, 0, "")[term["key"]], term["text"]))


def _environment(major: int, minor: int, micro: int, machine: str) -> dict[str, str]:
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{major}.{minor}.{micro}",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{major}.{minor}.{micro}",
        "python_version": f"{major}.{minor}",
        "sys_platform": "linux",
    }


class Pin(Record):
    """What makes a requirement exact: a version, or content whose version nobody can read (a commit, a hash)."""

    version: str | None


MAX_FILENAME = 300


def pin_of(requirement: Requirement) -> Pin | None:
    """Return what pins a requirement; None where nothing does.

    One exact clause (`==` without a wildcard, or `===`) makes a set exact. A URL is exact where it
    names a release, a full commit hash, or the hash of what it leads to; a branch or a tag can move.
    """
    if requirement.url is not None:
        return _pin_of_url(requirement.name, requirement.url)
    _, version = _pinned(f"x{requirement.specifier}")
    if version:
        return Pin(version)
    for specifier in specifiers(requirement.specifier) if "==" in requirement.specifier else ():
        if specifier.operator in ("==", "===") and not specifier.version.endswith(".*"):
            return Pin(specifier.version)
    return None


def source_of(requirement: Requirement) -> RequirementSource | None:
    """Return where a requirement must come from; None where any index will do."""
    if requirement.url is not None:
        return source_of_url(requirement.url)
    return RequirementSource("index", requirement.index_name) if requirement.index_name is not None else None


def source_of_url(url: str) -> RequirementSource:
    """Return what a URL or a path leads to."""
    if re.match(r"(?i)(?:git|hg|svn|bzr)(?:\+|://)", url):
        return RequirementSource("vcs", url)
    is_remote = "://" in url and not url.lower().startswith("file:")
    return RequirementSource("url" if is_remote else "path", url)


def _pin_of_url(name: str, url: str) -> Pin | None:
    archive, version = archive_of(url)
    if archive is not None and normalize_name(archive) == name:
        return Pin(version)
    if archive is None and source_of_url(url).kind == "path":  # a folder of the project, or beside it
        return Pin(None)
    is_commit = re.search(r"[@/][0-9a-f]{40}(?:[0-9a-f]{24})?(?=$|#|\.zip|\.tar)", url)
    return Pin(None) if is_commit or re.search(r"[#&]sha(?:256|384|512)=", url) else None


def archive_of(location: str) -> tuple[str | None, str | None]:
    """Return the name and the version that the file name of a wheel or of a source archive tells."""
    filename = re.split(r"[?#]", location, maxsplit=1)[0].rpartition("/")[2]
    if len(filename) > MAX_FILENAME:
        return None, None
    match = re.match(r"([A-Za-z0-9._-]+?)-(\d[^-]*?)(?:-.*\.whl|\.tar\.\w+|\.tgz|\.zip|\.whl)$", filename)
    return (match[1], match[2].replace("%2B", "+")) if match else (None, None)


@lru_cache(maxsize=2**10)
def specifiers(text: str) -> SpecifierSet:
    """Parse specifiers that packaging has accepted before."""
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(text)
