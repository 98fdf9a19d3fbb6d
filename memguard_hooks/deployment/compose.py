"""`compose.yaml`: services of one host, with the file that overrides them, what they extend and what they include.

Source of the format: compose-spec/compose-spec (05-services.md, 11-extension.md, 13-merge.md, 14-include.md) and
compose-spec/compose-go, packages loader, override and cli (2026-07). `command` takes the place of CMD, `entrypoint` that of
ENTRYPOINT and CMD; both are split into words and see no shell. Where there is a file for production it is merged over the
base and the override file is not; without one, compose merges the override by itself, and so it counts, but for one whose
commands reload: that one is for the developer's machine. `COMPOSE_FILE` in the `.env` beside it names the files instead.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from functools import lru_cache
from itertools import pairwise

from memguard_hooks.deployment import container, dockerfile
from memguard_hooks.deployment.command import Host, parse
from memguard_hooks.deployment.compose_loader import (
    LIMITS,
    MEMORY,
    ComposeDeclared,
    ComposeLoader,
    ComposeSource,
    Written,
    load_project,
    merge,
    source_in,
)
from memguard_hooks.deployment.compose_values import parse_size, read_env_file
from memguard_hooks.deployment.container import DeclaredContainer
from memguard_hooks.deployment.dockerfile import Image, ImageProgram
from memguard_hooks.deployment.images import RepositoryImages, image_name, image_tag
from memguard_hooks.deployment.python_program import starts_python
from memguard_hooks.deployment.service import Build, Database, Deployment, ImageMaker, Read, Service, ServicePlace, Trap
from memguard_hooks.deployment.start import PREPARING
from memguard_hooks.errors import within
from memguard_hooks.finding import Skipped
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import join, parent

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

COMPOSE = "compose"

BASES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""What compose looks for, in this order; the first counts."""

OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
"""What compose merges over the base by itself; the first counts."""

PRODUCTION = tuple(
    f"{stem}{mark}{stage}.{ending}"
    for mark in (".", "-")
    for stem in ("docker-compose", "compose")
    for stage in ("prod", "production")
    for ending in ("yml", "yaml")
)
"""What people merge over the base for production with `-f`; the first counts."""

NAMES = (*BASES, *PRODUCTION)
"""The files that a project may be declared in; only the first that is there is to be read, it finds the others."""

NOT_DEPLOYED = frozenset({"dev", "devel", "development", "local", "debug", "test", "tests", "testing", "ci", "tools", "docs",
                          "init", "setup", "seed", "migrate", "migration", "migrations", "manual", "utility", "utils",
                          "shell", "cli"})  # fmt: skip
"""Profiles that no deployment keeps running: those of developers, and of work that is done once."""

_OF_DEVELOPERS = frozenset({"dev", "devel", "development", "debug", "test", "tests", "testing", "ci"})
"""Words in the names of services that a machine of developers or of tests runs."""

NOT_BUILT = frozenset({"test", "tests", "e2e", "docs", "examples", ".devcontainer"})
"""Folders whose images nobody deploys."""

MAX_FILES = 20
"""Files that one project is merged from."""

_RELOADS = late_pattern(r"\breload|\brunserver\b|\bfastapi dev\b|\bdebugpy\b|\bwatchfiles\b|\bwatchmedo\b")
_ENDS = late_pattern(
    r"(?:manage\.py (?:" + PREPARING + r")|alembic upgrade|flask db upgrade)"
    r"(?: +[^\s;&|'\"]+){0,20}['\"]?\s*$"  # more words than people give them
)
"""Commands that are done before the services that stay, and end."""

_NO_SERVICE = late_pattern(
    r"(?:\S*/)?(?:sleep (?:infinity|\d+)|tail -[fF] /dev/null|mkdocs|sphinx-\w+|pytest|tox|(?:ba)?sh|true)(?=\s|$)"
    r"(?!.*(?:python|gunicorn|uvicorn|celery|-c\b|\.sh\b))"
)
"""Commands of a container that is entered by hand, or that serves no app: documentation and tests."""
_PYTHON_IMAGE = late_pattern(r"(?:^|/)python(?:[:@](\d+\.\d+)?|$)")
_FOR_IMAGES = late_pattern(
    r"(?i)(?:.*/)?\.?(?:docker|compose|docker-compose|deploy(?:ment)?s?|infra(?:structure)?|ops|hosting|server|swarm|stack"
    r"|prod(?:uction)?)"
)
"""Folders of compose files that may name the image of the whole repository."""


