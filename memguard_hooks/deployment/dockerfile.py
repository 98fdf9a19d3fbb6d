"""`Dockerfile`: what the last stage runs, with which variables, and which folder of the repository it runs in.

Source of the format: docs.docker.com/reference/dockerfile. ENTRYPOINT in its exec form is joined with CMD, in its
shell form it ignores it; the last of each counts; a stage that starts from another inherits all of it. What images of
others start is that of their repositories: tiangolo/uvicorn-gunicorn-docker and tiangolo/meinheld-gunicorn-docker, files
`start.sh` and `gunicorn_conf.py`, and tiangolo/uwsgi-nginx-docker, files `uwsgi.ini` and `app/uwsgi.ini` (2026-11).
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice, takewhile
from types import MappingProxyType

from memguard_hooks.deployment.command import parse_entrypoint
from memguard_hooks.deployment.distributions import python_of, python_of_release
from memguard_hooks.deployment.service import NAMED_FOR_PRODUCTION, BaseImage, Build, Read, Service, ServicePlace, template
from memguard_hooks.deployment.start import PROGRAMS
from memguard_hooks.deployment.written_scripts import with_scripts, written_by
from memguard_hooks.errors import MemguardError, within
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import parameters
from memguard_hooks.formats.dockerfile import MAX_BYTES, BrokenInstruction, Instruction, exec_form, instructions
from memguard_hooks.formats.shell_words import ShellError, expand, split_plain, unquote
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record, TypeAlias
from memguard_hooks.tree import join, normalize, parent

Bases: TypeAlias = "Callable[[str, str], Image | None]"
"""Returns an image that is made here by its name, for the Dockerfile that starts from it; None where nothing makes it."""

MAX_LINES = 200
"""Lines of one instruction that are looked through for a name."""

MAX_LINKS, MAX_COPIES = 20, 200
"""Commands of one instruction that put files elsewhere, and files of an image up to which they are followed.

What lies elsewhere then is not found, and whoever starts it is not judged.
"""

MAX_INSTRUCTIONS = 2000
"""An image has at most 127 layers, and some stages before it."""

MAX_VARIABLES = 1000
"""Variables of one image, and arguments of one stage."""

_PYTHON = late_pattern(
    r"(?:(?:^|/)python:|/uv:(?:[\w.]+-)?python)(\d+\.\d+(?:\.\d+)?)"
    r"|python[\w-]*:(?:python)?(3\.(?:[6-9]|1[0-9])(?:\.\d+)?)(?![.\d])"
)
"""Images that set `PYTHON_VERSION`, the official ones, and those of uv and of others, whose tags name it."""

_HOLDS_PYTHON = late_pattern(
    rb"(?i)\bpython|\b(?:pip3?|uv|poetry|pipenv|pdm|conda)\s+(?:install|sync)\b|\bgunicorn\b|\buvicorn\b"
)

_DECIDING = frozenset({"FROM", "CMD", "ENTRYPOINT", "ENV", "WORKDIR"})
_TEMPLATE = late_pattern(r"\{\{|\{%")

_LAMBDA = late_pattern(r"(?:^|/)lambda/python:(\d+\.\d+)")
_LAMBDA_ROOT = "/var/task"
"""AWS's base images for Lambda, whose CMD is a handler: their documentation, "Deploy Python Lambda functions"."""


_S6 = late_pattern(
    r"(?:^|/)(?:linuxserver/(?:docker-)?baseimage|hotio/base|hassio-addons/\w|home-assistant/\w+-base|crazymax/\w+-s6)"
)
_MY_INIT = late_pattern(r"(?:^|/)phusion/(?:baseimage|passenger)")
"""Images that start the services of their folders, by s6-overlay and by an init of their own."""

_AIRFLOW = late_pattern(r"(?:^|/)apache/airflow(?:[:@](?:.*-python(\d+\.\d+))?.*)?$")
"""Airflow's own images, whose entry point runs `airflow` with what it is given."""

