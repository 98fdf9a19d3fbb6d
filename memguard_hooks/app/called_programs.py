"""The Python programs of the project that a service starts by a call: for a request, in a task, or to go on beside it.

What is started at the top of a program that is a plain script is a start of its own (`deployment/started_programs.py`).
"""

from __future__ import annotations

from memguard_hooks.record import Record
from memguard_hooks.tree import join, parent

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    from memguard_hooks.app.entry_points import ServiceEntry
    from memguard_hooks.finding import Moment
    from memguard_hooks.project.project import Project
    from memguard_hooks.startup.calls import StartCall

MODULE = "-m "


class CalledProgram(Record):
    """What a call starts Python with: the command, and the folder where it runs; `reason` says why nobody can count it.

    `is_awaited` tells that the call waits for it, so that others of its kind start once it has ended.
    """

    command: str
    folder: str
    is_awaited: bool
    reason: str = ""


def program_of(project: Project, entry: ServiceEntry, call: StartCall, moment: Moment) -> CalledProgram | None:
    """Return the program of the project that a call starts and that is there by a moment; None for any other program.

    What is waited for has ended once a service serves, if it is started before.
    """
    from memguard_hooks.startup.calls import UNTOLD

    is_awaited = call.known.how == "ended"
    if not call.program or (is_awaited and moment == "start"):
        return None
    place = f"{call.path}:{call.line}"
    if call.program == UNTOLD:
        reason = f"{place} starts Python, and only a run can tell with which file"
        return CalledProgram(f"what {place} starts", "", is_awaited, reason) if moment != "start" else None
    module = call.program.removeprefix(MODULE)
    for folder in _folders(entry, call):
        if module != call.program:
            is_there = any(project.tree.size(path) is not None for path in _files_of(folder, module))
        else:
            path = join(folder, call.program)
            is_there = path is not None and project.tree.size(path) is not None
        if is_there:
            from shlex import quote

            words = call.program if module != call.program else quote(call.program)
            return CalledProgram(f"python {words}", folder, is_awaited)
    if moment == "start" or not call.program.endswith(".py"):
        return None
    reason = f"{place} starts {call.program}, which the repository lacks"
    return CalledProgram(call.program, "", is_awaited, reason)


def _folders(entry: ServiceEntry, call: StartCall) -> Iterator[str]:
    """Yield where the program may run: the service's folder, the root and those of the code, with what the call says."""
    for folder in dict.fromkeys((entry.service.folder, "", parent(entry.path), parent(call.path))):
        found = join(folder, call.folder) if call.folder else folder
        if found is not None:
            yield found


def _files_of(folder: str, module: str) -> Iterator[str]:
    """Yield the files that `python -m` may run for a module."""
    for name in (f"{module.replace('.', '/')}.py", f"{module.replace('.', '/')}/__main__.py"):
        path = join(folder, name)
        if path is not None:
            yield path
