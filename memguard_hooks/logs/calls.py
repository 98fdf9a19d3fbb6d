"""The log calls of one Python file that may write too much, or cost something though nobody reads them.

A file is read by its syntax tree, and nothing in it is run. `hot` is a call for each part of a unit of work: in a loop
without end that reads a stream, a socket or a queue, in a poll, or in a callback for frames, chunks and deltas. Retries,
loops with a count, reconnects, questions to a person and what stands behind a condition are none. `nothing` is a line
which says that nothing was found or done, on a path that comes again and again. `costly` is a call in the arguments of a
DEBUG line, made also where the line is dropped: 24 µs for `json.dumps` of 2 kB, against 0.1 (CPython 3.11).
"""

from __future__ import annotations

import ast

from memguard_hooks.formats.python_nodes import last_name, outside_functions, walk
from memguard_hooks.logs.arguments import FUNCTIONS, TRANSLATES, costly_of, payload, plain_functions
from memguard_hooks.logs.feeds import MAX_KEPT, MAX_STEPS, ONCE, CalledFunctions
from memguard_hooks.logs.loops import (
    LEAVES,
    TRIES,
    FileFacts,
    Guard,
    asks_for_part,
    catches_up,
    constants_of,
    endless,
    ends_itself,
    guard_of,
    hands_parts,
    has_loop,
    is_due,
    is_range,
    parts_of,
    reads_parts,
    unknown_pause,
)
from memguard_hooks.logs.model import MAX_TEXT, METHOD_LEVELS, Across, Fed, LogCall
from memguard_hooks.logs.streams import Streams
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Sequence

_LOGGER = late_pattern(r"(?i)(?:^|_)(?:logg?(?:er|ing)?|lg)\d*$|logger$")
MAX_DEPTH = 150
"""Blocks inside each other that are read."""


class _Place(Record):
    """Where a statement stands: in which function and loop, behind how many conditions, and how likely it runs."""

    body: str = ""
    loop: str = ""
    conditions: int = 0
    is_seldom: bool = False
    is_bounded: bool = False
    """Whether a loop that ends by itself is around it."""
    is_guarded: bool = False
    callback: str = ""
    repeats: str = ""
    is_counted: bool = False
    sifted: frozenset[str] = frozenset()
    """The names that earlier tests of the block have asked for, and left."""
    handles: str = ""
    holder: str = ""
    task: str = ""
    """The class of tasks that the class is one of."""
    feeds: str = ""
    """The loop over a stream, or the callback, that gives each part of it to what is called here."""
    parts: frozenset[str] = frozenset()
    """The names by which the loop knows the part that a pass is about."""
    pause: tuple[str, str] | None = None
    """A poll of which another file may say how far its passes are apart, and the name of that."""
    is_start: bool = False
    """Whether the function is written in one that an app calls once, as it starts or ends."""
    guard: Guard = Guard.NONE
    """How much an earlier test of the block lets through."""
    is_poll: bool = False
    """Whether the loop takes nothing in, so that most passes find nothing to do."""
    waits: bool = False
    """Whether the loop ends by itself: it waits for one thing."""

    @property
    def is_once(self) -> bool:
        """Whether a line is written seldom, or until a loop has got what it waits for."""
        return self.is_seldom or self.is_bounded

    @property
    def is_sifted(self) -> bool:
        """Whether an earlier test of the block keeps most passes, or parts, from a line."""
        return self.guard == Guard.MOST or (self.is_poll and self.guard != Guard.NONE)

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


def read_calls(module: ast.Module) -> tuple[list[LogCall], Across]:
    """Return all log calls of a file, and what other files have to know of them."""
    reader = _Reader(module)
    calls = sorted({one[:2]: one for one in map(reader.judge, reader.written)}.values())
    called = reader.called
    again = tuple(Fed(target, why) for target, why in reader.comes_again.items() if ":" in target)[:MAX_KEPT]
    return calls, Across(called.fed(), called.steady(reader.steady), again, called.leads(), called.idle(reader.idle))


