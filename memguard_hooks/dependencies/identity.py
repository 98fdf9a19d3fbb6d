"""What an argument of pip names: a package, a URL or a path with its name, or a local project.

Source of the forms: pip's documentation of `pip install` and of VCS support.
"""

from __future__ import annotations

import re
from functools import lru_cache

from memguard_hooks.dependencies import requirement as req
from memguard_hooks.record import Record


class Identity(Record):
    """What a requirement names: a package, and how PEP 508 writes it; or a local project with extras, and no name."""

    name: str | None
    text: str
    extras: tuple[str, ...] = ()


_SCHEMES = ("http:", "https:", "ftp:", "file:", "git:", "git+", "hg+", "svn+", "bzr+")
_ARCHIVES = (".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.lz", ".tlz")


@lru_cache(maxsize=2**12)
def identify(text: str, *, is_editable: bool) -> Identity | None:
    """Return what a requirement names; None where that is nothing that pip could read."""
    is_url = text.lower().startswith(_SCHEMES)
    location, _, marker = text.partition("; " if is_url else ";")
    location, marker = location.strip(), f" ; {marker.strip()}" if marker.strip() else ""
    if not is_url:
        is_direct = "@" in location and re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^]]*\]\s*)?@", location)
        is_path = "/" in location or location.startswith(".") or location.lower().endswith(_ARCHIVES)
        if is_direct or not (is_path or is_editable):
            name = req.name_of(location)
            return Identity(name, location + marker) if name else None
    egg = re.search(r"[#&]egg=([A-Za-z0-9._-]+)(\[[^]]*\])?", location)
    name = egg[1] if egg else req.archive_of(location)[0] or _repository_of(location)
    if name is None:
        extras = re.search(r"\[([^][]*)\]$", location)
        asked = extras[1].split(",") if extras else []
        return Identity(None, location, tuple(extra.strip() for extra in asked if extra.strip()))
    extra = (egg[2] or "") if egg else ""
    return Identity(req.normalize_name(name), f"{name}{extra} @ {location.replace(' ', '%20')}{marker}")


def _repository_of(location: str) -> str | None:
    """Return the name of the repository that a VCS URL leads to: almost always the name of what is in it."""
    match = re.match(r"\w+\+\w+://[^/]*/([^@#?]*)", location)
    return req.name_of(match[1].rpartition("/")[2].removesuffix(".git")) if match else None