def read(
    data: bytes, path: str, read_file: Read = lambda _: None, images: RepositoryImages = container.NO_IMAGES
) -> Deployment:
    """Read the services of a project that start Python; `path` is one of `NAMES`.

    Services that run once, before another, and those only for developers are left out. Raises MemguardError for a file
    that does not parse, with the place.
    """
    folder = parent(path)
    source = source_in(folder, path, read_file)
    named = _named(source, read_file)
    loader, declared = ComposeLoader(read_file), dict[str, ComposeDeclared]()
    if not named:
        loader, source, declared = load_project(data, source, read_file)
    for other, text in named:
        declared = merge(declared, loader.load(text, source._replace(path=other), ()))
    for name in (*PRODUCTION, *OVERRIDES) if path.rpartition("/")[2] in BASES and not named else ():
        other = f"{folder}/{name}".lstrip("/")
        over = read_file(other)
        if over is not None:
            more = loader.load(over, source._replace(path=other), ())
            if _is_whole(other, more):
                declared = more
            elif name not in OVERRIDES or not _reloads(more):
                declared = merge(declared, more)
            break
    is_near = not folder or _FOR_IMAGES.fullmatch(folder) is not None
    found = _services(declared, source.variables, read_file, images, is_near=is_near)
    return Deployment((), tuple(loader.skipped)).joined(Deployment.of(found))


def _named(source: ComposeSource, read_file: Read) -> list[tuple[str, bytes]]:
    """Return the files that `COMPOSE_FILE` names in the `.env` beside the project, which are merged in their order."""
    separator = source.variables.get("COMPOSE_PATH_SEPARATOR", ":")
    names = source.variables.get("COMPOSE_FILE", "").split(separator) if separator else []
    names = within([name for name in names if name], MAX_FILES, "files in COMPOSE_FILE", source.path)
    found = [(path, read_file(path)) for name in names if (path := join(source.folder, name)) is not None]
    return [(path, data) for path, data in found if data is not None]


def _is_whole(path: str, declared: Mapping[str, ComposeDeclared]) -> bool:
    """Return whether a file for production, called `compose-prod.yml`, says of each service what it runs in."""
    keys = [one.facts.keys() for one in declared.values()]
    return "-prod" in path and bool(keys) and all(("image",) in one or ("build",) in one for one in keys)


def _services(
    declared: Mapping[str, ComposeDeclared],
    variables: Mapping[str, str],
    read_file: Read,
    images: RepositoryImages,
    *,
    is_near: bool,
) -> Iterator[Service | Skipped | Trap]:
    told = (_database(name, one, read_file) for name, one in declared.items())
    databases = [database for database in told if database is not None]
    ours = _own_images(declared) if is_near else frozenset[str]()
    made = _MadeHere(ours, _told_by_tag(declared), images, declared)
    every = {name: _with_build(one, declared) for name, one in declared.items() if one.facts}
    found = {name: _service(name, one, variables, read_file, made) for name, one in every.items()}
    done = {name: started for name, started in found.items() if _is_done(name, started, declared)}
    kept = [name for name, started in found.items() if name not in done and isinstance(started, Service)]
    if not kept:  # nothing that they could run before: each is judged for itself
        done = {}
    before = _before(done, kept, declared)
    for name, one in every.items():
        started = found[name] if name not in done else None
        if isinstance(started, Service):
            started = _with_host(started, one)._replace(database=databases[0] if len(databases) == 1 else None)
            started = started._replace(once=before.get(name, ()))
            yield from _traps(started, one)
        if started is not None:
            yield started


def _is_done(name: str, started: Service | Skipped | None, declared: Mapping[str, ComposeDeclared]) -> bool:
    """Return whether a service runs to its end and not on beside the others.

    Another one waits for that, or its command ends by itself; a server may be one that is not started again, too.
    """
    if any(("depends_on", name) in one.facts for one in declared.values()):
        return True
    if not isinstance(started, Service):
        return False
    return _ENDS.search(started.command) is not None and not any(one.cut for one in declared[name].facts.values())


def _before(
    done: Mapping[str, Service | Skipped | None], kept: Sequence[str], declared: Mapping[str, ComposeDeclared]
) -> dict[str, tuple[Build, ...]]:
    """Return what runs to its end in a container of its own, by the first service that waits for it, or else the first."""
    found: dict[str, tuple[Build, ...]] = {}
    for name, one in done.items():
        if isinstance(one, Service):
            holder = next((other for other in kept if ("depends_on", name) in declared[other].facts), kept[0])
            found[holder] = (*found.get(holder, ()), Build(one.command, one.place, one.folder, host=one))
    return found


