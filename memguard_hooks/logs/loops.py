"""The loops around log calls: those without end that read a stream, a socket or a queue, or that poll.

Retries, loops with a count, reconnects and loops whose passes are a minute apart are none.
"""

from __future__ import annotations

import ast
from enum import IntEnum

from memguard_hooks.formats.python_nodes import last_name, outside_functions
from memguard_hooks.logs.model import MAX_TEXT, METHOD_LEVELS
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from memguard_hooks.logs.streams import Streams


class FileFacts(Record):
    """What is known of a file beside its loops: numbers by their names, and what libraries hand over part by part."""

    constants: Mapping[str, float]
    streams: Streams


LEAVES = (ast.Break, ast.Return, ast.Raise)
"""Statements by which a loop ends."""

TRIES: tuple[type[ast.Try], ...] = (ast.Try, getattr(ast, "TryStar", ast.Try))


class Guard(IntEnum):
    """How much a test that leaves a block keeps from what stands behind it."""

    NONE = 0
    SOME = 1
    """What is empty, or of another kind: of parts most are let through, of the passes of a poll few."""
    MOST = 2


def guard_of(node: ast.If) -> Guard:
    """Return how much a test keeps from what stands behind it. A test for an error, or for the app's end, keeps nothing."""
    if not isinstance(node.body[-1], (ast.Break, ast.Return, ast.Continue)) or node.orelse:
        return Guard.NONE
    return _kept_by(node.test)


def _kept_by(test: ast.expr) -> Guard:
    if _RUNS.search(ast.unparse(test)) is not None:
        return Guard.NONE
    if isinstance(test, ast.BoolOp):
        return max(map(_kept_by, test.values))
    if isinstance(test, ast.UnaryOp):
        asked = test.operand
        is_call = isinstance(asked, ast.Call) and last_name(asked.func) not in ("get", "strip", "isinstance")
        return Guard.MOST if is_call else Guard.SOME
    if not isinstance(test, ast.Compare):
        return Guard.SOME
    right = test.comparators[0]
    is_size = isinstance(test.left, ast.Call) and last_name(test.left.func) == "len"
    is_set = isinstance(test.ops[0], ast.NotIn) and isinstance(right, (ast.Name, ast.Attribute))
    is_text = isinstance(test.ops[0], (ast.NotEq, ast.IsNot)) and last_name(right) in _KINDS
    is_open = isinstance(test.ops[0], (ast.Eq, ast.In, ast.Is)) or is_size or is_set or is_text
    return Guard.SOME if is_open else Guard.MOST


_KINDS = ("TEXT", "BINARY", "str", "bytes")
"""The kinds that most messages of a socket are of."""


def ends_itself(node: ast.While) -> bool:
    """Return whether a loop ends by something else than the app's end, or an interrupt."""
    return not all(map(_is_stop, _ends(node)))


def catches_up(node: ast.While) -> bool:
    """Return whether a loop counts up, or down, to what is there by now, and does not wait or try again meanwhile."""
    test = node.test
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
        return False
    sides = {ast.unparse(one) for one in (test.left, *test.comparators)}
    counted = [ast.unparse(one.target) for one in outside_functions(node.body) if isinstance(one, ast.AugAssign)]
    is_retry = any(_TRIED.search(one) for one in sides) or any(map(_pause, calls_in(node.body)))
    return not is_retry and not sides.isdisjoint(counted)


def is_due(node: ast.expr) -> bool:
    """Return whether a loop goes through what is due, new or gone: most of the time there is none."""
    return _DUE.search(ast.unparse(node)) is not None


_DUE = late_pattern(
    r"(?i)(?:^|_|\b)(?:expired|stale|dead|due|overdue|idle|pending|new|failed|missing|orphan(?:s|ed)?|changed|finished|"
    r"completed|done|removed|added|gone|lost|inactive|timed_out)(?:_|\b)"
)


