"""The log calls of one Python file that may write too much, or cost something though nobody reads them.

A file is read by its syntax tree, and nothing in it is run. `hot` is a call for each part of a unit of work: in a loop
without end that reads a stream, a socket or a queue, in a poll, or in a callback for frames, chunks and deltas. Retries,
loops with a count, reconnects, questions to a person and what stands behind a condition are none. `nothing` is a line
which says that nothing was found or done, on a path that comes again and again. `costly` is a call in the arguments of a
DEBUG line, made also where the line is dropped: 24 µs for `json.dumps` of 2 kB, against 0.1 (CPython 3.11).
"""

from __future__ import annotations

import ast

from memguard_hooks.formats.python_nodes import last_name, outside_functions
from memguard_hooks.logs.feeds import ONCE, CalledFunctions
from memguard_hooks.logs.model import Fed, LogCall, SteadyLine
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LEVELS = {
    "trace": "DEBUG", "debug": "DEBUG", "info": "INFO", "success": "INFO", "print": "INFO", "msg": "INFO",
    "warning": "WARNING", "warn": "WARNING", "error": "ERROR", "exception": "ERROR", "critical": "CRITICAL",
    "fatal": "CRITICAL",
}  # fmt: skip
"""The level of each method of a logger; those of structlog and loguru are among them, and `print` counts as INFO."""

_LOGGER = late_pattern(r"(?i)(?:^|_)(?:logg?(?:er|ing)?|lg)\d*$|logger$")
MAX_TEXT = 300
MAX_DEPTH = 150
"""Blocks inside each other that are read."""


class _Place(Record):
    """Where a statement stands: in which function and loop, behind how many conditions, and how likely it runs."""

    body: str = ""
    loop: str = ""
    conditions: int = 0
    is_seldom: bool = False
    is_guarded: bool = False
    callback: str = ""
    repeats: str = ""
    is_counted: bool = False
    handles: str = ""
    holder: str = ""
    feeds: str = ""
    """The loop over a stream, or the callback, that gives each part of it to what is called here."""

    @property
    def function(self) -> str:
        """The name of the function in the file, with that of its class."""
        return f"{self.holder}.{self.body}" if self.holder else self.body


class _Written(Record):
    node: ast.Call
    level: str
    place: _Place


def find_calls(module: ast.Module) -> list[LogCall]:
    """Return all log calls of a file, in their order, each with its marks."""
    return read_calls(module)[0]


def read_calls(module: ast.Module) -> tuple[list[LogCall], tuple[Fed, ...], tuple[SteadyLine, ...]]:
    """Return all log calls of a file, what it gives each part of a stream to, and what its functions write each time."""
    reader = _Reader(module)
    calls = sorted({one[:2]: one for one in map(reader.judge, reader.written)}.values())
    return calls, reader.called.fed(), reader.called.steady(reader.steady)


def level_of(node: ast.Call) -> str:
    """Return the level of a log call, empty for any other call."""
    function = node.func
    if isinstance(function, ast.Name):
        return LEVELS["print"] if function.id == "print" else ""
    if not isinstance(function, ast.Attribute) or not is_logger(function.value):
        return ""
    if function.attr == "log" and node.args:
        level = last_name(node.args[0]).upper()
        return level if level in LEVELS.values() else ""
    return LEVELS.get(function.attr, "")


def is_logger(node: ast.expr) -> bool:
    """Return whether an expression is a logger by its name: `logging`, `self.log`, `get_logger(…)`, `self.logger()`."""
    while isinstance(node, ast.Call):
        if last_name(node.func) in ("bind", "opt", "new", "getChild", "patch") and isinstance(node.func, ast.Attribute):
            node = node.func.value
        else:
            node = node.func
    return _LOGGER.search(last_name(node)) is not None


# The walk over a file

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_TRIES: tuple[type[ast.Try], ...] = (ast.Try, getattr(ast, "TryStar", ast.Try))
_LEAVES = (ast.Break, ast.Return, ast.Raise)