def _with_build(one: ComposeDeclared, declared: Mapping[str, ComposeDeclared]) -> ComposeDeclared:
    """Return a service without a build with that of another one whose image, which it makes, is the same."""
    image = one.facts.get(("image",))
    if image is None or ("build",) in one.facts:
        return one
    made = (other for other in declared.values() if ("build",) in other.facts and ("image",) in other.facts)
    maker = next((other for other in made if _has_image(other, image.text.text)), None)
    if maker is None:
        return one
    return one._replace(facts={**one.facts, **{key: value for key, value in maker.facts.items() if key[0] == "build"}})


def _has_image(one: ComposeDeclared, image: str) -> bool:
    """Return whether a service runs an image, as the file writes it."""
    return ("image",) in one.facts and one.facts["image",].text.text == image


def _own_images(declared: Mapping[str, ComposeDeclared]) -> frozenset[str]:
    """Return the name of the image that the repository plausibly makes, which several services run and none here builds."""
    images = [one.text("image") or "" for one in declared.values() if one.facts and ("build",) not in one.facts]
    shared = {image for image in images if images.count(image) > 1}  # as a web process and its workers have it
    return container.own_images([DeclaredContainer("", (), image, ServicePlace("", 1, 1)) for image in shared if image])


def _told_by_tag(declared: Mapping[str, ComposeDeclared]) -> frozenset[str]:
    """Return the names of images of which services run several tags, as of `shop:web` and `shop:nginx`."""
    images = {one.text("image") or "" for one in declared.values()}
    names = Counter(image_name(image) for image in images if re.fullmatch(r"[a-z][a-z_-]*", image_tag(image)))
    return frozenset(name for name, count in names.items() if count > 1)


def _reloads(declared: Mapping[str, ComposeDeclared]) -> bool:
    words = [
        one.facts[key].words or ()
        for one in declared.values()
        for key in (("command",), ("entrypoint",))
        if key in one.facts
    ]
    return any(_RELOADS.search(" ".join(command)) for command in words)


_DATABASES = {
    **dict.fromkeys(("postgres", "postgresql", "postgis", "pgvector", "timescaledb", "timescaledb-ha"), "PostgreSQL"),
    **dict.fromkeys(("mysql", "mysql-server", "mariadb", "percona"), "MySQL"),
}
"""What the images of databases run."""

_CONNECTIONS = late_pattern(r"(?:--)?max[_-]connections=(\d{1,6})")
"""How a database is told what it takes: `postgres -c max_connections=300`, `mysqld --max-connections=300`."""


_CONFIGURED = late_pattern(rb"(?im)^[^#\n]*max[_-]connections(?:\s*=\s*|\s+to\s+|\s+)['\"]?(\d{1,6})")
"""How its own configuration says so, also as a Dockerfile writes it, or a script as `ALTER SYSTEM SET`."""

_FROM_DATABASE = late_pattern(rb"(?im)^[ \t]*from[^\n]*(?:postg|pgvector|timescale|mysql|mariadb|percona)")
"""What a Dockerfile has that may make the image of a database: the others are not read for it."""

_OF_DATABASES = ("/etc/", "/docker-entrypoint-initdb.d", "/var/lib/postgresql/")
"""Where the images of databases read what configures them."""

MAX_CONFIGURED = 2**20
"""Bytes of a file that is looked at for it."""


def _database(name: str, one: ComposeDeclared, read: Read) -> Database | None:
    """Return the database that a service runs, where it is told how many connections it takes, or may be."""
    build, made, file = one.build, None, ""
    data = read(build.file) if isinstance(build, ImageMaker) else None
    if isinstance(build, ImageMaker) and data is not None and _FROM_DATABASE.search(data):
        found = dockerfile.read_image(data, build.file, build.context, build.target, read)
        made, file = (found, build.file) if isinstance(found, Image) else (None, "")
    base = made.base if made is not None else None
    kind = _DATABASES.get(image_name(base.name if base is not None else one.text("image") or ""))
    if kind is None:
        return None
    words = one.facts["command",].words or () if ("command",) in one.facts else ()
    told = [int(match[1]) for word in words if (match := _CONNECTIONS.fullmatch(word)) is not None]
    told += [int(number) for option, number in pairwise(words) if option == "-N" and number.isdecimal()]
    if told:
        place = one.facts["command",].place
        return Database(f"{name} of {place.path}:{place.line}", told[-1], kind) if told[-1] else None
    mounts = [(key[1], join(value.folder, value.text.text)) for key, value in one.facts.items() if key[0] == "volumes"]
    placed = [*(made.copies if made is not None else ()), *mounts]
    files = [path for place, path in placed if path is not None and place.startswith(_OF_DATABASES)]
    return _configured(name, kind, [file, *files] if file else files, read)


