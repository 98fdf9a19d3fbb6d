"""Which Dockerfile of a repository makes an image: what compose files and workflows build under its name.

Sources of the formats: compose-spec/compose-spec (build.md), and docker/build-push-action and docker/metadata-action, their
inputs `file`, `context`, `tags` and `images` (2026-11).
"""

from __future__ import annotations

import re
from functools import cached_property
from itertools import islice

from memguard_hooks.deployment.service import Read
from memguard_hooks.errors import MemguardError
from memguard_hooks.formats import parameters
from memguard_hooks.formats.yaml_nodes import compose, get, items, pairs, scalar
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import join, parent

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import yaml

MAX_FILES = 50
"""Files that say what makes which image."""

MAX_ITEMS = 200

_COMMAND = late_pattern(r"\bdocker (?:buildx )?build\b((?:\\\n|[^\n;&|])*)")
_TAG = late_pattern(r"(?:\s-t|\s--tag)[= ]['\"]?(\S+)")
_FILE = late_pattern(r"(?:\s-f|\s--file)[= ]['\"]?([^\s'\"]+)")
_OUTPUT = late_pattern(r"\$\{\{\s*steps\.([\w-]+)\.outputs")
_VARIABLE = late_pattern(r"\$\{\{\s*env\.(\w+)\s*\}\}")


class ImageMaker(Record):
    """The Dockerfile that makes an image, the folder that it is built in, and its stage, the last one where it is empty."""

    file: str
    context: str
    target: str = ""


class RepositoryImages:
    """The images that a repository makes; nothing is read before it is asked for."""

    def __init__(
        self,
        read: Read,
        told: Callable[[], Iterable[str]],
        dockerfiles: Callable[[], Iterable[str]],
        procfiles: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """`told` returns the files that may say what makes which image, `dockerfiles` all that make images of Python.

        `procfiles` are those of which buildpacks make images.
        """
        self._read = read
        self._told = told
        self._dockerfiles = dockerfiles
        self._procfiles = procfiles

    def maker(self, name: str) -> ImageMaker | None:
        """Return what makes an image of a name, without registry, owner and tag."""
        return self._makers.get(name)

    @cached_property
    def dockerfiles(self) -> tuple[str, ...]:
        """The Dockerfiles of Python that the repository holds."""
        return tuple(self._dockerfiles())

    @cached_property
    def procfiles(self) -> tuple[str, ...]:
        """The Procfiles that the repository holds."""
        return tuple(self._procfiles())

    def makes_others(self, file: str) -> bool:
        """Return whether it is known which images a Dockerfile makes."""
        return any(one.file == file for one in self._makers.values())

    @cached_property
    def _makers(self) -> Mapping[str, ImageMaker]:
        found: dict[str, ImageMaker] = {}
        for path in islice(self._told(), MAX_FILES):
            try:
                root = compose(self._read(path) or b"", path)
            except MemguardError:  # whoever reads it for what it declares says so
                continue
            for name, maker in (*_of_compose(root, path), *_of_workflow(root)):
                if self._read(maker.file) is not None:
                    found.setdefault(name, maker)
        return found


def image_name(image: str) -> str:
    """Return the name of an image, without registry, owner and tag."""
    return re.split(r"[:@]", image.rpartition("/")[2])[0]


def _of_compose(root: yaml.Node | None, path: str) -> Iterator[tuple[str, ImageMaker]]:
    """Yield what a file of compose builds under a name."""
    for _, node in pairs(get(root, "services"))[:MAX_ITEMS]:
        image, build = scalar(node, "image"), get(node, "build")
        if image is None or build is None:
            continue
        context = join(parent(path), _plain(scalar(build) or scalar(build, "context") or "."))
        file = join(context or "", _plain(scalar(build, "dockerfile") or "Dockerfile"))
        if context is not None and file is not None:
            yield image_name(_plain(image)), ImageMaker(file, context, scalar(build, "target") or "")


def _plain(text: str) -> str:
    """Return a text of compose with the defaults of its variables."""
    return parameters.put_in(text, {}, parameters.COMPOSE).text


def _of_workflow(root: yaml.Node | None) -> Iterator[tuple[str, ImageMaker]]:
    """Yield what the steps of a workflow build under a name."""
    for _, job in pairs(get(root, "jobs"))[:MAX_ITEMS]:
        steps = items(get(job, "steps"))[:MAX_ITEMS]
        known = {scalar(key) or "": scalar(value) or "" for at in (root, job) for key, value in pairs(get(at, "env"))}

        def filled(text: str | None, known: Mapping[str, str] = known) -> str:
            return _VARIABLE.sub(lambda match: known.get(match[1], match[0]), text or "")

        metadata = [one for one in steps if "metadata-action" in (scalar(one, "uses") or "")]
        listed = {scalar(one, "id") or "": filled(scalar(one, "with", "images")) for one in metadata}
        for step in steps:
            if "build-push-action" in (scalar(step, "uses") or ""):
                given = filled(scalar(step, "with", "tags"))
                tags = [given, *(listed.get(one, "") for one in _OUTPUT.findall(given))]
                context, file, target = (filled(scalar(step, "with", key)) for key in ("context", "file", "target"))
                yield from _made(" ".join(tags).split(), file, context, target)
            for command in _COMMAND.findall(filled(scalar(step, "run"))[: parameters.MAX_TEXT]):
                words = command.replace("\\\n", " ").split()
                named = _FILE.search(command)
                yield from _made(_TAG.findall(command), named[1] if named else "", words[-1] if words else "", "")


def _made(images: Iterable[str], file: str, context: str, target: str) -> Iterator[tuple[str, ImageMaker]]:
    folder = join("", context if context and "$" not in context and "//" not in context else ".")
    path = join("", file) if file else join(folder or "", "Dockerfile")
    if folder is None or path is None or "$" in path:
        return
    for image in images:
        for one in image.split(","):
            name = image_name(one.strip("'\""))
            if re.fullmatch(r"[\w.-]+", name):
                yield name, ImageMaker(path, folder, target)
