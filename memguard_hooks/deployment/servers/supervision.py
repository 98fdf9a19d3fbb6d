"""Folders of services that an init program of a container starts: s6-overlay, s6 and runit.

Facts: just-containers/s6-overlay 3.2 (`/etc/services.d`, and `/etc/s6-overlay/s6-rc.d` with the services that the bundle
`user` holds), skarnet.org's s6 2.13 and execline 2.9, runit 2.3 (`runsvdir`), and phusion/baseimage (`my_init`). What these
run besides the services, the command of the image, runs at the same time.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from memguard_hooks.deployment.servers.managed import MAX_BYTES, Managed
from memguard_hooks.deployment.start import Host, UnknownStartError

FOLDERS = {
    "init": ("/etc/services.d", "/etc/s6-overlay/s6-rc.d"),
    "my_init": ("/etc/service",),
    "s6-svscan": (),
    "runsvdir": (),
    "runit-init": ("/etc/service",),
}
"""Programs → the folders whose services they start; of those without any the words name one."""

_BUNDLE = "user/contents.d"

_TAKEN = {
    "with-contenv": 0, "s6-notifyoncheck": 0, "emptyenv": 0, "cd": 1, "fdclose": 1, "s6-setuidgid": 1, "s6-envdir": 1,
    "fdmove": 2, "importas": 2, "export": 2, "redirfd": 2,
}  # fmt: skip
"""Programs of execline that go on with the rest of the line, and how many words stand before that besides options."""

_VALUED = {"importas": ("-D",), "s6-notifyoncheck": ("-d", "-n", "-s", "-T", "-t", "-w", "-3")}


def read_services(program: str, words: Sequence[str], host: Host) -> list[Managed]:
    """Read the services of an init program, and the command that it runs beside them."""
    folders, command = FOLDERS[program], [word for word in words if word != "--"]
    if not folders:
        named = [word for word in words if word.startswith("/")]
        folders, command = tuple(named[:1]), []
    while command and command[0].startswith("-"):
        command.pop(0)
    found = [one for folder in folders for one in _in_folder(folder, host)]
    if command:
        found.append(Managed(shlex.join(command)))
    if not found:
        where = " or ".join(folders) or "a folder"
        raise UnknownStartError(f"{program} starts the services of {where}, and none is in the repository")
    return found


def _in_folder(folder: str, host: Host) -> Iterator[Managed]:
    inner = host.inside(folder)
    names = host.names_in(inner) if inner is not None else ()
    bundle = frozenset(host.names_in(f"{inner}/{_BUNDLE}"))
    for name in sorted(names):
        path = f"{folder}/{name}/run"
        text = host.read_text(path)
        kind = host.read_text(f"{folder}/{name}/type")
        if text is None or len(text) > MAX_BYTES or (kind is not None and kind.strip() != "longrun"):
            continue
        if host.read_text(f"{folder}/{name}/down") is None and (not bundle or name in bundle):
            yield _execline(text) if "execlineb" in text.partition("\n")[0] else Managed(f"sh {shlex.quote(path)}")


def _execline(text: str) -> Managed:
    """Return the program that a line of execline ends in, and the folder that it changes to."""
    folder = ""
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return Managed("")
    while words:
        name = words[0].rpartition("/")[2]
        if name in ("foreground", "background", "if", "backtick") and "}" in words:
            words = words[words.index("}") + 1 :]
        elif name in _TAKEN:
            rest = words[1:]
            while rest and rest[0].startswith("-"):
                rest = rest[
                    2 if name in ("importas", "s6-notifyoncheck") and rest[0] in ("-D", "-n", "-w", "-t", "-s") else 1 :
                ]
            folder = rest[0] if name == "cd" and rest else folder
            words = rest[_TAKEN[name] :]
        else:
            break
    return Managed(shlex.join(words), folder=folder)
