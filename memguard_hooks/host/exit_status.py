"""What the exit status of a program that has died says, and what it does not.

128 + N for a signal N is the shell's rule (Bash Reference Manual, "Exit Status"), and what container runtimes pass on.
"""

from __future__ import annotations

from memguard_hooks.record import Record

SIGNALS = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
    11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS",
}  # fmt: skip
"""The numbers of Linux: what died there may be explained on another system."""

MAX_SIGNAL = 64


class Explained(Record):
    """A status in a word (`137 = 128 + 9, SIGKILL`), what it says of memory, and what to look at."""

    status: int
    title: str
    memory: str
    lines: tuple[str, ...]


_BY_SIGNAL: dict[int, tuple[str, tuple[str, ...]]] = {
    9: (
        "likely",
        (
            "nothing can catch it: no traceback, no handler, and what was printed last may be lost",
            "the kernel sends it to a process of a container that has reached its limit and has nothing to drop",
            "so does who stops it by force: a platform when the grace period after SIGTERM is over, `docker kill`, a person",
            "so does gunicorn: where it has logged `WORKER TIMEOUT`, `Perhaps out of memory?` speaks of its own --timeout",
            "it was memory where the platform says so (OOMKilled, out of memory), or where memory rose to the limit before",
        ),
    ),
    15: (
        "no",
        (
            "somebody asked it to stop: a deploy, a restart, fewer copies, a host that is taken away",
            "the kernel does not send it for want of memory; a platform may, to a service that its own check finds at fault",
        ),
    ),
    11: (
        "unlikely",
        (
            "it touched memory that is not its own: a fault in native code, or a stack that grew too deep",
            "PYTHONFAULTHANDLER=1 prints the Python lines that led there; look at the wheels that changed last",
        ),
    ),
    6: (
        "possible",
        (
            "it ended itself: an assertion in native code, a broken heap, or C++ that got no memory (std::bad_alloc)",
            "gunicorn sends it to a worker that is silent for longer than --timeout, and logs `WORKER TIMEOUT`: no memory",
            "the last line on stderr says which; PYTHONFAULTHANDLER=1 prints the Python lines that led there",
        ),
    ),
    7: ("possible", ("a mapped file was cut short, or /dev/shm is full: files there count as memory of the container",)),
    4: ("no", ("the processor does not know an instruction: a wheel was built for a newer one",)),
    2: ("no", ("somebody pressed Ctrl-C, or stopped it in that manner",)),
}

_BY_STATUS: dict[int, tuple[str, tuple[str, ...]]] = {
    0: ("no", ("it ended by itself and found nothing wrong: a service must not end",)),
    1: (
        "possible",
        (
            "an exception that nobody caught: its traceback stands on stderr",
            "MemoryError says that the system refused memory: `ulimit -v`, no overcommit, or a size that is absurd",
            "a container at its limit is refused nothing: it is killed, which is 137",
        ),
    ),
    2: ("no", ("its arguments were wrong, or Python did not find the file",)),
    3: ("no", ("of gunicorn: a worker did not start; the traceback stands above",)),
    4: ("no", ("of gunicorn: the app could not be loaded; the traceback stands above",)),
    126: ("no", ("the command was found and may not be executed",)),
    127: ("no", ("the command was not found: the start command, or PATH",)),
}


def explain(status: int) -> Explained:
    """Explain a status: 0 to 255 as a shell has it, or -N for a signal as Python's subprocess has it. Raises ValueError."""
    if not -MAX_SIGNAL <= status <= 255:
        raise ValueError(f"not an exit status: {status}")
    number = -status if status < 0 else status - 128
    if status < 0 or 0 < number <= MAX_SIGNAL:
        name = SIGNALS.get(number, f"signal {number}")
        title = f"{status} = {name}" if status < 0 else f"{status} = 128 + {number}, {name}"
        memory, lines = _BY_SIGNAL.get(number, ("no", (f"it was ended by {name}",)))
        return Explained(status, title, memory, lines)
    memory, lines = _BY_STATUS.get(status, ("unlikely", ("it chose this status itself: only its own log says why",)))
    return Explained(status, str(status), memory, lines)