def endless(node: ast.For | ast.AsyncFor | ast.While, known: FileFacts) -> tuple[str, str] | None:
    """Return what a loop without end is called: where each pass is a part of work, and where it only comes again.

    None for a loop that has an end of its own.
    """
    if isinstance(node, ast.While):
        return _while(node, known)
    if isinstance(node.iter, ast.Call) and last_name(node.iter.func) in ("count", "cycle") and not node.iter.args[1:]:
        return _while(ast.While(ast.Constant(value=True), node.body, [], lineno=node.lineno), known)
    iterated = ast.unparse(_source(node.iter))[:MAX_TEXT]
    target = ast.unparse(node.target)
    is_part = _PART.search(target) is not None
    is_stream = _STREAM.search(iterated) is not None or (is_part and _GENERATED.search(iterated) is not None)
    if isinstance(node, ast.For):
        is_stream = is_stream and is_part and _LIVE.search(iterated) is not None
    if not is_stream and not known.streams.is_stream(node.iter):
        return None
    word = "async for" if isinstance(node, ast.AsyncFor) else "for"
    name = f"`{word} {target} in …`, line {node.lineno}"
    return name, name


def _source(node: ast.expr) -> ast.expr:
    """Return what a loop goes over, without what a method is given, and within `enumerate()` and its like."""
    while isinstance(node, ast.Call):
        is_wrapper = isinstance(node.func, ast.Name) and bool(node.args) and _STREAM.search(node.func.id) is None
        node = node.args[0] if is_wrapper else node.func
    return node


_STREAM = late_pattern(
    r"(?i)stream|(?:\b|_)ws\b|websocket|socket|\bconn\b|connection|(?<!iter_)messages|events|queue|subscri|chunks|audio|frames|deltas|listen|"
    r"consumer|tokens"
)
_GENERATED = late_pattern(r"(?i)generator|\bgenerate\b")
"""Names of what gives anything one by one: the rows of a query too, so that only what a loop calls it tells parts."""
_LIVE = late_pattern(r"(?i)stream|listen\(|consumer|generator|pubsub")
_PART = late_pattern(r"(?i)chunk|delta|frame|event|message|msg|token|packet|(?<!_)data")


def _while(node: ast.While, known: FileFacts) -> tuple[str, str] | None:
    if not _may_last(node.test) or _unsets(node):
        return None
    calls = [last_name(one.func).lower() for one in calls_in(node.body) if not _is_lookup(one)]
    is_read = _reads_on(node, known.streams)
    if any(map(_asks, calls_in(node.body))) or (not is_read and _counts(node)):
        return None
    name = f"`while {ast.unparse(node.test)[:60]}`, line {node.lineno}"
    if (not is_read and _drains(node, calls)) or _only_waits(node, calls) or _pages(node):
        return None
    is_outer = any(_is_loop(one, known) for one in outside_functions(node.body))
    is_reconnect = any(_CONNECTS.search(called) for called in calls)
    is_whole = is_outer or is_reconnect or _is_timed(node) or _is_slow(node, known)
    return ("" if is_whole or not (is_read or _passes_parts(node, known)) else name, "" if is_reconnect else name)


def _asks(node: ast.Call) -> bool:
    """Return whether a call asks a person."""
    return last_name(node.func) in ("getpass", "prompt", "ask") or (
        isinstance(node.func, ast.Name) and node.func.id == "input"
    )


def _is_loop(node: ast.AST, known: FileFacts) -> bool:
    if isinstance(node, ast.While):
        return not catches_up(node)
    return isinstance(node, (ast.For, ast.AsyncFor)) and endless(node, known) is not None


def is_range(node: ast.expr) -> bool:
    """Return whether a loop goes over a `range()`."""
    return isinstance(node, ast.Call) and last_name(node.func) == "range"


def _unsets(node: ast.While) -> bool:
    """Return whether a loop goes on while something is left, which its body changes."""
    if not isinstance(node.test, (ast.Name, ast.Attribute)) or _RUNS.search(last_name(node.test)):
        return False
    held = ast.unparse(node.test)
    changed = (one for one in outside_functions(node.body) if isinstance(one, ast.Assign))
    return any(ast.unparse(target) == held for one in changed for target in one.targets)


