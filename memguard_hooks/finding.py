"""What rules say: findings, what was skipped, estimates of services, and the report of them all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from operator import eq

from memguard_hooks.errors import MemguardError
from memguard_hooks.record import Literal, Record, TypeAlias

Severity: TypeAlias = "Literal['error', 'warning']"
PartSource: TypeAlias = "Literal['catalog', 'measured', 'assumed']"
Verdict: TypeAlias = "Literal['ok', 'warning', 'error', 'unknown']"
Moment: TypeAlias = "Literal['start', 'serving', 'all']"

MOMENTS: tuple[Moment, ...] = ("start", "serving", "all")
"""By when something is loaded: at start, once the handlers have run, once everything that is deferred has; each later one
holds the former."""

_NUMBERS = {
    "pin-litellm": (101, 102, 103, 104, 105, 106),
    "forbid-heavy-deps": (110, 111, 120, 121, 122),
    "no-eager-heavy-imports": (201, 202, 203, 204, 211, 212, 213, 214, 215),
    "memory-budget": (301, 302, 303, 304, 305, 601, 602, 603, 604, 605, 606),
    "deploy-config": (
        *(401, 402, 403, 404, 405, 406, 407, 408, 410, 411, 412, 413, 420, 421, 422, 423, 424, 425),
        *(701, 702, 703, 704, 705, 706),
    ),
    "python-runtime": (711, 712, 713, 714, 715, 716, 717, 718, 719, 720),
    "log-volume": (501, 502, 503, 504, 505, 506, 507, 508, 509),
}

CODES = {f"MG{number}": hook for hook, numbers in _NUMBERS.items() for number in numbers}
"""Each code that a rule reports and the hook that it belongs to. A code is never reused.

MG190 and MG191 are not here: they speak of allowances, and each hook reports them for its codes.
"""

FAILING: dict[str, tuple[Severity, ...]] = {"error": ("error",), "warning": ("error", "warning"), "never": ()}
"""What fails a run, by the least of it."""

MIB = 2**20

AT_REQUEST = "at the first request"
"""When what workers load runs that were forked before, in messages."""

ALL_THE_SAME = " all the same"
"""How the fix of an import ends that saves little because of another one, which it names."""

EAGER = "MG201"
"""Says that an import loads a heavy module; what one change mends is told together."""


class Step(Record):
    """One import on the way from an entry point to a module: the line and what it imports."""

    path: str
    line: int
    module: str


MOST_STEPS = 40
"""Steps of a way that reports tell: each of thousands of findings may have thousands."""


class Way:
    """The steps to somewhere: the last one, and the way to the file where that stands, shared by all that go on from there.

    Kept as tuples, the ways to all files would take the square of the longest one.
    """

    __slots__ = ("before", "last", "length")

    def __init__(self, last: Step, before: Way | None = None) -> None:
        self.last = last
        self.before = before
        self.length: int = 1 if before is None else before.length + 1

    def __len__(self) -> int:
        """Return how many steps it takes."""
        return self.length

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps from the last one back."""
        way: Way | None = self
        while way is not None:
            yield way.last
            way = way.before

    def __eq__(self, other: object) -> bool:
        """Return whether another way has the same steps."""
        return isinstance(other, Way) and len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment] # nobody keeps sets of ways

    @property
    def chain(self) -> tuple[Step, ...]:
        """The steps from the entry point on, for whoever tells them; of a long way one step stands for all in its middle."""
        steps = tuple(self)[::-1]
        left = len(steps) - MOST_STEPS
        if left <= 0:
            return steps
        first, last = steps[: MOST_STEPS // 2], steps[-MOST_STEPS // 2 :]
        return (*first[:-1], first[-1]._replace(module=f"({left} more)"), *last)


class Change(Record):
    """One thing to do, the places `app.py:3` that it changes, and whether `memguard fix` does it."""

    text: str
    places: tuple[str, ...]
    is_fixable: bool = False


class Finding(Record):
    """One broken rule at one place. `cost` is resident memory in bytes, None where it was never measured.

    `fix` says what to do, a line each. `subject` is what it is about, by a name that stays when lines move and figures
    change: a package, a module, a service, a variable. The baseline knows it again by that. `is_fixable` is one that
    `memguard fix` may do something about. `steps` is what to do together to be rid of it, where that was computed: `fix` has
    other ways too.
    """

    path: str
    line: int
    column: int
    code: str
    message: str
    hook: str
    subject: str
    severity: Severity = "error"
    cost: int | None = None
    chain: tuple[Step, ...] = ()
    fix: tuple[str, ...] = ()
    end_line: int | None = None
    is_fixable: bool = False
    steps: tuple[Change, ...] = ()


def identities(findings: Iterable[Finding], *, folded: bool = False) -> Iterator[tuple[str, str, str, int]]:
    """Yield for each finding what it is known by when lines move and figures change: code, path, subject and a number.

    The number counts what is alike from 0. `folded` takes subjects for alike that differ in figures alone.
    """
    return numbered((one.code, one.path, _fold(one.subject) if folded else one.subject) for one in findings)


def numbered(names: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str, str, int]]:
    """Yield each name with its number among those that are alike."""
    alike: dict[tuple[str, str, str], int] = {}
    for name in names:
        alike[name] = alike.get(name, -1) + 1
        yield *name, alike[name]


