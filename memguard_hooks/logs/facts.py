"""What is known of the log calls of a source by its content: kept in the store, and found out again where that is wrong."""

from __future__ import annotations

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import MAX_SOURCE_BYTES
from memguard_hooks.logs.model import Across
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.shape import one_of, record, rows, texts

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable

    from memguard_hooks.logs.model import LogCall, LogSetup
    from memguard_hooks.store import Store

_WORDS = late_pattern(
    rb"log[gb]|log_?(?:level|config)|\blogs?\b|\bprint\(|\becho\s*=|async for|shared_task|\.task\b|schedul|cron|periodic"
    rb"|run_repeating"
)
"""Without one of them, in small letters, a file says nothing of logs, gives nobody a stream, and is not parsed."""

_PARTS = (b"log", b"print(", b"echo", b"async for", b"task", b"schedul", b"cron", b"periodic", b"run_repeating")
"""What each of these words holds: to look for a text takes a tenth of the time."""

_SETS = late_pattern(
    rb"basicConfig|dictConfig|fileConfig|log_config|worker_main|loguru|logbook|Handler\)|setLevel|LOGGING|disable|make_filtering|create_(?:async_)?engine|log_level|\.add\("
    rb"|FileHandler|QueueHandler|MemoryHandler|['\"](?:loggers|handlers|root)['\"]"
)
"""Without one of them a file sets nothing of logs."""

_CALLS = late_pattern(rb"(?:\.\s*(?:trace|debug|info|success|msg|log)|\bprint)\s*\(")
"""Without one of them a file writes no line that is dropped, or that is too many."""

_LOOPS = (b"async for", b"while ", b"callback", b"task", b"schedul", b"cron", b"periodic", b"run_repeating")
"""Without one of them a file gives no function of another file each part of a stream, and comes to none again and again."""

_ADDRESS = b"api.telegram.org/bot"


class FileLogs(Record):
    """What one file says of logs. `calls` are those that a rule may speak of, `muted` the libraries whose loggers it sets.

    `holds_token` tells of an address that the token of a bot is part of, `across` is what other files have to know.
    """

    calls: tuple[LogCall, ...] = ()
    setups: tuple[LogSetup, ...] = ()
    muted: tuple[str, ...] = ()
    holds_token: bool = False
    across: Across = Across()


NOTHING = FileLogs()


def read_logs(store: Store, name: bytes, read: Callable[[], bytes]) -> FileLogs:
    """Return what a source says of logs; nothing of one that cannot be parsed. `name` is the name of its content."""
    kept = store.known(_known, b"logs", name)
    if kept is not None:
        return kept
    data = read()
    small = data.lower()
    says_nothing = len(data) > MAX_SOURCE_BYTES or not any(part in small for part in _PARTS)
    found = NOTHING if says_nothing or _WORDS.search(small) is None else _parse(data)
    store.put(False if found == NOTHING else found, b"logs", name)
    return found


def _parse(data: bytes) -> FileLogs:
    has_calls = _CALLS.search(data) is not None or any(one in data for one in _LOOPS)
    has_setups = _SETS.search(data) is not None
    if not has_calls and not has_setups:
        return FileLogs(holds_token=_ADDRESS in data)
    from memguard_hooks.formats.python_source import decode, parse
    from memguard_hooks.logs.calls import read_calls
    from memguard_hooks.logs.setup import find_setups

    try:
        module = parse(decode(data))
        setups, muted = find_setups(module) if has_setups else ((), ())
        calls, across = read_calls(module) if has_calls else ((), Across())
    except (MemguardError, RecursionError):  # an expression that is deeper than any that people write
        return NOTHING
    marked = tuple(one for one in calls if one.is_marked)
    return FileLogs(marked, tuple(setups), tuple(muted), _ADDRESS in data, across)


def _known(value: object) -> FileLogs:
    """Return what the store has kept. Raises TypeError or ValueError for what has another shape."""
    if value is False:
        return NOTHING
    from memguard_hooks.logs.model import LEVELS, Fed, LogCall, LogSetup, SteadyLine

    level = one_of("", *LEVELS)
    calls = rows(record(LogCall, int, int, level, str, str, str, str, str, str, bool))
    setups = rows(record(LogSetup, int, int, str, level, str, str, bool))
    fed, lines = rows(record(Fed, str, str)), rows(record(SteadyLine, int, int, str, str))
    return record(FileLogs, calls, setups, texts, bool, record(Across, fed, lines, fed, fed, lines))(value)