_STREAMED = frozenset(
    {
        "recv", "recv_json", "receive", "receive_json", "receive_text", "receive_bytes", "receive_message", "read",
        "readline", "poll", "get_message", "recv_multipart", "recv_string", "recvfrom",
    }
)  # fmt: skip
"""What reads a part of a stream: what comes from a queue may be a job."""


def hands_parts(node: ast.For | ast.AsyncFor | ast.While) -> bool:
    """Return whether a loop hands on parts of something: a message may be a unit of work of its own."""
    if not isinstance(node, ast.While):
        return _HANDED.search(ast.unparse(node.target)) is not None
    read = _asked(node, _STREAMED)
    if not read:
        return any(last_name(one.func) in _STREAMED for one in calls_in(node.body))
    return any(map(_HANDED.search, read))


def reads_parts(node: ast.While, streams: Streams) -> bool:
    """Return whether a loop takes something in each pass, from a stream or a queue: what it takes may be a job."""
    called = list(calls_in(node.body))
    return any(last_name(one.func) in (_STREAMED | _QUEUED) or streams.reads(one) for one in called)


def parts_of(node: ast.For | ast.AsyncFor | ast.While, streams: Streams) -> frozenset[str]:
    """Return the names by which a loop knows the part that a pass is about."""
    if not isinstance(node, ast.While):
        return frozenset({ast.unparse(node.target)})
    assigned = (one for one in outside_functions(node.body) if isinstance(one, ast.Assign))
    read = (one for one in assigned if any(_reads_part(inner, streams) for inner in calls_in([one.value])))
    return frozenset(ast.unparse(one.targets[0]) for one in read)


def _reads_part(node: ast.Call, streams: Streams) -> bool:
    return last_name(node.func) in _STREAMED or streams.reads(node)