_GUNICORN = late_pattern(
    r"(?:^|/)tiangolo/(?P<kind>uvicorn|meinheld)-gunicorn(?:-fastapi|-starlette|-flask)?(?::python(?P<python>\d+\.\d+))?"
)
_UWSGI = late_pattern(r"(?:^|/)tiangolo/uwsgi-nginx(?P<kind>-flask)?(?::(?:[\w.]+-)?python(?P<python>\d+\.\d+))?")
"""Images that start uWSGI beside nginx, with the settings that `UWSGI_INI` names."""

_PER_CPU = {"uvicorn": ("1", "2", "uvicorn.workers.UvicornWorker"), "meinheld": ("2", "1", "egg:meinheld#gunicorn_worker")}
"""Workers for each CPU, the fewest, and their class."""

_OWN_WORDS = late_pattern(r"\$(?:[@*0-9]|\{[@*0-9])")

_NOT_DEPLOYED = late_pattern(r"(?:^|[-_.])(?:dev|devel|development|debug|tests?|testing|lint|docs|ci)(?:$|[-_.])")
"""Names of stages that nobody deploys."""


def is_for_developers(stage: str) -> bool:
    """Return whether a stage is called as one that nobody deploys."""
    return _NOT_DEPLOYED.search(stage) is not None


class ImageProgram(Record):
    """What CMD or ENTRYPOINT say: the words of the exec form, or the text of the shell form."""

    words: tuple[str, ...] | None
    text: str
    line: int
    column: int