def _configured(name: str, kind: str, files: Sequence[str], read: Read) -> Database | None:
    """Return a database as the files say that configure it, of which the last one counts; None where they say nothing.

    How many connections it takes is not known where one of them is a folder.
    """
    is_known = True
    for path in reversed(files):
        data = read(path)
        is_known = is_known and data is not None
        number = _configured_in(data) if data is not None and len(data) <= MAX_CONFIGURED else None
        if number is not None:
            return Database(f"{name} of {path}", number, kind)
    return None if is_known else Database(name, None, kind)


@lru_cache(maxsize=8)
def _configured_in(data: bytes) -> int | None:
    """Return the connections that a file says, None where it says none; many services may mount one file."""
    found = _CONFIGURED.findall(data)
    return int(found[-1]) if found else None


# What it runs


def _service(
    name: str, one: ComposeDeclared, variables: Mapping[str, str], read: Read, made: _MadeHere
) -> Service | Skipped | None:
    profiles = one.names("profiles")
    if (profiles and all(map(_is_for_developers, profiles))) or _replicas(one) == 0:
        return None
    for key in ("command", "entrypoint"):
        written = one.facts.get((key,))
        if written is not None and written.words is None and written.text.text:
            return Skipped(written.place.path, written.place.line, f"compose refuses its {key}", service=name)
    started: Service | Skipped | None
    installs = False
    if ("build",) in one.facts:
        started, installs = _built(one, one.facts["build",].place, read, made.images)
    else:
        base = _PYTHON_IMAGE.search(one.text("image") or "")
        image = Image(one.place.line, environment={"PYTHON_VERSION": base[1]} if base is not None and base[1] else {})
        own, file = _made_here(one, made, read)
        installs = bool(file)
        started = own if isinstance(own, Skipped) else _run(own or image, one, file or one.place.path, read)
        is_here = isinstance(started, Service) and (bool(started.mounts) or _is_here(started, read))
        is_own = is_here or own is not None or base is not None
        started = started if is_own and (installs or isinstance(started, Service)) else made.unknown(name, one, read)
    if not isinstance(started, Service):
        return started and _unread(name, one.place, started)
    if _NO_SERVICE.match(started.command):
        return None
    environment, places = _all_variables(one, variables, read)
    kept = {key: value for key, value in started.environment.items() if key not in places}
    started = started._replace(
        name=name,
        kind="profile" if profiles else name,
        environment={**kept, **environment},
        variables={**started.variables, **places},
    )
    return started if installs or starts_python(started, read) else None


def _is_for_developers(profile: str) -> bool:
    """Return whether a profile is one that no deployment keeps running: `load-testing` is for tests."""
    return not NOT_DEPLOYED.isdisjoint((profile, *re.split("[-_]", profile)))


def _is_named_for_developers(service: str) -> bool:
    """Return whether a service is called as what developers or tests start: `api-dev`."""
    return not _OF_DEVELOPERS.isdisjoint(re.split("[-_]", service.lower()))


class _MadeHere(Record):
    """The images that the repository makes: the names of those that it plausibly does, and of those that tags tell apart."""

    ours: frozenset[str]
    by_tag: frozenset[str]
    images: RepositoryImages
    declared: Mapping[str, ComposeDeclared]

    def maker(self, one: ComposeDeclared, read: Read) -> ImageMaker | None:
        """Return what makes the image of a service, None where nothing here does.

        One that nothing calls may be what another file of compose builds for a service that runs it.
        """
        found = self._called(one.text("image") or "", read)
        image = one.facts["image",].text.text if ("image",) in one.facts else ""
        if found is not None or not DeclaredContainer("", (), image, one.place).may_be_own:
            return found
        same = (name for name, other in self.declared.items() if image and _has_image(other, image))
        return next(filter(None, map(self.images.of_service, same)), None)

    def _called(self, image: str, read: Read) -> ImageMaker | None:
        name, tag = image_name(image), image_tag(image)
        own = self.images.maker(f"{name}:{tag}")
        if own is not None:
            return own
        if name in self.by_tag:
            return self.images.called_like(tag) if self.images.maker(name) is not None or name in self.ours else None
        if name in self.ours:
            return container.find_maker(name, read, self.images, is_own=True)
        return self.images.maker(name)

    def unknown(self, name: str, one: ComposeDeclared, read: Read) -> Skipped | None:
        """Say that nobody can tell what an image starts that is ours in another tag, and no proxy or database."""
        image = one.text("image") or ""
        tag, place = image_tag(image), one.place
        is_ours = image_name(image) in self.by_tag and self.images.maker(image_name(image)) is not None
        if not is_ours or self.maker(one, read) is not None or self.images.is_of_another_language(tag):
            return None
        if not DeclaredContainer("", (), tag, place).may_be_own:
            return None
        return Skipped(place.path, place.line, f"it is not known which Dockerfile makes {image}", service=name)


