"""Charts of Helm: their templates, filled in with `values.yaml` and what stands beside it for production, as manifests.

Source of the format: helm.sh/docs, "Charts" and "Built-in Objects" (2026-11). The release is called like the chart. What
only a cluster knows is empty. Charts that a chart depends on are not read: they are other people's.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

from memguard_hooks.deployment import kubernetes
from memguard_hooks.deployment.container import DOCKERFILES, NO_IMAGES
from memguard_hooks.deployment.dockerfile import holds_python
from memguard_hooks.deployment.images import RepositoryImages
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.go_template import Printed, Renderer, TemplateError, parse
from memguard_hooks.formats.yaml_nodes import compose, compose_all, plain, scalar
from memguard_hooks.pattern import late_pattern
from memguard_hooks.tree import parent

CHART = "Chart.yaml"
VALUES = ("values.yaml", "values-prod.yaml", "values-production.yaml", "values.prod.yaml", "values.production.yaml")
"""What fills templates in, each over the one before."""

MAX_TEMPLATES = 100
MAX_BYTES = 2**17
"""A template, and a file of values, is some kilobytes."""

MAX_VALUES = 20_000
"""Values of a chart that are read; aliases make many of few bytes."""


def read(path: str, templates: Sequence[str], read_file: Read, images: RepositoryImages = NO_IMAGES) -> Deployment:
    """Read a chart: `path` is that of its `Chart.yaml`, and `templates` are the paths of its templates.

    One that cannot be filled in is skipped, as a service where the repository has an image of Python for it.
    """
    try:
        pages = _pages(path, templates, read_file)
        found, gaps = _read(pages, path, read_file, images)
    except (TemplateError, MemguardError, RecursionError) as error:
        found, gaps = Deployment(), [_gap(path, error, parent(path).rpartition("/")[2])]
    if gaps and not any(holds_python(read_file(file) or b"") for file in (*DOCKERFILES, *images.dockerfiles)):
        gaps = [gap._replace(service="") for gap in gaps]
    return found._replace(skipped=(*found.skipped, *gaps, *_left_out(templates, read_file)))


def _left_out(templates: Sequence[str], read_file: Read) -> Iterator[Skipped]:
    """Yield the templates that are not read."""
    for template in templates[:MAX_TEMPLATES]:
        if len(read_file(template) or b"") > MAX_BYTES:
            yield Skipped(template, None, f"is larger than {MAX_BYTES // 1024} KiB")
    for template in templates[MAX_TEMPLATES : MAX_TEMPLATES + 1]:
        reason = f"is not read, and what comes after it: a chart has more than {MAX_TEMPLATES} templates"
        yield Skipped(template, None, reason)


def _gap(path: str, error: Exception, name: str) -> Skipped:
    reason = f"its templates are not filled in here: {error.message if isinstance(error, MemguardError) else error}"
    return Skipped(path, None, reason, service=name)


def _read(
    pages: Sequence[tuple[str, Sequence[Printed]]], path: str, read_file: Read, images: RepositoryImages
) -> tuple[Deployment, list[Skipped]]:
    """Return what all templates declare together, and what is said of those that come to no YAML."""
    gaps: list[Skipped] = []
    try:
        text, lines = _joined(pages)
        found = kubernetes.read(text.encode(), _RENDERED, read_file, _name(path, read_file), images)
    except MemguardError:
        kept = []
        for template, printed in pages:
            own = "".join(one.text for one in printed)
            try:
                for _ in compose_all(own.encode(), template):
                    pass
            except MemguardError as error:
                if _WORKLOAD.search(own):
                    gaps.append(_gap(template, error, template.rpartition("/")[2].partition(".")[0]))
            else:
                kept.append((template, printed))
        text, lines = _joined(kept)
        found = kubernetes.read(text.encode(), _RENDERED, read_file, _name(path, read_file), images)
    return _placed(found, lines), gaps


_RENDERED = "\0rendered.yaml"
"""Stands for the text that all templates come to, until each place is that of a template."""

_KIND = late_pattern(
    r"^[ \t]*kind:\s*[\"']?(?:Deployment|StatefulSet|DaemonSet|ReplicaSet|Pod|CronJob|Service|ConfigMap|LimitRange)\b",
    re.MULTILINE,
)
"""What says something of a workload."""


_WORKLOAD = late_pattern(r"^[ \t]*kind:\s*[\"']?(?:Deployment|StatefulSet|DaemonSet|ReplicaSet|Pod|CronJob)\b", re.MULTILINE)
"""What starts containers."""


def _pages(path: str, templates: Sequence[str], read_file: Read) -> list[tuple[str, list[Printed]]]:
    """Return what each template that declares a workload prints."""
    defined = {}
    parsed = []
    for template in templates[:MAX_TEMPLATES]:
        data = read_file(template)
        if data is not None and len(data) <= MAX_BYTES:
            text = data.decode("utf-8", "replace")
            nodes, own = parse(text)
            defined.update(own)
            if _KIND.search(text):
                parsed.append((template, nodes))
    renderer = Renderer(defined, _given(path, read_file))
    return [(template, renderer.render(nodes)) for template, nodes in parsed]


def _given(path: str, read_file: Read) -> dict[str, object]:
    """Return what templates are filled in with."""
    values: dict[str, object] = {}
    for name in VALUES:
        file = f"{parent(path)}/{name}".lstrip("/")
        data = read_file(file)
        if data is not None:
            if len(data) > MAX_BYTES:
                raise MemguardError(f"is larger than {MAX_BYTES // 1024} KiB", file)
            given = plain(compose(data, file), MAX_VALUES)
            values = _merged(values, given) if isinstance(given, dict) else values
    chart, name = compose(read_file(path) or b"", path), _name(path, read_file)
    version, app = scalar(chart, "version") or "", scalar(chart, "appVersion") or ""
    return {
        "Values": values,
        "Chart": {"Name": name, "Version": version, "AppVersion": app},
        "Release": {"Name": name, "Namespace": "default", "Service": "Helm", "IsInstall": True, "IsUpgrade": False},
    }


def _name(path: str, read_file: Read) -> str:
    """Return what a chart is called."""
    return scalar(compose(read_file(path) or b"", path), "name") or parent(path).rpartition("/")[2] or "chart"


def _merged(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """Return values with those of another file over them, mapping by mapping."""
    found = dict(base)
    for key, value in over.items():
        below = found.get(key)
        found[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return found


def _joined(pages: Sequence[tuple[str, Sequence[Printed]]]) -> tuple[str, list[tuple[int, ServicePlace]]]:
    """Return all that was printed as one text, and of its lines those that begin a new place."""
    text: list[str] = []
    lines: list[tuple[int, ServicePlace]] = []
    line = 1
    for path, printed in pages:
        text.append("\n---\n")
        line += 2
        for one in printed:
            parts = one.text.split("\n")
            for number in range(len(parts)):
                is_whole = number > 0 or not lines or lines[-1][0] < line
                if is_whole:
                    lines.append((line + number, ServicePlace(path, one.line + number * one.is_text, 1)))
            text.append(one.text)
            line += len(parts) - 1
    return "".join(text), lines


def _placed(found: Deployment, lines: Sequence[tuple[int, ServicePlace]]) -> Deployment:
    """Return a deployment whose places are those of templates."""
    starts = [line for line, _ in lines]

    def at(line: int | None) -> ServicePlace:
        number = bisect_right(starts, line or 1) - 1
        return lines[max(number, 0)][1] if lines else ServicePlace("", 1, 1)

    def moved(place: ServicePlace) -> ServicePlace:
        return at(place.line) if place.path == _RENDERED else place

    def source(text: str) -> str:
        written = re.match(rf"{re.escape(_RENDERED)}:(\d+)(.*)", text, re.DOTALL)
        if written is None:
            return text
        place = at(int(written[1]))
        return f"{place.path}:{place.line}{written[2]}"

    def service(one: Service) -> Service:
        return one.at(moved(one.place))._replace(
            limit_source=source(one.limit_source),
            variables={name: moved(place) for name, place in one.variables.items()},
            builds=tuple(build._replace(place=moved(build.place)) for build in one.builds),
        )

    def gap(one: Skipped) -> Skipped:
        return one._replace(path=at(one.line).path, line=at(one.line).line) if one.path == _RENDERED else one

    return Deployment(
        tuple(map(service, found.services)),
        tuple(map(gap, found.skipped)),
        tuple(trap._replace(place=moved(trap.place)) for trap in found.traps),
    )