class Image(Record):
    """One stage. `copies` are absolute paths in the image and the paths from the root that were copied there.

    `variables` says where each variable is set, `builds` what ran for it, also in the stages that it copies from, and
    `base` which image of somebody else's it starts from. `scripts` are the texts of files that it writes, by their paths,
    and `python` is that of a distribution, where it installs it.
    """

    line: int
    entrypoint: ImageProgram | None = None
    cmd: ImageProgram | None = None
    environment: Mapping[str, str] = MappingProxyType({})
    workdir: str = "/"
    copies: tuple[tuple[str, str], ...] = ()
    variables: Mapping[str, ServicePlace] = MappingProxyType({})
    builds: tuple[Build, ...] = ()
    base: BaseImage | None = None
    scripts: Mapping[str, str] = MappingProxyType({})
    python: str = ""

    def service(self, path: str, read: Read, command: str | None = None) -> Service | Skipped:
        """Return what the image runs; `command` are words that a platform puts in the place of CMD."""
        program = self.cmd
        if command is not None:
            program = ImageProgram(tuple(split_plain(command)), command, self.line, 1)
        text = _joined(self.entrypoint, program)
        place = self.cmd or self.entrypoint
        if text is not None and text.startswith(_GUNICORN_START):
            text = _gunicorn_command(text, lambda name: self._has(name, read))
        if text is not None and text.startswith(_UWSGI_START):
            is_own = self.environment.get("UWSGI_INI") != _UWSGI_INI or self._has("uwsgi.ini", read)
            text = 'uwsgi --ini "$UWSGI_INI"' if is_own else text
        if text is None:
            return Skipped(path, self.line, "it has neither CMD nor ENTRYPOINT; its base image decides what runs")
        text = with_scripts(text, self.scripts, self.workdir)
        folder = self._folder(text, read, parent(path) if "/" in path else "")
        files = {place: source for place, source in self.copies if read(source) is not None}
        folders = {place: source for place, source in self.copies if place not in files}
        if self.workdir in folders or any(place.startswith(f"{self.workdir}/") for place, _ in self.copies):
            folders[self.workdir] = folder
        return Service(
            name="web",
            path=path,
            line=place.line if place else self.line,
            column=place.column if place else 1,
            command=text,
            environment={**self._implied, **self.environment},
            folder=folder,
            mounts={**files, **folders, **self._overlaid(text, read)},
            variables=self.variables,
            builds=self.builds,
            base=self.base,
        )

    @property
    def _implied(self) -> Mapping[str, str]:
        """The variables that nothing here sets: the Python of a distribution, and what Lambda tells its runtime client."""
        found = _version_of(self.python or None)
        is_lambda = any("awslambdaric" in one.command for one in self.builds)
        return {**found, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"} if is_lambda else found

    def _overlaid(self, command: str, read: Read) -> Mapping[str, str]:
        """Return where the first file that a command names lies, where the last folder copied to its place has none such."""
        word = next((one for one in self._words(command) if re.fullmatch(r"[\w./-]+\.(?:sh|py)", one)), None)
        if word is None:
            return {}
        place = posixpath.normpath(posixpath.join(self.workdir, word))
        copied = [one for one in reversed(self.copies) if place.startswith(f"{one[0].rstrip('/')}/")]
        sources = [join(source, place[len(here) :].lstrip("/")) for here, source in copied]
        there = next((one for one in sources if one is not None and read(one) is not None), None)
        return {place: there} if there is not None and there != sources[0] else {}

    def _words(self, command: str) -> Iterator[str]:
        """Yield the words of a command, with what the image sets, or their defaults."""
        for word in split_plain(command):
            try:
                yield from expand(word, self.environment) if "$" in word else (word,)
            except ShellError:
                yield word

    def _has(self, name: str, read: Read) -> bool:
        """Return whether a file was copied to where the image works."""
        wanted = f"{self.workdir}/{name}"
        sources = (
            join(source, wanted[len(place) :].lstrip("/")) for place, source in self.copies if wanted.startswith(place)
        )
        return any(source is not None and read(source) is not None for source in sources)

    def _folder(self, command: str, read: Read, own: str) -> str:
        """Return the folder of the repository that was copied to where the image works.

        Of several the first counts that holds what the command names; where none does, one that was copied as a whole, to
        there before one whose folders were copied by name, before one that lies above, before that of a single file, and the
        root. Where nothing that is copied holds it, for what is mounted as the image is built is installed, it is `own`, the
        folder of the file, if that does.
        """
        folders = [""]
        exact: list[str] = []
        named: list[str] = []
        whole: list[str] = []
        for place, source in reversed(self.copies):
            if place == self.workdir:
                folders.append(source)
                exact.append(source)
            elif read(source) is not None:
                if parent(place) == self.workdir.rstrip("/"):
                    folders.append(parent(source))
            elif parent(place) == self.workdir.rstrip("/") and source.rpartition("/")[2] == place.rpartition("/")[2]:
                named.append(parent(source))
                folders.append(named[-1])
            elif self.workdir.startswith(place.rstrip("/") + "/"):
                whole.append(join(source, self.workdir[len(place) :].lstrip("/")) or "")
                folders.append(whole[-1])
        chosen = [*exact, *named, *whole, *folders[1:], ""][0]
        words = dict.fromkeys(self._words(command))
        names = [word for word in words if re.fullmatch(r"[\w./]+\.py|[A-Za-z_][\w.]*(:.*)?", word)]
        beside = [own, f"{own}/src"] if own else []
        for folder in dict.fromkeys([*folders[1:], "", *beside]):
            if any(holds(folder, name, read) for name in names):
                return folder
        return chosen


def read_image(
    data: bytes,
    path: str,
    context: str = "",
    target: str = "",
    read: Read = lambda _: None,
    *,
    arguments: Mapping[str, str] = MappingProxyType({}),
    is_chosen: bool = True,
    bases: Bases = lambda *_: None,
) -> Image | Skipped:
    """Read the last stage, or the one that is named `target`; `context` is the folder that COPY takes from.

    `arguments` are those of the build, and `bases` returns one made here that a stage starts from. Where nothing has
    chosen the stage, one whose name says that it is for tests or for developers gives way to one for production, or else
    the last one before it that is not. Raises MemguardError for a file that is too large.
    """
    if len(data) > MAX_BYTES:
        raise MemguardError(f"is larger than {MAX_BYTES // 2**20} MiB", path)
    stages: dict[str, Image] = {}
    declared: dict[str, Mapping[str, str]] = {}
    text = data.decode("utf-8-sig", "replace")
    file = _File(path, tuple(re.split(r"\r?\n", text)), context)
    builder: _Builder | None = None
    deployed = production = ""
    outer: dict[str, str] = {}
    for number, instruction in enumerate(instructions(text)):
        if number == MAX_INSTRUCTIONS:
            return Skipped(path, instruction.line, f"has more than {MAX_INSTRUCTIONS} instructions")
        if isinstance(instruction, BrokenInstruction):
            return Skipped(path, instruction.line, instruction.reason)
        if instruction.name in _DECIDING and _TEMPLATE.search(instruction.text):
            return template(path, instruction.line)
        if instruction.name == "FROM":
            words = [word for word in _expand(instruction.text, outer).split() if not word.startswith("--")]
            if builder is not None and target and target.lower() in stages and stages[target.lower()] is builder.image:
                break
            if builder is not None and not (builder.keys[1:] and is_for_developers(builder.keys[1])):
                deployed = builder.keys[0]
            if deployed and builder is not None and builder.keys[1:] and NAMED_FOR_PRODUCTION.search(builder.keys[1]):
                production = builder.keys[0]
            base = stages.get(words[0].lower()) if words else None
            inherited = declared.get(words[0].lower(), {}) if words else {}
            if base is None:
                name = words[0] if words else ""
                base = _known_base(name, instruction.line) or Image(instruction.line)
                base = base._replace(base=_base_image(instruction, outer, path))
                base = bases(name, path) or base
            builder = _Builder(instruction, base, file, stages, read, {**outer, **arguments}, inherited)
            builder.keys = (str(builder.number), *([words[2].lower()] if len(words) > 2 else []))
        elif builder is None:
            if instruction.name == "ARG":
                outer.update({**_pairs(instruction.text, outer), **_given(instruction.text, arguments)})
        else:
            builder.apply(instruction)
        if builder is not None:
            for key in builder.keys:
                stages[key], declared[key] = builder.image, builder.arguments
    if target:
        if target.lower() not in stages:
            return Skipped(path, None, f"has no stage {target}")
        return stages[target.lower()]
    if builder is not None and deployed and not is_chosen and builder.keys[1:] and is_for_developers(builder.keys[1]):
        return stages[production or deployed]
    return builder.image if builder is not None else Skipped(path, None, "has no FROM")


def holds_python(data: bytes) -> bool:
    """Return whether a Dockerfile says that its image has Python, or what is installed into it."""
    return _HOLDS_PYTHON.search(data) is not None


def is_of_python(image: Image | Skipped, data: bytes) -> bool:
    """Return whether an image has Python by what its Dockerfile says, or by what ran for the one that it starts from."""
    if holds_python(data) or not isinstance(image, Image):
        return holds_python(data)
    return "PYTHON_VERSION" in image.environment or any(_HOLDS_PYTHON.search(one.command.encode()) for one in image.builds)


def start(
    file: str,
    context: str,
    read: Read,
    *,
    target: str = "",
    command: str | None = None,
    place: ServicePlace | None = None,
) -> Service | Skipped | None:
    """Return what the image of a Dockerfile runs, None where there is no such file.

    `command` are words that stand in the place of CMD, at a place of their own. Raises MemguardError as `read_image` does.
    """
    data = read(file)
    if data is None:
        return None
    image = read_image(data, file, context, target, read)
    started = image if isinstance(image, Skipped) else image.service(file, read, command)
    return started.at(place) if place is not None and isinstance(started, Service) else started


_NOTHING = Image(1)

_OPTION = late_pattern(r"\s*--(\w[\w-]*)(?:=(\S+))?")


_LINKS = late_pattern(r"(?:^|[;&|\n])[^\S\n]*(?:sudo )?(?:ln|cp|mv|install)((?:[^\S\n]+[^\s;&|]+)+)")
"""Commands that put a file of an image elsewhere, with their words."""

_NAME = late_pattern(r"""(?<![^\s="'])[^\s="']+(?=[\s=])""")


class _File(Record):
    """The lines of a Dockerfile, and the folder that its COPY takes from."""

    path: str
    lines: tuple[str, ...]
    context: str

    def places_of(self, names: Iterable[str], instruction: Instruction) -> dict[str, ServicePlace]:
        """Return where an instruction names variables; its lines may be continued."""
        places = dict.fromkeys(names, ServicePlace(self.path, instruction.line, instruction.column))
        missing = set(places)
        for number, line in enumerate(self.lines[instruction.line - 1 : instruction.line - 1 + MAX_LINES], instruction.line):
            for match in _NAME.finditer(line) if missing else ():
                if match[0] in missing:
                    missing.remove(match[0])
                    places[match[0]] = ServicePlace(self.path, number, match.start() + 1)
        return places


def _known_base(name: str, line: int) -> Image | None:
    """Return what an image that is not made here is known to set."""
    if version := _LAMBDA.search(name):
        variables = {"PYTHON_VERSION": version[1], "LAMBDA_TASK_ROOT": _LAMBDA_ROOT}
        runner = ImageProgram(("lambda-handler",), "lambda-handler", line, 1)
        return Image(line, entrypoint=runner, environment=variables, workdir=_LAMBDA_ROOT)
    if version := _PYTHON.search(name):
        return Image(line, environment={"PYTHON_VERSION": version[1] or version[2]})
    if "playwright/python:" in name:
        return Image(line, python=python_of_release(name))
    if version := _AIRFLOW.search(name):
        return Image(line, entrypoint=ImageProgram(("airflow",), "airflow", line, 1), environment=_version_of(version[1]))
    if _S6.search(name):
        return Image(line, entrypoint=ImageProgram(("/init",), "/init", line, 1))
    if _MY_INIT.search(name):
        return Image(line, cmd=ImageProgram(("/sbin/my_init",), "/sbin/my_init", line, 1))
    if made := _GUNICORN.search(name):
        return _gunicorn_image(made["kind"], made["python"], line)
    if made := _UWSGI.search(name):
        of_app = "--module main --callable app" if made["kind"] else "--wsgi-file main.py"
        variables = {"UWSGI_INI": _UWSGI_INI, "UWSGI_CHEAPER": "2", "UWSGI_PROCESSES": "16", **_version_of(made["python"])}
        return Image(line, cmd=ImageProgram(None, f"{_UWSGI_START}{of_app}", line, 1), environment=variables, workdir="/app")
    return None


def _version_of(version: str | None) -> dict[str, str]:
    return {"PYTHON_VERSION": version} if version is not None else {}


def _base_image(instruction: Instruction, known: Mapping[str, str], path: str) -> BaseImage:
    words = _expand(instruction.text, known).split()
    options = [word.removeprefix("--platform=") for word in words if word.startswith("--platform=")]
    name = next((word for word in words if not word.startswith("--")), "")
    return BaseImage(name, ServicePlace(path, instruction.line, instruction.column), "".join(options[:1]))


_GUNICORN_START = "gunicorn-of-image "
"""Stands for the program that those images start, which no file names."""


_UWSGI_START, _UWSGI_INI = "uwsgi --ini-of-image ", "/app/uwsgi.ini"
"""What those images start where nobody puts settings at the place of theirs, and that place."""


def _gunicorn_image(kind: str, python: str | None, line: int) -> Image:
    """Return an image that starts gunicorn with workers for each CPU."""
    program = ImageProgram(None, f"{_GUNICORN_START}{kind}", line, 1)
    return Image(line, cmd=program, environment={**_version_of(python), "PYTHONPATH": "/app"}, workdir="/app")


def _gunicorn_command(text: str, has: Callable[[str], bool]) -> str:
    """Return what the program of those images starts, which is its own settings file and app where they are there."""
    per_cpu, fewest, worker_class = _PER_CPU[text[len(_GUNICORN_START) :]]
    module = "app.main" if has("app/main.py") else "main"
    app = f"${{APP_MODULE:-${{MODULE_NAME:-{module}}}:${{VARIABLE_NAME:-app}}}}"
    settings = next((name for name in ("gunicorn_conf.py", "app/gunicorn_conf.py") if has(name)), None)
    if settings is not None:
        return f'gunicorn -k {worker_class} -c "${{GUNICORN_CONF:-{settings}}}" "{app}"'
    number = f"${{WORKERS_PER_CORE:-{per_cpu}}} * $(nproc)"
    count = f"${{MAX_WORKERS:-$(( {number} > {fewest} ? {number} : {fewest} ))}}"
    return f'gunicorn -k {worker_class} -w "${{WEB_CONCURRENCY:-{count}}}" "{app}"'


class _Builder:
    """Applies the instructions of one stage."""

    def __init__(
        self,
        start: Instruction,
        base: Image | None,
        file: _File,
        stages: Mapping[str, Image],
        read: Read,
        given: Mapping[str, str],
        inherited: Mapping[str, str],
    ) -> None:
        """`given` are the arguments of the build, `inherited` those that the stage below it has declared."""
        self.image = (base or Image(start.line))._replace(line=start.line)
        self.number = sum(key.isdecimal() for key in stages)
        self.keys: tuple[str, ...] = ()
        self._inherits_cmd = True
        self.arguments = dict(inherited)
        self._given = given
        self._file = file
        self._stages = stages
        self._read = read

    def apply(self, instruction: Instruction) -> None:
        """Change the image as an instruction says; those that do not matter here do nothing."""
        image = self.image
        if instruction.name == "ARG":
            pairs = {**_pairs(instruction.text, self._known), **_given(instruction.text, self._given)}
            self.arguments.update(pairs)
            within(self.arguments, MAX_VARIABLES, "arguments", self._file.path, instruction.line)
        elif instruction.name == "ENV":
            pairs = _pairs(instruction.text, self._known)
            if "PYTHONPATH" in pairs and "PYTHONPATH" not in image.environment:  # what nothing has set is empty
                pairs["PYTHONPATH"] = re.sub(r"\$\{?PYTHONPATH\b[^}:]*\}?:?", "", pairs["PYTHONPATH"])
            dropped = {name: value for name, value in image.environment.items() if name not in pairs}
            variables = {**image.variables, **self._file.places_of(pairs, instruction)}
            within(variables, MAX_VARIABLES, "variables", self._file.path, instruction.line)
            self.image = image._replace(environment={**dropped, **_known(pairs)}, variables=variables)
        elif instruction.name == "RUN":
            place = ServicePlace(self._file.path, instruction.line, instruction.column)
            builds = (*image.builds, Build(instruction.text.strip(), place, self._file.context))
            linked = _linked(image, _expand(instruction.text, self._known))
            base = image.base.name if image.base is not None else ""
            python = python_of(base, instruction.text)
            is_named = python != python_of_release(base)  # whatever the distribution's own is that was installed before
            self.image = image._replace(
                builds=builds, copies=(*image.copies, *linked), scripts=self._scripts(instruction),
                python=(python if is_named else "") or image.python or python,
            )  # fmt: skip
        elif instruction.name == "WORKDIR":
            folder = _unquote(_expand(instruction.text.strip(), self._known))
            self.image = image._replace(workdir=posixpath.normpath(posixpath.join(image.workdir, folder)))
        elif instruction.name == "CMD":
            self.image = image._replace(cmd=_program(instruction))
            self._inherits_cmd = False
        elif instruction.name == "ENTRYPOINT":
            cmd = None if self._inherits_cmd else image.cmd
            self.image = image._replace(entrypoint=_program(instruction), cmd=cmd)
        elif instruction.name in ("COPY", "ADD"):
            text = _expand(instruction.text, self._known)
            builds = tuple(dict.fromkeys((*image.builds, *self._builds_of_origin(text))))
            copies = tuple(self._copied(text))
            kept = {one: text for one, text in image.scripts.items() if not self._is_copied(one, copies)}
            self.image = image._replace(copies=(*image.copies, *copies), builds=builds, scripts=kept)
            self.image = self.image._replace(scripts=self._scripts(instruction))

    def _scripts(self, instruction: Instruction) -> Mapping[str, str]:
        """Return the files that the image has written once an instruction has written its own."""
        image = self.image
        is_copied = partial(self._is_copied, copies=image.copies)
        return written_by(instruction, image.workdir, lambda text: _expand(text, self._known), image.scripts, is_copied)

    def _is_copied(self, place: str, copies: tuple[tuple[str, str], ...]) -> bool:
        """Return whether a path of the image is that of a file which was copied there."""
        source = _source(self.image._replace(copies=copies), place)
        return source is not None and self._read(source) is not None

    @property
    def _known(self) -> dict[str, str]:
        """What an instruction may put into its words."""
        return {"PATH": ":".join(PROGRAMS), **self.arguments, **self.image.environment}

    def _builds_of_origin(self, text: str) -> tuple[Build, ...]:
        """Return what ran in the stage that `COPY --from` takes from."""
        options = takewhile(lambda word: word.startswith("--"), text.split())
        origin = next((word[len("--from=") :] for word in options if word.startswith("--from=")), "")
        return self._stages.get(origin.lower(), _NOTHING).builds

    def _copied(self, text: str) -> Iterator[tuple[str, str]]:
        options: dict[str, str] = {}
        at = 0
        while option := _OPTION.match(text, at):
            options[option[1]] = option[2] or ""
            at = option.end()
        origin, keeps_parents = options.get("from", ""), options.get("parents", "false").lower() != "false"
        words = exec_form(text[at:]) or tuple(split_plain(text[at:]))
        if len(words) < 2 or words[0].startswith("<<"):
            return
        place = posixpath.normpath(posixpath.join(self.image.workdir, words[-1]))
        is_folder = any(here == place or here.startswith(f"{place}/") for here, _ in self.image.copies)
        is_there = is_folder or place in (self.image.workdir, "/", "/tmp")  # noqa: S108 - a folder of the image
        into = words[-1].endswith("/") or words[-1] == "." or len(words) > 2 or is_there
        for word in words[:-1]:
            if "://" in word or "$" in word:
                continue
            source: str | None
            if origin:
                stage = self._stages.get(origin.lower())
                source = _source(stage, posixpath.normpath(posixpath.join("/", word))) if stage else None
            else:
                source = join(self._file.context, word.lstrip("/"))
            if source is None:
                continue
            if keeps_parents:
                below = word.rpartition("/./")[2] if "/./" in word else word
                yield _with_parents(place, below, source)
            elif re.search(r"[*?[]", source):
                yield place, parent(source)
            elif into and (self._read(source) is not None or _names_a_file(word)):
                yield posixpath.join(place, source.rpartition("/")[2]), source
            else:
                yield place, source


def _linked(image: Image, text: str) -> Iterator[tuple[str, str]]:
    """Yield where `ln`, `cp`, `mv` and `install` put one file or folder that was copied into the image."""
    for match in islice(_LINKS.finditer(text), MAX_LINKS if len(image.copies) < MAX_COPIES else 0):
        words = split_plain(re.sub(r"\s-(?:[mog]\s+\S+|\S+)", "", match[1]))
        if len(words) != 2 or "$" in match[1]:
            continue
        origin, place = (posixpath.normpath(posixpath.join(image.workdir, word)) for word in words)
        if origin.endswith("/*"):  # all that a folder holds
            inner = _source(image, origin[:-2])
            yield from [] if inner is None else [(place, inner)]
            continue
        source = _source(image, origin)
        is_folder = words[1].endswith(("/", "/.")) or words[1] == "." or re.fullmatch(r"(?:/usr(?:/local)?)?/s?bin", place)
        if source is not None:
            yield (posixpath.join(place, posixpath.basename(origin)) if is_folder else place), source


def _with_parents(place: str, below: str, source: str) -> tuple[str, str]:
    """Return where `COPY --parents` puts what is called `below` there: below a pattern's own folder all keeps its path."""
    names = posixpath.normpath(below).strip("/").split("/")
    patterned = next((at for at, name in enumerate(names) if re.search(r"[*?[]", name)), len(names))
    kept = source.split("/")[: patterned - len(names) or None]
    return posixpath.join(place, *names[:patterned]), "/".join(kept)


def _names_a_file(word: str) -> bool:
    """Return whether a path that the repository lacks is that of a file, by its name: `.env`, `config.json`."""
    name = word.rpartition("/")[2]
    return "." in name and name not in (".", "..")


def _source(stage: Image, place: str) -> str | None:
    """Return what was copied to a path of a stage, as a path from the root."""
    for here, source in reversed(stage.copies):
        if place == here:
            return source
        if place.startswith(here.rstrip("/") + "/"):
            return join(source, place[len(here) :].lstrip("/"))
    return None


def holds(folder: str, name: str, read: Read) -> bool:
    """Return whether a folder of the repository has the script or the module that a command names."""
    entrypoint = parse_entrypoint(name)
    if entrypoint.script is not None:
        found = join(folder, entrypoint.script)
        return found is not None and read(found) is not None
    module = (entrypoint.module or "").replace(".", "/")
    paths = [normalize(f"{folder}/{module}{ending}") for ending in (".py", "/__init__.py", "/__main__.py")]
    return any(path is not None and read(path) is not None for path in paths)


# What runs


def _program(instruction: Instruction) -> ImageProgram:
    words = exec_form(instruction.text)
    return ImageProgram(words, instruction.text.strip(), instruction.line, instruction.column)


def _joined(entrypoint: ImageProgram | None, cmd: ImageProgram | None) -> str | None:
    """Return one command as a shell would write it; None where there is none."""
    if entrypoint is not None and entrypoint.words is None:
        given = cmd.words if cmd is not None and cmd.words else ()
        if not given or _OWN_WORDS.search(entrypoint.text) is None:
            return entrypoint.text
        text = re.sub(r"\$(?:0|\{0\})", lambda _: shlex.quote(given[0]), entrypoint.text)
        return shlex.join(("/bin/sh", "-c", text, *given))  # the shell of the entry point takes CMD as its own words
    if cmd is not None and cmd.words is None and not (entrypoint and entrypoint.words):
        return cmd.text
    words = [*(entrypoint.words or () if entrypoint else ())]
    if cmd is not None:
        words += ["/bin/sh", "-c", cmd.text] if cmd.words is None else cmd.words
    return shlex.join(words) if words else None


# Variables


_PAIR = late_pattern(r"""(?<![^\s="'])([^\s="']+)=((?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])*)""", re.DOTALL)


def _pairs(text: str, known: Mapping[str, str]) -> dict[str, str]:
    """Read `K=V …` or `K V`, each value with the variables that stood before the instruction.

    A value that is not known is kept as it is written, with its `$`.
    """
    found: dict[str, str] = {}
    old = re.fullmatch(r"\s*([^\s=]+)\s+(.*)", text, re.DOTALL)
    if old is not None:
        return {old[1]: _unquote(_expand(old[2].strip(), known))}
    for match in _PAIR.finditer(text):
        found[match[1]] = _unquote(_expand(match[2], known))
    return found


def _given(text: str, arguments: Mapping[str, str]) -> dict[str, str]:
    """Return what a build gives to the names that `ARG` declares."""
    names = (word.partition("=")[0] for word in split_plain(text)) if arguments else ()
    return {name: arguments[name] for name in names if name in arguments}


def _known(pairs: Mapping[str, str]) -> dict[str, str]:
    """Leave out the variables whose values hold others that only the build can tell."""
    return {name: value for name, value in pairs.items() if not re.search(r"\$[A-Za-z_{]", value)}


def _unquote(text: str) -> str:
    try:
        return unquote(text)
    except ShellError:
        return text


def _expand(text: str, known: Mapping[str, str]) -> str:
    """Put in build-time variables; those that are not known stay as they are written."""
    return parameters.put_in(text, known, parameters.DOCKER).text
