"""What libraries hand over part by part: messages of sockets and brokers, chunks of answers, frames of cameras.

A name is resolved to what a library calls it: through imports, annotations of parameters, `with … as`, assignments and
attributes that are set anywhere in the file. A name that stands for two different things stands for nothing. What no library
is known for is not said to be a stream, however it is named.
"""

from __future__ import annotations

import ast

from memguard_hooks.formats.python_nodes import children, last_name, outside_functions, walk
from memguard_hooks.pattern import late_pattern

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_STEPS = 10
"""Names that are followed, one through the other."""
_MARK = "|parts"
"""What stands behind a call that was told `stream=True`."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

_ITERATED = late_pattern(
    r"^(?:websockets\.(?:.*\.)?(?:connect|unix_connect|\w*Connection|\w*Protocol)"
    r"|aiohttp\.(?:.*\.)?(?:ws_connect|WebSocketResponse|ClientWebSocketResponse|content)"
    r"|(?:aiomqtt|asyncio_mqtt)\.(?:.*\.)?(?:messages|filtered_messages|unfiltered_messages)"
    r"|(?:kafka|aiokafka)\.(?:.*\.)?\w*Consumer"
    r"|(?:redis|aioredis)\.(?:.*\.)?pubsub\.listen"
    r"|(?:sseclient|httpx_sse|aiohttp_sse_client)\..*|watchfiles\.a?watch|kubernetes(?:_asyncio)?\..*Watch\.stream"
    r"|evdev\.(?:.*\.)?(?:async_)?read_loop|can\.(?:.*\.)?(?:Bus|BufferedReader|AsyncBufferedReader)|nats\..*\.messages"
    r"|livekit\.(?:.*\.)?(?:AudioStream|VideoStream)(?:\.from_\w+)?|picamera\..*\.capture_continuous"
    r"|(?:websocket|trio_websocket|wsproto|asyncio)\.(?:.*\.)?(?:open_websocket\w*|create_connection|WebSocketConnection|StreamReader)"
    r"|(?:fastapi|starlette)\.(?:.*\.)?WebSocket\.iter_bytes|nextcord\.sinks\..*)$"
)
"""What a loop goes over, and gets the next part of with each pass."""

_READ = late_pattern(
    r"^(?:websockets?\..*\.recv(?:_streaming|_frame|_data)?|aiohttp\..*(?:ws_connect|WebSocketResponse)\.receive(?:_\w+)?"
    r"|(?:fastapi|starlette|quart|channels)\..*websocket\.(?:receive|receive_bytes|iter_bytes)"
    r"|trio_websocket\..*\.get_message|socket\..*\.recv(?:from|msg)?(?:_into)?|serial(?:_asyncio)?\..*\.read(?:line|_until|_all)?"
    r"|(?:zmq|nanomsg|pynng)\..*\.recv(?:_\w+)?|(?:confluent_kafka|kafka|aiokafka)\..*consumer\w*\.(?:poll|consume|getone|getmany)"
    r"|(?:redis|aioredis)\..*(?:\.get_message|\.xread)|(?:pyaudio|sounddevice)\..*\.read|cv2\.VideoCapture\.read"
    r"|can\..*\.recv|asyncio\..*(?:open_connection|streamreader).*\.read(?:line|exactly|until)?"
    r"|pexpect\..*\.readline|aiortc\..*\.recv|inotify\w*\..*\.read)$",
)
"""What a loop calls in each pass to get the next part."""

_PARTS = frozenset(
    {
        "iter_lines", "aiter_lines", "iter_content", "iter_chunked", "iter_chunks", "iter_any", "iter_bytes", "aiter_bytes",
        "aiter_text", "aiter_raw", "iter_raw", "aiter_sse", "iter_sse", "text_stream", "astream", "astream_events",
        "astream_log", "stream_events", "run_stream", "stream_text", "streaming_chat", "stream_chat", "astream_chat",
        "create_stream", "generate_content_stream", "stream_generate", "async_read_loop",
    }
)  # fmt: skip
"""Methods that nothing but a stream has: of requests, httpx, aiohttp, and of the clients of language models."""

_BASES = (
    (late_pattern(r"asyncio\..*Protocol"), frozenset({"data_received", "datagram_received", "pipe_data_received"})),
    (late_pattern(r"twisted\..*"), frozenset({"dataReceived", "datagramReceived", "lineReceived", "stringReceived"})),
    (late_pattern(r"autobahn\..*Protocol"), frozenset({"onMessage"})),
    (late_pattern(r"pipecat\..*"), frozenset({"process_frame"})),
    (late_pattern(r"(?:langchain\w*|llama_index)\..*CallbackHandler"), frozenset({"on_llm_new_token"})),
    (late_pattern(r"transformers\..*Streamer"), frozenset({"put", "on_finalized_text"})),
    (late_pattern(r"wyoming\..*EventHandler"), frozenset({"handle_event"})),
    (late_pattern(r"openai\..*EventHandler"), frozenset({"on_text_delta", "on_event", "on_tool_call_delta"})),
    (late_pattern(r"aiortc\..*Track"), frozenset({"recv"})),
    (late_pattern(r"serial\..*"), frozenset({"data_received", "handle_line", "handle_packet"})),
    (late_pattern(r"tweepy\..*Stream\w*"), frozenset({"on_data", "on_status", "on_tweet"})),
)  # fmt: skip
"""Classes of libraries, and the methods that are called for each part."""

_GIVEN = (
    (late_pattern(r"websocket\..*"), frozenset({"on_message", "on_data", "on_cont_message"})),
    (late_pattern(r"(?:paho|gmqtt|aiomqtt)\..*"), frozenset({"on_message", "on_log"})),
    (late_pattern(r"sounddevice\..*"), frozenset({"callback"})),
    (late_pattern(r"pyaudio\..*"), frozenset({"stream_callback"})),
    (late_pattern(r"bleak\..*"), frozenset({"detection_callback"})),
    (late_pattern(r"can\..*"), frozenset({"on_message_received"})),
    (late_pattern(r"pika\..*"), frozenset({"on_message_callback"})),
    (late_pattern(r"nats\..*"), frozenset({"cb"})),
    (late_pattern(r"google\.cloud\.pubsub.*"), frozenset({"callback"})),
    (late_pattern(r"azure\.eventhub\..*"), frozenset({"on_event", "on_event_batch"})),
    (late_pattern(r"binance\..*"), frozenset({"callback"})),
    (late_pattern(r"assemblyai\..*"), frozenset({"on_data"})),
    (late_pattern(r"kiteconnect\..*"), frozenset({"on_ticks"})),
    (late_pattern(r"scapy\..*"), frozenset({"prn"})),
    (late_pattern(r"pynput\..*"), frozenset({"on_move", "on_scroll"})),
    (late_pattern(r"picamera2\..*"), frozenset({"pre_callback", "post_callback"})),
)
"""What libraries take as a function for each part, as a keyword or as an attribute that is set."""

_TAKES = {
    "start_notify": 1, "message_callback_add": 1, "create_subscription": 2, "Subscriber": 2, "basic_consume": 1,
    "start_depth_cache": 0, "start_kline_socket": 0, "start_trade_socket": 0, "start_multiplex_socket": 0,
    "subscribe_trades": 0, "subscribe_quotes": 0, "subscribe_bars": 0, "apply_on_packets": 0,
}  # fmt: skip
"""Methods that take a function for each part, and its place among what they are given."""


class Streams:
    """What the names of one file hold, as far as libraries give it part by part."""

    def __init__(self, module: ast.Module) -> None:
        self._module = module
        self._packages = _packages(module.body)
        self._imported: dict[str, str] | None = None if self._packages else {}
        """What imports bind, None as long as the file is not read."""
        self._bound: dict[str, list[ast.expr]] = {}
        self._owns: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
        self._callbacks: set[str] = set()
        self._served: set[str] = set()
        self._known: dict[str, str] = {}
        self._returned: dict[str, str] = {}
        self._readers: dict[tuple[str, int], bool] = {}

    def is_stream(self, iterated: ast.expr) -> bool:
        """Return whether a loop over an expression gets a part of a stream with each pass."""
        found = self._of(iterated)
        return found.endswith(_MARK) or found.rpartition(".")[2] in _PARTS or _ITERATED.search(found) is not None

    def reads(self, called: ast.Call, steps: int = 2) -> bool:
        """Return whether a call gets the next part of a stream, also within a function of the file."""
        if _READ.search(_lower_tail(self._of(called))) is not None:
            return True
        return bool(steps) and _is_own(called.func) and self._is_reader(last_name(called.func), steps - 1)

    def _is_reader(self, name: str, steps: int) -> bool:
        """Return whether a function of the file gets one part of a stream."""
        found = self._readers.get((name, steps))
        if found is None:
            found = self._readers[name, steps] = any(self._reads_one(one, steps) for one in self._owns.get(name, ()))
        return found

    def _reads_one(self, function: ast.FunctionDef | ast.AsyncFunctionDef, steps: int) -> bool:
        waiting: list[ast.AST] = list(function.body)
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Call) and self.reads(node, steps):
                return True
            if not isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.Lambda, ast.For, ast.AsyncFor, ast.While)):
                waiting += children(node)
        return False

    def calls_back(self, function: ast.FunctionDef | ast.AsyncFunctionDef, holder: str) -> bool:
        """Return whether a library calls a function for each part: it was given it, or its class says so."""
        if function.name not in _INHERITED and not self._packages & _TAKERS:
            return False
        self._read()
        return f"{holder}.{function.name}" in self._callbacks or function.name in self._callbacks

    def _of(self, node: ast.expr | None, steps: int = MAX_STEPS) -> str:
        """Return the dotted name by which a library knows an expression, calls written as what they call."""
        self._read()
        if steps == 0 or node is None:
            return ""
        if isinstance(node, ast.Await):
            return self._of(node.value, steps)
        if isinstance(node, ast.Call):
            return self._of_call(node, steps)
        if isinstance(node, ast.Attribute):
            base = self._of(node.value, steps - 1)
            if base:
                return f"{base.removesuffix(_MARK)}.{node.attr}"
            return self._of_name(node.attr, steps) or f"?.{node.attr}"
        if isinstance(node, ast.Name):
            return (self._imported or {}).get(node.id, "") or self._of_name(node.id, steps)
        if isinstance(node, ast.BoolOp):
            return next(filter(None, (self._of(one, steps - 1) for one in node.values)), "")
        return self._of_annotation(node, steps)

    def _of_call(self, node: ast.Call, steps: int) -> str:
        name = last_name(node.func)
        if name in ("wait_for", "enumerate", "aiter", "iter", "anext", "aclosing", "closing", "shield") and node.args:
            return self._of(node.args[0], steps - 1)
        found = self._of(node.func, steps - 1)
        if not found or found.startswith("?."):
            found = self._of_own(name, steps) if _is_own(node.func) else found
        told = any(one.arg == "stream" and _is_true(one.value) for one in node.keywords)
        return f"{found or '?'}{_MARK}" if told else found

    def _of_own(self, name: str, steps: int) -> str:
        """Return what a function of the file returns."""
        return _once(self._returned, name, lambda: self._find_returned(name, steps))

    def _find_returned(self, name: str, steps: int) -> str:
        if len(self._owns.get(name, ())) != 1:
            return ""
        function = self._owns[name][0]
        returned = [one.value for one in outside_functions(function.body) if isinstance(one, ast.Return)]
        found = {self._of(one, steps - 1) for one in [function.returns, *returned[:8]] if one is not None}
        found.discard("")
        return found.pop() if len(found) == 1 else ""

    def _of_annotation(self, node: ast.expr, steps: int) -> str:
        if isinstance(node, ast.BinOp):  # `WebSocket | None`
            return self._of(node.left, steps - 1) or self._of(node.right, steps - 1)
        if isinstance(node, ast.Subscript) and last_name(node.value) in ("Optional", "Annotated"):
            inner = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
            return self._of(inner, steps - 1)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.replace(".", "").isidentifier():
            head, _, rest = node.value.partition(".")
            found = (self._imported or {}).get(head, "")
            return f"{found}.{rest}" if found and rest else found
        return ""

    def _of_name(self, name: str, steps: int) -> str:
        return _once(self._known, name, lambda: self._hold(name, steps))

    def _hold(self, name: str, steps: int) -> str:
        found = {self._of(one, steps - 1) for one in self._bound.get(name, ())}
        if name in self._served:
            found.add("websockets.ServerConnection")
        known = {one for one in found if one and not one.startswith("?.")}
        return known.pop() if len(known) == 1 else ""

    def _read(self) -> None:
        if self._imported is not None:
            return
        imported: dict[str, str] = {}
        self._imported = imported
        classes: list[ast.ClassDef] = []
        calls: list[ast.Call] = []
        sets: list[ast.Assign] = []
        for node in walk(self._module):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                imported.update(_names_of(node))
            elif isinstance(node, ast.Call):
                calls.append(node)
            elif isinstance(node, ast.ClassDef):
                classes.append(node)
            elif isinstance(node, _FUNCTIONS):
                self._owns.setdefault(node.name, []).append(node)
            else:
                if isinstance(node, ast.Assign):
                    sets.append(node)
                for target, value in _bindings(node):
                    self._bound.setdefault(target, []).append(value)
        self._serve(calls)
        self._give(calls, sets)
        self._inherit(classes)

    def _serve(self, calls: list[ast.Call]) -> None:
        """Bind the first parameter of each function that serves the connections of `websockets.serve()`."""
        for call in calls:
            if (
                last_name(call.func) in ("serve", "unix_serve")
                and call.args
                and self._of(call.func).startswith("websockets.")
            ):
                for own in self._owns.get(last_name(call.args[0]), ()):
                    given = [one.arg for one in own.args.args if one.arg not in ("self", "cls")]
                    self._served.update(given[:1])
        self._known.clear()

    def _give(self, calls: list[ast.Call], sets: list[ast.Assign]) -> None:
        """Find the functions that libraries are given."""
        for call in calls:
            place = _TAKES.get(last_name(call.func))
            if place is not None and isinstance(call.func, ast.Attribute) and len(call.args) > place:
                self._call_back(call.args[place])
            for one in call.keywords:
                if one.arg is not None and self._is_given(call.func, one.arg):
                    self._call_back(one.value)
        for assigned in sets:
            target = assigned.targets[0]
            if isinstance(target, ast.Attribute) and self._is_given(target.value, target.attr):
                self._call_back(assigned.value)

    def _call_back(self, function: ast.expr) -> None:
        if last_name(function) in self._owns:
            self._callbacks.add(last_name(function))

    def _is_given(self, taker: ast.expr, name: str) -> bool:
        """Return whether a library takes a function for each part by a name."""
        library = self._of(taker) if name in _ALL_GIVEN else ""
        return any(name in names and pattern.fullmatch(library) is not None for pattern, names in _GIVEN)

    def _inherit(self, classes: list[ast.ClassDef]) -> None:
        """Find the methods that libraries call on the classes of a file."""
        for node in classes:
            for base in map(self._of, node.bases):
                for pattern, names in _BASES if base else ():
                    if pattern.fullmatch(base) is not None:
                        self._callbacks.update(f"{node.name}.{name}" for name in names)


def _once(known: dict[str, str], name: str, find: Callable[[], str]) -> str:
    """Return what is known by a name, found where it is not known yet; nothing while it is looked for."""
    if name not in known:
        known[name] = ""
        known[name] = find()
    return known[name]


_ALL_GIVEN = frozenset(name for _, names in _GIVEN for name in names)


_ROOTS = frozenset(
    {
        "websockets", "websocket", "trio_websocket", "wsproto", "autobahn", "aiohttp", "fastapi", "starlette", "quart",
        "socket", "serial", "serial_asyncio", "zmq", "nanomsg", "pynng", "kafka", "aiokafka", "confluent_kafka", "redis",
        "aioredis", "nats", "paho", "gmqtt", "aiomqtt", "asyncio_mqtt", "sseclient", "httpx_sse", "aiohttp_sse_client",
        "watchfiles", "inotify", "inotify_simple", "kubernetes", "kubernetes_asyncio", "evdev", "can", "livekit",
        "pipecat", "aiortc", "picamera", "pyaudio", "sounddevice", "cv2", "pexpect", "asyncio", "twisted", "bleak",
        "wyoming", "tweepy", "rospy", "rclpy", "transformers", "langchain", "langchain_core", "llama_index", "openai",
        "anthropic", "google", "litellm", "groq", "pika", "azure", "binance", "assemblyai", "kiteconnect", "scapy", "pynput",
        "picamera2", "alpaca", "pyshark",
    }
)  # fmt: skip
"""Packages of which one is imported, or no name of the file is followed."""
_TAKERS = frozenset(
    {
        "websocket", "paho", "gmqtt", "aiomqtt", "sounddevice", "pyaudio", "bleak", "can", "rospy", "rclpy", "pika", "nats",
        "google", "azure", "binance", "assemblyai", "kiteconnect", "scapy", "pynput", "picamera2", "alpaca", "pyshark",
    }
)  # fmt: skip
"""Packages that are given functions."""
_INHERITED = frozenset(name for _, names in _BASES for name in names)


def _packages(body: list[ast.stmt]) -> frozenset[str]:
    """Return the packages that a block imports, as far as they hand something over part by part."""
    found: set[str] = set()
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found.update(one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add("" if node.level else (node.module or "").partition(".")[0])
        else:
            for name in ("body", "orelse", "finalbody", "handlers", "cases"):
                waiting += getattr(node, name, ())
    return _ROOTS & found


def _lower_tail(found: str) -> str:
    """Return a dotted name with the classes in it in small letters, the package and the method as they are."""
    head, _, rest = found.partition(".")
    middle, _, tail = rest.rpartition(".")
    return f"{head}.{middle.lower()}.{tail}" if middle else found


def _is_own(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) or (
        isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id in ("self", "cls")
    )


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _names_of(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Yield what an import binds, and the dotted name of what that is; nothing of the project itself."""
    if isinstance(node, ast.Import):
        yield from ((one.asname, one.name) if one.asname else (one.name.partition(".")[0],) * 2 for one in node.names)
    elif node.module and not node.level:
        yield from ((one.asname or one.name, f"{node.module}.{one.name}") for one in node.names)


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield the last names of what a node binds, and what says what they hold."""
    if isinstance(node, ast.Assign):
        yield from ((last_name(one), node.value) for one in node.targets)
    elif isinstance(node, ast.AnnAssign):
        yield last_name(node.target), node.annotation
        if node.value is not None:
            yield last_name(node.target), node.value
    elif isinstance(node, ast.NamedExpr):
        yield node.target.id, node.value
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield last_name(node.optional_vars), node.context_expr
    elif isinstance(node, ast.arg) and node.annotation is not None:
        yield node.arg, node.annotation