class _Reader:
    def __init__(self, module: ast.Module) -> None:
        self.written: list[_Written] = []
        self.steady: dict[str, list[LogCall]] = {}
        self.called = CalledFunctions(module)
        self._repeated: set[str] = set()
        self._drawn: set[str] = set()
        """Functions that print parts of a line, which nobody does in a log."""
        self._is_terminal = any(name in _TERMINAL for one in module.body for name in _imported(one))
        self._plain = _plain_functions(module)
        self._has_topics = False
        self._constants = constants_of(module)
        self._block(module.body, _Place(), leaves=False, depth=0)
        self.called.follow()

    def _block(self, block: list[ast.stmt], place: _Place, *, leaves: bool, depth: int) -> None:
        if depth > MAX_DEPTH:
            return
        last = max((at for at, statement in enumerate(block) if isinstance(statement, _LEAVES)), default=-1)
        if place.conditions and block and (isinstance(block[-1], ast.Raise) or any(map(_says_wrong, block))):
            place = place._replace(is_seldom=True)
        for at, statement in enumerate(block):
            self._statement(statement, place, leaves=leaves or at < last, depth=depth + 1)

    def _statement(self, node: ast.stmt, place: _Place, *, leaves: bool, depth: int) -> None:
        if isinstance(node, _FUNCTIONS):
            self._function(node, place, depth)
        elif isinstance(node, ast.ClassDef):
            self._block(node.body, _Place(holder=node.name), leaves=False, depth=depth)
        elif isinstance(node, ast.If):
            self._if(node, place, leaves=leaves, depth=depth)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            self._loop(node, place, leaves=leaves, depth=depth)
        elif isinstance(node, _TRIES):
            self._try(node, place, leaves=leaves, depth=depth)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            self._expressions(node.items, place, leaves=leaves)
            self._block(node.body, place, leaves=leaves, depth=depth)
        elif isinstance(node, ast.Match):
            for case in node.cases:
                inner = place._replace(conditions=place.conditions + 1)
                self._block(case.body, inner, leaves=leaves, depth=depth)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._has_topics = self._has_topics or any(name in _BROKERS for name in _imported(node))
        else:
            self._expressions([node], place, leaves=leaves)

    def _try(self, node: ast.Try, place: _Place, *, leaves: bool, depth: int) -> None:
        self._block(node.body, place, leaves=leaves or _leaves(node.orelse), depth=depth)
        for handler in node.handlers:
            self._block(handler.body, place._replace(is_seldom=True), leaves=leaves, depth=depth)
        self._block(node.orelse, place, leaves=leaves, depth=depth)
        self._block(node.finalbody, place, leaves=leaves, depth=depth)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, place: _Place, depth: int) -> None:
        repeats = next(filter(None, (_scheduled(one) for one in node.decorator_list)), "")
        if repeats.endswith("task") and _is_for_one(node):
            repeats = ""
        if not repeats and _REPEATED.search(node.name):
            repeats = f"{node.name}()"
        callback = f"{node.name}()" if self._is_callback(node) and not _has_loop(node, self._constants) else ""
        holder = "" if place.body else place.holder
        inner = _Place(node.name, callback=callback, repeats=repeats or callback, is_guarded=place.is_guarded,
                       is_seldom=place.is_seldom and not place.body, holder=holder, feeds=callback,
                       handles=_handled(node))  # fmt: skip
        self._block(node.body, inner, leaves=False, depth=depth)

    def _is_callback(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        given = {one.arg for one in node.args.args}
        if ONCE.search(node.name) or ("update" in given and given & {"context", "ctx", "bot"}):
            return False  # what a bot is sent by a person is a unit of work
        is_broker = self._has_topics and "topic" in given and "message" in node.name
        required = node.args.args[: len(node.args.args) - len(node.args.defaults)]
        is_given = not given - {"self", "cls"} or not all(_NO_PART.search(one.arg) for one in required)
        return (is_given and _CALLBACK.search(node.name) is not None) or is_broker

    def _if(self, node: ast.If, place: _Place, *, leaves: bool, depth: int) -> None:
        self._expressions([node.test], place, leaves=leaves)
        test = ast.unparse(node.test)[:MAX_TEXT]
        if "__name__" in test:
            self._block(node.body, _Place(is_seldom=True), leaves=False, depth=depth)
            return
        inner = place._replace(
            conditions=place.conditions + 1,
            is_guarded=place.is_guarded or _GUARD.search(test) is not None,
        )
        is_kind = bool(place.loop) and _IS_KIND.fullmatch(test) is not None
        self._block(node.body, place if is_kind else inner, leaves=leaves, depth=depth)
        self._block(node.orelse, inner, leaves=leaves, depth=depth)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, place: _Place, *, leaves: bool, depth: int) -> None:
        about = _endless(node, self._constants)
        if about is None:
            is_range = not isinstance(node, ast.While) and _is_range(node.iter)
            is_seldom = place.is_seldom or isinstance(node, ast.While)
            inner = place._replace(is_seldom=is_seldom, is_counted=place.is_counted or is_range)
            self._block(node.body, inner, leaves=leaves, depth=depth)
        else:
            loop, repeats = about
            feeds = loop if self._has_topics or _hands_parts(node) else ""
            inner = place._replace(loop=loop, conditions=0, callback="", repeats=repeats, feeds=feeds)
            self._block(node.body, inner, leaves=False, depth=depth)
        self._block(node.orelse, place, leaves=leaves, depth=depth)

    def _expressions(self, nodes: Sequence[ast.AST], place: _Place, *, leaves: bool) -> None:
        if leaves and (place.loop or place.repeats.startswith("`while")):
            place = place._replace(is_seldom=True)
        for node in nodes:
            for one in ast.walk(node):
                if isinstance(one, ast.Call):
                    if place.repeats.startswith(("`", "@")) and not (place.conditions or place.is_seldom):
                        self._repeated.add(last_name(one.func))
                    if not (place.conditions or place.is_seldom):
                        self.called.note(one, "" if place.loop else place.function, place.holder, place.feeds)
                    level = level_of(one)
                    if level:
                        self.written.append(_Written(one, level, place))
                        if isinstance(one.func, ast.Name) and any(given.arg == "end" for given in one.keywords):
                            self._drawn.add(place.function)

    # Marks

    def judge(self, written: _Written) -> LogCall:
        """Return a call with what is wrong with it."""
        node, level, place = written
        call = LogCall(node.lineno, node.col_offset + 1, level, message_of(node))
        if level == "DEBUG":
            is_paid = not (place.is_guarded or place.is_seldom or _is_start(place))
            return call._replace(costly=costly_of(node, self._plain) if is_paid else "")
        if level != "INFO" or place.is_guarded or place.is_seldom or self._is_for_a_person(node, place):
            return call
        hot = ""
        if place.conditions == 0 and not _RESTARTS.search(call.text):
            hot = place.loop or place.callback or self._fed_by_stream(place)
            if not hot and place.body and not ONCE.search(place.body):
                self.steady.setdefault(place.function, []).append(call)
        repeats = place.repeats or (f"{place.body}()" if place.body in self._repeated else "")
        is_empty = (
            bool(repeats) and not place.is_counted and _says_nothing(call.text, place, is_task=repeats.startswith("@"))
        )
        nothing = repeats if is_empty else ""
        if not nothing and place.handles and _IGNORED.search(call.text) and not _ACTS.search(call.text):
            nothing = place.handles
        payload = _payload(node) if call.text.strip("{}") else ""
        return call._replace(hot=hot, nothing=nothing, payload=payload)

    def _fed_by_stream(self, place: _Place) -> str:
        """Return the loop that gives each part of a stream to the function of a line, empty where none does."""
        return "" if ONCE.search(place.body) else self.called.loop_of(place.function)

    def _is_for_a_person(self, node: ast.Call, place: _Place) -> bool:
        """Return whether a call prints for somebody at a terminal, or into a file of its own."""
        function = place.function
        return isinstance(node.func, ast.Name) and (
            self._is_terminal
            or function in self._drawn
            or (" in …" in place.loop and function in ("", "main"))
            or any(one.arg == "file" and last_name(one.value) not in ("stdout", "stderr") for one in node.keywords)
        )


