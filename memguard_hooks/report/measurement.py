"""What was measured, as text."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from memguard_hooks.catalog.lock import Measured
from memguard_hooks.finding import MIB, count, mib, way
from memguard_hooks.host.process_tree import Process
from memguard_hooks.measure.attribution import Attribution, BroughtBy, Import
from memguard_hooks.measure.comparison import Compared, differences
from memguard_hooks.measure.import_graph import SERVER
from memguard_hooks.measure.limit import Outcome
from memguard_hooks.measure.measure import MeasuredRun
from memguard_hooks.measure.serving import ServingResult, ServingSample
from memguard_hooks.output import plain
from memguard_hooks.record import Record

FOLDED = MIB
"""A package below that is counted among others."""

SHOWN_COMMAND = 60


class EntryResult(Record):
    """One entry point, in the project's folder `root`.

    `uncompiled` is the run before bytecode was there, None where nothing had to be compiled. `before` is what the same took
    in another revision, None where it was not there or did not start.
    """

    name: str
    root: str
    interpreter: str
    run: MeasuredRun
    found: Attribution
    measured: Measured
    uncompiled: MeasuredRun | None = None
    uncompiled_modules: int = 0
    compared: tuple[Compared, ...] = ()
    outcome: Outcome | None = None
    before: Measured | None = None

    @property
    def stopped_at(self) -> str:
        """Where it stopped, as `main.py:12`; empty where it came to its end, or no line of its own is known."""
        end = self.run.traced.end
        path, _, line = (end.place if end is not None else "").rpartition(":")
        inside = os.path.relpath(path, self.root) if os.path.isabs(path) else path
        return f"{inside}:{line}" if inside and not inside.startswith(os.pardir) else ""


class ServiceResult(Record):
    """One service that was started.

    `estimated` is the static estimate in bytes, and `before` the same service in another revision, None where it was not
    asked for.
    """

    name: str
    served: ServingResult
    limit: int | None
    limit_label: str
    estimated: int | None = None
    before: ServingResult | None = None


def render_entry(result: EntryResult, against: str = "") -> str:
    """Write one entry point: its total, the tree, and what there is to know about it, also beside another revision."""
    run, measured = result.run, result.measured
    sizes = f"{mib(run.size.resident)} MiB resident, {mib(run.size.anonymous)} anonymous, {mib(run.peak)} at its peak"
    lines = [
        f"{result.name}: {sizes} (Python {measured.python}, {result.interpreter})",
        "    MiB    own",
        _row(measured.base.resident, None, "the bare interpreter"),
    ]
    small: list[Import] = []
    for one in result.found.imports:
        if one.branch.cumulative.resident < FOLDED:
            small.append(one)
        else:
            lines += _branch(one.branch, measured, 0, _behind(one))
    own = measured.first_party.resident - result.found.rest.resident
    lines.append(_row(own, None, f"first-party code, {measured.source} bytes of source"))
    if small:
        size = sum(one.branch.cumulative.resident for one in small)
        lines.append(_row(size, None, f"{count(len(small), 'other')}, each below {mib(FOLDED)} MiB"))
    lines.append(_row(result.found.rest.resident, None, "what ran besides imports"))
    lines.append(_row(run.size.resident, None, "in all"))
    lines += [f"  {note}" for note in _notes(result)]
    lines += _comparison(result.compared)
    if result.outcome is not None:
        lines.append(f"  {describe_outcome(result.outcome)}")
    return plain([*lines, *_difference(result, against)])


def _difference(result: EntryResult, against: str) -> Iterator[str]:
    """Yield what an entry point takes more than in another revision, package by package."""
    if not against:
        return
    before, now = result.before, result.measured
    if before is None:
        yield f"  against {against}: it was not measured there"
        return
    yield f"  against {_totals(against, before.base.resident + before.total.resident, result.run.size.resident)}"
    rest = 0
    for one in differences(before, now):
        if abs(one.size) < LEAST:
            rest += one.size
        else:
            package = now.packages.get(one.package) or before.packages.get(one.package)
            version = f" {package.version}" if package is not None and package.version else ""
            state = "  new" if one.before is None else "  gone" if one.now is None else ""
            yield f"  {one.size / MIB:+7.1f}  {one.package}{version}{state}"
    if abs(rest) >= LEAST:
        yield f"  {rest / MIB:+7.1f}  others"


LEAST = MIB // 2
"""A package whose own cost differs by less is counted among others."""


def _totals(what: str, before: int, now: int) -> str:
    """Write what something took in another revision, and takes now: `main: 63 → 98 MiB (+35.2)`."""
    return f"{what}: {mib(before)} → {mib(now)} MiB ({(now - before) / MIB:+.1f})"


def _row(size: int, own: int | None, text: str, depth: int = 0) -> str:
    alone = "" if own is None else mib(own)
    return f"{mib(size):>7}{alone:>7}  {'  ' * depth}{text}".rstrip()


def _behind(one: Import) -> str:
    """Return the way to an import, and what dropping it would save where that is not all that it brings."""
    chain = way(one.chain)
    kept = one.branch.cumulative.resident - one.saving.resident
    if not chain:
        return SERVER
    return chain if kept < FOLDED else f"{chain}  (dropping it saves {mib(one.saving.resident)})"


def _branch(branch: BroughtBy, measured: Measured, depth: int, behind: str) -> list[str]:
    package = measured.packages.get(branch.package)
    version = f" {package.version}" if package is not None and package.version else ""
    also = f"  also required by {_few(branch.also)}" if branch.also else ""
    text = f"{branch.package}{version}{f'  {behind}' if behind else ''}{also}"
    lines = [_row(branch.cumulative.resident, branch.own.resident, text, depth)]
    small = [one for one in branch.branches if one.cumulative.resident < FOLDED]
    for one in branch.branches:
        if one not in small:
            lines += _branch(one, measured, depth + 1, "")
    size = sum(one.cumulative.resident for one in small)
    if size >= FOLDED:
        lines.append(_row(size, None, count(len(small), "other"), depth + 1))
    return lines


def _few(names: Sequence[str]) -> str:
    """Write some names, and how many more there are."""
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"


def _notes(result: EntryResult) -> list[str]:
    run = result.run
    notes = []
    if run.ending == "failed":
        place = f" at {result.stopped_at}" if result.stopped_at else ""
        notes.append(f"it stopped{place}, so that this is what was there by then, and not all: {run.error}")
    elif run.ending == "settled":
        notes.append("it runs on: its memory was read when it had come to rest")
    elif run.ending == "busy":
        notes.append("it never came to rest: its memory was read when its time was over, see --timeout")
    if run.children:
        notes.append(f"it has started {count(run.children, 'process')} not counted here, see --service")
    if result.uncompiled is not None:
        before, after = result.uncompiled.size.resident, run.size.resident
        still = result.found.without_bytecode
        modules = count(result.uncompiled_modules, "module")
        notes.append(
            f"{modules} had no bytecode and were compiled while they were imported: {mib(before)} MiB in that run"
            + (f", {mib(after)} once it was there" if not still else f"; {count(still, 'module')} still have none")
        )
        notes.append(
            "where the app runs, `python -m compileall` or `pip install --compile` (uv: --compile-bytecode) puts it there"
        )
    return notes


def _comparison(compared: Sequence[Compared]) -> list[str]:
    """Write the estimate beside the measurement; small parts that only the measurement knows are summed."""
    if not compared:
        return []
    lines = ["  estimated  measured  difference"]
    told = [one for one in compared if one.estimated is not None or (one.measured or 0) >= FOLDED]
    small = [one for one in compared if one not in told]
    rows = [(one.package, one.estimated, one.measured) for one in told]
    if small:
        rows.append((f"{count(len(small), 'other')} not estimated", None, sum(one.measured or 0 for one in small)))
    rows.append(("in all", sum(one.estimated or 0 for one in compared), sum(one.measured or 0 for one in compared)))
    for name, estimated, measured in rows:
        cells = [f"{'-' if size is None else mib(size):>9}" for size in (estimated, measured)]
        difference = f"{((estimated or 0) - (measured or 0)) / MIB:+.1f}"
        lines.append(f"  {cells[0]} {cells[1]} {difference:>11}  {name}")
    total = rows[-1]
    if total[2]:
        lines.append(f"  the estimate is {((total[1] or 0) / total[2] - 1):+.1%} off")
    return lines


def describe_outcome(outcome: Outcome) -> str:
    """Say whether a program lived with a limit."""
    limit = mib(outcome.limit)
    seen = f"at most {mib(outcome.resident)} MiB resident were seen, {mib(outcome.anonymous)} of them anonymous"
    if outcome.is_enforced:
        if outcome.failed:
            return f"limit {limit} MiB: died, the kernel killed {count(outcome.kills, 'process')} for want of memory; {seen}"
        return f"limit {limit} MiB: lived; {seen}"
    verdict = "would exceed" if outcome.failed else "stays below"
    return f"limit {limit} MiB: {verdict}; {seen} (sampled, not enforced: {outcome.reason})"


def render_service(result: ServiceResult, against: str = "") -> str:
    """Write the processes of a service, idle and after requests, their sum against the limit, and another revision's."""
    served = result.served
    lines = [f"{result.name}: {served.command}"]
    for title, reading in (("idle", served.idle), (_after(served), served.after)):
        if reading is not None:
            lines += _reading(title, reading, result)
    for one in served.outside:
        where = f"[{one.address}]" if ":" in one.address else one.address
        lines.append(f"  it listens on {where}:{one.port}, which other machines can reach too")
    if served.idle is not None and served.status is None:
        lines.append("  it answers no HTTP: its memory was read when it had come to rest")
    if not served.rested:
        lines.append("  it never came to rest: its memory was read all the same, see --timeout")
    if served.outcome is not None:
        lines.append(f"  {describe_outcome(served.outcome)}")
    if result.before is not None:
        pairs = (("idle", result.before.idle, served.idle), (_after(served), result.before.after, served.after))
        lines += [
            f"  {_totals(f'against {against}, {title}', before.total, now.total)}"
            for title, before, now in pairs
            if before is not None and now is not None
        ]
    return plain(lines)