def _made_here(one: ComposeDeclared, made: _MadeHere, read: Read) -> tuple[Image | Skipped | None, str]:
    """Return the image of Python that a service runs and nothing here builds, as the repository makes it, and its file."""
    maker = made.maker(one, read)
    data = read(maker.file) if maker is not None else None
    if maker is None or data is None:
        return None, ""
    image = container.made_by(data, maker, read, made.images)
    return (image, maker.file) if dockerfile.is_of_python(image, data) else (None, "")


def _is_here(service: Service, read: Read) -> bool:
    """Return whether the repository has what a container starts whose image may be anybody's."""
    host = Host(service.environment, read, folder=service.folder)
    program, _, _ = service.command.partition(" ")
    if host.read_text(program) is not None:
        return True
    entrypoint = parse(service.command, host).entrypoint
    return entrypoint is not None and any(dockerfile.holds(folder, entrypoint.text, read) for folder in ("", "src"))


def _unread(name: str, place: ServicePlace, gap: Skipped) -> Skipped:
    """Return what is said of a service whose image is not read, where it is declared."""
    where = f"{gap.path}:{gap.line}" if gap.line else gap.path
    return Skipped(place.path, place.line, gap.reason if gap.path == place.path else f"{where}: {gap.reason}", service=name)


def _built(
    one: ComposeDeclared, place: ServicePlace, read: Read, images: RepositoryImages
) -> tuple[Service | Skipped | None, bool]:
    """Return what the image runs that a Dockerfile of the repository makes, and whether it holds Python."""
    inline = one.facts.get(("build", "dockerfile_inline"))
    build = one.build
    if not isinstance(build, ImageMaker):
        return build, False
    file, context = build.file, build.context
    if not NOT_BUILT.isdisjoint(file.split("/")[:-1]):
        return None, False
    data = inline.text.text.encode() if inline is not None else read(file)
    if data is None:
        return Skipped(place.path, place.line, f"there is no {file}"), False
    if inline is not None:
        file = inline.place.path
    arguments = {
        key[2]: written.text.text
        for key, written in one.facts.items()
        if key[:2] == ("build", "args") and written.text.is_known
    }
    image = dockerfile.read_image(data, file, context, build.target, read, arguments=arguments, bases=images.base)
    if isinstance(image, Image) and not any(source != context for _, source in image.copies) and parent(file) != context:
        image = image._replace(copies=((image.workdir, parent(file)), *image.copies))  # it fetches what lies beside it
    started = image if isinstance(image, Skipped) else _run(image, one, file, read)
    installs = dockerfile.is_of_python(image, data)
    if isinstance(started, Skipped):
        return started if installs else None, installs
    if inline is not None:
        started = started._replace(variables={}, builds=())  # their lines are those of the text inside
        if started.path == file:
            started = started._replace(line=inline.place.line, column=inline.place.column)
    return started, installs


def _run(image: Image, one: ComposeDeclared, path: str, read: Read) -> Service | Skipped:
    """Return what a container of an image runs, with what the service puts in the place of the image's own."""
    command, entrypoint = one.facts.get(("command",)), one.facts.get(("entrypoint",))
    words = command.words if command is not None else None
    if entrypoint is not None and entrypoint.words is not None:
        program = ImageProgram(entrypoint.words, "", entrypoint.place.line, entrypoint.place.column)
        image = image._replace(entrypoint=program, cmd=None) if program.words else image._replace(entrypoint=None)
    folder = one.text("working_dir")
    mounts = tuple(
        (key[1], source)
        for key, value in one.facts.items()
        if key[0] == "volumes" and (source := join(value.folder, value.text.text)) is not None
    )
    if folder is None and mounts and image.workdir == "/" and not image.copies:
        folder = next((place for place, source in mounts if read(source) is None), None)
    image = image._replace(workdir=folder or image.workdir, copies=(*image.copies, *mounts))
    started = image.service(path, read, shlex.join(words) if words else None)
    chosen = command if words else entrypoint if entrypoint is not None and entrypoint.words else None
    if isinstance(started, Service) and chosen is not None:
        started = started._replace(path=chosen.place.path, line=chosen.place.line, column=chosen.place.column)
    return started


