"""What the arguments of a log call cost, and what they hold: a dropped line pays for the calls in it."""

from __future__ import annotations

import ast

from memguard_hooks.formats.python_nodes import last_name, outside_functions, walk
from memguard_hooks.logs.loops import calls_in
from memguard_hooks.pattern import late_pattern

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

TRANSLATES = frozenset(
    {"_", "T", "gettext", "ngettext", "pgettext", "gettext_lazy", "gettext_noop", "ugettext", "lazy_gettext"}
)
"""Calls that look a text up in a catalog of translations."""

_CHEAP = TRANSLATES | frozenset(
    {
        "len", "type", "id", "int", "float", "bool", "round", "abs", "getattr", "hasattr", "isinstance", "callable", "ord",
        "chr", "hex", "repr", "time", "monotonic", "perf_counter", "now", "utcnow", "today", "timestamp", "isoformat",
        "total_seconds", "strftime", "upper", "lower", "title", "capitalize", "strip", "lstrip", "rstrip", "center", "ljust",
        "rjust", "zfill", "decode", "get", "keys", "values", "items", "qsize", "current_thread", "current_task", "getpid",
        "get_ident", "format", "startswith", "endswith", "removeprefix", "removesuffix", "timedelta", "progress", "is_set",
        "divmod", "elapsed", "strsignal", "min", "max", "next", "date", "weekday", "bit_length",
        "globals", "locals", "vars", "group", "groups", "done", "cancelled", "relative_to", "as_posix", "python_version",
        "system", "release", "machine", "processor", "gethostname", "tell", "hexdigest", "getsizeof", "relpath", "fileno",
        "from_bytes", "asctime", "ctime", "basename", "splitext", "fromhex", "text_type", "result",
        "localtime", "gmtime", "lifetime", "uptime", "age", "astimezone", "utcoffset", "getuid", "geteuid", "getgid",
        "getppid", "ttl", "replace", "getAttribute", "cpu_count", "oct", "bin", "locked", "fullmatch", "match", "search",
        "default_timer",
    }
)  # fmt: skip
"""Calls of constant time, or of a text that is written anyway."""
_GETTER = late_pattern(r"^_*get_|_(?:id|name)$")
_CONSTANT = late_pattern(
    r"^_*(?:is|has)_|^_*get_\w*(?:id|name|type|key)$|(?:^|_)(?:ts|time|date|datetime|timestamp|clock|duration|elapsed|seconds|age)(?:_str(?:ing)?)?(?:_ms)?$"
    r"|^sizeof_|^natural|^_*format_(?:time|duration|size|date|bytes|elapsed|number|percent)|(?:^|_)(?:short_id|fullname)$|_name$"
    r"|^(?:red|green|blue|yellow|cyan|magenta|bold|dim|colou?r(?:ed|ize)?|hl)$"
)
_ACCESSORS = frozenset(
    {
        "name",
        "meta",
        "kind",
        "type",
        "status",
        "state",
        "version",
        "label",
        "uri",
        "url",
        "key",
        "topic",
        "partition",
        "offset",
        "code",
        "__repr__",
    }
)
"""Methods without arguments that tell what an object is."""


def costly_of(node: ast.Call, plain: frozenset[str] = frozenset(), growing: frozenset[str] = frozenset()) -> str:
    """Return the call, or the comprehension, that a dropped line still pays for.

    `plain` are functions of the file that do nothing that grows, `growing` those that have a loop. Nothing is said of a
    line whose arguments read on in something: the program needs that, whether the line is written or not.
    """
    arguments = (*node.args, *(one.value for one in node.keywords))
    if any(_READS_ON.search(last_name(one.func)) for one in calls_in(arguments)):
        return ""
    unknown = ""
    for one in outside_functions(list(arguments)):
        if isinstance(one, (ast.ListComp, ast.SetComp, ast.DictComp)):
            return "a comprehension"
        if isinstance(one, ast.Await):
            return f"{WAITS}{ast.unparse(one.value)[:60]}"
        if isinstance(one, ast.Subscript) and isinstance(one.value, ast.Call) and last_name(one.value.func) == "str":
            return "str()"
        if isinstance(one, ast.Call) and (_is_own(one, growing) or not (_is_cheap(one) or last_name(one.func) in plain)):
            name = ast.unparse(one.func)
            told = f"{name if len(name) <= 60 else last_name(one.func)}()"
            if last_name(one.func) in _GROWS or _goes_through(one):
                return told
            unknown = unknown or told
    return unknown


WAITS = "await "
"""What a mark begins with where an argument waits for something."""

