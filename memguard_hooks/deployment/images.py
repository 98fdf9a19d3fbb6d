"""Which Dockerfile of a repository makes an image: what compose files and workflows build under its name.

Sources of the formats: compose-spec/compose-spec (build.md), and docker/build-push-action and docker/metadata-action, their
inputs `file`, `context`, `tags` and `images` (2026-11), of version 1 `repository`, `dockerfile` and `path`; and
aws-actions/amazon-ecs-render-task-definition, `container-name` and `image` (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property

import yaml

from memguard_hooks.deployment import dockerfile
from memguard_hooks.deployment.compose_loader import load_project, source_in
from memguard_hooks.deployment.options import ParsedOptions, grammar, split_options
from memguard_hooks.deployment.service import ImageMaker, Read
from memguard_hooks.errors import MemguardError, within
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import parameters
from memguard_hooks.formats.shell_words import Operator, ShellError, ShellWord, split_words, unquote
from memguard_hooks.formats.yaml_nodes import compose, get, items, pairs, scalar
from memguard_hooks.pattern import late_pattern
from memguard_hooks.tree import join, parent

MAX_FILES = 50
"""Files that say what makes which image, of those that whoever looks for them tells."""

MAX_WORKFLOW_BYTES = 2**19
"""Bytes of all workflows that are read: each 200 KB take a third of a second."""

MAX_BASES = 5
"""Images made here that start from one another; more than people write. The next counts as one of somebody else."""

MAX_ITEMS = 200

WELL_KNOWN = frozenset({"postgres", "postgresql", "postgis", "pgvector", "redis", "valkey", "nginx", "nginx-unprivileged",
                         "httpd", "mysql", "mariadb", "mongo", "mongodb", "rabbitmq", "memcached", "elasticsearch",
                         "opensearch", "traefik", "caddy", "haproxy", "envoy", "minio", "kafka", "zookeeper", "vault",
                         "consul", "grafana", "prometheus", "loki", "promtail", "node", "busybox", "alpine", "debian",
                         "ubuntu", "python", "git-sync", "cloud-sql-proxy", "gce-proxy", "oauth2-proxy", "pgbouncer",
                         "fluent-bit", "fluentd", "filebeat", "vector", "telegraf", "statsd-exporter", "agent",
                         "opentelemetry-collector", "opentelemetry-collector-contrib", "proxyv2", "curl", "kubectl",
                         "cloudflared", "certbot", "mailhog", "mailpit", "localstack", "qdrant", "weaviate", "chroma",
                         "milvus", "neo4j", "ollama", "clickhouse-server", "flower", "adminer", "pgadmin4", "almalinux",
                         "amazonlinux", "centos", "fedora", "golang", "rockylinux", "ruby", "rust", "scratch",
                         "defaultbackend"})  # fmt: skip
"""Images that no repository makes of its own."""

WORKFLOWS = ".github/workflows/"

_OUTPUT = late_pattern(r"\$\{\{\s*steps\.([\w-]+)\.outputs")
_WITH_DEFAULT = late_pattern(r"\$\{\w+:?-([^{}$]+)\}")
_VARIABLE = late_pattern(r"\$\{\{\s*env\.(\w+)\s*\}\}")


_BUILD = grammar("""
    --no-cache --pull --push --load --quiet/-q --rm --compress --squash --force-rm --check --file/-f= --tag/-t= --target=
    --build-arg= --label= --platform= --cache-from= --cache-to= --output/-o= --secret= --ssh= --network= --progress=
    --builder= --build-context= --add-host= --iidfile= --metadata-file= --memory/-m= --provenance= --sbom= --annotation=
    --attest= --shm-size= --ulimit= --isolation= --allow= --no-cache-filter= --cpu-shares/-c=