def _fold(text: str) -> str:
    """Write a text without its figures: `web2` is `web#`."""
    import re

    return re.sub(r"\d+(\.\d+)*", "#", text)


class Skipped(Record):
    """Something that could not be read or decided, and why.

    `broken` marks input that is at fault itself (a manifest that does not parse): exit status 2. `service` is the one that
    a deployment file declares and whose start cannot be read: that is a finding, MG305, and no note.
    """

    path: str
    line: int | None
    reason: str
    broken: bool = False
    service: str = ""


def note(skipped: Skipped) -> str:
    """Write what was skipped, or is at fault, in one line: `app.py:3: skipped: it does not parse`."""
    place = f"{skipped.path}:{skipped.line}" if skipped.line else skipped.path
    return f"{place}: {'error' if skipped.broken else 'skipped'}: {skipped.reason}"


def at_fault(error: MemguardError) -> Skipped:
    """Return what a report says of input that is at fault itself."""
    place = "" if error.line is None or error.column is None else f"column {error.column}: "
    return Skipped(error.path or ".", error.line, place + error.message, broken=True)


class Part(Record):
    """What one package adds to one process by some moment, in bytes, given all parts listed before it.

    `installed` is the version that the project has where the measured one is far from it, else empty.
    """

    package: str
    version: str | None
    resident: int
    anonymous: int
    source: PartSource
    provenance: str
    chain: tuple[Step, ...] = ()
    moment: Moment = "start"
    installed: str = ""


class Figures(Record):
    """Memory by one moment, in bytes.

    `low` to `high` is the range for `expected` (resident); `anonymous` is the part that cannot be dropped; `commit` is
    what the work tree adds to the last commit, None where there is none. `passing` is what loading takes on top for a while.
    """

    low: int
    expected: int
    high: int
    anonymous: int
    commit: int | None = None
    passing: int = 0

    @property
    def peak(self) -> int:
        """The most at any time until then."""
        return self.expected + self.passing


class Estimate(Record):
    """What a process, or all processes of a service together, take by each moment: never less than by the one before."""

    start: Figures
    serving: Figures
    all: Figures

    def at(self, moment: Moment) -> Figures:
        """Return the figures of a moment."""
        return self[MOMENTS.index(moment)]

    def since(self, then: Estimate | None) -> Estimate:
        """Return the same with what each moment has grown by; all of it where there was nothing, as of a new service."""
        before = [one.expected for one in then] if then is not None else [0] * len(MOMENTS)
        return Estimate(*(one._replace(commit=one.expected - size) for one, size in zip(self, before, strict=True)))


def is_by(moment: Moment, other: Moment) -> bool:
    """Return whether what is loaded at one moment is there by the other."""
    return MOMENTS.index(moment) <= MOMENTS.index(other)