def asks_for_part(test: ast.expr, parts: frozenset[str]) -> bool:
    """Return whether a test asks whether a part came, or of which kind it is, and no more."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = test.left, test.comparators[0]
        if isinstance(test.ops[0], ast.IsNot) and isinstance(right, ast.Constant) and right.value is None:
            return ast.unparse(left) in parts
        is_type = (
            isinstance(left, ast.Call)
            and last_name(left.func) == "type"
            and bool(left.args)
            and ast.unparse(left.args[0]) in parts
        )
        is_kind = isinstance(left, ast.Attribute) and ast.unparse(left.value) in parts and left.attr in ("type", "kind")
        text = last_name(right) in _KINDS
        return isinstance(test.ops[0], (ast.Is, ast.Eq)) and text and (is_type or is_kind)
    return isinstance(test, (ast.Name, ast.Attribute)) and ast.unparse(test) in parts


def _asked(node: ast.While, methods: frozenset[str]) -> list[str]:
    """Return the names of what a loop keeps of some methods that it calls."""
    assigned = (one for one in outside_functions(node.body) if isinstance(one, (ast.Assign, ast.AnnAssign)))
    return [
        ast.unparse(one.targets[0] if isinstance(one, ast.Assign) else one.target)
        for one in assigned
        if _is_call(one.value, methods)
    ]


def _is_call(node: ast.expr | None, methods: frozenset[str]) -> bool:
    node = node.value if isinstance(node, ast.Await) else node
    called = (node, *_in_thread(node)) if isinstance(node, ast.Call) else ()
    return any(last_name(one.func) in methods for one in called)


def _reads(node: ast.While) -> set[str]:
    """Return how a loop reads a socket, known by its name, that was there before it: what a pass opens is a unit of work."""
    opened = _opened(node)
    methods = (one.func for one in calls_in(node.body) if last_name(one.func) in _STREAMED)
    held = ((one.attr, ast.unparse(one.value)) for one in methods if isinstance(one, ast.Attribute))
    return {method for method, holder in held if _SOCKET.search(holder) is not None and holder not in opened}


_SOCKET = late_pattern(r"(?i)(?:^|_|\.)(?:ws|web_?socket|sock(?:et)?)$|_ws$|socket$|consumer$")


def _reads_on(node: ast.While, streams: Streams) -> bool:
    """Return whether each pass of a loop reads on in a stream of a library that was there before it."""
    opened = _opened(node)
    called = filter(streams.reads, calls_in(node.body))  # few do, and what they stand behind may be long
    return any(ast.unparse(getattr(one.func, "value", one.func)) not in opened for one in called)


def _opened(node: ast.While) -> set[str]:
    """Return the names that each pass of a loop binds anew."""
    bound = [one.optional_vars or one.context_expr for one in outside_functions(node.body) if isinstance(one, ast.withitem)]
    bound += [target for one in outside_functions(node.body) if isinstance(one, ast.Assign) for target in one.targets]
    return set(map(ast.unparse, bound))


_HANDED = late_pattern(
    r"(?i)chunk|delta|frame|event|evt|packet|data|audio|sample|pcm|tick|trade|candle|line|byte|buf|apdu|record"
)


def _drains(node: ast.While, calls: list[str]) -> bool:
    """Return whether a loop takes what is there, and ends when that is gone."""
    if isinstance(node.test, (ast.Name, ast.Attribute)):
        held = ast.unparse(node.test)
        taken = (one.func for one in calls_in(node.body) if isinstance(one.func, ast.Attribute) and one.func.attr in _POPS)
        return any(ast.unparse(one.value) == held for one in taken)
    return not _WAITS.intersection(calls) and any(isinstance(one, ast.Break) for one in outside_functions(node.body))


_POPS = frozenset({"pop", "popleft", "popitem", "get_nowait", "heappop"})


def _is_lookup(node: ast.Call) -> bool:
    """Return whether a call named `get` looks up a key or a row, and waits for nothing."""
    if last_name(node.func) != "get":
        return False
    is_key = bool(node.args) and isinstance(node.args[0], (ast.Constant, ast.JoinedStr)) and not _is_truth(node.args[0])
    return is_key or any(one.arg not in ("block", "timeout", "timeout_s") for one in node.keywords)


def _is_truth(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)


def _only_waits(node: ast.While, calls: list[str]) -> bool:
    """Return whether a loop sleeps until its test says that something is there: once, as an app or a child starts."""
    asks = any(isinstance(one, ast.Call) for one in ast.walk(node.test)) and not _RUNS.search(ast.unparse(node.test))
    idle = {"sleep", "wait", *METHOD_LEVELS}
    return asks and bool({"sleep", "wait"}.intersection(calls)) and idle.issuperset(calls)


def _tells_parts(node: ast.While) -> bool:
    """Return whether a loop asks what it reads for a part by name: what a person sends is a unit of work."""
    asks = (one for one in outside_functions(node.body) if isinstance(one, (ast.Compare, ast.Subscript)))
    texts = (inner.value for one in asks for inner in ast.walk(one) if isinstance(inner, ast.Constant))
    return any(isinstance(one, str) and _STREAMS.search(one) is not None for one in texts)


_STREAMS = late_pattern(r"(?i)media|audio|delta|chunk|frame|pcm|tick|price|trade|\bevent")


_QUEUED = frozenset({"get", "get_nowait", "popleft", "brpop", "blpop"})


_RUNS = late_pattern(r"(?i)stop|run|enabled|shut|alive|is_set|exit|clos|active|quit|cancel|term")
"""What a test asks that holds for as long as the app runs."""
_PAGES = late_pattern(
    r"(?i)^_*(?:offset|page|page_?(?:num(?:ber)?|token)|cursor|has_(?:more|next)|next_(?:url|page|token|cursor)|last_id)$"
)


def _pages(node: ast.While) -> bool:
    """Return whether a loop goes through the pages of an answer, of which one is the last."""
    changed = (one for one in outside_functions(node.body) if isinstance(one, (ast.Assign, ast.AugAssign)))
    targets = (one.target if isinstance(one, ast.AugAssign) else one.targets[0] for one in changed)
    return any(_PAGES.match(last_name(one)) for one in targets)


_WAITS = frozenset(
    {
        "get", "get_nowait", "recv", "recv_json", "receive", "receive_json", "receive_text", "receive_bytes", "read",
        "receive_message", "readline", "poll", "sleep", "wait", "brpop", "blpop", "xread", "xreadgroup", "accept", "anext",
        "popleft", "get_message", "get_updates", "wait_for", "recv_multipart",
    }
)  # fmt: skip
"""What a loop asks that goes on for as long as the app runs."""

_CONNECTS = late_pattern(r"^(?!is_|on_|_is_|dis|get_conn).*connect(?:ed_|ion_)?(?!ed|ion)")


def _may_last(test: ast.expr) -> bool:
    """Return whether nothing in a test counts, measures time, waits for one value, or says that the app ends."""
    if isinstance(test, ast.BoolOp):
        return all(map(_may_last, test.values))
    if isinstance(test, ast.UnaryOp):
        if isinstance(test.operand, ast.Call) and last_name(test.operand.func) == "empty":
            return False
        if isinstance(test.operand, ast.Call) and _AWAITED.search(ast.unparse(test)) is not None:
            return False
        is_name = isinstance(test.operand, (ast.Name, ast.Attribute))
        return not is_name or _RUNS.search(last_name(test.operand)) is not None
    if isinstance(test, ast.Compare):
        text = ast.unparse(test)
        if isinstance(test.left, ast.NamedExpr):
            return True
        return (isinstance(test.ops[0], ast.NotEq) and _RUNS.search(text) is not None) or "True" in text
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.Call):
        return _CONNECTS.search(last_name(test.func)) is None and "forever" not in last_name(test.func)
    return _ENDS.search(last_name(test)) is None


_ENDS = late_pattern(r"(?i)shutt?ing|stopping|exiting|closing|quitting|(?:^|_)(?:stopped|closed|cancell?ed|terminated)$")
"""Names of what holds only while an app ends."""


def _counts(node: ast.While) -> bool:
    """Return whether a loop counts its passes, and looks at the count."""
    counted = [one.target for one in outside_functions(node.body) if isinstance(one, ast.AugAssign)]
    if any(_TRIED.search(ast.unparse(target)) for target in counted):
        return True
    names = {one.id for one in counted if isinstance(one, ast.Name)}
    if any(last_name(inner) in names for test in _ends(node) for inner in ast.walk(test)):
        return True
    tests = (one.test for one in outside_functions(node.body) if isinstance(one, ast.If))
    return any(isinstance(one, ast.Compare) and isinstance(one.left, ast.Name) and one.left.id in names
               and isinstance(one.ops[0], (ast.Gt, ast.GtE)) for one in tests)  # fmt: skip


def _is_timed(node: ast.While) -> bool:
    """Return whether a loop ends once it has taken too long: it waits for one thing."""
    return any(_TIMED.search(ast.unparse(test)) for test in _ends(node))


_TIMED = late_pattern(r"(?i)elapsed.*>|monotonic\(\) *>|deadline|time_?out *<|> *\w*(?:time_?out|_limit)\b")


def _ends(node: ast.While) -> Iterator[ast.expr]:
    """Yield the tests of what ends a loop."""
    found = (one for one in outside_functions(node.body) if isinstance(one, ast.If))
    return (one.test for one in found if _leaves_loop(one.body))


def _leaves_loop(block: list[ast.stmt]) -> bool:
    return any(isinstance(one, LEAVES) for one in outside_functions(block))


_TRIED = late_pattern(r"(?i)attempt|retr|tries|\btry")

SLOW_SECONDS = 60
"""A pass of a loop that waits so long is a unit of work of its own."""


def _is_slow(node: ast.While, file: FileFacts) -> bool:
    """Return whether the passes of a loop are a minute apart, or as far as nobody here knows."""
    waits = list(filter(None, map(_pause, calls_in([node]))))
    known = [_seconds(one, file.constants) for one in waits]
    if any(one is not None and one >= SLOW_SECONDS for one in known):
        return True
    is_read = any(last_name(one.func) in _WAITS and not _is_lookup(one) for one in calls_in(node.body)
                  if last_name(one.func) not in ("sleep", "wait"))  # fmt: skip
    return bool(known) and not is_read and None in known and not any(one for one in known if one is not None)


def _pause(node: ast.Call) -> ast.expr | None:
    """Return how long a call sleeps, None for one that does not."""
    name = last_name(node.func)
    given = node.args
    if name == "wait_for":
        is_wait = bool(given) and isinstance(given[0], ast.Call) and last_name(given[0].func) == "wait"
        given = given[1:] if is_wait else []
    elif name not in ("sleep", "wait"):
        return None
    else:
        is_wait = True
    named = (one.value for one in node.keywords if one.arg == "timeout" and is_wait)
    return given[0] if given else next(named, None)


def _passes_parts(node: ast.While, known: FileFacts) -> bool:
    """Return whether each pass of a loop is a part of something.

    It reads a socket, hands on what it takes from a queue, which may be a job otherwise, or polls within a minute.
    """
    read = _reads(node)
    if read:
        return not {"receive_text", "receive_json"}.issuperset(read) or _tells_parts(node)
    calls = list(calls_in(node.body))
    if any(last_name(one.func) in _STREAMED for one in calls):
        return False  # nobody knows what it reads: jobs come through pipes too
    if any(last_name(one.func) in _QUEUED and not _is_given(one) for one in calls):
        return any(last_name(one.func) in _PASSES_ON for one in calls) or any(
            map(_QUEUED_PART.search, _asked(node, _QUEUED))
        )
    if not _runs_on(node.test) or any(last_name(one.func) in _LASTS for one in calls):
        return False  # it waits until something is gone, or a pass lasts as long as a connection
    if not all(map(_is_stop, _ends(node))):
        return False  # it goes through something, and pauses on the way
    pauses = filter(None, map(_pause, calls_in([node.test, *_each_time(node.body)])))
    return any(_seconds(one, known.constants) is not None for one in pauses)


def unknown_pause(node: ast.While, known: FileFacts) -> tuple[str, str] | None:
    """Return what a poll is called and the name of what each pass waits for, where its own file does not say how long."""
    called = list(calls_in(node.body))
    names = {last_name(one.func) for one in called}
    if not _runs_on(node.test) or names & _LASTS or any(_CONNECTS.search(name.lower()) for name in names):
        return None
    if _counts(node) or _is_timed(node) or not all(map(_is_stop, _ends(node))):
        return None
    if any(_is_loop(one, known) for one in outside_functions(node.body)):
        return None
    pauses = list(filter(None, map(_pause, calls_in(_each_time(node.body)))))
    if len(pauses) != 1 or _seconds(pauses[0], known.constants) is not None:
        return None
    at = pauses[0].slice if isinstance(pauses[0], ast.Subscript) else pauses[0]
    pause = at.value if isinstance(at, ast.Constant) and isinstance(at.value, str) else last_name(at)
    return (f"`while {ast.unparse(node.test)[:60]}`, line {node.lineno}", pause) if _PERIOD.search(pause) else None


def _is_stop(test: ast.expr) -> bool:
    """Return whether a loop ends at a test because the app does, or because an option asks for one pass."""
    text = ast.unparse(test)
    return _OVER.search(text) is None and (_RUNS.search(text) is not None or _ONE_PASS.search(text) is not None)


_OVER = late_pattern(r"\bnot \S*is_alive\(|\bpoll\(\) is not None|\breturncode\b")
"""What asks whether a process or a thread is over."""
_ONE_PASS = late_pattern(r"(?i)(?:^|[._])(?:run_?)?(?:once|one_?shot|single_run)\b")
_PERIOD = late_pattern(r"(?i)interval|poll|period|refresh|cadence|_(?:seconds|secs)$")
"""Names of how far the passes of a poll are apart."""


_AWAITED = late_pattern(r"(?i)(?:^|[._ ])(?:done|finish(?:ed)?|complete[d]?|ready|loaded)(?:_event)?(?:\.is_set)?\(?\)?$")
"""What a test asks that waits for one thing."""


def _runs_on(test: ast.expr) -> bool:
    """Return whether a test holds for as long as the app runs, by itself or by what it says of that."""
    if isinstance(test, ast.BoolOp):
        return all(map(_runs_on, test.values))
    if _AWAITED.search(ast.unparse(test)) is not None:
        return False  # it waits for one thing
    return isinstance(test, ast.Constant) or _RUNS.search(ast.unparse(test)) is not None


_LASTS = frozenset({"run_forever", "serve_forever", "loop_forever", "start_polling", "run_until_complete", "wait_closed"})
"""What returns once a connection has ended."""
_QUEUED_PART = late_pattern(r"(?i)chunk|delta|frame|event|evt|packet|audio|sample|pcm|tick|trade|candle|apdu")
"""Names of parts of something, where what comes from a queue may be a job as well."""
_PASSES_ON = frozenset({"publish", "produce", "sendall", "sendto", "send_bytes"})


def _is_given(node: ast.Call) -> bool:
    """Return whether a call named `get` is told what to get, as a request is."""
    return last_name(node.func) == "get" and (_is_lookup(node) or bool(node.args and not _is_truth(node.args[0])))


def _each_time(block: Sequence[ast.stmt]) -> list[ast.AST]:
    """Return what a pass of a loop comes to once: no loop with a count inside it, and no pause after an error."""
    found: list[ast.AST] = []
    for one in block:
        if isinstance(one, TRIES):
            found += _each_time([*one.body, *one.orelse, *one.finalbody])
        elif isinstance(one, ast.If):
            found += _each_time([*([] if _leaves_pass(one.body) else one.body), *one.orelse])
        elif isinstance(one, (ast.With, ast.AsyncWith)):
            found += _each_time(one.body)
        elif not (isinstance(one, ast.For) and is_range(one.iter)):
            found.append(one)
    return found


def _leaves_pass(block: list[ast.stmt]) -> bool:
    return isinstance(block[-1], (ast.Continue, *LEAVES))


def _seconds(node: ast.expr, constants: Mapping[str, float]) -> float | None:
    """Return how long a loop waits, None where its own file does not say that."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.BinOp):
        sides = _seconds(node.left, constants), _seconds(node.right, constants)
        left, right = (1.0 if one is None else one for one in sides)
        known = max(left, 1.0) * max(right, 1.0) if isinstance(node.op, ast.Mult) else max(left, right)
        return known if None not in sides or known >= SLOW_SECONDS else None
    if isinstance(node, ast.Call):
        values = [_seconds(one, constants) for one in node.args]
        return next((one for one in values if one is not None), None)
    return constants.get(last_name(node))