def _is_start(place: _Place) -> bool:
    """Return whether a place runs once, as the app starts or ends: what a line costs there is paid once."""
    return not place.body or (not place.loop and _AT_START.search(place.body) is not None)


_AT_START = late_pattern(
    r"(?i)^_*(?:main|serve|lifespan|on_ready|on_start(?:up)?|print_banner|create_app|teardown)_*$"
    r"|^_*(?:init|set_?up|start(?:up)?|initiali[sz]e|configure|parse_arg\w*|register|discover|bootstrap|shut_?down|clean_?shutdown)(?:_|$)"
    r"|^_*load_\w*(?:conf|config|settings?|plugins?|exports?|extensions?|cogs?|adapters?|modules?|commands?)s?$"
)
"""Names of functions that an app calls once."""


def _is_for_one(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a task is given what it is about: it runs once for each, and not by the clock."""
    required = [one.arg for one in node.args.args][: len(node.args.args) - len(node.args.defaults)]
    return any(one not in ("self", "cls", "ctx", "context") for one in required)


def _handled(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return a function that is called for each event, empty for any other."""
    given = [one.arg for one in node.args.args]
    is_given = any(_EVENT.search(one) for one in given)
    return f"{node.name}()" if is_given and _HANDLES.search(node.name) else ""


_HANDLES = late_pattern(r"(?i)^_*(?:on|handle|process|receive|consume|write|dispatch)(?:_|$)|^_*run$")
_EVENT = late_pattern(r"(?i)^(?:event|evt|message|msg|transcription|changes|record|packet|frame)s?$")
_IGNORED = late_pattern(
    r"(?i)^(?!.*(?:\bun\w+ed\b|unknown|invalid|missing|not (?:supported|handled)|no handler|error|fail|no longer|"
    r"expired|exceed|circuit|\b(?:bad|malformed|corrupt|broken|denied|banned|stale)\b|cool-?down|\bnon-|\bno \w+, ))"
    r".*(?:\bskip(?:ping|ped|s)?\b|\bignor(?:ing|ed|es)?\b|\bnothing to\b|\balready (?:scheduled|queued|running)\b"
    r"|\bno results\b)"
)


def _says_wrong(node: ast.stmt) -> bool:
    """Return whether a statement writes a warning or an error: what stands beside it is seldom."""
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and level_of(call) in ("WARNING", "ERROR", "CRITICAL")


def _leaves(block: list[ast.stmt]) -> bool:
    return any(isinstance(one, _LEAVES) for one in block)


def _imported(node: ast.stmt) -> list[str]:
    """Return the packages that a statement imports."""
    if isinstance(node, ast.Import):
        return [one.name.partition(".")[0] for one in node.names]
    return [node.module.partition(".")[0]] if isinstance(node, ast.ImportFrom) and node.module else []


_TERMINAL = frozenset(
    {"argparse", "click", "typer", "fire", "optparse", "cmd", "docopt", "curses", "tqdm", "colorama", "rich"}
)
"""What a program imports that speaks to a person."""
_BROKERS = frozenset({"aiomqtt", "paho", "gmqtt", "asyncio_mqtt", "aiokafka", "kafka", "confluent_kafka"})

_CALLBACK = late_pattern(
    r"(?i)^(?!.*_(?:file|upload|url|path|id)s?$)_*(?:on|handle|process|receive|recv|send|push|feed|got|enqueue)_?.*"
    r"(?:audio|frame|chunk|delta|packet|sample|tick(?:er)?|pcm|media|token|socket_?(?:message|event|data)|(?<!un_)partial|interim)s?(?:_|$)"
    r"|^_*on_next$|^_*(?:audio|frame|chunk|delta|tick(?:er)?|packet|data|kline|trades?|order_?book)_(?:callback|handler|received)$"
)
"""Names of functions that are called for each part of a unit of work."""
_NO_PART = late_pattern(r"(?i)^(?:self|cls)$|(?:^|_)(?:path|file|url|id|name|type)$")
"""What a function that is called for each part is given beside the part."""
_REPEATED = late_pattern(
    r"(?i)cron|periodic|housekeep|^(?!.*_txn$)_*(?:run_)?(?:flush|purge|prune|check(?=_)(?!_(?:existing|installed|requirements|dependencies|environment|env|config|settings|credentials|permissions))|poll|sweep|clean_?up_(?:stale|expired|old)|reconcile|monitor|watch(?:dog)?|heartbeat|keep_?alive|reap|"
    r"expire|scan_for|hedge|evict)(?:_|$)"
)
_IS_KIND = late_pattern(r"isinstance\((?!.*(?:Error|Exception|Clos|Disconnect|Start|Stop|End|Ready|Final))[^()]*\)")
"""What asks which kind of event came, none of those that come once or seldom."""
_RESTARTS = late_pattern(
    r"(?i)\breconnect|\bdisconnect(?:ed|ing)\b|\bretry|\brestart|\bstale\b|\bexpired\b|^\W*(?:closing|removing|deleting|evicting)\b"
)
_GUARD = late_pattern(r"(?i)isEnabledFor|is_enabled_for|debug|verbose|\blog_?level|logged|\bfirst|\bwarned|dry_run|% ")


def _scheduled(node: ast.expr) -> str:
    """Return the decorator that runs a function again and again, empty for any other."""
    function = node.func if isinstance(node, ast.Call) else node
    name = ast.unparse(function)[:MAX_TEXT]
    return f"@{name}" if _SCHEDULER.search(name) else ""


_SCHEDULER = late_pattern(
    r"(?i)scheduled_?(?:job|task)|periodic|tasks\.loop|repeat_every|cron|\.(?:task|shared_task)$|^shared_task$"
)


# Loops


def _endless(node: ast.For | ast.AsyncFor | ast.While, constants: Mapping[str, float]) -> tuple[str, str] | None:
    """Return what a loop without end is called: where each pass is a part of work, and where it only comes again.

    None for a loop that has an end of its own.
    """
    if isinstance(node, ast.While):
        return _while(node, constants)
    if isinstance(node.iter, ast.Call) and last_name(node.iter.func) in ("count", "cycle") and not node.iter.args[1:]:
        return _while(ast.While(ast.Constant(value=True), node.body, [], lineno=node.lineno), constants)
    iterated = ast.unparse(node.iter)[:MAX_TEXT]
    target = ast.unparse(node.target)
    is_stream = _STREAM.search(iterated) is not None
    if isinstance(node, ast.For):
        is_stream = is_stream and _PART.search(target) is not None and _LIVE.search(iterated) is not None
    if not is_stream:
        return None
    word = "async for" if isinstance(node, ast.AsyncFor) else "for"
    name = f"`{word} {target} in …`, line {node.lineno}"
    return name, name


_STREAM = late_pattern(
    r"(?i)stream|\bws\b|websocket|socket|\bconn\b|connection|messages|events|queue|subscri|chunks|audio|frames|deltas|listen|"
    r"consumer|tokens|generator"
)
_LIVE = late_pattern(r"(?i)stream|listen\(|consumer|generator|pubsub")
_PART = late_pattern(r"(?i)chunk|delta|frame|event|message|msg|token|packet|data")


def _while(node: ast.While, constants: Mapping[str, float]) -> tuple[str, str] | None:
    if not _may_last(node.test) or _unsets(node):
        return None
    calls = [last_name(one.func).lower() for one in _calls_in(node.body) if not _is_lookup(one)]
    if any(name in ("input", "getpass", "prompt", "ask") for name in calls) or _counts(node):
        return None
    name = f"`while {ast.unparse(node.test)[:60]}`, line {node.lineno}"
    if _drains(node, calls) or _only_waits(node, calls) or _pages(node):
        return None
    is_outer = any(_is_loop(one, constants) for one in outside_functions(node.body))
    is_reconnect = any(_CONNECTS.search(called) for called in calls)
    is_whole = is_outer or is_reconnect or _is_timed(node) or _is_slow(node, constants) or _takes_jobs(node) or _chats(node)
    return ("" if is_whole or not _is_fast(node, constants) else name, "" if is_reconnect else name)


def _is_loop(node: ast.AST, constants: Mapping[str, float]) -> bool:
    if isinstance(node, ast.While):
        return True
    return isinstance(node, (ast.For, ast.AsyncFor)) and _endless(node, constants) is not None


def _is_range(node: ast.expr) -> bool:
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


def _hands_parts(node: ast.For | ast.AsyncFor | ast.While) -> bool:
    """Return whether a loop hands on parts of something: a message may be a unit of work of its own."""
    if not isinstance(node, ast.While):
        return _HANDED.search(ast.unparse(node.target)) is not None
    read = [one for one in outside_functions(node.body) if isinstance(one, ast.Assign) and _reads(one.value)]
    if not read:
        return any(map(_reads, _calls_in(node.body)))
    return any(_HANDED.search(ast.unparse(one.targets[0])) for one in read)


def _reads(node: ast.expr) -> bool:
    node = node.value if isinstance(node, ast.Await) else node
    return isinstance(node, ast.Call) and last_name(node.func) in _STREAMED


_HANDED = late_pattern(
    r"(?i)chunk|delta|frame|event|evt|token|packet|data|audio|sample|pcm|tick|trade|candle|line|byte|buf|apdu|record"
)


def _drains(node: ast.While, calls: list[str]) -> bool:
    """Return whether a loop takes what is there, and ends when that is gone."""
    if isinstance(node.test, (ast.Name, ast.Attribute)):
        held = ast.unparse(node.test)
        taken = (one.func for one in _calls_in(node.body) if isinstance(one.func, ast.Attribute) and one.func.attr in _POPS)
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
    idle = {"sleep", "wait", *LEVELS}
    return asks and bool({"sleep", "wait"}.intersection(calls)) and idle.issuperset(calls)


def _takes_jobs(node: ast.While) -> bool:
    """Return whether a pass of a loop is a job, which is a unit of work of its own."""
    assigned = [
        (one.targets[0] if isinstance(one, ast.Assign) else one.target, one.value)
        for one in outside_functions(node.body)
        if isinstance(one, (ast.Assign, ast.AnnAssign))
    ]
    if any(_JOB.search(last_name(target)) for target, _ in assigned) or any(map(_is_signal, _calls_in(node.body))):
        return True
    taken = [target for target, value in assigned if value is not None and _takes(value)]
    return bool(taken) and not any(_TAKEN.search(ast.unparse(one)) for one in taken)


def _chats(node: ast.While) -> bool:
    """Return whether a loop reads what a person sends: each message is a unit of work."""
    read = {last_name(one.func) for one in _calls_in(node.body)} & _STREAMED
    return bool(read) and read <= {"receive_text", "receive_json"} and _STREAMS.search(ast.unparse(node)) is None


_STREAMS = late_pattern(r"(?i)media|audio|delta|chunk|frame|pcm|tick|price|trade|heartbeat|\bping\b|\bevent")


def _is_signal(node: ast.Call) -> bool:
    """Return whether a call waits until somebody says that there is work."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr != "wait":
        return False
    name = last_name(node.func.value)
    return _SIGNAL.search(name) is not None and _RUNS.search(name) is None


_SIGNAL = late_pattern(r"(?i)event|ready|signal|trigger|wake|notif|cond")


def _takes(node: ast.expr) -> bool:
    """Return whether a value is taken from a queue."""
    node = node.value if isinstance(node, ast.Await) else node
    return isinstance(node, ast.Call) and last_name(node.func) in _QUEUED and not _is_lookup(node)


_QUEUED = frozenset({"get", "get_nowait", "popleft", "brpop", "blpop"})
_TAKEN = late_pattern(
    r"(?i)chunk|delta|frame|event|evt|message|msg|token|packet|data|audio|sample|payload|response|apdu|line|record|"
    r"^(?:m|x|e|item)$"
)
"""Names of what is taken from a queue as a part of something."""


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


_JOB = late_pattern(r"(?i)^_*(?:next_|current_)?(?:job|task)s?$")

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
        return not isinstance(test.operand, ast.Name) or _RUNS.search(test.operand.id) is not None
    if isinstance(test, ast.Compare):
        text = ast.unparse(test)
        if isinstance(test.left, ast.NamedExpr):
            return True
        return isinstance(test.ops[0], ast.NotEq) or "True" in text
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
    return any(last_name(inner) in names for test in _ends(node) for inner in ast.walk(test))


def _is_timed(node: ast.While) -> bool:
    """Return whether a loop ends once it has taken too long: it waits for one thing."""
    return any(_TIMED.search(ast.unparse(test)) for test in _ends(node))


_TIMED = late_pattern(r"(?i)elapsed.*>|monotonic\(\) *>|deadline|time_?out *<|> *\w*(?:time_?out|_limit)\b")


def _ends(node: ast.While) -> Iterator[ast.expr]:
    """Yield the tests of what ends a loop."""
    found = (one for one in outside_functions(node.body) if isinstance(one, ast.If))
    return (one.test for one in found if _leaves_loop(one.body))


def _leaves_loop(block: list[ast.stmt]) -> bool:
    return any(isinstance(one, (ast.Break, ast.Return, ast.Raise)) for one in outside_functions(block))


_TRIED = late_pattern(r"(?i)attempt|retr|tries|\btry")

SLOW_SECONDS = 60
"""A pass of a loop that waits so long is a unit of work of its own."""


def _is_slow(node: ast.While, constants: Mapping[str, float]) -> bool:
    """Return whether the passes of a loop are a minute apart, or as far as nobody here knows."""
    waits = list(filter(None, map(_pause, _calls_in([node]))))
    known = [_seconds(one, constants) for one in waits]
    if any(one is not None and one >= SLOW_SECONDS for one in known):
        return True
    is_read = any(last_name(one.func) in _WAITS and not _is_lookup(one) for one in _calls_in(node.body)
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


def _is_fast(node: ast.While, constants: Mapping[str, float]) -> bool:
    """Return whether a loop is seen to read parts of a stream, or to poll more often than each minute."""
    calls = list(_calls_in(node.body))
    names = {last_name(one.func) for one in calls}
    if names & _STREAMED or any(last_name(one.func) in _QUEUED and not _is_given(one) for one in calls):
        return True
    if any(_RUNS.search(ast.unparse(test)) is None for test in _ends(node)):
        return False  # it goes through something, and pauses on the way
    pauses = filter(None, map(_pause, _calls_in(_each_time(node.body))))
    is_busy = isinstance(node.test, ast.Constant) and not names & {"sleep", "wait", "accept", "next", "anext"}
    return is_busy or any(_seconds(one, constants) is not None for one in pauses)


def _is_given(node: ast.Call) -> bool:
    """Return whether a call named `get` is told what to get, as a request is."""
    return last_name(node.func) == "get" and (_is_lookup(node) or bool(node.args and not _is_truth(node.args[0])))


def _each_time(block: Sequence[ast.stmt]) -> list[ast.AST]:
    """Return what a pass of a loop comes to once: no loop with a count inside it, and no pause after an error."""
    found: list[ast.AST] = []
    for one in block:
        if isinstance(one, _TRIES):
            found += _each_time([*one.body, *one.orelse, *one.finalbody])
        elif isinstance(one, (ast.If, ast.With, ast.AsyncWith)):
            found += _each_time([*one.body, *getattr(one, "orelse", [])])
        elif not (isinstance(one, ast.For) and _is_range(one.iter)):
            found.append(one)
    return found


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


def _calls_in(block: Sequence[ast.AST]) -> Iterator[ast.Call]:
    return (one for one in outside_functions(block) if isinstance(one, ast.Call))


def _has_loop(node: ast.FunctionDef | ast.AsyncFunctionDef, constants: Mapping[str, float]) -> bool:
    loops = (one for one in outside_functions(node.body) if isinstance(one, (ast.While, ast.AsyncFor)))
    return any(_endless(one, constants) is not None for one in loops)


# Messages


def message_of(node: ast.Call) -> str:
    """Return the message of a call with `{}` for what is put in."""
    arguments = node.args[1:] if isinstance(node.func, ast.Attribute) and node.func.attr == "log" else node.args
    return _template(arguments[0])[:MAX_TEXT] if arguments else ""


def _template(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _HOLE.sub("{}", node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            one.value if isinstance(one, ast.Constant) and isinstance(one.value, str) else "{}" for one in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _template(node.left) + _template(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return _template(node.left)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return _template(node.func.value)
    if isinstance(node, ast.Call) and node.args and last_name(node.func) in _TRANSLATES:
        return _template(node.args[0])
    return "{}"


_HOLE = late_pattern(r"%(?:\(\w+\))?[-+ #0-9.]*[sdrfgixXeau]|\{[^{}]*\}")

_PREFIX = r"^(?:[^\w\[{]|\{\}|\[[^\]]*\]|[A-Z][\w /-]{0,40}:)*"
"""What stands before a sentence. Each way begins with other letters, so that none is tried twice."""
_EMPTY = late_pattern(
    _PREFIX + r"(?i:nothing\b|no (?:new |more |active |pending |\w+ )?(?:\w+ )?(?:found|received|available|match|new|data|"
    r"messages?|candidates?|changes?|results?|updates?|speech|jobs?|tasks?|work)|none\b"
    r"|no (?:(?:[\w-]+|\{\}) ){1,4}found\b|no [\w-]+ (?:need|require|match|left to|to )\b)"
    r"|(?i:\bnothing to\b|\bis (?:disabled|not enabled|up[ -]to[ -]date)\b"
    r"|\bno (?:\w+ ){1,2}(?:found|received|enabled|needed|available)\b)"
)
_WAITING = late_pattern(
    r"(?i:\bheart-?beats?\b|\bkeep-?alive\b|\bstill (?:alive|running|waiting|processing|pending|active|idle)\b"
    r"|\b(?:no|not|already|nothing|empty|live|disabled)\b.*\b(?:skip(?:ping|ped)?|ignor(?:ing|ed))\b"
    r"|\b(?:skip(?:ping|ped)?|ignor(?:ing|ed))\b.*\b(?:no|not|already|nothing|empty|live|disabled)\b"
    r"|(?<!\band )(?<!\bwithout )(?<!\bwhile )\bwaiting (?:for|until)\b|(?<!ing )\bidle\b(?! ?[=:])|\bno \w+ needed\b"
    r"|\balready (?:being|in progress|running)\b|\bnot needed\b)"
)
_ACTS = late_pattern(
    r"(?i)\b(?:exiting|closing|closed|restarting|stopping|killing|deleting|removing|reconnecting|proceeding|launching|"
    r"falling back|using|ongoing|detected|no longer|shut ?down)\b|idle[ -](?:timeout|flush)"
)
"""What was done, or is told to somebody who has asked for it."""
_SKIPS = late_pattern(r"(?i)\bstate=skip|\block (?:is )?(?:not acquired|already held)\b|\bnot acquired, skip")
_SLEEPS = late_pattern(r"(?i)\bsleep(?:ing)? ")
_COUNTED = late_pattern(r"(?i)(?<!\band )\bfound (?:0|\{\})(?: \w+)?")


def _says_nothing(text: str, place: _Place, *, is_task: bool) -> bool:
    """Return whether a message says that nothing happened, or how much was found without asking whether anything was.

    A task may be called for one event: that it skips this one is worth a line.
    """
    if _ACTS.search(text):
        return False
    is_each = place.conditions == 0 and (_COUNTED.search(text) is not None or _SLEEPS.search(text) is not None)
    is_empty = is_each or _EMPTY.search(text) is not None or _SKIPS.search(text) is not None
    return is_empty or (not is_task and _WAITING.search(text) is not None)


# Arguments

_TRANSLATES = frozenset(
    {"_", "T", "gettext", "ngettext", "pgettext", "gettext_lazy", "gettext_noop", "ugettext", "lazy_gettext"}
)
"""Calls that look a text up in a catalog of translations."""

_CHEAP = _TRANSLATES | frozenset(
    {
        "len", "type", "id", "int", "float", "bool", "round", "abs", "getattr", "hasattr", "isinstance", "callable", "ord",
        "chr", "hex", "repr", "time", "monotonic", "perf_counter", "now", "utcnow", "today", "timestamp", "isoformat",
        "total_seconds", "strftime", "upper", "lower", "title", "capitalize", "strip", "lstrip", "rstrip", "center", "ljust",
        "rjust", "zfill", "decode", "get", "keys", "values", "items", "qsize", "current_thread", "current_task", "getpid",
        "get_ident", "format", "startswith", "endswith", "removeprefix", "removesuffix", "timedelta", "progress", "is_set",
        "divmod", "elapsed", "strsignal", "tuple", "dict", "list", "min", "max", "next", "date", "weekday", "bit_length",
        "globals", "locals", "vars", "group", "groups", "done", "cancelled", "relative_to", "as_posix", "python_version",
        "system", "release", "machine", "processor", "gethostname", "tell", "hexdigest", "getsizeof", "relpath", "fileno",
        "asctime", "ctime", "basename", "splitext", "fromhex", "text_type", "result",
        "localtime", "gmtime", "lifetime", "uptime", "age", "astimezone", "utcoffset", "getuid", "geteuid", "getgid",
        "getppid", "ttl", "replace", "getAttribute", "cpu_count", "oct", "bin", "locked", "fullmatch", "match", "search",
    }
)  # fmt: skip
"""Calls of constant time, or of a text that is written anyway."""
_GETTER = late_pattern(r"^_*get_|_(?:id|name)$")
_CONSTANT = late_pattern(
    r"^_*(?:is|has)_|^_*get_\w*(?:id|name|type|key)$|(?:^|_)(?:ts|time|date|datetime|timestamp|clock|duration|elapsed|seconds|age)$"
    r"|^sizeof_|^natural|^_*format_(?:time|duration|size|date|bytes|elapsed|number|percent)|(?:^|_)(?:short_id|fullname)$|_name$"
    r"|^(?:red|green|blue|yellow|cyan|magenta|bold|dim|colou?r(?:ed|ize)?|hl)$"
)
_ACCESSORS = frozenset({"name", "meta", "kind", "status", "state", "version", "label", "uri", "url", "key"})
"""Methods without arguments that tell what an object is."""


def costly_of(node: ast.Call, plain: frozenset[str] = frozenset()) -> str:
    """Return the call, or the comprehension, that a dropped line still pays for.

    `plain` are functions of the file that do nothing that grows. Nothing is said of a line whose arguments read on in
    something: the program needs that, whether the line is written or not.
    """
    arguments = (*node.args, *(one.value for one in node.keywords))
    if any(_READS_ON.search(last_name(one.func)) for one in _calls_in(arguments)):
        return ""
    for argument in arguments:
        for one in outside_functions([argument]):
            if isinstance(one, (ast.ListComp, ast.SetComp, ast.DictComp)):
                return "a comprehension"
            if isinstance(one, ast.Subscript) and isinstance(one.value, ast.Call) and last_name(one.value.func) == "str":
                return "str()"
            if isinstance(one, ast.Call) and not _is_cheap(one) and last_name(one.func) not in plain:
                name = ast.unparse(one.func)
                return f"{name if len(name) <= 60 else last_name(one.func)}()"
    return ""


_READS_ON = late_pattern(
    r"^_*(?:extract|pop|recv|receive|consume|read|readline|readlines|next|unpack|acquire|add|remove)(?:_|$)"
)
"""Names of what changes what it is called on."""


def _plain_functions(module: ast.Module) -> frozenset[str]:
    """Return the functions of a file that have no loop and call nothing but what takes constant time."""
    found: dict[str, bool] = {}
    for block in (module.body, *(one.body for one in module.body if isinstance(one, ast.ClassDef))):
        for one in block:
            if isinstance(one, _FUNCTIONS):
                found[one.name] = found.get(one.name, True) and _is_plain(one)
    return frozenset(name for name, is_plain in found.items() if is_plain)


def _is_plain(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    inner = list(outside_functions(function.body))
    return not any(isinstance(one, _GROWING) or (isinstance(one, ast.Call) and not _is_cheap(one)) for one in inner)


_GROWING = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Await)


def _is_cheap(node: ast.Call) -> bool:
    name = last_name(node.func)
    if isinstance(node.func, ast.Attribute) and last_name(node.func.value) == "path":
        return True  # of os.path, which puts names together
    if not (node.args or node.keywords) and (name in _ACCESSORS or _GETTER.search(name)):
        return True
    if name == "str":
        given = node.args[0] if node.args else None
        return (not isinstance(given, ast.Call) or _is_cheap(given)) and not (
            isinstance(given, ast.Name) and given.id == "self"
        )
    return not name or name in _CHEAP or _CONSTANT.search(name) is not None


_WHOLE = frozenset({"payload", "body", "raw", "request_body", "raw_body", "response_json", "raw_data", "event_data"})
_WHOLE_CALLS = frozenset({"json", "dumps", "to_dict", "model_dump", "model_dump_json", "as_dict"})


def _payload(node: ast.Call) -> str:
    """Return the whole object that a call writes, by its name or by what makes a text of it."""
    for argument in _put_in(node):
        if isinstance(argument, ast.Call):
            if last_name(argument.func) in _WHOLE_CALLS:
                return f"{ast.unparse(argument.func)[:60]}()"
        elif last_name(argument) in _WHOLE or (isinstance(argument, ast.Attribute) and argument.attr == "text"):
            return ast.unparse(argument)[:60]
    return ""


def _put_in(node: ast.Call) -> Iterator[ast.expr]:
    for argument in (*node.args, *(one.value for one in node.keywords)):
        if isinstance(argument, ast.JoinedStr):
            yield from (one.value for one in argument.values if isinstance(one, ast.FormattedValue))
        else:
            yield argument