class ServiceReport(Record):
    """One service, what it takes and what it may take, in bytes.

    `verdict` is about the moment that is `judged`; `parts` are those of one process by any moment. `bands` is where a
    warning and where an error begins, None without a limit. What `is_over` both is an error, or a warning where the limit
    is only assumed. `added` is what the work tree imports and what it compares with did not, or what takes a MiB more, with
    the difference. Of one that is not judged, `reason` says why, and `worker` is what one process takes by the moment that
    is judged, where that is known. `instead_of` says where other commands stand that this one wins over: `Procfile:1`.
    `also` are commands that run to their end on a host of the same kind before it starts, with the bytes that each takes,
    None where nobody can tell. `cpus` are those that it is judged with, None where its processes do not follow them, and
    `processes_then` those that it had at what it is compared with, None where nobody can tell.
    """

    name: str
    path: str
    line: int
    command: str
    entrypoint: str | None
    processes: int | None
    limit: int | None
    limit_source: str
    limit_label: str
    estimate: Estimate | None
    verdict: Verdict
    parts: tuple[Part, ...] = ()
    bands: tuple[int, int] | None = None
    added: tuple[Part, ...] = ()
    judged: Moment = "serving"
    reason: str | None = None
    worker: Figures | None = None
    is_over: bool = False
    instead_of: tuple[str, ...] = ()
    also: tuple[tuple[str, int | None], ...] = ()
    cpus: int | None = None
    processes_then: int | None = None

    @property
    def taken(self) -> Figures | None:
        """The figures of the moment that is judged, None where nobody can tell."""
        return None if self.estimate is None else self.estimate.at(self.judged)

    @property
    def judged_parts(self) -> tuple[Part, ...]:
        """The parts of one process by the moment that is judged."""
        return tuple(part for part in self.parts if is_by(part.moment, self.judged))

    @property
    def unmeasured(self) -> int:
        """How many packages nobody has measured, where they are more than a fifth of what a process is expected to take."""
        parts = self.judged_parts
        unmeasured = [part for part in parts if part.source == "assumed" and part.chain]
        is_much = sum(part.resident for part in unmeasured) > MUCH_UNMEASURED * sum(part.resident for part in parts)
        return len({part.package for part in unmeasured}) if is_much else 0