def level_of(node: ast.Call) -> str:
    """Return the level of a log call, empty for any other call."""
    function = node.func
    if isinstance(function, ast.Name):
        return METHOD_LEVELS["print"] if function.id == "print" else ""
    if not isinstance(function, ast.Attribute) or not is_logger(function.value):
        return ""
    if function.attr == "log" and node.args:
        level = last_name(node.args[0]).upper()
        return level if level in METHOD_LEVELS.values() else ""
    return METHOD_LEVELS.get(function.attr, "")


def is_logger(node: ast.expr) -> bool:
    """Return whether an expression is a logger by its name: `logging`, `self.log`, `get_logger(…)`, `self.logger()`."""
    while isinstance(node, ast.Call):
        if last_name(node.func) in ("bind", "opt", "new", "getChild", "patch") and isinstance(node.func, ast.Attribute):
            node = node.func.value
        else:
            node = node.func
    return _LOGGER.search(last_name(node)) is not None


# The walk over a file


class _Reader:
    def __init__(self, module: ast.Module) -> None:
        self.written: list[_Written] = []
        self.steady: dict[str, list[LogCall]] = {}
        self.idle: dict[str, list[LogCall]] = {}
        self.repeats: dict[str, str] = {}
        """What comes again and again, by what calls it: functions with their class."""
        self.called = CalledFunctions(module)
        self._calls: dict[str, set[str]] = {}
        """What each function calls without a condition, by last names; `""` stands for what comes again and again."""
        self._drawn: set[str] = set()
        """Functions that print parts of a line, which nobody does in a log."""
        self._is_terminal = any(name in _TERMINAL for one in module.body for name in _imported(one))
        self._has_tasks = any(name in _QUEUES for one in module.body for name in _imported(one))
        self._is_chat = any(name in _CHATS for one in module.body for name in _imported(one))
        self._plain, self._growing = plain_functions(module)
        self._has_topics = False
        self._known = FileFacts(constants_of(module), Streams(module))
        self._block(module.body, _Place(), leaves=False, depth=0)
        self.called.follow()
        self._repeated = self._follow()
        self.comes_again = self.called.come_again({name: why for name, why in self.repeats.items() if why})

    def _follow(self) -> frozenset[str]:
        """Return the functions that a loop without end, a task or a schedule comes to, up to `MAX_STEPS` calls away."""
        found = last = frozenset(self._calls.get("", ()))
        for _ in range(MAX_STEPS):
            last = frozenset(one for name in last for one in self._calls.get(name, ())) - found
            found |= last
        return found

    def _block(self, block: list[ast.stmt], place: _Place, *, leaves: bool, depth: int) -> None:
        if depth > MAX_DEPTH:
            return
        last = max((at for at, statement in enumerate(block) if isinstance(statement, LEAVES)), default=-1)
        if place.conditions and block and (isinstance(block[-1], ast.Raise) or any(map(_is_wrong, block))):
            place = place._replace(is_seldom=True)
        for at, statement in enumerate(block):
            self._statement(statement, place, leaves=leaves or at < last, depth=depth + 1)
            if isinstance(statement, ast.If) and isinstance(statement.body[-1], LEAVES):
                place = place._replace(sifted=place.sifted | _named(statement.test))
            if isinstance(statement, ast.If) and not any(map(_is_wrong, statement.body)):
                place = place._replace(guard=max(place.guard, guard_of(statement)))

    def _statement(self, node: ast.stmt, place: _Place, *, leaves: bool, depth: int) -> None:
        if isinstance(node, FUNCTIONS):
            self._function(node, place, depth)
        elif isinstance(node, ast.ClassDef):
            task = next((name for name in map(last_name, node.bases) if _TASKS.search(name)), "")
            self._block(node.body, _Place(holder=node.name, task=task), leaves=False, depth=depth)
        elif isinstance(node, ast.If):
            self._if(node, place, leaves=leaves, depth=depth)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            self._loop(node, place, leaves=leaves, depth=depth)
        elif isinstance(node, TRIES):
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
        is_request = any(map(_takes_requests, node.decorator_list))
        repeats = next(filter(None, map(self._scheduled, node.decorator_list)), "")
        if not repeats and place.task and not place.body and _RUNS.search(node.name):
            repeats = f"@{place.task}"
        if not repeats and not is_request and _REPEATED.search(node.name):
            repeats = f"{node.name}()"
        is_named = not is_request and self._is_callback(node)
        is_callback = is_named or self._known.streams.calls_back(node, place.holder)
        if any(isinstance(one, ast.Name) and one.id == "input" for one in outside_functions(node.body)):
            self._drawn.add(f"{place.holder}.{node.name}" if place.holder and not place.body else node.name)
        callback = f"{node.name}()" if is_callback and not has_loop(node, self._known) else ""
        holder = "" if place.body else place.holder
        if (repeats or callback) and not place.body:
            self.repeats[f"{holder}.{node.name}" if holder else node.name] = repeats or callback
        inner = _Place(node.name, callback=callback, repeats=repeats or callback, is_guarded=place.is_guarded,
                       is_seldom=place.is_seldom and not place.body, holder=holder, feeds=callback,
                       handles="" if self._is_chat else _handled(node),
                       is_start=bool(place.body) and not node.decorator_list and _is_start(place))  # fmt: skip
        self._block(node.body, inner, leaves=False, depth=depth)

    def _is_callback(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        given = {one.arg for one in node.args.args}
        if ONCE.search(node.name) or ("update" in given and given & {"context", "ctx", "bot"}):
            return False  # what a bot is sent by a person is a unit of work
        is_broker = self._has_topics and bool(given & {"topic", "userdata", "ws"}) and "message" in node.name
        required = node.args.args[: len(node.args.args) - len(node.args.defaults)]
        is_given = not given - {"self", "cls"} or not all(_NO_PART.search(one.arg) for one in required)
        return (is_given and _CALLBACK.search(node.name) is not None) or is_broker

    def _scheduled(self, node: ast.expr) -> str:
        """Return the decorator that runs a function again and again, empty for any other."""
        function = node.func if isinstance(node, ast.Call) else node
        name = ast.unparse(function)[:MAX_TEXT]
        return f"@{name}" if _SCHEDULER.search(name) or (self._has_tasks and name in _TASK_NAMES) else ""

    def _if(self, node: ast.If, place: _Place, *, leaves: bool, depth: int) -> None:
        self._expressions([node.test], place, leaves=leaves)
        test = ast.unparse(node.test)[:MAX_TEXT]
        if "__name__" in test:
            self._block(node.body, _Place(is_seldom=True), leaves=False, depth=depth)
            return
        inner = place._replace(
            conditions=place.conditions + 1,
            is_guarded=place.is_guarded or _GUARD.search(test) is not None or _is_first(node),
        )
        is_kind = bool(place.loop) and (_IS_KIND.fullmatch(test) is not None or asks_for_part(node.test, place.parts))
        goes_on = isinstance(node.body[-1], ast.Continue)
        self._block(node.body, place if is_kind else inner, leaves=leaves and not goes_on, depth=depth)
        is_rest = isinstance(node.body[-1], LEAVES)  # as if it stood behind
        rest = place._replace(sifted=place.sifted | _named(node.test)) if is_rest else inner
        self._block(node.orelse, rest, leaves=leaves, depth=depth)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, place: _Place, *, leaves: bool, depth: int) -> None:
        about = endless(node, self._known)
        if about is None:
            is_counted = place.is_counted or (not isinstance(node, ast.While) and is_range(node.iter))
            is_bounded = place.is_bounded or (isinstance(node, ast.While) and not (place.repeats and catches_up(node)))
            changed = not isinstance(node, ast.While) and (
                _is_difference(node.iter) or (place.is_poll and is_due(node.iter))
            )
            inner = place._replace(is_bounded=is_bounded, is_counted=is_counted, conditions=place.conditions + int(changed))
            self._block(node.body, inner, leaves=leaves, depth=depth)
        else:
            loop, repeats = about
            if place.body and not isinstance(node, ast.For):
                self.called.note_loop(place.function)
            is_poll = isinstance(node, ast.While) and not reads_parts(node, self._known.streams)
            feeds = loop if self._has_topics or is_poll or hands_parts(node) else ""
            parts = parts_of(node, self._known.streams)
            # also within a loop that connects again
            again = place._replace(is_bounded=False, conditions=0, callback="", guard=Guard.NONE)
            pause = unknown_pause(node, self._known) if isinstance(node, ast.While) and not loop else None
            inner = again._replace(loop=loop, repeats=repeats, feeds=feeds, parts=parts, pause=pause, is_poll=is_poll,
                                   waits=isinstance(node, ast.While) and ends_itself(node))  # fmt: skip
            if is_poll:
                self.called.note_poll(loop)
            self._block(node.body, inner, leaves=False, depth=depth)
        self._block(node.orelse, place, leaves=leaves, depth=depth)

    def _expressions(self, nodes: Sequence[ast.AST], place: _Place, *, leaves: bool) -> None:
        if leaves and (place.loop or place.repeats.startswith("`while")):
            place = place._replace(is_seldom=True)
        for node in nodes:
            for one in walk(node):
                if isinstance(one, ast.Call):
                    if _SCHEDULES.search(last_name(one.func)) is not None or _is_every(one.func):
                        self._calls.setdefault("", set()).update(map(last_name, one.args))
                        for given in one.args:
                            self.called.note_way(given, "", place.holder, f"{last_name(one.func)}()")
                    elif (
                        last_name(one.func) in _LATER
                        and not (place.conditions or place.is_once)
                        and place.body in map(last_name, one.args)
                    ):
                        self._calls.setdefault("", set()).add(place.body)  # it sets itself up again
                    if not place.is_once:
                        self.called.note_way(one.func, place.function, place.holder, place.repeats)
                    if not (place.conditions or place.is_once):
                        caller = "" if place.repeats.startswith(("`", "@")) else place.body
                        if (caller or place.body) and _may_be_own(one.func):
                            self._calls.setdefault(caller, set()).add(last_name(one.func))
                        if not place.is_sifted:
                            self.called.note(one, "" if place.loop else place.function, place.holder, place.feeds,
                                             is_sifted=place.guard != Guard.NONE)  # fmt: skip
                    level = level_of(one)
                    if level:
                        self.written.append(_Written(one, level, place))
                        if isinstance(one.func, ast.Name) and any(given.arg == "end" for given in one.keywords):
                            self._drawn.add(place.function)

    # Marks

    def judge(self, written: _Written) -> LogCall:
        """Return a call with what is wrong with it."""
        node, level, place = written
        call = LogCall(node.lineno, node.col_offset + 1, level, message_of(node), is_print=isinstance(node.func, ast.Name))
        if level == "DEBUG":
            is_error = _FAILED.search(call.text) is not None or _ON_ERROR.search(place.body) is not None
            is_paid = not (place.is_guarded or place.is_seldom or is_error or _is_start(place))
            return call._replace(costly=costly_of(node, self._plain, self._growing) if is_paid else "")
        if level != "INFO" or place.is_guarded or place.is_once or self._is_for_a_person(node, place):
            return call
        hot = pause = ""
        if place.conditions == 0 and not place.is_sifted and not _RESTARTS.search(call.text):
            hot = place.loop or place.callback or self._fed_by_stream(place)
            if not hot and place.pause is not None and place.guard == Guard.NONE:
                hot, pause = place.pause
            if not hot and place.body and place.guard == Guard.NONE and not ONCE.search(place.body):
                self.steady.setdefault(place.function, []).append(call)
        is_each = bool(place.repeats) or place.body in self._repeated
        is_again = is_each or (not call.is_print and place.function in self.comes_again)
        repeats = place.repeats or (f"{place.body}()" if is_again else "")
        is_empty = (
            bool(repeats)
            and not place.is_counted
            and _says_nothing(call.text, written, is_task=repeats.startswith("@") or not is_each)
        )
        nothing = repeats if is_empty else ""
        if not nothing and not place.is_counted and place.body and _says_nothing(call.text, written, is_task=True):
            self.idle.setdefault(place.function, []).append(call)
        is_skipped = _IGNORED.search(call.text) is not None or _NOT_DONE.search(call.text) is not None
        if not nothing and place.handles and is_skipped and not _ACTS.search(call.text):
            nothing = place.handles
        held = payload(node) if call.text.strip("{}") else ""
        if self._is_chat and held == "payload":
            held = ""  # of a link that starts a bot: at most 64 characters
        return call._replace(hot=hot, nothing=nothing, payload=held, pause=pause)

    def _fed_by_stream(self, place: _Place) -> str:
        """Return the loop that gives each part of a stream to the function of a line, empty where none does."""
        if ONCE.search(place.body):
            return ""
        return self.called.loop_of(place.function, is_sifted=place.guard != Guard.NONE)

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
    return not place.body or (not place.loop and (place.is_start or _AT_START.search(place.body) is not None))


