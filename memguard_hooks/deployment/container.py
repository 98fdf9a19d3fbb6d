"""One container as Kubernetes, Amazon ECS and Nomad declare it: which image of the repository it runs, and what that starts.

No manifest says which Dockerfile makes an image; files of compose and workflows may. Without them one that is called like
its container or workload, or is the only one of its file that no vendor is known to make, is taken for the repository's.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence

from memguard_hooks.deployment import dockerfile
from memguard_hooks.deployment.command import Host, parse
from memguard_hooks.deployment.dockerfile import Image, ImageProgram
from memguard_hooks.deployment.images import WELL_KNOWN, RepositoryImages, image_name
from memguard_hooks.deployment.python_program import starts_python
from memguard_hooks.deployment.service import ImageMaker, Read, Service, ServicePlace, Variables
from memguard_hooks.finding import MIB, Skipped, mib
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import parent

DOCKERFILES = ("Dockerfile", "docker/Dockerfile", "src/Dockerfile", "app/Dockerfile", "backend/Dockerfile", "api/Dockerfile",
               "server/Dockerfile")  # fmt: skip
"""What makes the image of a repository, the first that is there; what lies in `docker` is built in the root."""

APP_FOLDERS = ("", "src/", "services/", "apps/")
"""Where the folders of several apps lie, each with a Dockerfile and called like its image."""

_PYTHON_IMAGE = late_pattern(r"(?:^|/)python:(\d+\.\d+)")

PROXIES = frozenset({"nginx", "traefik", "caddy", "haproxy", "envoy"})
"""What names of images begin with that wrap such a program: `nginx-reload`."""

_VENDORS = late_pattern(
    r"(?:(?:registry\.k8s|k8s\.gcr|quay)\.io|docker\.elastic\.co|mcr\.microsoft\.com|(?:docker\.io/)?bitnami)/"
)
"""Registries that hold the images of vendors alone."""


MOST_TOLD = 4
"""Dockerfiles, and containers, that a reason names."""

NO_IMAGES = RepositoryImages(lambda _: None, tuple, tuple)
"""Those of a repository of which nothing but the usual paths is known."""


class DeclaredContainer(Record):
    """One container, what calls it, and what stands in the place of the image's own.

    `names` are its own and that of what it belongs to. `entrypoint` takes the place of ENTRYPOINT and CMD, `command` that of
    CMD; both are empty where the image decides. `place` is where it stands, `written` where the command does.
    """

    name: str
    names: tuple[str, ...]
    image: str
    place: ServicePlace
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    workdir: str = ""
    variables: Variables = Variables()
    written: ServicePlace | None = None

    @property
    def image_name(self) -> str:
        """The name of its image, without registry, owner and tag."""
        return image_name(self.image)

    @property
    def may_be_own(self) -> bool:
        """Return whether the repository may make its image."""
        name = self.image_name
        words = re.split("[-_]", name)
        is_known = name in WELL_KNOWN or words[-1] in WELL_KNOWN or words[-1] == "exporter"  # `shop-nginx` is an nginx
        is_known = is_known or words[0] in PROXIES
        return not is_known and not _VENDORS.match(self.image)


def own_images(containers: Sequence[DeclaredContainer], own: str = "") -> frozenset[str]:
    """Return the names of the images that are plausibly those of the repository's Dockerfile.

    One is called like what it runs in, or `own`. Where none is, it is the only one that nobody else is known to make.
    """
    unknown = [one for one in containers if one.may_be_own]
    called = frozenset(one.image_name for one in unknown if one.image_name in (*one.names, own))
    names = frozenset(one.image_name for one in unknown)
    return called or (names if len(names) == 1 else frozenset[str]())


def start(
    one: DeclaredContainer, ours: Collection[str], read: Read, images: RepositoryImages = NO_IMAGES
) -> Service | Skipped | None:
    """Return what a container starts; None for what is not known to be of Python."""
    base = _PYTHON_IMAGE.search(one.image)
    image = Image(1, environment={"PYTHON_VERSION": base[1]} if base else {})
    origin = one.place.path
    is_own = one.image_name in ours and one.name not in WELL_KNOWN
    maker = images.filled_in(one.name) or find_maker(one.image_name, read, images, is_own=is_own)
    file, data = (maker.file, read(maker.file)) if maker is not None else ("", None)
    built = _by_buildpack(one, read, images) if maker is None and is_own else None
    if built is not None:
        return with_variables(built, one.variables)._replace(name=one.name)
    unknown = _unknown_maker(one, images) if maker is None and is_own else None
    is_python = False
    if maker is not None and data is not None:
        made = made_by(data, maker, read, images)
        is_python = dockerfile.is_of_python(made, data)
        if isinstance(made, Image):
            image, origin = made, file
        elif not one.entrypoint:
            return made._replace(service=one.name)
    if one.entrypoint:
        image = image._replace(entrypoint=ImageProgram(one.entrypoint, "", 1, 1), cmd=None)
    image = image._replace(workdir=one.workdir or image.workdir)
    started = image.service(origin, read, shlex.join(one.command) if one.command else None)
    if isinstance(started, Skipped):
        return started._replace(service=one.name) if is_python else unknown
    if data is None:
        started = _at_home(started, one, read)
    if one.written is not None:
        started = started.at(one.written)
    started = with_variables(started, one.variables)._replace(name=one.name)
    return started if (is_python and not one.entrypoint) or starts_python(started, read) else unknown


def _by_buildpack(one: DeclaredContainer, read: Read, images: RepositoryImages) -> Service | None:
    """Return what an image runs that buildpacks make of the only Procfile: the process that its command names, else `web`.

    Sources: buildpacks.io, docs/for-app-developers/how-to/build-outputs/specify-launch-process (2026-11), and Google's
    docs/buildpacks/set-environment-variables: an entrypoint is the name of a process type, and `web` is the default one.
    """
    if images.dockerfiles or len(images.procfiles) != 1 or len(one.entrypoint) > 1:
        return None
    from memguard_hooks.deployment import procfile

    path = images.procfiles[0]
    asked = one.entrypoint[0].rpartition("/")[2] if one.entrypoint else "web"
    found = procfile.read(read(path) or b"", path, read).services
    started = next((service for service in found if service.name == asked), None)
    if started is None or (one.command and not one.entrypoint):
        return None
    return started._replace(kind="web") if starts_python(started, read) else None


def _unknown_maker(one: DeclaredContainer, images: RepositoryImages) -> Skipped | None:
    """Say that nobody can tell what an image starts that the repository plausibly makes by one of several Dockerfiles.

    One of somebody on Docker Hub may be anybody's, and of one that is known to be made here nothing is unknown.
    """
    if len(images.dockerfiles) < 2 or re.fullmatch(r"(?:docker\.io/)?[\w-]+/[^/]+", one.image):
        return None
    if images.is_of_another_language(one.image_name):
        return None
    reason = f"it is not known which Dockerfile makes {one.image}: {', '.join(images.dockerfiles[:MOST_TOLD])}"
    return Skipped(one.place.path, one.place.line, reason, service=one.name)


def _at_home(service: Service, one: DeclaredContainer, read: Read) -> Service:
    """Return a service whose image nobody makes here, in the folder that is called like the image and holds its app."""
    found = parse(service.command, Host(service.environment, read), service.folder).entrypoint
    if found is None or dockerfile.holds(service.folder, found.text, read):
        return service
    names = dict.fromkeys((one.image_name, re.split("[-_]", one.image_name)[-1], *one.names))
    folders = (f"{folder}{name}" for name in names if re.fullmatch(r"[\w-]+", name) for folder in APP_FOLDERS)
    home = next((folder for folder in folders if dockerfile.holds(folder, found.text, read)), None)
    return service if home is None else service._replace(folder=home)


def with_variables(service: Service, variables: Variables) -> Service:
    """Return a service with the variables that a platform gives it, which win over those of its image."""
    both = variables.over(Variables(service.environment, service.variables))
    kept = {name: value for name, value in service.environment.items() if name not in variables.places}
    return service._replace(environment={**kept, **variables.values}, variables=both.places)


def beside(service: Service, asked: Sequence[tuple[str, int]]) -> Service:
    """Return a service with its limit less what containers of somebody else's ask for that share it, each by its name.

    Of one that asks for nothing, which is 0 bytes, nobody knows what it takes.
    """
    taken = sum(size for _, size in asked)
    names = ", ".join(name for name, size in asked if size)
    uncounted = tuple(name or "another container" for name, size in asked if not size)
    less = f" less {mib(taken)} MiB of {names}" if taken else ""
    without = f", not counting {', '.join(uncounted[:MOST_TOLD])}" if uncounted else ""
    return service._replace(
        limit=max(service.limit - taken, MIB) if service.limit is not None else None,
        limit_label=f"{service.limit_label}{less}{without}",
        uncounted=uncounted,
    )


def find_maker(name: str, read: Read, images: RepositoryImages, *, is_own: bool) -> ImageMaker | None:
    """Return what makes an image: what is known to do so, what is called like it, or else the repository's Dockerfile.

    `shop-api` is made by what is called so, or `api`. One that is known to make other images makes none besides, but one
    whose name whoever deploys it fills in.
    """
    known = images.maker(name)
    if known is not None:
        return known
    named: list[str] = []
    if re.fullmatch(r"[\w-]+", name):
        named = [f"{folder}{name}/Dockerfile" for folder in APP_FOLDERS]
        for one in dict.fromkeys((name, name.rpartition("-")[2])) if is_own else ():
            named += [
                *(f"{folder}{one}/Dockerfile" for folder in APP_FOLDERS),
                f"Dockerfile.{one}",
                f"docker/Dockerfile.{one}",
                f"docker/{one}/Dockerfile",
                f"docker/{one}.Dockerfile",
            ]
    file = next((one for one in named if read(one) is not None), None)
    of_service = images.of_service(name) if is_own and file is None else None
    if of_service is not None:
        return of_service
    if file is None and is_own:
        usual = (one for one in DOCKERFILES if read(one) is not None)
        only = images.dockerfiles if len(images.dockerfiles) == 1 else ()
        file = next((one for one in (*usual, *only) if not name or not images.makes_others(one)), None)
    return ImageMaker(file, "" if file.startswith("docker/") else parent(file)) if file is not None else None


def made_by(data: bytes, maker: ImageMaker, read: Read, images: RepositoryImages = NO_IMAGES) -> Image | Skipped:
    """Return the image of a Dockerfile, built in its folder, or else in the root where only that holds what it starts."""
    file, folder = maker.file, maker.context
    made = dockerfile.read_image(data, file, folder, maker.target, read, bases=images.base)
    if folder and isinstance(made, Image):
        in_root = dockerfile.read_image(data, file, "", maker.target, read, bases=images.base)
        if isinstance(in_root, Image) and not holds_start(made, file, read) and holds_start(in_root, file, read):
            return in_root
    return made


def holds_start(image: Image, file: str, read: Read) -> bool:
    """Return whether the repository has what an image starts where the image was given it."""
    started = image.service(file, read)
    if isinstance(started, Skipped):
        return False
    found = parse(started.command, Host(started.environment, read, mounts=started.mounts), started.folder).entrypoint
    folders = (found.folder, *found.roots) if found is not None else ()
    return found is not None and any(dockerfile.holds(folder, found.text, read) for folder in folders)