def _all_variables(
    one: ComposeDeclared, known: Mapping[str, str], read: Read
) -> tuple[dict[str, str], dict[str, ServicePlace]]:
    """Return the variables of a service that are known, and where all stand: `environment` beats the env files."""
    values: dict[str, str] = {}
    places: dict[str, ServicePlace] = {}
    for key, written in one.facts.items():
        path = join(written.folder, written.text.text) if key[0] == "env_file" and written.text.is_known else None
        data = read(path) if path is not None else None
        if path is None or data is None:
            continue
        for name, variable in read_env_file(data, {**values, **known}, path).items():
            values.pop(name, None)
            places[name] = ServicePlace(path, variable.line, variable.column)
            if variable.value is not None:
                values[name] = variable.value
    for key, written in one.facts.items():
        if key[0] == "environment":
            values.pop(key[1], None)
            places[key[1]] = written.place
            if written.text.is_known:
                values[key[1]] = written.text.text
    return values, places


# What it may take


def _with_host(service: Service, one: ComposeDeclared) -> Service:
    """Add memory, CPUs and copies; of two limits that disagree, which compose refuses, the smaller is the safe one."""
    limits = [(_size(written), key[-1], written) for key in (("mem_limit",), MEMORY) if (written := one.facts.get(key))]
    service = service._replace(
        platform=COMPOSE,
        plan="",
        limit_source=f"{one.place.path}:{one.place.line} without a limit",
        limit_label="a compose service without mem_limit",
        cpus=_number(one.text(*LIMITS, "cpus") or one.text("cpus")),
        replicas=_replicas(one),
    )
    written_limits = [limit for limit in limits if limit[0] != 0]
    if not written_limits:
        return service
    size, key, written = min(written_limits, key=lambda limit: (limit[0] is None, limit[0] or 0))
    label = "mem_limit" if key == "mem_limit" else ".".join(MEMORY)
    return service._replace(
        limit=size, limit_source=f"{written.place.path}:{written.place.line} {label}", limit_label=f"compose {label}"
    )


def _size(written: Written) -> int | None:
    """Return bytes, 0 for no limit, None where nobody can know."""
    if not written.text.is_known:
        return None
    return 0 if re.fullmatch(r"\s*-\d+\s*", written.text.text) else parse_size(written.text.text)


def _number(text: str | None) -> float | None:
    return float(text) or None if text is not None and re.fullmatch(r"\d{1,4}(\.\d{0,9})?|\.\d{1,9}", text) else None


def _replicas(one: ComposeDeclared) -> int | None:
    if one.text("deploy", "mode") == "global":
        return None
    for key in (("scale",), ("deploy", "replicas")):
        if key in one.facts:
            text = one.text(*key) or ""
            return int(text) if re.fullmatch(r"[0-9]{1,5}", text) else None
    return 1


def _traps(service: Service, one: ComposeDeclared) -> Iterator[Trap]:
    """Yield what compose refuses, what it cuts off, and that nothing bounds a service."""
    own, other = one.facts.get(("mem_limit",)), one.facts.get(MEMORY)
    has_limits = any(key[: len(LIMITS)] == LIMITS for key in one.facts)
    if own is not None and has_limits and (size := _size(own)):
        there = _size(other) if other is not None else 0
        if there is not None and there != size:
            detail = f"mem_limit {own.text.text}, {'.'.join(MEMORY)} {other.text.text if other is not None else 'not set'}"
            yield Trap("memory-keys-disagree", own.place, service.name, detail)
    for key in (("command",), ("entrypoint",)):
        written = one.facts.get(key)
        if written is not None and written.cut:
            yield Trap("command-is-cut", written.place, service.name, written.cut.strip()[:80])
    is_bounded = service.limit is not None or not service.limit_source.endswith(" without a limit")
    if not is_bounded and not _is_named_for_developers(service.name):
        yield Trap("no-memory-limit", one.place, service.name)
