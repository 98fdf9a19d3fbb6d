"""systemd units (`*.service`): `ExecStart=` with the variables, the folder and the memory of its service.

Source of the format: systemd 257, man pages systemd.service, systemd.exec, systemd.resource-control and systemd.syntax.
A unit names folders of a host. What is assumed: its WorkingDirectory is the checkout, or where the repository holds the
started file in a folder that WorkingDirectory ends in, that folder. What only lies beside the unit is copied there with it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from memguard_hooks.deployment.command import Host, parse
from memguard_hooks.deployment.python_program import starts_python
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace, template
from memguard_hooks.errors import MemguardError, within
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import parameters
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import join, parent

SYSTEMD = "systemd"

MAX_BYTES = 2**18
"""A unit is a screen or two."""

MAX_LINE = 2**13

_ASSIGNMENT = late_pattern(r"([A-Za-z][A-Za-z0-9]*)\s*=\s*(.*)", re.DOTALL)
_PREFIXES = "@-:+!|"
_SIZE = late_pattern(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([BKMGTPE]?)\s*")
_UNITS = {unit: 1024**power for power, unit in enumerate("BKMGTPE")}
_WORD = late_pattern(r"""(?:[^\s"'\\]|\\.|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|["'\\])+""", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "s": " "}


class _Line(Record):
    """One assignment, its continuations joined, and where its value stands, 1-based."""

    section: str
    key: str
    value: str
    place: ServicePlace


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the service of a unit where it starts Python and stays, with the drop-in beside it that `systemctl edit` writes.

    Raises MemguardError for a file that is too large.
    """
    if len(data) > MAX_BYTES:
        raise MemguardError(f"is larger than {MAX_BYTES // 1024} KiB", path)
    lines = [
        line for file, text in _texts(data, path, read_file) for line in _lines(text, file) if line.section == "Service"
    ]
    long = next((line for line in lines if len(line.value) > MAX_LINE), None)
    if long is not None:
        return Deployment((), (Skipped(path, long.place.line, f"its {long.key} is longer than {MAX_LINE // 1024} KiB"),))
    filled_in = next((line for line in lines if "{{" in line.value or "{%" in line.value), None)
    if filled_in is not None:
        return Deployment((), (template(path, filled_in.place.line),))
    started = _last(lines, "ExecStart")
    kind = _last(lines, "Type")
    if started is None or (kind is not None and kind.value == "oneshot"):
        return Deployment()
    name = path.rpartition("/")[2].removesuffix(".service")
    where = _last(lines, "WorkingDirectory")
    absolute = re.fullmatch(r"-?(/[^%]*[^%/])/*", where.value) if where is not None else None
    host_folder = absolute[1] if absolute is not None else ""
    words = _words(started.value.lstrip(_PREFIXES))
    mounts = {host_folder: "", **_copied(words, host_folder, path, read_file)} if host_folder else {}
    values, places = _variables(lines, mounts, read_file)
    if "@" in started.value[: len(started.value) - len(started.value.lstrip(_PREFIXES))]:
        del words[1:2]  # the name that the program is told it has
    service = Service(
        name,
        *started.place,
        shlex.join(_expand(words, values)),
        platform=SYSTEMD,
        plan="",
        environment=values,
        mounts=mounts,
        replicas=None if name.endswith("@") else 1,
        variables=places,
        cpus=_cpus(_last(lines, "CPUQuota")),
    )
    if not starts_python(service, read_file):
        return Deployment()
    return Deployment((_with_memory(_placed(service, host_folder, read_file), lines),))


def _copied(words: list[str], host_folder: str, path: str, read: Read) -> dict[str, str]:
    """Return the files that a command names below a folder of the host, that only lie beside the unit: both are copied."""
    found: dict[str, str] = {}
    for word in words:
        file = word.rpartition("=")[2]
        beside = join(parent(path), file.rpartition("/")[2])
        below = join("", file.removeprefix(f"{host_folder}/")) if file.startswith(f"{host_folder}/") else None
        if below and beside and read(below) is None and read(beside) is not None:
            found[file] = beside
    return found


def _texts(data: bytes, path: str, read_file: Read) -> list[tuple[str, str]]:
    """Return the text of a unit and that of its drop-in, whose assignments come behind."""
    other = f"{path}.d/override.conf"
    files = [(path, data), (other, read_file(other))]
    return [
        (file, found.decode("utf-8-sig", "replace"))
        for file, found in files
        if found is not None and len(found) <= MAX_BYTES
    ]


def _lines(text: str, path: str) -> list[_Line]:
    """Return the assignments; a comment inside a continued value is left out."""
    found: list[_Line] = []
    section = ""
    parts: list[str] = []
    start = 0
    for number, raw in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if raw.lstrip().startswith(("#", ";")) or (not raw.strip() and not parts):
            continue
        start = start if parts else number
        is_continued = raw.endswith("\\")
        parts.append(raw[:-1] if is_continued else raw)
        if is_continued:
            continue
        first, joined = parts[0], " ".join(parts).strip()
        parts = []
        if joined.startswith("[") and joined.endswith("]"):
            section = joined[1:-1]
            continue
        match = _ASSIGNMENT.fullmatch(joined)
        if match is not None:
            column = len(first) - len(first.partition("=")[2].lstrip()) + 1
            found.append(_Line(section, match[1], match[2].strip(), ServicePlace(path, start, column)))
    return found


def _all(lines: list[_Line], key: str) -> list[_Line]:
    """Return the values of a key that may stand several times; an empty one forgets those before it."""
    found: list[_Line] = []
    for line in lines:
        if line.key == key:
            found.append(line)
            if not line.value:
                found.clear()
    return found


def _last(lines: list[_Line], key: str) -> _Line | None:
    found = _all(lines, key)
    return found[-1] if found else None


def _words(text: str) -> list[str]:
    """Split as systemd does: quotes and escapes, but no operators of a shell."""

    def bare(match: re.Match[str]) -> str:
        part = match[0]
        if part[0] == "\\":
            return _ESCAPES.get(part[1:], part[1:])
        return re.sub(r"\\(.)", lambda inner: _ESCAPES.get(inner[1], inner[1]), part[1:-1], flags=re.DOTALL)

    quoted = re.compile(r"""\\.|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""", re.DOTALL)
    return [quoted.sub(bare, word) for word in _WORD.findall(text)]


def _expand(words: list[str], known: Mapping[str, str]) -> list[str]:
    """Put in `${X}`, one word, and `$X`, which is split; those that are not known stay as they are written."""
    found: list[str] = []
    for word in words:
        whole = re.fullmatch(r"\$([A-Za-z_]\w*)", word)
        if whole is not None and whole[1] in known:
            found += known[whole[1]].split()
        else:
            found.append(parameters.put_in(word, known, parameters.SYSTEMD).text)
    return found


def _variables(lines: list[_Line], mounts: Mapping[str, str], read: Read) -> tuple[dict[str, str], dict[str, ServicePlace]]:
    """Return the variables and where they stand; those of an EnvironmentFile of the repository beat `Environment=`."""
    values: dict[str, str] = {}
    places: dict[str, ServicePlace] = {}
    for line in _all(lines, "Environment"):
        for word in _words(line.value):
            name, sign, value = word.partition("=")
            if not sign:
                continue
            places[name] = line.place
            values.pop(name, None)
            if "%" not in value.replace("%%", ""):
                values[name] = value.replace("%%", "%")
    for line in _all(lines, "EnvironmentFile"):
        file = line.value.removeprefix("-")
        path = next((join(to, file[len(at) :].lstrip("/")) for at, to in mounts.items() if file.startswith(f"{at}/")), None)
        data = read(path) if path is not None else None
        if path is None or data is None:
            continue
        within(data, MAX_BYTES, "bytes", path)
        for one in _lines("[Service]\n" + data.decode("utf-8-sig", "replace"), path):
            words = _words(within(one.value, MAX_LINE, "letters in a variable", path, one.place.line - 1))
            values[one.key] = words[0] if words else ""
            places[one.key] = ServicePlace(path, one.place.line - 1, 1)
    return values, places


def _placed(service: Service, host_folder: str, read: Read) -> Service:
    """Return the service in the folder of the repository that holds what it starts; see the module's assumption."""
    folders = [""]
    parts = host_folder.split("/")
    folders += ["/".join(parts[at:]) for at in range(len(parts) - 1, 0, -1)]
    for folder in folders[:20]:
        mounts = {**service.mounts, host_folder: folder} if host_folder else {}
        entrypoint = parse(service.command, Host(service.environment, read, mounts=mounts), folder).entrypoint
        if entrypoint is None:
            break
        name = entrypoint.script or (entrypoint.module or "").replace(".", "/")
        if name.startswith("/"):
            return _found_script(service, name, read)
        endings = ("",) if entrypoint.script else (".py", "/__init__.py", "/__main__.py")
        paths = [join(entrypoint.folder, name + ending) for ending in endings]
        if any(path is not None and read(path) is not None for path in paths):
            return service._replace(folder=folder, mounts=mounts)
    return service


def _found_script(service: Service, script: str, read: Read) -> Service:
    """Return the service with the place that a script's absolute path gives to the repository."""
    parts = script.split("/")
    for at in range(1, min(len(parts), 20)):
        path = join("", "/".join(parts[at:]))
        if path and read(path) is not None:
            return service._replace(folder=parent(path), mounts={"/".join(parts[:at]) or "/": ""})
    return service


# What it may take


def _with_memory(service: Service, lines: list[_Line]) -> Service:
    """Add the limit: MemoryMax kills, MemoryLimit is its old name, above MemoryHigh the service is slowed to a crawl."""
    service = service._replace(
        limit_source=f"{service.path}:{service.line} without a limit", limit_label="a systemd service without MemoryMax"
    )
    for key in ("MemoryMax", "MemoryLimit", "MemoryHigh"):
        line = _last(lines, key)
        if line is None or line.value == "infinity":
            continue
        return service._replace(
            limit=parse_size(line.value),
            limit_source=f"{line.place.path}:{line.place.line} {key}",
            limit_label=f"systemd {key}" if parse_size(line.value) else f"systemd {key} {line.value}",
        )
    return service


def parse_size(text: str) -> int | None:
    """Read `512M`, `1G 512M` or bytes, in powers of 1024; None for a share of the host's memory and for what is no size."""
    parts = [(float(match[1]), match[2] or "B") for match in _SIZE.finditer(text)]
    if not parts or len(text) > 100 or _SIZE.sub("", text):
        return None
    return int(sum(number * _UNITS[unit] for number, unit in parts))


def _cpus(line: _Line | None) -> float | None:
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,2})?)%", line.value) if line is not None else None
    return float(match[1]) / 100 if match is not None else None