_GROWS = frozenset(
    {
        "join", "list", "dict", "set", "frozenset", "tuple", "sorted", "sum", "mean", "std", "dumps", "pformat", "to_dict",
        "model_dump", "model_dump_json", "asdict", "hex", "hexlify", "b64encode", "tolist", "copy", "deepcopy", "count",
        "format_exc", "format_stack", "all_tasks", "describe", "unparse", "mogrify", "urlencode", "json", "serialize",
        "to_json", "SerializeToString", "MessageToJson", "MessageToDict", "model_json_schema", "tobytes", "tostring",
        "to_string", "list2cmdline", "prettify", "stack", "get_referrers", "get_objects", "memory_info", "stat", "sha256",
        "sha1", "md5", "dir",
    }
)  # fmt: skip
"""Calls whose work grows with what they are given, whatever a function of the project by that name does."""


def asked_function(costly: str) -> str:
    """Return the name of a function whose work only its body tells, empty where the mark of a call tells it."""
    name = "" if costly.startswith(WAITS) else costly.removesuffix("()").rpartition(".")[2]
    is_asked = name.isidentifier() and costly.endswith("()") and name not in _GROWS | {"str", "min", "max"}
    return name if is_asked else ""


def bodies_of(module: ast.Module, name: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef | None]:
    """Return the functions of a file with a name, of a class what makes one of it, None where that is nobody's code."""
    found: list[ast.FunctionDef | ast.AsyncFunctionDef | None] = []
    for one in walk(module):
        if isinstance(one, FUNCTIONS) and one.name == name:
            found.append(one)
        elif isinstance(one, ast.ClassDef) and one.name == name:
            found.append(next((made for made in one.body if isinstance(made, FUNCTIONS) and made.name == "__init__"), None))
    return found


def unknown_work(function: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str] | None:
    """Return the functions by name on which it hangs whether a body does little, None for one that does much."""
    names: set[str] = set()
    for one in outside_functions(function.body):
        if isinstance(one, _GROWING) or (isinstance(one, ast.Call) and last_name(one.func) in _GROWS):
            return None
        if isinstance(one, ast.Call) and not _is_cheap(one):
            names.add(last_name(one.func))
    return frozenset(names)


_READS_ON = late_pattern(
    r"^_*(?:extract|pop|recv|receive|consume|read|readline|readlines|next|unpack|acquire|add|remove|post|put|patch|delete|"
    r"send|publish|update|save|commit|create|start|stop|close)(?:_|$)"
)
"""Names of what changes what it is called on, or something elsewhere."""


def _is_own(node: ast.Call, names: frozenset[str]) -> bool:
    """Return whether a call names one of some functions of its file, by itself or as a method of `self`."""
    name = last_name(node.func)
    return name in names and ast.unparse(node.func) in (name, f"self.{name}", f"cls.{name}")


def plain_functions(module: ast.Module) -> tuple[frozenset[str], frozenset[str]]:
    """Return the functions of a file that call nothing but what takes constant time, and those that have a loop."""
    found: dict[str, list[frozenset[str] | None]] = {}
    for block in (module.body, *(one.body for one in module.body if isinstance(one, ast.ClassDef))):
        for one in block:
            if isinstance(one, FUNCTIONS):
                found.setdefault(one.name, []).append(unknown_work(one))
    plain = (name for name, works in found.items() if not any(one is None or one for one in works))
    return frozenset(plain), frozenset(name for name, works in found.items() if None in works)


_GROWING = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Await)


def _goes_through(node: ast.Call) -> bool:
    """Return whether a call looks for the least or the greatest of a whole, where it may also be given two numbers."""
    is_method = isinstance(node.func, ast.Attribute)
    given = node.args[0] if len(node.args) == 1 else None
    is_whole = not node.args if is_method else isinstance(given, (ast.Name, ast.Attribute, ast.Call))
    return last_name(node.func) in ("min", "max") and is_whole


def _is_cheap(node: ast.Call) -> bool:
    name = last_name(node.func)
    if _goes_through(node):
        return False
    if isinstance(node.func, ast.Attribute):
        if name == "hex":
            return False  # of bytes, where `hex()` is given a number
        if last_name(node.func.value) in ("path", "math"):
            return True  # of os.path, which puts names together, or of numbers
        if name == "join" and node.args and isinstance(node.args[0], (ast.List, ast.Tuple)):
            return not any(isinstance(one, ast.Starred) for one in node.args[0].elts)  # as long as it is written
    if not (node.args or node.keywords) and (name in _ACCESSORS or _GETTER.search(name)):
        return True
    is_record = (name == "dict" and not node.args) or (name[:1].isupper() and bool(node.keywords))
    if is_record and all(one.arg for one in node.keywords) and all(isinstance(one, ast.Constant) for one in node.args):
        return True  # as large as it is written
    if name == "str":
        given = node.args[0] if node.args else None
        return (not isinstance(given, ast.Call) or _is_cheap(given)) and not (
            isinstance(given, ast.Name) and given.id == "self"
        )
    return not name or name in _CHEAP or _CONSTANT.search(name) is not None


_WHOLE = frozenset({"payload", "body", "raw", "request_body", "raw_body", "response_json", "raw_data", "event_data"})
_WHOLE_CALLS = frozenset({"json", "dumps", "to_dict", "model_dump", "model_dump_json", "as_dict"})


def payload(node: ast.Call) -> str:
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
