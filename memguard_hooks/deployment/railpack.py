"""`railpack.json` of the builder Railpack, and `.replit` of Replit: what each is told to start.

Sources of the formats: railpack.com/config/file and docs.replit.com, "Configuring a Repl" (2026-11). Of `.replit` what
`[deployment]` runs counts, or else what the workspace does.
"""

from __future__ import annotations

import shlex

from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace
from memguard_hooks.formats import json_document, toml_document
from memguard_hooks.formats.typed import table, text, value
from memguard_hooks.tree import parent


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the one service that a file starts; nothing where it leaves that to others.

    Raises MemguardError for JSON or TOML that does not parse, with the place.
    """
    if path.endswith(".json"):
        document: json_document.JsonDocument | toml_document.TomlDocument = json_document.parse(data, path)
        keys: tuple[str, ...] = ("deploy", "startCommand")
        environment = table(document.data, "deploy", "variables")
    else:
        document = toml_document.parse(data, path)
        keys = ("deployment", "run") if value(document.data, "deployment", "run") else ("run",)
        environment = {**table(document.data, "env"), **table(document.data, "run", "env")}
    command = _command(value(document.data, *keys))
    if not command:
        return Deployment()
    place = ServicePlace(path, *document.place(keys))
    known = {name: one for name in environment if (one := text(environment, name)) is not None}
    builds = default_builds("railpack", parent(path), place, read_file)
    return Deployment((Service("web", *place, command, folder=parent(path), environment=known, builds=builds),))


def _command(written: object) -> str:
    """Return a command that is a text, or a list of words."""
    if isinstance(written, list):
        return shlex.join(word for word in written if isinstance(word, str))
    return written.strip() if isinstance(written, str) else ""