""")


_FILLED = "/="
"""What stands before the name of a container that a workflow fills in, among the names of images."""


class RepositoryImages:
    """The images that a repository makes; nothing is read before it is asked for."""

    def __init__(
        self,
        read: Read,
        told: Callable[[], Iterable[str]],
        dockerfiles: Callable[[], Iterable[str]],
        procfiles: Callable[[], Iterable[str]] = tuple,
        others: Callable[[], Iterable[str]] = tuple,
        note: Callable[[Skipped], object] = bool,
    ) -> None:
        """`told` returns the files that may say what makes which image, `dockerfiles` all that make images of Python.

        `procfiles` are those of which buildpacks make images, `others` the Dockerfiles of other languages. `note` is told
        which workflows are not read.
        """
        self._read = read
        self._told = told
        self._dockerfiles = dockerfiles
        self._procfiles = procfiles
        self._others = others
        self._note = note
        self._bases: dict[ImageMaker, dockerfile.Image | None] = {}
        self._open: list[str] = []

    def maker(self, name: str) -> ImageMaker | None:
        """Return what makes an image of a name, without registry and owner, and without tag where the name is enough."""
        return self._makers.get(name)

    def base(self, image: str, path: str) -> dockerfile.Image | None:
        """Return an image made here that the Dockerfile at `path` starts from, None for one of somebody else.

        Each is read once, and nothing for a name that everybody knows. Raises MemguardError for a file that is too large.
        """
        name = image_name(image)
        maker = self.maker(name) if name not in WELL_KNOWN else None
        if maker is None or maker.file in (path, *self._open):
            return None
        if maker not in self._bases and len(self._open) < MAX_BASES:
            self._open.append(maker.file)
            try:
                self._bases[maker] = self._image(maker)
            finally:
                self._open.pop()
        return self._bases.get(maker)

    def _image(self, maker: ImageMaker) -> dockerfile.Image | None:
        data = self._read(maker.file)
        if data is None:
            return None
        made = dockerfile.read_image(data, maker.file, maker.context, maker.target, self._read, bases=self.base)
        return made if isinstance(made, dockerfile.Image) else None

    def of_service(self, name: str) -> ImageMaker | None:
        """Return what a file of compose builds for a service of a name, and nobody calls."""
        return self._makers.get(f"/{name}")

    def filled_in(self, container: str) -> ImageMaker | None:
        """Return what makes the image that a workflow puts into the definition of a container."""
        return self._makers.get(f"{_FILLED}{container}")

    def called_like(self, tag: str) -> ImageMaker | None:
        """Return what makes an image of which only the tag tells: the one Dockerfile of Python that is called like it."""
        words = {tag, *re.split("[-_.]", tag)}
        found = [path for path in self.dockerfiles if words & _names_of(path)]
        return ImageMaker(found[0], "" if "/" not in found[0] else parent(found[0])) if len(found) == 1 else None

    @cached_property
    def dockerfiles(self) -> tuple[str, ...]:
        """The Dockerfiles of Python that the repository holds."""
        return tuple(self._dockerfiles())

    @cached_property
    def procfiles(self) -> tuple[str, ...]:
        """The Procfiles that the repository holds."""
        return tuple(self._procfiles())

    def is_of_another_language(self, name: str) -> bool:
        """Return whether only a Dockerfile of another language lies in a folder that is called like an image."""
        return name in self._folders_of_others

    @cached_property
    def _folders_of_others(self) -> frozenset[str]:
        return frozenset(folder for path in self._others() for folder in path.split("/")[:-1])

    def makes_others(self, file: str) -> bool:
        """Return whether it is known which images a Dockerfile makes."""
        return any(one.file == file for name, one in self._makers.items() if not name.startswith("/"))

    @cached_property
    def _makers(self) -> Mapping[str, ImageMaker]:
        found: dict[str, ImageMaker] = {}
        run: list[tuple[str, str]] = []
        size = 0
        for path in self._told():
            data = self._read(path) or b""
            try:
                is_workflow = path.startswith(WORKFLOWS)
                size += len(data) * is_workflow
                if is_workflow and size > MAX_WORKFLOW_BYTES:
                    raise MemguardError(f"comes behind {MAX_WORKFLOW_BYTES // 2**10} KiB of workflows")
                told = list(_of_workflow(compose(data, path)) if is_workflow else _of_compose(data, path, self._read))
            except MemguardError as error:
                if path.startswith(WORKFLOWS):  # whoever reads another for what it declares says so
                    self._note(Skipped(path, error.line, f"is not read for the images that it makes: it {error.message}"))
                continue
            for name, maker in told:
                if isinstance(maker, str):
                    run.append((name, maker))
                elif self._read(maker.file) is not None:
                    found.setdefault(name, maker)
        for name, service in run:
            if service in found:
                found.setdefault(name, found[service])
        return found


def image_name(image: str) -> str:
    """Return the name of an image, without registry, owner and tag: of `${IMAGE:-postgres:16}` that of its default."""
    default = _WITH_DEFAULT.fullmatch(image)
    return re.split(r"[:@]", (default[1] if default is not None else image).rpartition("/")[2])[0]


def image_tag(image: str) -> str:
    """Return the tag of an image, empty where it has none."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[2]


