"""Start a service by its real command on loopback, wait until it answers, and read the memory of all its processes."""

from __future__ import annotations

import http.client
import re
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext

from memguard_hooks.host.process_tree import Process, Socket, add_up, listening
from memguard_hooks.measure.limit import Outcome, Watch, watched
from memguard_hooks.measure.measure import Patience
from memguard_hooks.measure.running import NotStartedError, Rest, RunningApp, Tell, started
from memguard_hooks.measure.session import HEALTH, session
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

LOOPBACK = "127.0.0.1"
STEP_SECONDS = 0.25
ANSWER_SECONDS = 2
REQUEST_SECONDS = 30

_EVERYWHERE = late_pattern(r"(?<![\w.])0\.0\.0\.0(?![\w.])|\[::0?\]|(?<=[\s=])::(?=\s|$)")
_BIND = late_pattern(r"((?:--bind|-b)(?:[ =]|(?<=-b))['\"]?):(?=[\d$])")
"""gunicorn's and hypercorn's `--bind :8000`, which is every address."""


class ServingSample(Record):
    """The processes of a service at one moment, and what they take together, each shared page once."""

    processes: tuple[Process, ...]
    total: int


class ServingResult(Record):
    """A service that was started: `status` is what it answered first, None where it listens nowhere.

    `after` is the reading after the requests, of which `answered` came back with `statuses`, and within so many `sessions`
    of streamlit's: 1 or none. `outside` are
    addresses that others reach too. `rested` tells whether it came to rest before it was read. Where it died under its
    limit, there is no reading.
    """

    command: str
    status: int | None
    idle: ServingSample | None
    after: ServingSample | None
    requests: int
    answered: int
    statuses: tuple[int, ...]
    outside: tuple[Socket, ...]
    rested: bool
    outcome: Outcome | None
    sessions: int = 0


class Request(Record):
    """What is asked of a service: so many times the same path."""

    path: str = "/"
    number: int = 100


def on_loopback(command: str) -> str:
    """Return a command in which no address is every address of the machine."""
    return _EVERYWHERE.sub(LOOPBACK, _BIND.sub(rf"\g<1>{LOOPBACK}:", command))


def with_port(environment: Mapping[str, str], port: int) -> dict[str, str]:
    """Return variables that bind a service to a port of the loopback address."""
    found = {name: on_loopback(value) for name, value in environment.items()}
    found["PORT"] = str(port)
    arguments = found.get("GUNICORN_CMD_ARGS", "")
    if not re.search(r"(?:^|\s)(?:--bind|-b)", arguments):
        found["GUNICORN_CMD_ARGS"] = f"{arguments} --bind {LOOPBACK}:{port}".strip()
    return found


def free_port() -> int:
    """Return a port of the loopback address that nobody uses."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])


class Start(Record):
    """How a service is started: by a command for the shell, in a folder, with these variables."""

    command: str
    folder: str
    environment: Mapping[str, str]


def serve(start: Start, request: Request, patience: Patience, tell: Tell, limit: int | None) -> ServingResult:
    """Start a service, read its memory idle and after requests, and end it. Raises NotStartedError."""
    command = on_loopback(start.command)
    shell = ["/bin/sh", "-c", command]
    environment = with_port(start.environment, free_port())
    with watched(limit) as watch, started(shell, start.folder, environment, watch.group) as running:
        served = ServingResult(command, None, None, None, request.number, 0, (), (), rested=True, outcome=None)
        try:
            served = _observe(running, served, request, patience, tell, watch)
        except NotStartedError:
            outcome = watch.outcome()
            if outcome is None or not outcome.failed:
                raise
        return served._replace(outcome=watch.outcome())


def _observe(
    running: RunningApp, served: ServingResult, request: Request, patience: Patience, tell: Tell, watch: Watch
) -> ServingResult:
    deadline = time.monotonic() + patience.timeout
    found = _wait_for_answer(running, patience, deadline, tell, watch)
    if found is None:
        return served
    address, status = found
    rested = _wait_for_rest(running, patience, deadline, tell, watch)
    served = served._replace(status=status, rested=rested, idle=_read(running), outside=_outside(running))
    if address is None or status is None or not request.number:
        return served
    answers: list[int | None] = []
    for number in range(request.number):
        tell(f"request {number + 1} of {request.number}")
        answers.append(_ask(address, request.path, REQUEST_SECONDS))
        if number % 10 == 0 and watch.look(running):
            return served
    came = [status for status in answers if status is not None]
    served = served._replace(answered=len(came), statuses=tuple(sorted(set(came))))
    with session(_host(address), address.port) if _is_streamlit(address) else nullcontext(enter_result=False) as is_open:
        rested = _wait_for_rest(running, patience, time.monotonic() + patience.timeout, tell, watch) and rested
        served = served._replace(sessions=int(is_open), after=_read(running))
    return served._replace(rested=rested, outside=_outside(running))


def _wait_for_answer(
    running: RunningApp, patience: Patience, deadline: float, tell: Tell, watch: Watch
) -> tuple[Socket | None, int | None] | None:
    """Return who answers, and with what status; None where the kernel has killed a process before."""
    rest = Rest(patience.still)
    while True:
        time.sleep(STEP_SECONDS)
        if watch.look(running):
            return None
        pids = running.pids()
        if not pids and running.is_over():
            raise NotStartedError(f"the service ended with status {running.process.returncode}", running.tail())
        sockets = listening(pids)
        tell(f"{len(pids)} processes, {'waiting for an answer' if sockets else 'starting'}")
        for address in sockets:
            status = _ask(address, "/", ANSWER_SECONDS)
            if status is not None:
                return address, status
        if rest.look(pids, sockets):
            return None if watch.look(running) else (None, None)
        if time.monotonic() > deadline:
            raise NotStartedError(
                f"the service has neither answered nor come to rest in {patience.timeout:g} s", running.tail()
            )


def _wait_for_rest(running: RunningApp, patience: Patience, deadline: float, tell: Tell, watch: Watch) -> bool:
    rest = Rest(patience.still)
    while time.monotonic() < deadline and not watch.look(running):
        pids = running.pids()
        tell(f"{len(pids)} processes, waiting until they rest")
        if rest.look(pids, None):
            return True
        time.sleep(STEP_SECONDS)
    return False


def _ask(address: Socket, path: str, seconds: float) -> int | None:
    """Send one request; return the status of the answer, None where no HTTP comes back."""
    connection = http.client.HTTPConnection(_host(address), address.port, timeout=seconds)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read(2**20)
    except (OSError, http.client.HTTPException):
        return None
    else:
        return response.status
    finally:
        connection.close()


def _host(address: Socket) -> str:
    """Return where a server is asked that listens at an address."""
    return {"0.0.0.0": LOOPBACK, "::": "::1"}.get(address.address, address.address)  # noqa: S104 - asked, not bound


def _is_streamlit(address: Socket) -> bool:
    """Return whether streamlit listens there, which runs an app for sessions alone."""
    return _ask(address, HEALTH, ANSWER_SECONDS) == http.client.OK


def _read(running: RunningApp) -> ServingSample:
    assert running.family is not None
    processes = running.family.read()
    return ServingSample(processes, add_up(processes))


def _outside(running: RunningApp) -> tuple[Socket, ...]:
    return tuple(one for one in listening(running.pids()) if not one.is_loopback)


def largest(readings: Sequence[ServingSample | None]) -> int:
    """Return what the service takes at most of the moments that were read."""
    return max((reading.total for reading in readings if reading is not None), default=0)
