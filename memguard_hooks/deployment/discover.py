"""The services of a repository: which deployment files it has, and how what they say is joined.

- The files of platforms count first, those of Kubernetes, ECS and Nomad too, and a Procfile with Heroku's `app.json`. Two
  platforms are two hosts: what runs on both is judged twice. Where one declares another command than a Procfile or a
  Dockerfile that it does not name, that one is left out, and named with what wins.
- Without them units of systemd count, and compose. With them compose serves development and units are for other hosts:
  they are left out, but for units beside functions alone, which start no server. Beside a Procfile compose counts where it
  is the file for production or limits memory; without one it wins over the bare Dockerfile, but for commands that reload.
- The files of platforms in the folders below a root that has its own lose as well, and are named. What an image, compose or
  a platform starts there that the root does not is one more service, and is named where the root is for a platform.
- `railpack.json` and `nixpacks.toml` win over a Procfile, unless an image starts all of that at once, and that over a
  Dockerfile, unless only the Dockerfile starts Python. Where such a plan and a Dockerfile start different programs, both are
  judged: which of them counts, the host decides.
- Where the root has nothing of these but a file for compose, folders one and two levels down are looked through, and each
  is taken as the root of an app of its own; compose in the root gives way only to files of platforms there. A service
  whose name is taken has that of its folder.
- Before a `Dockerfile` the one for production counts, such as `prod.Dockerfile`; without one others of that kind do, unless
  their names say that they are for tests or for developers; those of them that run the same are one service.
- `heroku.yml` wins over a Procfile, unless `app.json` names a stack that is built from one.
- Where the root starts no Python, the folders below it are looked through as well.
- What other images, units, files of compose, Procfiles of other names, and manifests for staging start of the repository, in
  folders down to five levels, is one more service where nothing of all that does that task, unless it is for developers;
  where the files of a platform count, or a Procfile, it is named with what wins, but for a Procfile of another app.
- Where nothing of all that is there, a start script in the root, or what pm2, circus, supervisord or uWSGI is given there is
  what a host is told to run, on no platform; and without that any image of Python in a folder below, also one whose start
  cannot be read; and without that units of systemd in any folder, such as `contrib`, that start a file of the repository.

A file is read only where a folder lists it, and its reader loaded only then.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property, reduce
from itertools import chain, islice

from memguard_hooks.deployment.readers import (
    GENERIC,
    GENERIC_FILES,
    PLATFORM_FILES,
    PLATFORM_FOLDERS,
    PLATFORMS,
    reader_with,
)
from memguard_hooks.deployment.service import NAMED_FOR_PRODUCTION, Deployment, Read, Service, join_services, template
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.pattern import late_pattern
from memguard_hooks.relations import grouped
from memguard_hooks.tree import SKIPPED_FOLDERS, Tree, join, parent, parse_once, peek

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TypeAlias

    from memguard_hooks.deployment.command import EntryPoint, Host, StartCommand
    from memguard_hooks.deployment.dockerfile import Image
    from memguard_hooks.deployment.images import RepositoryImages
    from memguard_hooks.deployment.readers import Format

Broken: TypeAlias = "Callable[[MemguardError], None]"

FOREIGN_FOLDERS = SKIPPED_FOLDERS | {"doc", "docs", "example", "examples", "sample", "samples", "test", "tests", "vendor"}
"""Folders whose apps are not deployed."""

HIDDEN_FOLDERS = frozenset({".docker", ".deploy", ".deployment", ".infra"})
"""Hidden folders that people keep what they deploy in."""

MAX_FOLDERS = 2000
"""Folders that are looked through for apps, so that a hostile tree ends too."""

_MANY_FOLDERS = "there are more than {} folders that may hold an app"

MAX_DEPTH = 5
"""How deep below the root the Dockerfile of an image may lie that a manifest names."""

MAX_FILES = 300
"""Manifests of Kubernetes, charts of Helm, and units of systemd, that are read."""

MAX_OTHERS = 50
"""Dockerfiles, and units and files of compose, that are read beside what is deployed."""

MAX_KUSTOMIZATIONS = 50

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml")

MANIFEST_FOLDERS = ("", "k8s", "kubernetes", "deploy", "deployment", "manifests", ".k8s", "kustomize",
                    "kubernetes-manifests", "base", "k8s/base", "kubernetes/base", "deploy/base", "manifests/base",
                    "kustomize/base")  # fmt: skip
"""Where manifests of Kubernetes lie, each without the folders below it."""

CHART = "Chart.yaml"

CHART_FOLDERS = ("", "chart", "charts", "helm", "helm-chart", "helm-charts", ".helm", "deploy/chart", "deploy/charts",
                 "deploy/helm", "deployment/chart", "deployment/charts", "deployment/helm", "deployments/helm", "infra/helm",
                 "infra/charts", "k8s/chart", "k8s/charts", "k8s/helm", "kubernetes/helm", "kubernetes/charts",
                 "ops/helm")  # fmt: skip
"""Where a chart of Helm lies, or several, each in a folder of its own."""

OVERLAYS = tuple(
    f"{folder}overlays/{stage}/{name}"
    for folder in ("", "k8s/", "kubernetes/", "deploy/", "deployment/", "manifests/", "kustomize/", ".k8s/")
    for stage in ("production", "prod", "prd")
    for name in KUSTOMIZATIONS
)
"""The kustomizations for production; the first that is there counts, with what it changes of the manifests below it."""

_ECS_FOLDERS = late_pattern(
    r"(?i)\.?aws|\.?ecs|task[-_]?def(?:inition)?s?"
    r"|(?:.*[-_])?(?:deploy(?:ment)?s?|infra(?:structure)?|ops|cloudformation|terraform|provision(?:ing)?)(?:[-_].*)?"
)
"""Folders of the root below which task definitions of ECS lie, and templates of CloudFormation."""

_CHART_FOLDERS = late_pattern(
    r"(?i)(?:.*[-_])?(?:helm|charts?|k[38]s|kube(?:rnetes)?|deploy(?:ment)?s?|infra(?:structure)?|ops|hosting)(?:[-_].*)?"
)
"""Folders of the root below which charts of Helm lie."""

_CLUSTER_FOLDERS = late_pattern(
    r"(?i)(?:.*[-_.])?(?:k[38]s|kube(?:rnetes)?|manifests|deploy(?:ment)?s?|infra(?:structure)?|ops|ci)(?:[-_].*)?"
    r"|\.?(?:cf|cloud[-_.]?foundry|cloud[-_.]?gov)"
)
"""Folders of the root below which manifests of Kubernetes and of Cloud Foundry lie."""

_IMAGE_FOLDERS = late_pattern(r"(?i)docker(?:files?)?|containers?|compose|docker-compose|deploy(?:ment)?s?|images?|build")
"""Folders that hold what makes images of the folder above them, and files of compose of any name."""

NOMAD_FOLDERS = ("", "nomad", ".nomad", "deploy", "deployment", "jobs", "infra", "deploy/nomad", "infra/nomad", "ops")
"""Where jobs of Nomad lie, each without the folders below it."""

UNIT_FOLDERS = ("", "deploy", "deployment", "systemd", "etc", "deploy/systemd", "deployment/systemd", "etc/systemd",
                "etc/systemd/system")  # fmt: skip
"""Where units of systemd lie, each without the folders below it."""

START_SCRIPTS = ("start.sh", "run.sh", "startup.sh", "startup.txt", "entrypoint.sh")
"""Scripts that start an app; those called `startup` are what Azure App Service is told to run."""

MANAGED = {
    **{f"ecosystem.config.{ending}": "pm2-runtime start" for ending in ("js", "cjs", "json", "yml", "yaml")},
    "circus.ini": "circusd",
    "supervisord.conf": "supervisord -n -c",
    "supervisor.conf": "supervisord -n -c",
    "uwsgi.ini": "uwsgi --ini",
}
"""Files that list what runs, each with the program that is given it."""

COMPOSE = "compose"

PROCFILE_OF_APP = "Procfile."
"""How the names of Procfiles begin that are for one of several apps, which says so in a variable of its own."""

_OF_NO_APP = frozenset({"j2", "jinja", "md", "tmpl", "tpl", "windows"})
"""Such endings for no app: of templates, of texts, and of what Heroku has its users run on their own machines."""

MAX_IMAGES = 20
"""Dockerfiles of one folder that are read."""

MAX_BYTES = 2**20
"""A deployment file is some kilobytes."""

MAX_SERVICES = 200
"""Services that one file may declare."""

MAX_DECLARED = 250
"""Services of all files that are read."""

MAX_COMMANDS = 250
"""Commands that all services start, those beside a server too: each takes some milliseconds to judge."""

PROGRAMS_OF_RAILWAY = tuple(f".railway/railway.{ending}" for ending in ("ts", "py", "go"))

_PLANS = ("nixpacks.toml", "railpack.json")
"""Plans of builders that are for no one host."""

_IMAGE = late_pattern(r"(?i)(?:[\w-]+\.)?(?:Dockerfile|Containerfile)(?:\.?[\w-]+)?")
_NOT_DEPLOYED = late_pattern(
    r"(?i)(?:^|[-_.])(?:dev|devel|develop|development|local|debug|tests?|testing|lint|docs|ci|base|builder|bak|backup|old|orig"
    r"|examples?|samples?|templates?|deprecated)(?:$|[-_.])"
)

_TEMPLATE = late_pattern(rb"\{%|(?<!\$)\{\{")

_COMPOSE = late_pattern(r"(?:docker-)?compose(?:[.-]prod(?:uction)?)?\.ya?ml")

_COMPOSE_FILE = late_pattern(rb"^(?:export )?COMPOSE_FILE=[\"']?([^\s\"'#]{1,1000})", re.MULTILINE)
"""The files that compose is told to read, in the `.env` beside them."""

_OTHER_COMPOSE = late_pattern(
    r"(?:[\w-]+[._-])?(?:docker[._-]?)?(?:compose|stack|swarm)(?:[._-][\w-]+)*\.ya?ml|(?:prod(?:uction)?|dokploy|coolify)\.ya?ml",
    re.IGNORECASE,
)
"""What people call a file of compose that they name with `-f`."""

_TASK = late_pattern(r"(?i)(?:^|[-_.])(?:ecs|tasks?|taskdefs?|definitions?|containers?)(?=[-_.])")
"""Words in the names of the task definitions of the root."""

_CONTAINERS = late_pattern(rb"[cC]ontainerDefinitions")
"""What each file with a task definition holds."""

_PYTHON_FILE = late_pattern(rb"\.py\b|requirements|pyproject")
"""What an image of Python copies, whatever it is made from."""

_PYTHON_NAME = late_pattern(
    r"\.pyw?$|^(?:requirements.*\.(?:txt|in)|pyproject\.toml|setup\.cfg|Pipfile|environment\.ya?ml)$"
)

_API_VERSION = late_pattern(rb"a\0?p\0?i\0?V\0?e\0?r\0?s\0?i\0?o\0?n\0?:")
"""What each manifest of Kubernetes says, also in UTF-16."""

_WORKLOAD = late_pattern(rb"(?m)^[ \t]*(?:- )?kind:\s*[\"']?(?:Deployment|StatefulSet|DaemonSet|ReplicaSet|CronJob|Job|Pod)")
"""What a manifest says that starts containers."""

_CONTAINERS_OF_TERRAFORM = late_pattern(rb"\b(?:aws_ecs_task_definition|google_cloud_run_(?:v2_)?(?:service|worker_pool))\"")
"""What a file of Terraform says that declares a container."""

_STAGING = late_pattern(
    r"(?i)(?:^|[-_./])(?:staging|stage|stg|qa|uat|sandbox|preview|dev|development|tests?|(?:non|pre)[-_.]?pr(?:o?d|oduction))"
    r"(?:[-_./]|$)"
)
"""Words in the paths of what runs before it is for production."""

_BUILDPACKS = late_pattern(rb"\"stack\"\s*:\s*\"heroku-")
"""The stack of an app of Heroku that is made of a Procfile; `heroku.yml` counts in the stack `container` alone."""

_SUBCOMMAND = late_pattern(r"\s+([a-z][\w-]*)(?!\S)")

_SERVICES = late_pattern(rb"^services:", re.MULTILINE)
"""What each file of compose says."""

_STARTING = late_pattern(rb"(?im)^[ \t]*(?:CMD|ENTRYPOINT)[ \t]+(?!\[\s*\]\s*$)")
"""What a Dockerfile says that starts something by itself."""

_APPLICATIONS = late_pattern(rb"^applications:", re.MULTILINE)
"""What each manifest of Cloud Foundry says."""

_DEVELOPMENT = late_pattern(
    r"--reload\b|\brunserver\b|\bdebugpy\b|--debug\b|\bwatchfiles\b|\bptw\b|(?<![\w/])dev(?:_\w+)?(?![\w/])"
)


def discover(
    tree: Tree,
    broken: Broken,
    is_excluded: Callable[[str], bool] = lambda _: False,
    scripts: Callable[[], Mapping[str, str]] = dict,
) -> Deployment:
    """Read the deployment files of a tree; `broken` is told of each that cannot be read or does not parse.

    `scripts` returns the console scripts of the project, as `name: "pkg.mod:function"`.
    """
    files = _Files(tree, broken, is_excluded, scripts)
    found = _discover(files)
    found = _without_developers(_with_the_rest(found, files), files) if _declares(found) else found
    found = files.first_that_start(files.first_of(found)).only(lambda one: not files.is_of_another_language(one))
    return found._replace(skipped=(*found.skipped, *dict.fromkeys(files.gaps))) if files.gaps else found


def _discover(files: _Files) -> Deployment:
    root = _Folder("", files)
    if root.has_own and root.is_python:
        return _over_siblings(_composed_below(root.deployment, files), files)
    folders = [_Folder(path, files) for path in _folders_below(files)]
    nested = _joined(folder.python_services for folder in folders)
    nested = _variants_once(_with_names_of_their_own(_without_named_images(nested, files)))
    if root.has_own:
        return _beside_another_language(root.deployment, nested, files)
    if any(service.platform not in (None, COMPOSE) for service in nested.services):
        return nested
    here = root.deployment
    found = _with_others(here, _beside_compose(nested), files) if here.services else here.joined(nested)
    found = found if found.services or found.skipped else root.start_script
    if found.services or found.skipped:
        return found
    images = _once(_joined(folder.images_of_python for folder in folders))
    if not _declares(images):
        deeper = dict.fromkeys(map(parent, files.dockerfiles))
        images = _once(_joined(_Folder(path, files).images_of_python for path in deeper))
    if not _declares(images):
        images = images.joined(files.other_units())
    return _with_names_of_their_own(images)


def _composed_below(here: Deployment, files: _Files) -> Deployment:
    """Return what the root declares, where that is an image alone with what compose of a folder runs of it in its place."""
    gaps = {gap.path for gap in here.skipped if gap.service}
    images = {one.path for one in here.services} | gaps
    if not all(map(_is_image, images)) or any(one.platform is not None for one in here.services):
        return here
    apart = files.apart()
    found = Deployment()
    for path in _of_production(_folders_below(apart)):
        apart.named.clear()
        folder = _Folder(path, apart) if not any(map(_NOT_DEPLOYED.search, path.split("/"))) else None
        declared = folder.python_services.services if folder is not None and folder.has_compose else ()
        composed = [one for one in declared if one.platform == COMPOSE and not _DEVELOPMENT.search(one.command)]
        if composed and not apart.named.isdisjoint(images):
            found = found.joined(Deployment(tuple(composed)))
            files.named |= apart.named
    if not found.services:
        return here
    kept = tuple(gap for gap in here.skipped if gap.path not in gaps)
    return _with_names_of_their_own(found)._replace(skipped=kept, traps=here.traps)


def _without_named_images(nested: Deployment, files: _Files) -> Deployment:
    """Return what folders declare without the images of Dockerfiles that a file of a later folder builds."""
    return nested.only(lambda one: one.platform is not None or one.path not in files.named)


def _beside_another_language(here: Deployment, nested: Deployment, files: _Files) -> Deployment:
    """Return what the root declares, which starts no Python, and what its folders start of it."""
    if not nested.services:
        return _over_siblings(here, files)
    return _with_names_of_their_own(here.joined(nested))


def _over_siblings(here: Deployment, files: _Files) -> Deployment:
    """Return what the root declares, with what its folders do.

    What platforms, and compose for production, are told there loses, as all does where the root is for a platform. Else an
    image, or compose, that starts another program is one more service.
    """
    apart = files.apart()
    is_for_platform = any(map(_is_for_platform, here.services))
    more = Deployment()
    for path in _folders_below(files) if here.services else ():
        folder = _Folder(path, apart)
        if folder.may_be_for_platform or ("/" not in path and (folder.is_for_platform or folder.is_for_production)):
            found = folder.python_services.services
            others = () if _names_all(here) else _of_other_programs(here, Deployment(found), files)
            here = join_services(here, Deployment(tuple(one for one in found if one not in others)))
            more = more.joined(Deployment(others))
        elif folder.has_image_or_compose and not any(map(_NOT_DEPLOYED.search, path.split("/"))):
            more = more.joined(folder.python_services)
    if is_for_platform:
        return join_services(here, Deployment(_of_other_programs(here, more, files)))
    return _with_others(here, more, files)


def _with_the_rest(here: Deployment, files: _Files) -> Deployment:
    """Return what is declared, with what files start of the repository that nothing of it does, unless developers do.

    Where the files of a platform count, or a Procfile, that loses, and is named with what wins.
    """
    apart = files.apart()
    known = {one.path for one in here.services} | {gap.path for gap in here.skipped}
    known |= {at.path for one in here.services for at in (*one.instead_of, *(build.place for build in one.builds))}
    rest = apart.others(known | files.declaring).only(lambda one: one.path not in known)
    if not any(one.platform == "kubernetes" for one in here.services):
        rest = rest.joined(apart.staging_manifests())
    found = _of_other_programs(here, _once(rest), files)
    if _names_all(here):
        of_apps = tuple(one for one in found if PROCFILE_OF_APP in one.path)
        here = join_services(here, Deployment(tuple(one for one in found if one not in of_apps)))
        return here.joined(Deployment(of_apps))
    return _with_names_of_their_own(here.joined(Deployment(found, rest.skipped))) if found or rest.skipped else here


def _without_developers(found: Deployment, files: _Files) -> Deployment:
    """Return services without those that reload what others start as well.

    What a platform's file or a Procfile names is deployed, however it is started.
    """
    reloading = [one for one in found.services if not _is_named(one) and _DEVELOPMENT.search(one.command)]
    others = [one for one in found.services if one not in reloading]
    if not reloading or not others:
        return found
    serving = [one for one in others if (command := files.command(one)) is not None and command.server]
    started = {job for one in serving for job in files.jobs(one) if job[0]}
    return found.only(lambda one: one not in reloading or not files.jobs(one) <= started)


def _names_all(here: Deployment) -> bool:
    """Return whether the files of a platform, or a Procfile, say what runs: others then start nothing there."""
    return any(map(_is_named, here.services))


def _is_named(service: Service) -> bool:
    return _is_for_platform(service) or service.path.endswith("Procfile")


def _is_for_platform(service: Service) -> bool:
    return service.platform not in (None, COMPOSE)


def _is_limited(service: Service) -> bool:
    return service.platform == COMPOSE and service.limit is not None


def _of_other_programs(here: Deployment, more: Deployment, files: _Files) -> tuple[Service, ...]:
    """Return the services of other files that start what the root does not, nor some of it from the same image."""
    staying = [one for one in here.services if not _DEVELOPMENT.search(one.command)]
    started = {job for service in staying for job in files.jobs(service)}
    images = {(one.path, one.line, one.command, one.limit) for one in staying}
    found = []
    for one in more.services:
        is_same = (one.path, one.line, one.command, one.limit) in images
        jobs = files.jobs(one)
        if jobs.isdisjoint(started) if is_same else not jobs <= started:
            found.append(one)
    return tuple(found)


def _beside_compose(nested: Deployment) -> Deployment:
    """Return the services of folders that stand beside compose of the root: those of compose, and of folders for images."""
    return nested.only(lambda one: one.platform == COMPOSE or bool(_IMAGE_FOLDERS.fullmatch(one.path.partition("/")[0])))


def _alike(service: Service, files: _Files) -> set[tuple[EntryPoint, str]]:
    """Return what a service starts, with its words and with its name: one that has one of these is the same."""
    entrypoint = files.entrypoint(service)
    if entrypoint is None:
        return set()
    _, _, words = service.command.rpartition(entrypoint.text)
    return {(entrypoint, " ".join(words.split())), (entrypoint, f"\0{service.name}")}


def _with_others(here: Deployment, more: Deployment, files: _Files) -> Deployment:
    """Return what the root declares, and beside it what folders start besides.

    A service of compose of a folder that limits its memory wins over that of the root which does not and starts the same
    with the same words, or has its name: developers run that. What else the root starts of the program stays.
    """
    unlimited = [one for one in here.services if one.platform == COMPOSE and not _is_limited(one)]
    started = {files.entrypoint(one) for one in unlimited} - {None}
    winners = [one for one in more.services if _is_limited(one) and files.entrypoint(one) in started]
    alike = {key for one in winners for key in _alike(one, files)}
    lost = [one for one in unlimited if not alike.isdisjoint(_alike(one, files))]
    if winners:
        won = join_services(Deployment(tuple(winners)), Deployment(tuple(lost))).services
        here = here._replace(services=(*(one for one in here.services if one not in lost), *won))
    others = Deployment(_of_other_programs(here, more, files), tuple(gap for gap in more.skipped if gap.service))
    return _with_names_of_their_own(here.joined(others))


class _Files:
    """Reads the files of a tree once, and knows which images a file that was read has named.

    `origin` are the files that these are apart from: what is the same for all is looked up there.
    """

    def __init__(
        self,
        tree: Tree,
        broken: Broken,
        is_excluded: Callable[[str], bool],
        scripts: Callable[[], Mapping[str, str]],
        origin: _Files | None = None,
    ) -> None:
        self.scripts = scripts
        self.tree = tree
        self.is_excluded = is_excluded
        self.named: set[str] = set()
        self.gaps: list[Skipped] = []
        self._declared: dict[tuple[Format, str], int] = {}
        """How many services each file declares that was read."""
        self._broken = broken
        self._origin = origin or self
        self._is_full = False  # it was said that there are more services than are judged
        self._commands = 0
        """How many commands the services start that were looked at."""

    def apart(self) -> _Files:
        """Return the same files for a second look, which tells nobody what is broken and names nothing here."""
        apart = _Files(self.tree, lambda _: None, self.is_excluded, self.scripts, self._origin)
        apart.named |= self.named
        apart.gaps = self.gaps
        return apart

    def read(self, path: str) -> bytes | None:
        """Return a file that is to be read, None where that cannot be; `broken` is then told."""
        try:
            return self.tree.read(path)
        except MemguardError as error:
            self._broken(error)
            return None

    def read_named(self, path: str) -> bytes | None:
        """Return a file that another one names, None where there is none that may be read."""
        self.named.add(path)
        return self.peek(path)

    def holds_file(self, path: str) -> bool:
        """Return whether a folder that is looked into lists a file; nothing else of the way to it is asked for."""
        names = path.split("/")
        for at, name in enumerate(names):
            entry = next((one for one in self.tree.entries("/".join(names[:at])) if one.name == name), None)
            if entry is None or entry.is_folder is (at == len(names) - 1):
                return False
        return not self.is_excluded(path)

    def peek(self, path: str) -> bytes | None:
        """Return a file that may say more of what another one declares, which does not name it."""
        return peek(self.tree, path)

    def names_in(self, folder: str) -> list[str]:
        """Return what a folder holds."""
        return [entry.name for entry in self.tree.entries(folder)]

    def some(self, paths: Iterable[str], what: str) -> list[str]:
        """Return the first files of a kind, and note that there are more."""
        return self.bounded(paths, MAX_FILES, f"there are more than {MAX_FILES} {what}")

    def bounded(self, paths: Iterable[str], bound: int, reason: str) -> list[str]:
        """Return the first paths, up to a bound, and note the reason for which there are no more."""
        found = list(islice(paths, bound + 1))
        if len(found) > bound:
            self.gaps.append(Skipped(found.pop(), None, f"is not read, and what comes after it: {reason}"))
        return found

    def listed(self, folders: Iterable[str], endings: tuple[str, ...]) -> Iterator[str]:
        """Yield the files in folders, without those below them, that have one of the endings."""
        holders = {entry.name for entry in self.tree.entries("") if entry.is_folder}
        for folder in folders:
            if folder and folder.partition("/")[0] not in holders:
                continue
            for entry in self.tree.entries(folder):
                path = f"{folder}/{entry.name}" if folder else entry.name
                if not entry.is_folder and entry.name.endswith(endings) and not self.is_excluded(path):
                    yield path

    def called(self, name: str, folders: Iterable[str]) -> Iterator[str]:
        """Yield the files of one name in folders."""
        return (path for path in self.listed(folders, (name,)) if path.rpartition("/")[2] == name)

    def folders_in(self, folder: str) -> list[str]:
        """Return the folders in one of the root, or one below it, by their paths."""
        holders = {entry.name for entry in self.tree.entries("") if entry.is_folder}
        if folder.partition("/")[0] not in holders:
            return []
        found = (f"{folder}/{one.name}" for one in self.tree.entries(folder) if one.is_folder)
        return self.bounded(found, MAX_FOLDERS, f"{folder} holds more than {MAX_FOLDERS} folders")

    @cached_property
    def folders_of_clusters(self) -> list[str]:
        """The folders for a cluster, wherever they lie, and those below them."""
        found = dict.fromkeys(self.folders_like(_CLUSTER_FOLDERS))
        below = (one for one in self.every_folder if any(map(_CLUSTER_FOLDERS.fullmatch, one.split("/"))))
        return list(dict.fromkeys((*found, *below)))

    def folders_like(self, pattern: re.Pattern[str]) -> list[str]:
        """Return the folders of the root that are called so, and those one and two levels below them."""
        names = (one.name for one in self.tree.entries("") if one.is_folder and one.name != ".git")
        found = [name for name in names if pattern.fullmatch(name)]
        one_below = [path for folder in found for path in self.folders_in(folder)]
        two_below = (path for folder in one_below for path in self.folders_in(folder))
        reason = f"there are more than {MAX_FOLDERS} folders that may say what runs"
        return self.bounded(chain(found, one_below, two_below), MAX_FOLDERS, reason)

    def below(self, folder: str, name: str) -> Iterator[str]:
        """Yield the files of one name in the folders just below one of the root."""
        paths = (f"{path}/{name}" for path in self.folders_in(folder))
        yield from (path for path in paths if self.holds_file(path))

    def charts(self) -> Iterator[str]:
        """Yield the charts of Helm in the folders where people keep them, and in those just below."""
        known = dict.fromkeys((*CHART_FOLDERS, *self.folders_like(_CHART_FOLDERS)))
        for folder in known:
            found = [*self.called(CHART, (folder,))]
            yield from found
            if folder and not found:
                below = (one for one in self.folders_in(folder) if one not in known)
                yield from self.called(CHART, below)

    @cached_property
    def images(self) -> RepositoryImages:
        """The images that the repository makes."""
        if self._origin is not self:
            return self._origin.images
        from memguard_hooks.deployment import images

        reason = f"there are more than {images.MAX_FILES} files that may say what makes which image"
        return images.RepositoryImages(
            self.peek,
            lambda: self.bounded(self._told_of_images(), images.MAX_FILES, reason),
            lambda: self.dockerfiles,
            self._procfiles,
            lambda: {*self.every_dockerfile} - {*self.dockerfiles},
            self.gaps.append,
        )

    def _procfiles(self) -> Iterator[str]:
        """Return the Procfiles of the root and of the folders below it."""
        return self.called("Procfile", ("", *_folders_below(self)))

    def _told_of_images(self) -> Iterator[str]:
        """Yield the files that may say which Dockerfile makes which image: those of compose, and workflows."""
        folders = ["", *self.folders_like(_IMAGE_FOLDERS)]
        names = (
            path for path in self.listed(folders, (".yml", ".yaml")) if _OTHER_COMPOSE.fullmatch(path.rpartition("/")[2])
        )
        yield from names
        yield from self.listed((".github/workflows",), (".yml", ".yaml"))

    @cached_property
    def dockerfiles(self) -> tuple[str, ...]:
        """The Dockerfiles of Python that are not for developers or tests, in folders down to some depth."""
        if self._origin is not self:
            return self._origin.dockerfiles
        return tuple(path for path in self.every_dockerfile if _is_of_python(self.peek(path) or b""))

    @cached_property
    def every_dockerfile(self) -> tuple[str, ...]:
        """The same, of all languages."""
        found: list[str] = []
        for folder in ("", *self.every_folder):
            if not any(map(_NOT_DEPLOYED.search, folder.split("/"))):
                names = (name for name in self.names_in(folder) if _is_image(name) and not _NOT_DEPLOYED.search(name))
                found += (f"{folder}/{name}".lstrip("/") for name in names)
        return tuple(found)

    @cached_property
    def every_folder(self) -> tuple[str, ...]:
        """The folders that may hold an app, down to some depth, also those for tests and developers."""
        if self._origin is not self:
            return self._origin.every_folder
        folders = [""]
        for folder in islice(folders, MAX_FOLDERS + 1):  # which grow on the way
            if folder.count("/") < MAX_DEPTH:
                folders += _folders_in(self, folder)
        return tuple(self.bounded(folders[1:], MAX_FOLDERS, _MANY_FOLDERS.format(MAX_FOLDERS)))

    def run(self, name: Format, path: str, read_file: Read | None = None) -> Deployment:
        """Return what a reader makes of a file; nothing where it does not parse, and `broken` is told."""
        data = self.read(path)
        others = sum(number for place, number in self._declared.items() if place != (name, path))
        if data is None or (others >= MAX_DECLARED and self._is_full):
            return Deployment()
        try:
            if len(data) > MAX_BYTES and name != "kubernetes":  # of which most large ones declare nothing that runs
                raise MemguardError(f"is larger than {MAX_BYTES // 2**20} MiB", path)
            found = reader_with(name, lambda: self.images)(data, path, read_file or self.read_named)
        except MemguardError as error:
            if name in GENERIC and _TEMPLATE.search(data[:MAX_BYTES]):
                return Deployment((), (template(path, error.line),))
            self._broken(error)
            return Deployment()
        if len(found.services) > MAX_SERVICES:
            gap = Skipped(path, found.services[MAX_SERVICES].line, f"declares more than {MAX_SERVICES} services")
            found = found._replace(services=found.services[:MAX_SERVICES], skipped=(*found.skipped, gap))
        self._declared[name, path] = min(len(found.services), max(0, MAX_DECLARED - others))
        return self.first_of(found, max(0, MAX_DECLARED - others))

    def first_of(self, found: Deployment, bound: int = MAX_DECLARED) -> Deployment:
        """Return the first services, up to a bound, and note that there are more."""
        for one in found.services[bound : bound + 1]:
            reason = f"is not judged, and what comes after it: there are more than {MAX_DECLARED} services"
            self._is_full = True
            self.gaps.append(Skipped(one.path, one.line, reason))
        return found._replace(services=found.services[:bound])

    @property
    def declaring(self) -> set[str]:
        """The files that were read for what they declare."""
        return {path for _, path in self._declared}

    def others(self, known: set[str]) -> Deployment:
        """Return what files start that nobody has read, which hold Python of the repository and are not for developers."""
        found = Deployment()
        paths = (path for path in self.dockerfiles if path not in known and path not in self.named)
        for path in self.bounded(paths, MAX_OTHERS, f"more than {MAX_OTHERS} Dockerfiles lie beside what is deployed"):
            data = self.peek(path) or b""
            image = self.image(path, is_last=True) if _STARTING.search(data) else Deployment()
            folder, _, name = path.rpartition("/")
            found = found.joined(_called(image, _stem(name) if name != "Dockerfile" else folder.rpartition("/")[2]))
        for path in self._other_files(known):
            if path.endswith(".service"):
                found = found.joined(self.run("systemd", path).only(self.holds))
            elif PROCFILE_OF_APP in path:
                declared = self.run("procfile", path)._replace(skipped=()).only(self.holds)
                found = found.joined(_of_app(declared, path.rpartition(".")[2]))
            else:
                composed = self.run("compose", path)
                found = found.joined(composed._replace(skipped=(), traps=()).only(self.is_ours))
        return found.only(lambda one: not _DEVELOPMENT.search(one.command))

    def staging_manifests(self) -> Deployment:
        """Return what manifests of Kubernetes start that are for staging or for developers."""
        listed = (path for path in self.listed(self.folders_of_clusters, (".yaml", ".yml")) if _STAGING.search(path))
        declaring = (path for path in listed if _WORKLOAD.search((self.peek(path) or b"").replace(b"\0", b"")))
        paths = self.some(declaring, "manifests of Kubernetes")
        return _joined(self.run("kubernetes", path)._replace(skipped=(), traps=()) for path in paths)

    def _other_files(self, known: set[str]) -> list[str]:
        """Return the units, files of compose and Procfiles of more apps, of all folders that are not for developers."""
        found: list[str] = []
        for folder in ("", *self.every_folder):
            for name in self.names_in(folder):
                path = f"{folder}/{name}".lstrip("/")
                is_unit = name.endswith(".service")
                is_yaml = name.endswith((".yml", ".yaml"))
                is_procfile = name.startswith(PROCFILE_OF_APP) and name.rpartition(".")[2] not in _OF_NO_APP
                is_listed = is_unit or is_procfile or (is_yaml and _OTHER_COMPOSE.fullmatch(name) is not None)
                is_for_developers = any(map(_NOT_DEPLOYED.search, path.split("/")))
                if is_listed and path not in known and not is_for_developers and not self.is_excluded(path):
                    is_sure = is_unit or is_procfile
                    found += [path] if is_sure or _SERVICES.search(self.peek(path) or b"") else []
        reason = f"more than {MAX_OTHERS} units, Procfiles and files of compose lie beside what is deployed"
        return self.bounded(found, MAX_OTHERS, reason)

    def other_units(self) -> Deployment:
        """Return what units of systemd start of the repository, in folders down to two levels that are not for these."""
        below = chain.from_iterable((one, *_folders_in(self, one)) for one in _folders_in(self, ""))
        folders = self.bounded(below, MAX_FOLDERS, f"there are more than {MAX_FOLDERS} folders that may hold units")
        listed = self.listed(folders, (".service",))
        units = self.some(listed, "units of systemd")
        return _joined(self.run("systemd", path) for path in units if not _NOT_DEPLOYED.search(path)).only(self.holds)

    def image(self, path: str, *, is_last: bool = False) -> Deployment:
        """Return what the image of a Dockerfile runs, on no platform that anybody names.

        One below the root counts where its folder holds what it starts, or is next to the root, which does; where nothing
        else says more of it, anywhere below.
        """
        data = self.read(path)
        if data is None:
            return Deployment()
        folder = parent(path)
        above = parent(folder)
        is_apart = not is_last and "/" in folder and _IMAGE_FOLDERS.fullmatch(folder.partition("/")[0]) is None
        own: list[Service] = []
        for context in dict.fromkeys((folder, above if "/" in folder else folder, folder if is_apart else "")):
            started = self.started(path, data, context)
            if started is None:
                return Deployment()
            if isinstance(started, Skipped):
                return Deployment((), (started._replace(service="web") if _is_of_python(data) else started,))
            if not folder or (started.folder.startswith(context) and self.is_ours(started)):
                own.append(started)
        known = [one for one in own if self.holds(one)]  # before code that stands beside a Dockerfile for another reason
        return Deployment(tuple(_on_lambda(one) if _is_function(one) else one for one in (*known, *own)[:1]))

    def started(self, path: str, data: bytes, context: str) -> Service | Skipped | None:
        """Return what the image of a Dockerfile runs that is built in a folder; None where it cannot be read."""
        from memguard_hooks.deployment import dockerfile

        try:
            image = dockerfile.read_image(data, path, context, read=self.peek, is_chosen=False, bases=self._base)
        except MemguardError as error:
            self._broken(error)
            return None
        return image.service(path, self.peek) if isinstance(image, dockerfile.Image) else image

    def _base(self, image: str, path: str) -> Image | None:
        return self.images.base(image, path)  # which are looked for where a Dockerfile starts from one alone

    def is_of_another_language(self, service: Service) -> bool:
        """Return whether a Dockerfile without Python says what runs, that is no command of Python, and others are not here.

        On no platform the repository has no file of Python either.
        """
        if not service.command or not _is_image(service.path.rpartition("/")[2]):
            return False
        if service.platform is None and self.holds_python:
            return False
        data = self.peek(service.path)
        is_other = data is not None and not _is_of_python(data) and _PYTHON_FILE.search(data) is None
        return is_other and self.entrypoint(service) is None

    @cached_property
    def holds_python(self) -> bool:
        """Whether any folder has a file of Python or what says what to install for it; so may one of too many folders."""
        folders = [""]
        for folder in folders:  # which grows
            if len(folders) > MAX_FOLDERS or any(map(_PYTHON_NAME.search, self.names_in(folder))):
                return True
            folders += _folders_in(self, folder)
        return False

    def first_that_start(self, found: Deployment) -> Deployment:
        """Return the first services, up to a bound of the commands that they start, and note that there are more."""
        number = 0
        for at, service in enumerate(found.services if len(found.services) > 1 else ()):
            started = self.command(service)
            number += MAX_COMMANDS if started is None else started.commands
            if at and number > MAX_COMMANDS:
                reason = f"is not judged, and what comes after it: the services start more than {MAX_COMMANDS} commands"
                self.gaps.append(Skipped(service.path, service.line, reason))
                return found._replace(services=found.services[:at])
        return found

    def entrypoint(self, service: Service) -> EntryPoint | None:
        """Return the Python that a service starts, None where that is not known."""
        found = self.command(service)
        if found is None or found.loads_first is not None:
            return found and found.loads_first
        from memguard_hooks.deployment.command import parse

        return parse(
            service.command, self._host(service)._replace(console_scripts=self.scripts()), service.folder
        ).loads_first

    def jobs(self, service: Service) -> frozenset[tuple[str, str]]:
        """Return the files that a service starts, each with its task where its program has several, as celery has."""
        entrypoint, started = self.entrypoint(service), self.command(service)
        if started is None or entrypoint is None:
            return frozenset({(_file_of(entrypoint), "")})
        _, _, rest = service.command.rpartition(entrypoint.text)
        beside = ((_file_of(one.loads_first), _task(one)) for one in started.beside if one.loads_first is not None)
        return frozenset({(_file_of(entrypoint), _task(started, rest)), *beside})

    def command(self, service: Service) -> StartCommand | None:
        """Return what a service starts, read once; None where all that were read before start more than is judged."""
        around = (tuple(sorted(one.items())) for one in (service.environment, service.mounts))
        key = ("declared", service.command, service.folder, *around)
        return parse_once(self.tree, key, lambda: self._parse(service))

    def _parse(self, service: Service) -> StartCommand | None:
        if self._commands > MAX_COMMANDS:
            return None
        from memguard_hooks.deployment.command import parse

        found = parse(service.command, self._host(service), service.folder)
        self._commands += found.commands
        return found

    def _host(self, service: Service) -> Host:
        from memguard_hooks.deployment.start import Host

        return Host(service.environment, self.peek, mounts=service.mounts, names_in=self.names_in)

    def is_ours(self, service: Service) -> bool:
        """Return whether the repository holds what a service starts, or nobody knows that of an image beside code."""
        folder, _, name = service.path.rpartition("/")
        started = self.command(service) if _is_image(name) else None
        if started is None or started.loads_first is not None:
            return self.holds(service)
        from memguard_hooks.deployment.servers import FOREIGN
        from memguard_hooks.deployment.start import SMALL

        if started.program in FOREIGN | SMALL:
            return False
        has_code = any(one.endswith(".py") for one in self.names_in(folder))
        return has_code and _is_of_python(self.peek(service.path) or b"")

    def holds(self, service: Service) -> bool:
        """Return whether the repository holds the file that a service starts."""
        entrypoint = self.entrypoint(service)
        if entrypoint is None:
            return False
        name = entrypoint.script or (entrypoint.module or "").replace(".", "/")
        names = (name, f"{name}.py", f"{name}/__init__.py", f"src/{name}.py", f"src/{name}/__init__.py")
        paths = [join(entrypoint.folder, one) for one in names]
        return any(path is not None and self.peek(path) is not None for path in paths)


class _Folder:
    """One folder that may be the root of an app."""

    def __init__(self, path: str, files: _Files) -> None:
        self._path = path
        self._files = files
        self._is_beside_image = False  # where compose runs some of an image for developers alone
        entries = files.tree.entries(path)
        self._names = {entry.name for entry in entries if not entry.is_folder}
        for holder in (entry.name for entry in entries if entry.is_folder and entry.name in PLATFORM_FOLDERS):
            inner = files.tree.entries(self._at(holder))
            self._names |= {f"{holder}/{entry.name}" for entry in inner if not entry.is_folder}
        self._names = {name for name in self._names if not files.is_excluded(self._at(name))}
        self._yaml_names = {name for name in self._names if name[-1:] in ("l", "L")}

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}" if self._path else name

    @property
    def has_own(self) -> bool:
        """Return whether a file here says what runs, apart from those of compose."""
        names = {*PLATFORM_FILES, "Procfile", "nixpacks.toml", "railpack.json"}
        return (
            not self._names.isdisjoint(names)
            or bool(self._dockerfiles)
            or _declares(self._of_others)
            or bool(self.deployment.services and (self._manifests + self._units or self._of_cluster.services))
        )

    @property
    def is_for_platform(self) -> bool:
        """Return whether a file here, whose name nobody else gives, tells a platform what runs and is named by no other."""
        own = {self._at(name) for name in self._names & PLATFORM_FILES if name not in GENERIC_FILES}
        return bool(own - self._files.named)

    @property
    def may_be_for_platform(self) -> bool:
        """Return whether a file here may tell a platform what runs, whose name others give as well."""
        return not self._names.isdisjoint(GENERIC_FILES)

    @property
    def is_for_production(self) -> bool:
        """Return whether a file here is that of compose for production."""
        return any(_COMPOSE.fullmatch(name) and NAMED_FOR_PRODUCTION.search(name) for name in self._yaml_names)

    @property
    def has_compose(self) -> bool:
        """Return whether a file here is one of compose."""
        return any(map(_COMPOSE.fullmatch, self._yaml_names)) or bool(self._other_compose)

    @property
    def has_image_or_compose(self) -> bool:
        """Return whether a file here makes an image, or is one of compose."""
        return bool(self._dockerfiles) or self.has_compose

    @cached_property
    def _manifests(self) -> list[str]:
        """The files that may be manifests of Kubernetes, which lie in folders of the root."""
        folders = dict.fromkeys((*MANIFEST_FOLDERS, *self._manifest_folders)) if not self._path else ()
        paths = self._files.listed(folders, (".yaml", ".yml"))
        found = [path for path in paths if _API_VERSION.search(self._files.peek(path) or b"")]
        declaring = {path for path in found if _WORKLOAD.search((self._files.peek(path) or b"").replace(b"\0", b""))}
        kept = [path for path in found if path not in declaring or not _STAGING.search(path)]
        return self._files.some(kept, "manifests of Kubernetes")

    @cached_property
    def _manifest_folders(self) -> list[str]:
        """The folders of the root for a cluster, and those below, that hold neither templates nor what overlays change."""
        found = []
        for folder in self._files.folders_of_clusters:
            names = self._files.names_in(folder)
            if folder.rpartition("/")[2] != "templates" and not {CHART, *KUSTOMIZATIONS} & {*names}:
                found.append(folder)
        return found

    def _kustomizations(self) -> list[str]:
        """Return what makes the manifests: those for production, or else what is not for staging, overlays first."""
        if self._path:
            return []
        usual = next((path for path in OVERLAYS if self._files.holds_file(path)), None)
        paths = (path for name in KUSTOMIZATIONS for path in self._files.called(name, self._files.folders_of_clusters))
        found = self._files.bounded(paths, MAX_KUSTOMIZATIONS, f"there are more than {MAX_KUSTOMIZATIONS} kustomizations")
        of_production = [path for path in found if any(map(NAMED_FOR_PRODUCTION.search, parent(path).split("/")))]
        others = sorted(found, key=lambda path: ("overlays" not in path, path))
        found = of_production or [path for path in others if not _STAGING.search(path)]
        return list(dict.fromkeys([usual, *found] if usual is not None else found))

    @cached_property
    def _units(self) -> list[str]:
        above = [one.name for one in self._files.tree.entries("") if one.is_folder and _may_hold_app(one.name)]
        below = self._files.folders_like(_CHART_FOLDERS) if not self._path else []
        deeper = [path for path in below if path.endswith("/systemd")]
        above = self._files.bounded(above, MAX_FOLDERS, _MANY_FOLDERS.format(MAX_FOLDERS))
        folders = dict.fromkeys((*UNIT_FOLDERS, *(f"{name}/systemd" for name in above), *deeper))
        paths = () if self._path else self._files.listed(folders, (".service",))
        return self._files.some(paths, "units of systemd")

    @cached_property
    def deployment(self) -> Deployment:
        """What the files of this folder declare, joined."""
        own, processes = self._on_heroku(self._of_platforms(), self._processes())
        if processes.services and processes.services[0].platform is not None:
            own, processes = own.joined(processes), Deployment()
        if own.services and all(map(_is_function, own.services)):
            own, hosts = own.joined(self._of_units), self._lost_compose._replace(skipped=(), traps=())
        elif own.services:
            hosts = self._of_units.joined(self._lost_compose)._replace(skipped=(), traps=())  # which lose, and are named
        else:
            hosts = self._of_hosts(has_processes=bool(processes.services))
            if processes.services and self._compose not in {one.path for one in hosts.services}:
                processes = join_services(processes, self._lost_compose)
        image = self._image()
        if processes.services and any(map(self._runs_procfile, image.services)):
            return reduce(join_services, (own, image, hosts))
        if image.skipped and any(map(_declares, (own, processes, hosts))):
            image = Deployment()
        declared = processes.joined(hosts)  # of hosts without a service what is at fault there
        if hosts.services:
            known = {_words(service) for service in hosts.services}
            declared = hosts.joined(processes.only(lambda one: _words(one) not in known))
        elif processes.services and image.services and self._runs_python(image) and not self._runs_python(processes):
            return reduce(join_services, (own, image, declared))
        elif self._are_built_either_way(processes, image):
            return join_services(own, declared.joined(_called(image, "image")))
        if self._is_beside_image or (not own.services and self._runs_python(image) and not self._runs_python(declared)):
            return join_services(own, declared.joined(image))
        if hosts.services and not processes.services:
            others = _of_other_programs(declared, image, self._files)
            lost = image.only(lambda one: one not in others)
            return reduce(join_services, (own, declared.joined(Deployment(others)), lost))
        return reduce(join_services, (own, declared, image))

    def _on_heroku(self, own: Deployment, processes: Deployment) -> tuple[Deployment, Deployment]:
        """Return what platforms and a Procfile start; where Heroku finds both files its stack decides which counts."""
        of_images = own.only(lambda one: "heroku.yml" in self._names and one.platform == "heroku")
        if not of_images.services or not processes.services:
            return own, processes
        rest = own.only(lambda one: one not in of_images.services)
        data = self._files.peek(self._at("app.json")) or b""
        found = (processes, of_images) if _BUILDPACKS.search(data) else (of_images, processes)
        return rest.joined(join_services(*found)), Deployment()

    def _are_built_either_way(self, plan: Deployment, image: Deployment) -> bool:
        """Return whether a host may take a Dockerfile or the plan of a builder, which start different programs.

        Railway builds with a Dockerfile wherever it finds one, Coolify and Dokploy with what they are told.
        """
        is_plan = any(one.path.endswith(_PLANS) for one in plan.services)
        started = {_words(one) for one in plan.services}
        return is_plan and self._runs_python(image) and any(_words(one) not in started for one in image.services)

    def _runs_procfile(self, service: Service) -> bool:
        """Return whether an image starts all commands of a Procfile at once, which then share its memory."""
        names = {word.rpartition("/")[2] for word in service.command.split()}
        return "hivemind" in names or (
            "start" in names and not names.isdisjoint({"honcho", "foreman", "overmind", "goreman"})
        )

    @property
    def start_script(self) -> Deployment:
        """What a start script here runs, where that is Python of this repository."""
        from memguard_hooks.deployment import start_script
        from memguard_hooks.deployment.start import Host

        host = Host({}, self._files.peek, folder=self._path)
        for name in START_SCRIPTS:
            path = self._at(name)
            data = self._files.peek(path) if name in self._names else None
            script = start_script.read(data, (), host, path) if data is not None else None
            if isinstance(script, start_script.Script):
                command = f"./{name}" if name.endswith(".sh") else f"sh {name}"
                service = Service(name.rpartition(".")[0], path, script.line, 1, command, folder=self._path)
                if self._files.holds(service):
                    return Deployment((service,))
        return self._managed

    @property
    def _managed(self) -> Deployment:
        """What a file here lists, where that is Python of this repository, or cannot be read and names Python."""
        from memguard_hooks.deployment.command import Host, parse

        host = Host({}, self._files.peek, folder=self._path)
        for name, program in MANAGED.items():
            path = self._at(name)
            data = self._files.peek(path) if name in self._names else None
            if data is None:
                continue
            service = Service(program.split("-")[0].split()[0], path, 1, 1, f"{program} {name}", folder=self._path)
            started = parse(service.command, host)
            if started.entrypoint is None and b"python" in data:
                return Deployment((), (Skipped(path, 1, f"{started.reason}", service=service.name),))
            if self._files.holds(service):
                return Deployment((service,))
        replit = self._files.run("railpack", self._at(".replit")) if ".replit" in self._names else Deployment()
        return replit if any(map(self._files.holds, replit.services)) else Deployment()

    @property
    def python_services(self) -> Deployment:
        """The same without what is no app of Python, for a repository has folders for much else."""
        found = self.deployment
        services = tuple(map(self._at_home, found.services))
        services = tuple(one for one in services if one.platform is not None or self._files.is_ours(one))
        is_app = bool(services) or not self._names.isdisjoint(PLATFORM_FILES)
        gaps = (gap for gap in found.skipped if gap.service and not _is_image(gap.path.rpartition("/")[2]))
        return found._replace(services=services, skipped=found.skipped if is_app else tuple(gaps))

    def _at_home(self, service: Service) -> Service:
        """Return a service with this folder to work in, where its file names none and only this one holds what it starts."""
        moved = service._replace(folder=self._path)
        if service.folder or self._files.holds(service) or not self._files.holds(moved):
            return service
        return moved._replace(builds=tuple(build._replace(folder=self._path) for build in service.builds))

    def _of_platforms(self) -> Deployment:
        first = {name: next((one for one in files if one in self._names), None) for name, files in PLATFORMS.items()}
        found = [self._files.run(name, self._at(file)) for name, file in first.items() if file is not None]
        return _joined([*found, self._of_others, self._of_cluster])

    @cached_property
    def _of_others(self) -> Deployment:
        """What files declare that say something only of some apps: functions, Beanstalk, and in the root ECS and Nomad."""
        found = [self._of_functions(), self._of_beanstalk(), self._of_programs()]
        if not self._path:
            found += [self._files.run("ecs", path) for path in self._task_definitions()]
            found += self._of_terraform()
            manifests = self._files.some(self._files.below("copilot", "manifest.yml"), "manifests of Copilot")
            found += [self._files.run("copilot", path) for path in manifests]
            jobs = self._files.some(self._files.listed(NOMAD_FOLDERS, (".nomad", ".nomad.hcl")), "jobs of Nomad")
            found += [self._files.run("nomad", path) for path in _of_production(jobs)]
            found += [self._files.run("cloud-foundry", path) for path in self._of_cloud_foundry()]
        return _alike_once(_joined(found))

    def _of_cloud_foundry(self) -> list[str]:
        """Return the manifests of Cloud Foundry in folders, those for production where some are."""
        listed = self._files.listed(self._files.folders_like(_CLUSTER_FOLDERS), (".yml", ".yaml"))
        named = (path for path in listed if path.rpartition("/")[2].startswith("manifest"))
        found = (path for path in named if _APPLICATIONS.search(self._files.peek(path) or b""))
        paths = self._files.some(found, "manifests of Cloud Foundry")
        return [one for one in paths if NAMED_FOR_PRODUCTION.search(one.rpartition("/")[2])] or _of_production(paths)

    def _of_functions(self) -> Deployment:
        """Return the functions of Vercel and Azure, which lie in files that theirs does not name."""
        found = Deployment()
        for name in ("vercel.json", "host.json"):
            data = self._files.peek(self._at(name)) if name in self._names else None
            if data is None:
                continue
            from memguard_hooks.deployment import azure_functions, vercel

            read = vercel.read if name == "vercel.json" else azure_functions.read
            try:
                found = found.joined(read(data, self._at(name), self._files.peek, self._files.names_in))
            except MemguardError as error:
                found = found.joined(_unread(error, self._at(name)))
        return found

    def _of_programs(self) -> Deployment:
        """Return what a program declares that a platform runs to know its services, which is not read: that of Railway."""
        name = next((one for one in PROGRAMS_OF_RAILWAY if one in self._names), None)
        reason = "it is a program that Railway runs to know what it starts, and that is not read"
        return Deployment((), () if name is None else (Skipped(self._at(name), 1, reason, service="railway"),))

    def _of_beanstalk(self) -> Deployment:
        paths = [self._at(name) for name in self._names if name.startswith(".ebextensions/") and name.endswith(".config")]
        if not paths:
            return Deployment()
        from memguard_hooks.deployment import beanstalk

        try:
            return beanstalk.read(paths, self._files.read_named)
        except MemguardError as error:
            return _unread(error, error.path or paths[0], "web")

    def _of_terraform(self) -> Iterator[Deployment]:
        """Yield what the files of Terraform declare, one folder after the other."""
        folders = ("", *self._files.folders_like(_ECS_FOLDERS))
        listed = self._files.some(self._files.listed(folders, (".tf", ".tfvars")), "files of Terraform")
        known = (path for path in listed if path.endswith((".tf", "terraform.tfvars", ".auto.tfvars")))
        of_folder = grouped((parent(path), path) for path in known)
        for folder in _of_production(list(of_folder)):
            paths = of_folder[folder]
            declaring = [path for path in paths if _CONTAINERS_OF_TERRAFORM.search(self._files.peek(path) or b"")]
            if not declaring:
                continue
            from memguard_hooks.deployment import terraform

            try:
                yield terraform.read(paths, declaring, self._files.read_named, self._files.images)
            except MemguardError as error:
                is_own = any(_is_of_python(self._files.peek(one) or b"") for one in self._files.images.dockerfiles)
                yield _unread(error, error.path or paths[0], "terraform" if is_own else "")

    def _task_definitions(self) -> list[str]:
        """Return the files that hold task definitions of ECS."""
        paths = self._files.listed(("", *self._files.folders_like(_ECS_FOLDERS)), (".json", ".yaml", ".yml"))
        named = (path for path in paths if "/" in path or not path.endswith(".json") or _TASK.search(path))
        found = (path for path in named if _CONTAINERS.search(self._files.peek(path) or b""))
        return _of_production(self._files.some(found, "task definitions"))

    @cached_property
    def _of_cluster(self) -> Deployment:
        """What manifests of Kubernetes declare: as the overlays for production change them, if there are any."""
        paths = self._manifests
        taken: set[str] = set()
        found: list[Deployment] = []
        for kustomization in self._kustomizations():
            read: set[str] = set()

            def read_named(other: str, read: set[str] = read) -> bytes | None:
                read.add(other)
                return self._files.peek(other) if not other.endswith("Dockerfile") else self._files.read_named(other)

            changed = (
                self._files.run("kubernetes", kustomization, read_named) if kustomization not in taken else Deployment()
            )
            if changed.services:
                taken |= read
            found += [changed] if _declares(changed) or kustomization in OVERLAYS else []
        found += [self._files.run("kubernetes", path) for path in paths if path not in taken]
        return _alike_once(_joined([*found, *self._of_charts()]))

    def _of_charts(self) -> Iterator[Deployment]:
        """Yield what charts of Helm declare."""
        charts = self._files.charts() if not self._path else ()
        for chart in self._files.some(charts, "charts of Helm"):
            from memguard_hooks.deployment import helm

            folder = f"{parent(chart)}/templates".lstrip("/")
            templates = sorted(self._files.listed((folder,), (".yaml", ".yml", ".tpl")))

            def read_named(other: str) -> bytes | None:
                return self._files.read_named(other) if other.endswith("Dockerfile") else self._files.peek(other)

            named = frozenset(self._files.named)
            found = helm.read(chart, templates, read_named, self._files.images)
            if not found.services:
                self._files.named &= named
            yield found

    def _of_hosts(self, *, has_processes: bool) -> Deployment:
        return self._of_units.joined(self._of_compose(has_processes=has_processes))

    @property
    def _of_units(self) -> Deployment:
        """What units of systemd start."""
        return _joined(self._files.run("systemd", path) for path in self._units)

    def _processes(self) -> Deployment:
        """Return what `railpack.json`, `nixpacks.toml` or a Procfile declares, the latter with the dynos of `app.json`."""
        nixpacks, procfile, app = (self._at(name) for name in ("nixpacks.toml", "Procfile", "app.json"))
        if "railpack.json" in self._names:
            found = self._files.run("railpack", self._at("railpack.json"))
            if found.services:
                return found
        if "nixpacks.toml" in self._names and nixpacks not in self._files.named:
            found = self._files.run("nixpacks", nixpacks)
            if found.services:
                loses = "Procfile" in self._names and procfile not in self._files.named
                return join_services(found, self._files.run("procfile", procfile) if loses else Deployment())
        if "Procfile" not in self._names or procfile in self._files.named:
            return Deployment()
        found = self._files.run("procfile", procfile, self._files.peek)
        data = self._files.peek(app) if "app.json" in self._names and found.services else None
        if data is None:
            return found
        from memguard_hooks.deployment import heroku

        try:
            return heroku.read_app(data, app, found, self._files.peek)
        except MemguardError as error:  # others have an app.json too, with comments
            return found.joined(_unread(error, app))

    @cached_property
    def _compose_names(self) -> set[str]:
        usual = {name for name in self._yaml_names if _COMPOSE.fullmatch(name)}
        if usual or not self._yaml_names:
            return usual
        data = self._files.peek(self._at(".env")) or b""
        named = _COMPOSE_FILE.search(data) if b"COMPOSE_FILE" in data else None
        given = set(re.split("[:;,]", named[1].decode("utf-8", "replace"))) if named is not None else set[str]()
        return given.intersection(self._yaml_names) or self._other_compose

    @cached_property
    def _compose(self) -> str | None:
        """The file that compose reads here, None where there is none."""
        names = self._compose_names
        if not names:
            return None
        from memguard_hooks.deployment import compose

        return self._at(next((name for name in compose.NAMES if name in names), "") or min(names))

    def _of_compose(self, *, has_processes: bool) -> Deployment:
        """Return the services of compose, unless they only serve development here."""
        names = self._compose_names
        is_production = any(NAMED_FOR_PRODUCTION.search(name) for name in names)
        if self._compose is None or (has_processes and not is_production and not any(map(self._limits_memory, names))):
            return Deployment()
        from memguard_hooks.deployment.hidden_keys import COMPOSE_KEYS, find_hidden_keys

        path = self._compose
        named: set[str] = set()

        def read_named(other: str) -> bytes | None:
            named.add(other)
            return self._files.peek(other)

        found = self._files.run("compose", path, read_named)
        if has_processes and not is_production and not any(one.limit for one in found.services):
            return Deployment()
        if "Dockerfile" in self._names and self._image_serves:
            kept = found.only(lambda one: not _DEVELOPMENT.search(one.command))
            self._is_beside_image = kept != found
            if self._is_beside_image:
                named.discard(self._at(self._dockerfiles[0]))
            found = kept
        if found.services:
            self._files.named |= named
        hidden = find_hidden_keys(self._files.peek(path) or b"", path, ("command", "entrypoint"), COMPOSE_KEYS)
        return found._replace(traps=(*found.traps, *hidden))

    @cached_property
    def _lost_compose(self) -> Deployment:
        """The services of compose that start this repository, where the file of a platform wins over them."""
        path = self._compose
        found = self._files.apart().run("compose", path) if path is not None else Deployment()
        kept = found.only(lambda one: self._files.holds(one) and not _DEVELOPMENT.search(one.command))
        return Deployment(kept.services)

    @property
    def _other_compose(self) -> set[str]:
        """The file of compose of another name, the one for production first, that is not for developers."""
        names = [name for name in self._yaml_names if _OTHER_COMPOSE.fullmatch(name)]
        if not names and self._path and _IMAGE_FOLDERS.fullmatch(self._path.rpartition("/")[2]):
            names = [name for name in self._yaml_names if name.endswith((".yml", ".yaml")) and "override" not in name]
        names = [name for name in names if not _NOT_DEPLOYED.search(name)]
        names = [name for name in names if _SERVICES.search(self._files.peek(self._at(name)) or b"")]
        first = ("^(?:default|base|main)", "prod")
        return set(sorted(names, key=lambda name: (*(not re.search(f"(?i){one}", name) for one in first), name))[:1])

    @property
    def _image_serves(self) -> bool:
        """Return whether the Dockerfile here starts what no developers run, in the place of what compose starts for them."""
        return self._serves(self._at(self._dockerfiles[0]))

    def _serves(self, path: str) -> bool:
        data = self._files.peek(path)
        started = self._files.started(path, data, self._path) if data is not None else None
        if not isinstance(started, Service) or _DEVELOPMENT.search(started.command):
            return False
        return self._files.entrypoint(started) is not None

    def _limits_memory(self, name: str) -> bool:
        data = self._files.peek(self._at(name)) or b""
        return b"mem_limit" in data or b"memory" in data or b"extends" in data or b"include" in data

    def _image(self) -> Deployment:
        """Return what the Dockerfiles here run, if no other file has named them."""
        named = self._files.named
        paths = [path for path in map(self._at, self._dockerfiles) if path not in named]
        paths = self._files.bounded(paths, MAX_IMAGES, f"more than {MAX_IMAGES} Dockerfiles lie in one folder")
        found = [self._files.image(path) for path in paths]
        if len(paths) == 1:
            return found[0]
        return _once(_joined(_called(one, _stem(path)) for one, path in zip(found, paths, strict=False)))

    @cached_property
    def _dockerfiles(self) -> list[str]:
        """The names of what makes the images here: the one for production, else `Dockerfile`, else all that are deployed."""
        names = sorted(name for name in self._names if _is_image(name) and not _NOT_DEPLOYED.search(name))
        of_production = [name for name in names if NAMED_FOR_PRODUCTION.search(name)][:1]
        if "Dockerfile" not in self._names:
            return of_production or names
        return of_production if of_production and self._serves(self._at(of_production[0])) else ["Dockerfile"]

    @property
    def images_of_python(self) -> Deployment:
        """What Dockerfiles here start that are built in a folder that nothing tells, as far as that is Python."""
        found: list[Deployment] = []
        paths = map(self._at, self._dockerfiles)
        for path in self._files.bounded(paths, MAX_IMAGES, f"more than {MAX_IMAGES} Dockerfiles lie in one folder"):
            data = self._files.peek(path)
            built = [self._files.started(path, data, context) for context in ("", self._path)] if data is not None else []
            known = [one for one in built if isinstance(one, Service) and self._files.entrypoint(one)]
            started = next(iter([*known, *built]), None)
            is_python = data is not None and _is_of_python(data)
            is_own = isinstance(started, Service) and is_python and bool(started.mounts)
            if isinstance(started, Service) and (is_own or self._files.entrypoint(started) or self._files.holds(started)):
                found.append(_called(Deployment((started,)), self._path.rpartition("/")[2]))
            elif isinstance(started, Skipped) and is_python:
                found.append(Deployment((), (started._replace(service="web"),)))
        return _joined(found)

    @property
    def is_python(self) -> bool:
        """Return whether anything that is declared here starts Python, or may do so."""
        found = self.deployment
        return any(gap.service for gap in found.skipped) or self._runs_python(found)

    def _runs_python(self, deployment: Deployment) -> bool:
        return any(self._files.entrypoint(service) for service in deployment.services)


def _unread(error: MemguardError, path: str, service: str = "") -> Deployment:
    """Return what is said of a file that does not parse, and of the service that it declares, if there is one."""
    return Deployment((), (Skipped(path, error.line, f"is not read: it {error.message}", service=service),))


def _called(deployment: Deployment, name: str) -> Deployment:
    """Return the services of an image under another name."""
    return deployment._replace(services=tuple(one._replace(name=name or one.name) for one in deployment.services))


def _of_app(deployment: Deployment, name: str) -> Deployment:
    """Return the services of a Procfile of one of several apps under names that say so."""
    renamed = (one if one.name == name else one._replace(name=f"{name}-{one.name}") for one in deployment.services)
    return deployment._replace(services=tuple(renamed))


def _file_of(entrypoint: EntryPoint | None) -> str:
    """Return the file that an entry point stands for, without its ending, however it is named; empty for none."""
    if entrypoint is None:
        return ""
    name = (entrypoint.script or "").removesuffix(".py") or (entrypoint.module or "").replace(".", "/")
    return join(entrypoint.folder, name) or name


def _task(started: StartCommand, words: str = "") -> str:
    """Return which task of a program a start is, empty for one that answers requests, and where there is but one."""
    if started.program == "celery":
        return f"celery {started.start}"
    named = _SUBCOMMAND.match(words) if started.program in ("", "manage.py") else None
    if named is not None:
        return named[1]
    return started.program if started.program == "manage.py" or started.start == "preload" else ""


def _stem(path: str) -> str:
    """Return what is special in the name of a Dockerfile: `api` of `Dockerfile.api` and `api.Dockerfile`."""
    name = path.rpartition("/")[2]
    return re.sub(r"(?i)^(?:Dockerfile|Containerfile)\.|\.(?:Dockerfile|Containerfile)$", "", name)


def _once(deployment: Deployment) -> Deployment:
    """Return services without those that run the same as one before: variants of one image."""
    return deployment.each_once(_words)._replace(skipped=() if deployment.services else deployment.skipped)


def _variants_once(deployment: Deployment) -> Deployment:
    """Return services without the images of folders for these that run the same as one before."""
    seen: set[str] = set()
    kept: list[Service] = []
    for one in deployment.services:
        is_image = one.platform is None and _IMAGE_FOLDERS.fullmatch(one.path.partition("/")[0]) is not None
        if not is_image or _words(one) not in seen:
            kept.append(one)
        seen.add(_words(one))
    return deployment._replace(services=tuple(kept))


def _is_image(name: str) -> bool:
    # both names have these letters; the pattern is slow to compile
    return "erf" in name.lower() and _IMAGE.fullmatch(name) is not None


def _is_of_python(data: bytes) -> bool:
    from memguard_hooks.deployment.dockerfile import holds_python

    return holds_python(data)


def _declares(deployment: Deployment) -> bool:
    """Return whether files declare a service, also one whose start cannot be read."""
    return bool(deployment.services) or any(gap.service for gap in deployment.skipped)


def _is_function(service: Service) -> bool:
    """Return whether a service is a function that its platform calls: no unit of a machine stands for it."""
    return service.command.startswith("lambda-handler ")


def _alike_once(deployment: Deployment) -> Deployment:
    """Return the services without those that are declared again as they are, as in a base and in what is rendered of it."""
    return deployment.each_once(lambda one: (one.name, one.command, one.limit, one.replicas))


def _of_production(paths: list[str]) -> list[str]:
    """Return paths without those for staging, where some are for nothing of that kind."""
    return [path for path in paths if not _STAGING.search(path)] or paths


def _folders_below(files: _Files) -> list[str]:
    """Return the folders one and two levels down that may hold an app."""
    above = list(_folders_in(files, ""))
    below = (path for folder in above for path in _folders_in(files, folder))
    return files.bounded(chain(above, below), MAX_FOLDERS, _MANY_FOLDERS.format(MAX_FOLDERS))


def _folders_in(files: _Files, folder: str) -> Iterator[str]:
    for entry in files.tree.entries(folder):
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_folder and _may_hold_app(entry.name) and not files.is_excluded(path):
            yield path


def _may_hold_app(name: str) -> bool:
    is_hidden = name.startswith((".", "_")) and name not in HIDDEN_FOLDERS
    return not is_hidden and "{" not in name and name.lower() not in FOREIGN_FOLDERS


def _joined(deployments: Iterable[Deployment]) -> Deployment:
    """Return all that several files declare, side by side."""
    return reduce(Deployment.joined, deployments, Deployment())


def _on_lambda(service: Service) -> Service:
    """Return a function with the memory that AWS Lambda gives where nobody asks for more."""
    from memguard_hooks.deployment import platforms

    sized = platforms.with_plan(service, "aws-lambda", "MemorySize", None, service.place)
    return sized._replace(cpus=service.cpus, limit_label=f"aws-lambda {sized.plan} MB by default")


def _words(service: Service) -> str:
    return " ".join(service.command.split())


def _with_names_of_their_own(deployment: Deployment) -> Deployment:
    """Return services of several folders with names that tell them apart."""
    names = Counter(service.name for service in deployment.services)
    folders = Counter(parent(service.path) for service in deployment.services)
    found: list[Service] = []
    for service in deployment.services:
        path = parent(service.path)
        folder = path.rpartition("/")[2]
        name = folder if folders[path] == 1 else f"{folder}-{service.name}"
        if names[service.name] == 1 or not folder or service.name.startswith(f"{folder}-"):
            name = service.name
        found.append(service._replace(name=name))
    return deployment._replace(services=tuple(found))