def constants_of(module: ast.Module) -> dict[str, float]:
    """Return the numbers that names of a file stand for, also as defaults of variables of the environment."""
    found: dict[str, float] = {}
    for node in module.body:
        for one in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(one, (ast.Assign, ast.AnnAssign)) and one.value is not None:
                value = _seconds(one.value, found)
                target = one.targets[0] if isinstance(one, ast.Assign) else one.target
                if value is not None:
                    found[last_name(target)] = value
    return found


def calls_in(block: Sequence[ast.AST]) -> Iterator[ast.Call]:
    """Return the calls in some statements, none of those in functions that they define.

    What a thread is given to call is called.
    """
    for one in outside_functions(block):
        if isinstance(one, ast.Call):
            yield from (one, *_in_thread(one))


def _in_thread(node: ast.Call) -> Iterator[ast.Call]:
    given = node.args[_THREADS.get(last_name(node.func), len(node.args)) :]
    if given and isinstance(given[0], (ast.Name, ast.Attribute)):
        yield ast.copy_location(ast.Call(given[0], given[1:], node.keywords), node)


_THREADS = {"to_thread": 0, "run_sync": 0, "run_in_executor": 1, "run_in_threadpool": 0, "sync_to_async": 0}
"""What calls a function in a thread, and which argument that is."""


def has_loop(node: ast.FunctionDef | ast.AsyncFunctionDef, known: FileFacts) -> bool:
    """Return whether a function has a loop without end of its own."""
    loops = (one for one in outside_functions(node.body) if isinstance(one, (ast.While, ast.AsyncFor)))
    return any(endless(one, known) is not None for one in loops)