class Report(Record):
    """All that one run says.

    `committed` is what is to be said in place of it once a commit holds the work tree, where that is something else.
    `since` is what `Estimate.commit` compares with, where that is not the last commit. Of the findings of `baseline`, so
    many are `known`, still there and not told, and so many `fixed`. `is_old` says that each error stands in a file that the
    last commit has as it is.
    """

    findings: tuple[Finding, ...] = ()
    services: tuple[ServiceReport, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    since: str | None = None
    baseline: str | None = None
    known: int = 0
    fixed: int = 0
    committed: Report | None = None
    is_old: bool = False

    @property
    def broken(self) -> int:
        """How much of the input is at fault."""
        return sum(skipped.broken for skipped in self.skipped)


def merge(reports: list[Report]) -> Report:
    """Return one report of several, each finding and each gap once, in the order of the files."""
    findings = {(f.path, f.line, f.column, f.code, f.message): f for report in reports for f in report.findings}
    skipped = {s for report in reports for s in report.skipped}
    has_committed = any(report.committed is not None for report in reports)
    return Report(
        tuple(findings[key] for key in sorted(findings)),
        tuple(service for report in reports for service in report.services),
        tuple(sorted(skipped, key=lambda s: (s.path, s.line or 0, s.reason))),
        next((report.since for report in reports if report.since is not None), None),
        committed=merge([report.committed or report for report in reports]) if has_committed else None,
    )


def without_echo(report: Report) -> Report:
    """Leave out what another finding says of the same line, and why a service is not followed that is not judged."""
    told = {(one.code, one.path, one.line): " ".join(one.fix) for one in report.findings}
    unjudged = {
        (service.path, service.line, f"{service.name} is not followed: {service.reason}") for service in report.services
    }

    of_service = {(one.code, one.subject): " ".join(one.fix) for one in report.findings if one.code in _OF_SERVICES}

    def is_echo(finding: Finding) -> bool:
        codes, word = _ECHOED.get(finding.code, ((), ""))
        texts = [told.get((code, finding.path, finding.line)) for code in codes]
        texts += [of_service.get((code, finding.subject)) for code in codes if word]
        return any(text is not None and word in text for text in texts)

    faults = {(one.path, one.line): one.reason for one in report.skipped if one.broken}
    echoes = [one for one in report.findings if is_echo(one)]
    fixable = [one for one in echoes if one.is_fixable]
    return report._replace(
        findings=tuple(_fixable(one, fixable) for one in report.findings if one not in echoes),
        skipped=tuple(one for one in report.skipped if one[:3] not in unjudged and not _is_told(one, faults)),
    )


def _is_told(gap: Skipped, faults: Mapping[tuple[str, int | None], str]) -> bool:
    """Return whether what is at fault says itself why something was left out."""
    fault = faults.get((gap.path, gap.line), "")
    reason = fault.partition(": ")[2] if fault.startswith("column ") else fault
    return not gap.broken and bool(reason) and gap.reason.endswith(f": {reason}")


def _fixable(finding: Finding, echoes: Collection[Finding]) -> Finding:
    """Note in the steps of a finding that a fixer does them, where another finding of its place says the same."""
    here = [one for one in echoes if (one.path, one.line) == (finding.path, finding.line)]
    if not finding.steps or not here:
        return finding
    return finding._replace(
        steps=tuple(
            one._replace(is_fixable=one.is_fixable or any(_says(echo, one) for echo in here)) for one in finding.steps
        )
    )


def _says(echo: Finding, step: Change) -> bool:
    """Return whether a finding says what a step says: one of workers says nothing of a larger host."""
    word = _ECHOED[echo.code][1]
    return step.text in echo.fix or (bool(word) and word in step.text)


_OF_SERVICES = frozenset({"MG301", "MG302", "MG305"})
"""Findings whose subject is a service, and whose fix may name what another finding says elsewhere."""

_ECHOED = {
    "MG305": (("MG424",), ""),
    "MG401": (("MG301",), ""),
    "MG402": (("MG305",), "number of workers"),
    "MG403": (("MG301", "MG302"), "preload"),
    "MG404": (("MG301", "MG302"), ""),
    "MG411": (("MG301", "MG302"), ", which holds it"),
}
"""Code → the findings of the same line, or of the same service, whose fix says the same, where it has some word."""


def below(report: Report, folder: str) -> Report:
    """Return the report with its paths written from a folder above the project, which lies in `folder` of it."""
    if not folder:
        return report

    def lower(steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(step._replace(path=f"{folder}/{step.path}") for step in steps)

    def parts(found: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(part._replace(chain=lower(part.chain)) for part in found)

    return report._replace(
        findings=tuple(one._replace(path=f"{folder}/{one.path}", chain=lower(one.chain)) for one in report.findings),
        services=tuple(
            one._replace(
                path=f"{folder}/{one.path}",
                parts=parts(one.parts),
                added=parts(one.added),
                instead_of=tuple(f"{folder}/{place}" for place in one.instead_of),
            )
            for one in report.services
        ),
        skipped=tuple(one._replace(path=folder if one.path == "." else f"{folder}/{one.path}") for one in report.skipped),
    )


def mib(size: int) -> str:
    """Write bytes as MiB for a person: whole from 10 upwards, one digit below."""
    value = size / MIB
    return f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.1f}"


def in_mib(size: int | None, digits: int = 1) -> float | None:
    """Return bytes as MiB for a program, None for what is not known."""
    return None if size is None else round(size / MIB, digits)


def count(number: int, noun: str) -> str:
    """Write a number of things: `1 error`, `2 processes`."""
    return f"{number} {noun}{'' if number == 1 else 'es' if noun.endswith('s') else 's'}"


def signed(size: int) -> str:
    """Write a difference in whole MiB with its sign: `+57`, `-3`, `+0`."""
    return f"{round(size / MIB):+d}"


ENDS = 3
"""Steps that are told of each end of a long way: how it begins, and what imports the module."""


def shortened(steps: tuple[Step, ...]) -> tuple[Step | int, ...]:
    """Return a way without its middle where it is long, with the number of steps that are left out."""
    left = len(steps) - 2 * ENDS
    return (*steps[:ENDS], left, *steps[-ENDS:]) if left > 1 else steps


def step_name(step: Step | int) -> str:
    """Write one step of a way, or how many are left out of it."""
    return f"({step} more)" if isinstance(step, int) else f"{step.path}:{step.line}"


def way(steps: tuple[Step | int, ...]) -> str:
    """Write the lines that lead to a module: `app/main.py:7 → app/api.py:3`."""
    return " → ".join(map(step_name, steps))


def chain(steps: tuple[Step | int, ...]) -> str:
    """Write the way to a module, and the module: `app/main.py:7 → app/api.py:3 → pandas`."""
    last = steps[-1]
    assert isinstance(last, Step)
    return f"{way(steps)} → {last.module}"


_NAMES: dict[Moment, str] = {"start": "at start", "serving": "serving", "all": "with all that is deferred"}
"""How a line names the moment of a figure."""


def told_moments(service: ServiceReport) -> tuple[Moment, ...]:
    """Return the moments that a line has to tell apart: none where start and serving, and what is judged, write alike."""
    estimate = service.estimate
    if estimate is None:
        return ()
    moments: tuple[Moment, ...] = MOMENTS if service.judged == "all" else MOMENTS[:2]
    return moments if len({mib(estimate.at(moment).expected) for moment in moments}) > 1 else ()


MUCH_UNMEASURED = 0.2
"""The share of a process that is only assumed from which on its figure is told as a lower bound."""


def at_least(service: ServiceReport) -> str:
    """Write what stands before a figure that is a lower bound, nothing before others."""
    return "at least " if service.verdict == "unknown" or service.unmeasured else ""


def not_measured(service: ServiceReport) -> str:
    """Write how many packages were not measured, behind a blank, where they are much of the whole."""
    return f" ({count(service.unmeasured, 'package')} not measured)" if service.unmeasured else ""


def summary(service: ServiceReport, since: str | None = None) -> str:
    """Write one service in one line.

    `web: 43 MiB at start, 310 serving, of 512 (render free), this commit +57`, or `since main +57`; where the moments do
    not differ, `web: 263 of 512 MiB (render free), this commit +57`, with `(2 processes, not 1)` where that is why.
    """
    if service.estimate is None or service.taken is None:
        return f"{service.name}: not judged"
    limit = "" if service.limit is None else f" of {mib(service.limit)}"
    moments = told_moments(service)
    if moments:
        sizes = (f"{mib(service.estimate.at(one).expected)}{'' if number else ' MiB'}" for number, one in enumerate(moments))
        amount = ", ".join(f"{size} {_NAMES[one]}" for size, one in zip(sizes, moments, strict=True))
        amount += limit and f",{limit}"
    else:
        amount = f"{mib(service.taken.expected)}{limit} MiB"
    amount = f"{at_least(service)}{amount}{not_measured(service)}{peak(service)}"
    return f"{service.name}: {amount} ({service.limit_label}){growth(service, since)}"


MUCH_PASSING = 0.05
"""The share of what a service takes that loading must take on top, to be told."""


def peak(service: ServiceReport) -> str:
    """Write the most that a service takes for a while, behind a comma, where that is much more than what stays."""
    taken = service.taken
    is_much = taken is not None and taken.passing > MUCH_PASSING * taken.expected
    return f", up to {mib(taken.peak)} while models load" if taken is not None and is_much else ""


def growth(service: ServiceReport, since: str | None = None) -> str:
    """Write what a commit or a branch adds, behind a comma: of each moment where they differ.

    Nothing where it adds nothing, as in a clean work tree, and where nobody knows.
    """
    if service.estimate is None or service.taken is None or service.taken.commit is None:
        return ""
    sizes = {one: signed(service.estimate.at(one).commit or 0) for one in told_moments(service)}
    if {*sizes.values(), signed(service.taken.commit)} == {signed(0)}:
        return ""
    if len(set(sizes.values())) > 1:
        what = ", ".join(f"{size} {_NAMES[one]}" for one, size in sizes.items())
    else:
        what = signed(service.taken.commit)
    is_other = None not in (service.processes, service.processes_then) and service.processes != service.processes_then
    processes = f" ({count(service.processes or 0, 'process')}, not {service.processes_then})" if is_other else ""
    return f", {'this commit' if since is None else f'since {since}'} {what}{processes}"


def moment_name(moment: Moment) -> str:
    """Write a moment as it stands behind a figure: `43 MiB at start`."""
    return _NAMES[moment]


def refusing(report: Report, fail_on: str) -> list[Finding]:
    """Return the findings that refuse a commit."""
    return [one for one in report.findings if one.severity in FAILING[fail_on]]


def status_of(report: Report, fail_on: str) -> int:
    """Return the exit status that a report asks for."""
    return 2 if report.broken else int(bool(refusing(report, fail_on)))