def _after(served: ServingResult) -> str:
    title = f"after {count(served.requests, 'request')}"
    if served.answered != served.requests:
        title += f", {served.answered} of them answered"
    if served.sessions:
        title += f", in {count(served.sessions, 'session')}"
    return f"{title} (status {', '.join(map(str, served.statuses))})" if served.statuses else title


def _reading(title: str, reading: ServingSample, result: ServiceResult) -> list[str]:
    lines = [f"  {title}", "      PSS     USS     RSS  process"]
    for process in reading.processes:
        sizes = (process.memory.shared, process.memory.own, process.memory.resident)
        lines.append(f"  {''.join(f'{mib(size):>7} ' for size in sizes)} {name_process(process)}")
    sums = [sum(sizes) for sizes in zip(*((m.shared, m.own, m.resident) for _, _, m, _ in reading.processes), strict=True)]
    lines.append(f"  {''.join(f'{mib(size):>7} ' for size in sums)} {len(reading.processes)} in sum")
    share = f" of {mib(result.limit)}" if result.limit is not None else ""
    label = f" ({result.limit_label})" if result.limit_label else ""
    lines.append(f"  {mib(reading.total):>7}{share} MiB{label}, each page that they share counted once")
    if result.estimated is not None:
        error = f", {result.estimated / reading.total - 1:+.1%}" if reading.total else ""
        lines.append(f"  {mib(result.estimated):>7} MiB were estimated{error}")
    return lines


def name_process(process: Process) -> str:
    """Return the command of a process without the folders of its programs, and not longer than a line."""
    words = [word.rpartition(os.sep)[2] if word.startswith(os.sep) else word for word in process.command.split(" ")]
    text = " ".join(words) or f"process {process.pid}"
    return text if len(text) <= SHOWN_COMMAND else f"{text[: SHOWN_COMMAND - 3]}..."
