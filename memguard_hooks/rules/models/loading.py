"""MG601 to MG606: models that do not fit, or not while they are loaded, and those that take more than they need to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memguard_hooks.app.limit import bands_of, plan_that_fits, sizes_that_fit
from memguard_hooks.app.loaded import Models, ModelUse
from memguard_hooks.app.service_estimate import AssessedService, Estimated
from memguard_hooks.finding import MIB, Change, Finding, ServiceReport, Severity, is_by, mib, moment_name
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import WARN
from memguard_hooks.relations import grouped

HOOK = "memory-budget"

MUCH = 50 * MIB
"""What a model must take more than it needs to, to be worth a finding."""

MUCH_OF_LIMIT = 0.1
"""The share of the limit that the copies of a model must take."""


def find(assessed: AssessedService, report: ServiceReport) -> Iterator[Finding]:
    """Yield what is wrong with the models of a judged service; one call has one finding."""
    now = assessed.now
    if now is None or not (now.process.models.uses or now.process.models.unknown):
        return
    over = list(_over(assessed, now, report))
    yield from over
    told = {(one.path, one.line, one.column) for one in over}
    for found in _wasteful(assessed, now, report, is_over=bool(over)):
        if (found.path, found.line, found.column) not in told:
            told.add((found.path, found.line, found.column))
            yield found
    for use in now.unknown_models:
        yield _unknown(assessed, now, use)


def joined(findings: Sequence[Finding]) -> list[Finding]:
    """Return one finding of MG604 for all services that load by one call what nobody can know: it has one cause."""
    kept: dict[object, Finding] = {}
    for number, one in enumerate(findings):
        service, _, what = one.message.partition(": ")
        key = (one.path, one.line, one.column, what) if one.code == "MG604" else number
        first = kept.get(key)
        if first is None:
            kept[key] = one
        else:
            others, _, _ = first.message.partition(": ")
            kept[key] = first._replace(message=f"{others}, {service}: {what}")
    return list(kept.values())


def allowed(project: Project, findings: Sequence[Finding]) -> list[Finding]:
    """Take out what comments allow, and add what is wrong with these."""
    kept: list[Finding] = []
    for path, own in grouped((one.path, one) for one in findings).items():
        if b"memguard:" not in (project.read_file(path) or b""):
            kept += own
            continue
        from memguard_hooks.allowance import apply_allowances
        from memguard_hooks.rules.policy import allowances_in

        kept += apply_allowances(HOOK, own, allowances_in(project, path), owns_unknown=False)
    return kept


# What does not fit


def _over(assessed: AssessedService, now: Estimated, report: ServiceReport) -> Iterator[Finding]:
    """MG601 and MG602: without its models and their libraries the service would fit."""
    limit, uses = assessed.limit.size, now.process.models.by(now.judged)
    if not report.is_over or limit is None or not uses:
        return
    fail = bands_of(limit, assessed.settings)[1]
    bare = _taken_without(now)
    if bare > fail:
        return
    figures = now.estimate.at(now.judged)
    fits_at_rest = now.taken - figures.passing <= fail
    use = max(uses, key=lambda one: one.passing if fits_at_rest else one.rest(now.judged) + one.passing)
    memory = use.memory
    assert memory is not None
    copies = _copies(now, use)
    each = f" in each of {copies} processes" if copies > 1 else ""
    twice = ", and is loaded twice" if use.times > 1 else ""
    others = f", with {len(uses) - 1} other" + ("s" if len(uses) > 2 else "") if len(uses) > 1 else ""
    amount = f"{mib(memory.peak)} MiB while it is loaded and {mib(memory.served)} in use{each}{twice}{others}"
    amount += f", {mib(now.taken - bare)} in all with what loads it"
    of = f"{mib(limit)} MiB ({assessed.limit.label})"
    if fits_at_rest:
        code, what = (
            "MG602",
            f"fits at rest and not while it is loaded: {report.name} takes up to {mib(figures.peak)} of {of}",
        )
        what += f", {mib(figures.expected)} {moment_name(now.judged)}"
    else:
        code, what = "MG601", f"does not fit: {report.name} takes {mib(figures.expected)} of {of}"
        what += f", up to {mib(figures.peak)} while it loads" if figures.passing >= MIB else ""
    of_model = [*_batched(assessed, now, use), *_smaller(assessed, now, use), *_chosen(assessed, now, use)]
    of_host = list(_elsewhere(assessed, now, bare))
    if assessed.limit.is_assumed:
        amount += f"; no limit is declared: {report.name} {sizes_that_fit(now.taken, now.settings)}"
    mapped = now.process.models.mapped(now.judged)
    if mapped > limit:
        amount += f"; and {mib(mapped)} MiB of weights in a mapped file, read again and again where they do not fit"
    severity: Severity = "warning" if assessed.limit.is_assumed else "error"
    found = _finding(
        report, code, severity, use, f"{use.label} {what}; the model takes {amount}", _ways([*of_model, *of_host])
    )
    place = f"{use.call.path}:{use.call.line}" if of_model else f"{report.path}:{report.line}"
    # The last way is another app, or another host.
    yield found._replace(steps=tuple(Change(way, (place,)) for way in [*of_model, *of_host[:-1]][:1]))


def _ways(ways: list[str]) -> list[str]:
    """Write ways out of which each is enough."""
    return [*ways[:1], *(f"or {way}" for way in ways[1:])]


def _taken_without(now: Estimated) -> int:
    """Return what counts against the limit without models, and without the libraries that load them."""
    uses = now.process.models.by(now.judged)
    libraries = {name.partition(".")[0] for one in uses for name in one.imports}
    roots = [one for one in now.process.roots if libraries.isdisjoint({one.label.partition(".")[0], one.parent})]
    return now.taken_as(now.process.with_models(Models()).with_roots(roots), now.command)


def _copies(now: Estimated, use: ModelUse) -> int:
    """Return how many processes of a service hold a model of their own."""
    is_shared = now.command.start == "single" or (now.command.start == "preload" and use.moment == "start")
    return 1 if is_shared else now.workers


def _taken_with(now: Estimated, use: ModelUse, other: ModelUse) -> int:
    """Return what counts against the limit with another model in place of one."""
    process = now.process
    return now.taken_as(process.with_models(process.models.without(use, other)), now.command)


def _smaller(assessed: AssessedService, now: Estimated, use: ModelUse) -> Iterator[str]:
    """Name the largest model of the same family that fits."""
    from memguard_hooks.app.models import smaller

    limit = assessed.limit.size
    goal = (assessed.settings.warn or WARN) * (limit or 0)
    for other in smaller(use):
        taken = _taken_with(now, use, other)
        if taken <= goal:
            how = ' with compute_type="int8"' if other.options.get("compute_type") == "int8" else ""
            yield f"load {other.name}{how}, the largest of its family that fits: up to {mib(taken)} MiB in all"
            return


def _batched(assessed: AssessedService, now: Estimated, use: ModelUse) -> Iterator[str]:
    """Name the largest batch that fits, of those that are half as large as the one before, where it is the batch."""
    from memguard_hooks.models.memory import TEXTS, texts_of

    goal = (assessed.settings.warn or WARN) * (assessed.limit.size or 0)
    size = texts_of(use.options)
    while use.model is not None and size > TEXTS:
        size = max(TEXTS, size // 2)
        other = use.replaced(use.model, {**use.options, "batch_size": str(size)})
        taken = _taken_with(now, use, other)
        if taken <= goal:
            yield f"encode fewer at once: batch_size={size}: up to {mib(taken)} MiB in all"
            return


OPTIONS = 3
"""Models that fit, of those that the app is told to choose from."""


def _chosen(assessed: AssessedService, now: Estimated, use: ModelUse) -> Iterator[str]:
    """Write the table by which the app chooses a model as it runs: the MiB that loading or using each takes at most."""
    from memguard_hooks.app.models import smaller

    others = list(smaller(use))
    alike = [one for one in (use, *others) if others and one.options == others[-1].options]
    goal = (assessed.settings.warn or WARN) * (assessed.limit.size or 0)
    fitting = [one for one in alike if one != use and _taken_with(now, use, one) <= goal]
    if not fitting:
        return
    rows = [one for one in alike[:1] if one not in fitting] + fitting[:OPTIONS]
    pairs = ", ".join(f'("{one.name}", {_most(one)})' for one in rows)
    yield f"let the app choose as it runs, with `memguard init --runtime FOLDER/memguard_runtime.py`: choose([{pairs}])"


def _most(use: ModelUse) -> int:
    """Return the whole MiB that loading or using a model takes at most, on top of its library."""
    assert use.memory is not None
    return -(-max(use.memory.peak, use.memory.served) // MIB)


def _elsewhere(assessed: AssessedService, now: Estimated, bare: int) -> Iterator[str]:
    """Name the other ways out: fewer processes, a larger plan, a model that runs elsewhere."""
    from memguard_hooks.app.estimate import saved_by_preload

    warn = assessed.settings.warn or WARN
    limit = assessed.limit.size
    lighter = now.taken - _saved_by_cpu_wheel(now)
    if limit is not None and lighter <= warn * limit and now.taken - lighter >= MUCH:
        yield f"take the wheel of torch for CPUs: {mib(lighter)} MiB in all"
    if saved_by_preload(now.process, now.command, now.judged) >= MIB:
        preloaded = now.taken_as(now.process, now.command._replace(start="preload"))
        if limit is not None and preloaded <= warn * limit:
            how = "set `preload_app`" if now.command.written else "start with --preload"
            yield f"{how}, so that all workers share it: {mib(preloaded)} MiB in all"
    if now.command.start == "preload" and now.workers > 1:
        early = _taken_before_the_fork(now)
        if limit is not None and early <= warn * limit and now.taken - early >= MIB:
            yield f"load it before the fork, as the app is loaded, so that all workers share it: {mib(early)} MiB in all"
    workers = now.workers_that_fit(warn * limit) if limit is not None else None
    if workers is not None:
        yield f"start {workers} worker" + ("s" if workers > 1 else "")
    plan = plan_that_fits(assessed.service, assessed.settings, now.taken / warn)
    if plan is not None:
        yield f"take {plan}"
    yield f"call a hosted model, or give it a service of its own: {mib(bare)} MiB are left here"


def _saved_by_cpu_wheel(now: Estimated) -> int:
    """Return by how much less torch takes in its build for CPUs, 0 where that is installed; processes share these pages."""
    from memguard_hooks.catalog import lookup

    built = lookup.find("torch", "torch", "0+cpu")
    there = max((root.footprint.own.get("torch", (0, 0))[0] for root in now.process.roots if root.footprint), default=0)
    return max(0, there - built.own["torch"][0]) if built is not None else 0


def _taken_before_the_fork(now: Estimated) -> int:
    """Return what counts against the limit where all that preloaded workers load later is loaded before the fork."""
    process, judged = now.process, now.judged
    roots = [one._replace(moment="start") if is_by(one.moment, judged) else one for one in process.roots]
    uses = [one._replace(moment="start") if is_by(one.moment, judged) else one for one in process.models.uses]
    models = process.models._replace(uses=tuple(uses))
    return now.taken_as(process.with_models(models).with_roots(roots), now.command)


# What takes more than it needs to

REFUSED = frozenset({"float16", "bfloat16", "int8_float16", "int8_bfloat16"})
"""Compute types that CTranslate2 converts to only where the device computes with them: no CPU does (ctranslate2 4.8.5)."""


def _wasteful(assessed: AssessedService, now: Estimated, report: ServiceReport, *, is_over: bool) -> Iterator[Finding]:
    for use in now.process.models.by(now.judged):
        yield from _multiplied(now, report, use)
        yield from _repeated(assessed, now, report, use, is_over=is_over)
    yield from _mapped(assessed, now, report)


def _multiplied(now: Estimated, report: ServiceReport, use: ModelUse) -> Iterator[Finding]:
    """MG603: a type of numbers that takes more than the one that is stored, or than 8 bits would."""
    memory = use.memory
    is_packable = use.call.loader.library == "faster-whisper"
    lighter = {**use.options, "compute_type": "int8"} if is_packable else {
        key: value for key, value in use.options.items() if key not in ("dtype", "torch_dtype")
    }  # fmt: skip
    if use.model is None or memory is None or lighter == use.options:
        return
    other = use.replaced(use.model, lighter)
    assert other.memory is not None
    saved = (max(memory.peak, memory.served) - max(other.memory.peak, other.memory.served)) * _copies(now, use)
    if use.options.get("compute_type") in REFUSED and use.options.get("device") != "cuda":
        message = f"{use.label} does not load on a CPU: CTranslate2 refuses this compute type there (ValueError)"
        yield _finding(report, "MG603", "warning", use, message, ['pass compute_type="int8", or "default" for 32 bits'])
        return
    if saved < MUCH:
        return
    asked = use.options.get("compute_type") or use.options.get("dtype") or use.options.get("torch_dtype") or "the default"
    how = (
        'pass compute_type="int8"' if is_packable else "leave the type of numbers to the library, which maps what is stored"
    )
    message = f"{use.label} is loaded as {asked.rpartition('.')[2]}, which takes 32 bits on a CPU: {mib(memory.rest)} MiB"
    message += f" at rest where {mib(other.memory.rest)} would do"
    yield _finding(report, "MG603", "warning", use, message, [f"{how}: -{mib(saved)} MiB"])


def _repeated(
    assessed: AssessedService, now: Estimated, report: ServiceReport, use: ModelUse, *, is_over: bool
) -> Iterator[Finding]:
    """MG605: twice in one process, again at each rerun, or in each worker, where nothing worse tells of that."""
    memory, copies = use.memory, _copies(now, use)
    assert memory is not None
    if use.times > 1 and memory.rest >= MUCH:
        message = f"{use.label} is loaded twice: its file runs as the program, and is imported by its name again"
        fix = ["pass the app itself to the server, not its name, or start it by a file that loads no model"]
        yield _finding(report, "MG605", "warning", use, f"{message}: +{mib(memory.rest)} MiB", fix)
    elif now.command.program == "streamlit" and not use.call.is_cached and memory.rest + memory.mapped >= MUCH:
        message = (
            f"{use.label} is loaded anew in each session and at each rerun: {mib(memory.rest + memory.mapped)} MiB each"
        )
        yield _finding(report, "MG605", "warning", use, message, ["load it in a function under @st.cache_resource"])
    elif not is_over and (copies - 1) * memory.rest >= max(MUCH, MUCH_OF_LIMIT * (assessed.limit.size or 0)):
        message = f"{use.label} is loaded by each of {copies} processes: {copies} times {mib(memory.served)} MiB"
        shared = now.command.server == "gunicorn" and use.moment == "start" and now.command.start == "fork"
        fix = (
            [f"start with --preload, and load it as the app is loaded: -{mib((copies - 1) * memory.rest)} MiB"]
            if shared
            else []
        )
        fix.append("start one worker with threads, or give the model a service of its own")
        yield _finding(report, "MG605", "warning", use, message, _ways(fix))


def _mapped(assessed: AssessedService, now: Estimated, report: ServiceReport) -> Iterator[Finding]:
    """MG606: mapped weights that do not fit beside the rest: nothing is killed, and all of it is slow."""
    from memguard_hooks.app.models import smaller

    limit, mapped = assessed.limit.size, now.process.models.mapped(now.judged)
    figures = now.estimate.at(now.judged)
    if limit is None or report.is_over or figures.expected + mapped <= limit or not mapped:
        return
    use = max(now.process.models.by(now.judged), key=lambda one: one.memory.mapped if one.memory is not None else 0)
    message = (
        f"the weights of {use.label}, {mib(mapped)} MiB in a mapped file, do not fit beside {mib(figures.expected)} MiB"
    )
    message += f" in {mib(limit)} MiB ({assessed.limit.label}): the kernel reads them from disk again and again"
    plan = plan_that_fits(assessed.service, assessed.settings, figures.expected + mapped)
    lighter = next((one for one in smaller(use) if _is_mapped_within(use, one, limit - figures.expected - mapped)), None)
    ways = [f"load {lighter.name}, the largest of its family whose weights fit"] if lighter is not None else []
    last = "call a hosted one" if ways else "load a smaller model, or call a hosted one"
    fix = _ways([*ways, *([f"take {plan}"] if plan is not None else []), last])
    yield _finding(report, "MG606", "warning", use, message, fix)


def _is_mapped_within(use: ModelUse, other: ModelUse, room: int) -> bool:
    """Return whether the weights of another model fit where those of one are more than there is room for."""
    assert use.memory is not None
    assert other.memory is not None
    return 0 < other.memory.mapped <= use.memory.mapped + room


# What nobody can know

_USUAL = {
    "faster-whisper": ("whisper", "large-v3"),
    "openai-whisper": ("whisper", "large-v3"),
    "sentence-transformers": ("hub", "BAAI/bge-large-en-v1.5"),
    "fastembed": ("onnx", "BAAI/bge-large-en-v1.5"),
    "ultralytics": ("yolo", "yolo11x"),
}
"""The largest of the family that a library is mostly used with."""


def _unknown(assessed: AssessedService, now: Estimated, use: ModelUse) -> Finding:
    """MG604: a model that nobody can know, with the largest that would fit."""
    loader = use.call.loader
    what = f"which model {use.call.function} loads is not known: {use.call.reason}"
    if use.name or not use.call.reason:
        lacking = "repository has no such file" if loader.file_format and use.name else "table of models has no such name"
        what = f"what {use.label} takes is not known: the {lacking}"
    if use.model is not None:
        how = " or ".join(filter(None, use.call.options.get("packed", ())))
        why = f"what {how} does to its weights, nobody measured" if how else _all_at_once()
        what = f"what {use.label} takes is not known: {why}"
    if loader.kind == "unknown":
        what = f"what {use.call.function} takes is not known: nobody measured the models of {loader.library}"
    is_batch = use.model is not None and "packed" not in use.call.options
    fix = ["set batch_size to what one batch may have"] if is_batch else [*_default(use), *_fitting(assessed, now, use)]
    if not fix:
        other = "name one that is known, or " if loader.kind != "unknown" else ""
        if loader.file_format and use.name:
            other = "keep it in the repository, where Git LFS tells its size as well, or "
        fix.append(f"{other}measure the service: memguard measure {assessed.service.name}")
    message = f"{assessed.service.name}: {what}" + ("" if is_batch else "; it takes at least what is counted")
    place = (use.call.path, use.call.line, use.call.column)
    subject = f"{assessed.service.name} {use.call.function} {use.name or loader.library}"
    return Finding(*place, "MG604", message, HOOK, subject, "warning", None, use.chain, tuple(fix))


def _all_at_once() -> str:
    from memguard_hooks.models.memory import MAX_TEXTS

    return f"batch_size is more than {MAX_TEXTS:,}, of which so many are counted, and nobody knows how many texts there are"


def _default(use: ModelUse) -> Iterator[str]:
    from memguard_hooks.models.loaders import model_of

    loader = use.call.loader
    name = use.call.fallback or loader.default
    model = model_of(loader, name) if name else None
    if model is not None:
        options = {option: given[0] for option, given in use.call.options.items() if given}
        memory = use.replaced(model, options).memory
        assert memory is not None
        yield f"the default, {name}, takes {mib(memory.peak)} MiB while it is loaded, {mib(memory.served)} in use"


def _fitting(assessed: AssessedService, now: Estimated, use: ModelUse) -> Iterator[str]:
    """Name the largest model of the family that a library is mostly used with that fits beside what is known."""
    from memguard_hooks.app.models import smaller
    from memguard_hooks.models.table import find as find_model

    limit, usual = assessed.limit.size, _USUAL.get(use.call.loader.library)
    largest = find_model(*usual) if usual is not None else None
    if limit is None or largest is None:
        return
    goal = (assessed.settings.warn or WARN) * limit
    if now.taken > goal:
        return  # it is not the model that does not fit
    start = use.replaced(largest, use.options)
    for one in (start, *smaller(start)):
        models = now.process.models
        taken = now.taken_as(now.process.with_models(models._replace(uses=(*models.uses, one))), now.command)
        if taken <= goal:
            yield f"the largest that fits is {one.label}: up to {mib(taken)} of {mib(limit)} MiB in all"
            return
    yield f"none of its family fits {mib(limit)} MiB ({assessed.limit.label})"


def _finding(report: ServiceReport, code: str, severity: Severity, use: ModelUse, message: str, fix: list[str]) -> Finding:
    call = use.call
    cost = use.rest("all")
    subject = f"{report.name} {call.function} {use.name}"
    return Finding(call.path, call.line, call.column, code, message, HOOK, subject, severity, cost, use.chain, tuple(fix))