def _names_of(path: str) -> frozenset[str]:
    """Return what calls a Dockerfile: its folder, and what stands around the word: `celery` of `DockerfileCelery`."""
    folder, _, name = path.lower().rpartition("/")
    return frozenset((folder.rpartition("/")[2], name.replace("dockerfile", "").strip(".-_"))) - {""}


def _of_compose(data: bytes, path: str, read: Read) -> Iterator[tuple[str, ImageMaker | str]]:
    """Yield what a file of compose builds, under the names of its image, and of its service behind a `/`.

    Under the names of an image that it only runs stands the service, which another file may build.
    """
    for name, one in load_project(data, source_in(parent(path), path, read), read)[2].items():
        image, made = one.text("image"), one.build
        if not isinstance(made, ImageMaker):
            is_own = made is None and image_name(image or "") not in WELL_KNOWN
            yield from ((tagged, f"/{name}") for tagged in _names_with_tag(image or "" if is_own else ""))
            continue
        # The stage for developers makes the image of its own tag; another is built elsewhere, from the last stage.
        other = made._replace(target="") if dockerfile.is_for_developers(made.target) else made
        yield from ((tagged, made if ":" in tagged else other) for tagged in _names_with_tag(image or ""))
        if not any(map(dockerfile.is_for_developers, made.file.split("/"))):
            yield f"/{name}", other


def _of_workflow(root: yaml.Node | None) -> Iterator[tuple[str, ImageMaker | str]]:
    """Yield what the steps of a workflow build under a name."""
    jobs = within(pairs(get(root, "jobs")), MAX_ITEMS, "jobs")
    for _, job in jobs:
        steps = within(items(get(job, "steps")), MAX_ITEMS, "steps in a job")
        known = {scalar(key) or "": scalar(value) or "" for at in (root, job) for key, value in pairs(get(at, "env"))}

        def filled(text: str | None, known: Mapping[str, str] = known) -> str:
            return _VARIABLE.sub(lambda match: known.get(match[1], match[0]), text or "")

        metadata = [one for one in steps if "metadata-action" in (scalar(one, "uses") or "")]
        listed = {scalar(one, "id") or "": filled(scalar(one, "with", "images")) for one in metadata}
        for step in steps:
            uses = scalar(step, "uses") or ""
            if "build-push-action" in uses:
                given = filled(scalar(step, "with", "repository") or scalar(step, "with", "tags"))  # version 1 has the first
                tags = [given, *(listed.get(one, "") for one in _OUTPUT.findall(given))]
                context, file, target = (
                    filled(scalar(step, "with", key) or scalar(step, "with", old))
                    for key, old in (("context", "path"), ("file", "dockerfile"), ("target", "target"))
                )
                yield from _made(" ".join(tags).split(), file, target, context)
            if "amazon-ecs-render-task-definition" in uses:  # it puts an image into the definition of a container
                container = f"{_FILLED}{scalar(step, 'with', 'container-name')}"
                yield container, image_name(filled(scalar(step, "with", "image")))
            for build in _builds(filled(scalar(step, "run"))[: parameters.MAX_TEXT]):
                tags = [value for name, value in build.given if name == "--tag"]
                file, target = (build.values.get(name, "") for name in ("--file", "--target"))
                yield from _made(tags, file, target, build.positional[-1] if build.positional else "")


def _builds(script: str) -> Iterator[ParsedOptions]:
    """Yield what a script gives to `docker build`, one command after the other."""
    words: list[str] = []
    try:
        for token in (*split_words(script), Operator(";")):
            if isinstance(token, ShellWord):
                words.append(unquote(token.text))
                continue
            at = next((at for at in (2, 3) if words[:1] == ["docker"] and words[at - 1 : at] == ["build"]), None)
            if at is not None:
                yield split_options(words[at:], _BUILD, is_strict=False)
            words = []
    except ShellError:
        return


def _made(images: Iterable[str], file: str, target: str, context: str) -> Iterator[tuple[str, ImageMaker]]:
    folder = join("", context if context and "$" not in context and "//" not in context else ".")
    path = join("", file) if file else join(folder or "", "Dockerfile")
    if folder is None or path is None or "$" in path:
        return
    for image in images:
        for one in image.split(","):
            yield from ((name, ImageMaker(path, folder, target)) for name in _names_with_tag(one.strip("'\"")))


def _names_with_tag(image: str) -> Iterator[str]:
    """Yield the names under which an image is kept: with its tag, where that is written out, and without."""
    name, tag = image_name(image), image_tag(image)
    if re.fullmatch(r"[\w.-]+", name):
        yield name
        if re.fullmatch(r"[\w.-]+", tag):
            yield f"{name}:{tag}"