_AT_START = late_pattern(
    r"(?i)^_*(?:main|serve|lifespan|on_ready|on_start(?:up)?|print_banner|create_app|teardown)_*$"
    r"|^_*(?:init|set_?up|startup|initiali[sz]e|configure|parse_arg\w*|register|bootstrap|shut_?down|clean_?shutdown)(?:_|$)"
    r"|^_*(?:start|discover)_*$"
    r"|^_*load_\w*(?:conf|config|settings?|plugins?|exports?|extensions?|cogs?|adapters?|modules?|commands?)s?$"
)
"""Names of functions that an app calls once."""


def _handled(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return a function that is called for each event, empty for any other."""
    given = [one.arg for one in node.args.args]
    is_given = any(_EVENT.search(one) for one in given)
    return f"{node.name}()" if is_given and _HANDLES.search(node.name) else ""


_FAILED = late_pattern(r"(?i)\b(?:fail(?:ed|ure)|error|exception|unable|could ?n[o']t|cannot|returned status)\b")
"""What a DEBUG line says on the way of an error."""
_ON_ERROR = late_pattern(r"(?i)(?:^|_|on|http|user)(?:err(?:or)?|exception|failure|failed|errback)s?(?:_|$)")
"""Names of functions that are called on the way of an error."""
_HANDLES = late_pattern(r"(?i)^_*(?:on|handle|process|receive|consume|write|dispatch)(?:_|$)|^_*run$")
_EVENT = late_pattern(
    r"(?i)^(?:event|evt|message|msg|transcription|changes|record|packet|frame|alert|signal|notification|webhook)s?$"
)
_IGNORED = late_pattern(
    r"(?i)^(?!.*(?:\bun\w+ed\b|unknown|invalid|missing|not (?:supported|handled)|no handler|error|fail|no longer|"
    r"expired|exceed|circuit|\b(?:bad|malformed|corrupt|broken|denied|banned|stale)\b|cool-?down|\bnon-|\bno \w+, ))"
    r".*(?:\bskip(?:ping|s)?\b|\bignor(?:ing|es)?\b|\b(?:skipp|ignor)ed\b(?! (?:\d|\{\}) )|\bnothing to\b"
    r"|\balready (?:scheduled|queued|running)\b|\bno results\b)"
)


def _is_wrong(node: ast.stmt) -> bool:
    """Return whether a statement writes a warning or an error, or raises one: what stands beside it is seldom."""
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and (
        level_of(call) in ("WARNING", "ERROR", "CRITICAL") or last_name(call.func) == "raise_for_status"
    )


def _may_be_own(function: ast.expr) -> bool:
    """Return whether a call may be one of a function of its file: `task.run()` of another object says too little."""
    if not isinstance(function, ast.Attribute) or "_" in function.attr.strip("_"):
        return True
    return isinstance(function.value, ast.Name) and function.value.id in ("self", "cls")


def _is_first(node: ast.If) -> bool:
    """Return whether a test asks for a mark that the block behind it sets: it comes there once."""
    asked = ast.unparse(node.test.operand) if isinstance(node.test, ast.UnaryOp) else ""
    sets = (
        one for one in node.body if isinstance(one, ast.Assign) and isinstance(one.value, ast.Constant) and one.value.value
    )
    return any(ast.unparse(target) == asked for one in sets for target in one.targets)


def _named(node: ast.expr) -> frozenset[str]:
    """Return the names of variables and attributes in an expression."""
    return frozenset(name for name in map(last_name, walk(node)) if name)


def _is_difference(node: ast.expr) -> bool:
    """Return whether a loop goes over what one set has and another lacks: what is new, or gone."""
    while isinstance(node, ast.Call) and last_name(node.func) in ("list", "sorted", "tuple", "set") and node.args:
        node = node.args[0]
    is_method = isinstance(node, ast.Call) and last_name(node.func) in ("difference", "symmetric_difference")
    return is_method or (isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.BitXor)))


def _leaves(block: list[ast.stmt]) -> bool:
    return any(isinstance(one, LEAVES) for one in block)


def _imported(node: ast.stmt) -> list[str]:
    """Return the packages that a statement imports."""
    if isinstance(node, ast.Import):
        return [one.name.partition(".")[0] for one in node.names]
    return [node.module.partition(".")[0]] if isinstance(node, ast.ImportFrom) and node.module else []


_TERMINAL = frozenset(
    {"argparse", "click", "typer", "fire", "optparse", "cmd", "docopt", "curses", "tqdm", "colorama", "rich"}
)
"""What a program imports that speaks to a person."""
_QUEUES = frozenset({"celery", "huey", "dramatiq", "procrastinate", "taskiq", "django_rq", "rq", "arq", "airflow"})
"""Queues whose tasks are decorated."""
_TASK_NAMES = frozenset({"task", "periodic_task", "job"})
_CHATS = frozenset(
    {
        "aiogram", "telegram", "telebot", "pyrogram", "hydrogram", "telethon", "discord", "nextcord", "disnake",
        "interactions", "hikari", "slack_bolt", "vkbottle", "nonebot", "botbuilder", "linebot", "khl",
    }
)  # fmt: skip
"""What a bot imports whose events are what persons send."""
_BROKERS = frozenset({"aiomqtt", "paho", "gmqtt", "asyncio_mqtt", "aiokafka", "kafka", "confluent_kafka", "websocket"})

_CALLBACK = late_pattern(
    r"(?i)^(?!.*_(?:file|upload|url|path|id|in_[a-z]+)s?$)_*(?:(?:on|handle|process|receive|recv|send|push|feed|got|enqueue)_?.*"
    r"(?:(?<!time)(?<!data)frame|chunk|delta|packet|sample|tick(?:er)?|pcm|order_?book|kline|candle|quote|datachange|socket_?(?:message|event|data)|(?<!un_)partial(?!_?fill)|interim)"
    r"|(?:on|receive|recv|send|push|feed|got|enqueue)_?.*(?:audio|media)|on_?.*token)s?(?:_|$)"
    r"|^_*on_next$|^_*(?:audio|frame|chunk|delta|tick(?:er)?|packet|data|kline|trades?|order_?book)_(?:callback|handler|received)$"
)
"""Names of functions that are called for each part of a unit of work."""
_NO_PART = late_pattern(r"(?i)^(?:self|cls)$|(?:^|_)(?:path|file|url|id|name|type)$")
"""What a function that is called for each part is given beside the part."""
_REPEATED = late_pattern(
    r"(?i)cron|periodic|housekeep|^_*on_(?:trading_iteration|tick|timer|interval|bars?)$|^(?!.*_txn$)_*(?:run_)?(?:flush|purge|prune|poll|sweep|clean_?up_(?:stale|expired|old)|reconcile|monitor|watch(?:dog)?|heartbeat|keep_?alive|reap|"
    r"expire|scan_for|hedge|evict)(?:_|$)"
)
_IS_KIND = late_pattern(r"isinstance\((?!.*(?:Error|Exception|Clos|Disconnect|Start|Stop|End|Ready|Final))[^()]*\)")
"""What asks which kind of event came, none of those that come once or seldom."""
_RESTARTS = late_pattern(
    r"(?i)\breconnect|\bdisconnect(?:ed|ing)\b|\bretry|\brestart|\bstale\b|\bexpired\b|^\W*(?:closing|removing|deleting|evicting)\b"
)
_GUARD = late_pattern(r"(?i)isEnabledFor|is_enabled_for|debug|verbose|\blog_?level|logged|\bfirst|\bwarned|dry_run|% ")


def _takes_requests(node: ast.expr) -> bool:
    """Return whether a decorator makes a function answer requests, or commands of a person."""
    return isinstance(node, ast.Call) and last_name(node.func) in _ROUTES


_ROUTES = frozenset(
    {"get", "post", "put", "patch", "delete", "route", "websocket", "api_route", "command", "message", "callback_query"}
)


_TASKS = late_pattern(
    r"(?:Task|Job|JobRunner|JobBase|QueueItem|CronBase|Collector|Poller|Watcher|UpdateCoordinator|BaseOperator)$"
)
"""Classes whose heirs something runs again and again: a queue, a schedule, a loop of the app."""
_RUNS = late_pattern(
    r"^_*(?:async_)?(?:a?run|execute|perform|process|do|work|handle|tick|step|update|collect|poll|refresh)(?:_|$)"
)
"""The methods by which it does."""

_SCHEDULES = late_pattern(
    r"^(?:add_job|LoopingCall)$|^(?i:_*(?:run|call|start|create|add|make|return|register|set|spawn)?_?(?:\w+_)?(?:repeating|repeated(?:ly)?|periodic\w*|recurring|"
    r"loop_?runner|interval(?:_task|_job)?|run_every|forever|repeat_every|periodiccallback)(?:_task|_job)?)$"
)
"""What is given a function to call again and again."""
_LATER = frozenset({"Timer", "call_later", "callLater", "run_once", "enter"})
"""What is given a function to call once, later."""


def _is_every(function: ast.expr) -> bool:
    """Return whether something is called as `every(5).minutes.do` is, which is given a function to call again and again."""
    if last_name(function) != "do":
        return False
    for _ in range(MAX_LINKS):
        function = function.func if isinstance(function, ast.Call) else getattr(function, "value", function)
        if isinstance(function, ast.Call) and last_name(function.func) == "every":
            return True
    return False


MAX_LINKS = 20
"""Names and calls between `every(5)` and `.do`, as `.monday.at("12:00").tag("a")`: each is a link or two."""


_SCHEDULER = late_pattern(
    r"(?i)\bTask\.create$|scheduled_?(?:job|task)|periodic|tasks\.loop|repeat_every|cron|\.(?:task|shared_task|actor)$|^(?:shared_task|actor)$"
)


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
    if isinstance(node, ast.Call) and node.args and last_name(node.func) in TRANSLATES:
        return _template(node.args[0])
    return "{}"


_HOLE = late_pattern(r"%(?:\(\w+\))?[-+ #0-9.]*[sdrfgixXeau]|\{[^{}]*\}")

_PREFIX = r"^(?:[^\w\[{]|\{\}|\[[^\]]*\]|[A-Z][\w /-]{0,40}:)*"
"""What stands before a sentence. Each way begins with other letters, so that none is tried twice."""
_EMPTY = late_pattern(
    _PREFIX + r"(?i:nothing\b"
    r"|no (?:new |more |active |pending |\w+ )?(?:\w+ )?(?:found|received|available|configured|match|new|data|messages?"
    r"|candidates?|changes?|results?|updates?|speech|jobs?|tasks?|work)|none\b"
    r"|no (?:pending|new|active|more|stale|due) (?:\w+ ){1,3}(?:for|in|on|at)\b"
    r"|no (?:(?:[\w-]+|\{\}) ){1,4}(?:found|(?<!not )\w+ed)\b"
    r"|no (?:[\w-]+ ){1,3}(?:need|require|match|left to|to |above\b|below\b|within\b|yet\b))"
    r"|(?i:\bnothing to\b|\bis (?:disabled|not enabled|up[ -]to[ -]date)\b"
    r"|\bno (?:\w+ ){1,2}(?:found|received|enabled|needed|available)\b"
    r"|^\W*(?:fetched|found|got|received|returned|loaded|selected|matched) (?:no|0|zero)\b)"
)
_MISSING = late_pattern(r"(?i)\bnot found\b(?! or\b)(?!.*[.,;:!\u2013\u2014-](?: +(?!skip|ignor|nothing)\w|$))")
"""What a log says of something that is not there, and no more: a program that prints it says that to a person."""
_WAITING = late_pattern(
    r"(?i:\bheart-?beats?\b|\bkeep-?alive\b|\bstill (?:alive|running|waiting|processing|pending|active|idle)\b"
    r"|\b(?:no|not|already|nothing|empty|live|disabled)\b.*\b(?:skip(?:ping|ped)?|ignor(?:ing|ed))\b"
    r"|\b(?:skip(?:ping|ped)?|ignor(?:ing|ed))\b.*\b(?:no|not|already|nothing|empty|live|disabled)\b"
    r"|(?<!\band )(?<!\bwithout )(?<!\bwhile )\bwaiting (?:for|until)\b|(?<!ing )\bidle\b(?! ?[=:])|\bno \w+ needed\b"
    r"|^wait for\b|\balready (?:being|in progress|running)\b|\bnot needed\b|\bnot (?:yet )?ready\b)"
)
_ACTS = late_pattern(
    r"(?i)^\W*(?:\[[^]]*\]\W*)?(?!waiting|skipping|ignoring|sleeping|nothing)(?:\w+ing)\b(?!:)"
    r"|\b(?:started|stopped|exiting|closing|closed|restarting|reconnecting|proceeding|launching|"
    r"falling back|using|ongoing|no longer|shut ?down|initiated|stop signal)\b|idle[ -](?:timeout|flush)"
    r"|^(?!.*\bno (?:[\w-]+ ){0,3}detected\b).*\bdetected\b"
)
"""What was done, or is told to somebody who has asked for it."""
_DID = late_pattern(
    _PREFIX
    + r"(?i:(?:(?:successfully|done)\b|(?!(?:skipp|ignor|disabl|unchang|unaffect|delay|postpon|defer|not )\w*)[a-z]+ed )"
    r"(?!(?:\d|\{\}|0|no\b|nothing)))"
)
"""What begins with what was done."""
_WRONG = late_pattern(
    r"(?i)^\W*(?:error|warning)\b|^[\w -]+[:=] ?\{\}$"
    r"|\b(?:argument|parameter|option|credential|api[ _]?key|token)s? (?:was |were )?(?:provided|given|specified|set)\b"
)
"""What says that something is wrong, or was not given, and what shows an option."""
_AWAITS = late_pattern(r"(?i)\bwait(?:ing)? (?:for|until)\b|\bnot (?:yet )?ready\b")
_IDLES = late_pattern(
    r"(?i)^(?!.*\b(?:shut ?down|exit|stop|quit|finish))\W*(?:still )?waiting (?:for|on|until)\b"
    r"|\b(?:still |is )?(?:running|alive)\W*$"
)
"""What each pass of a loop says while nothing happens, whatever is waited for."""
_WAITS_ON = late_pattern(r"(?i)^\W*(?:still )?waiting\W*$")
_SKIPS = late_pattern(
    r"(?i)[,;:\u2013\u2014-] (?:so )?(?:skipping|ignoring) (?!\d|\{\})"
    r"|\bstate=skip|\block (?:is )?(?:not acquired|already held)\b|\bnot acquired, skip"
)
_NOT_DONE = late_pattern(r"(?i)^\W*not (?!waiting)\w+ing\b|[._]skipped\b")
_SLEEPS = late_pattern(r"(?i)\bsleep(?:ing)? ")
_COUNTED = late_pattern(r"(?i)(?<!\band )\bfound (?:0|\{\})(?: \w+)?")


def _says_nothing(text: str, written: _Written, *, is_task: bool) -> bool:
    """Return whether a message says that nothing happened, or how much was found without asking whether anything was.

    A task may be called for one event: that it skips this one is worth a line. What an app
    waits for as something is made or opened is waited for once.
    """
    is_loop = not is_task and written.place.repeats.startswith("`")
    if is_loop and _IDLES.search(text) is not None:
        return not (written.place.waits and ONCE.search(written.place.body))
    if is_loop and not written.place.waits and _WAITS_ON.search(text) is not None:
        return True
    if _ACTS.search(text) or _WRONG.search(text):
        return False
    if written.place.waits and ONCE.search(written.place.body) and _AWAITS.search(text):
        return False
    is_news = _DID.search(text) is not None
    is_counted = not is_news and _COUNTED.search(text) is not None and not written.place.sifted & _named(written.node)
    is_each = written.place.conditions == 0 and (is_counted or (not is_task and _SLEEPS.search(text) is not None))
    says = (_EMPTY, _SKIPS, _NOT_DONE) if is_news else (_EMPTY, _SKIPS, _NOT_DONE, _IGNORED)
    is_missing = not isinstance(written.node.func, ast.Name) and not is_news and _MISSING.search(text) is not None
    is_empty = is_each or is_missing or any(one.search(text) is not None for one in says)
    return is_empty or (not is_task and _WAITING.search(text) is not None)
