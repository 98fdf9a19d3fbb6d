"""Where this package is published, and as which version it is installed here."""

from __future__ import annotations

from functools import cache

NAME = "memguard-hooks"
REPOSITORY = "https://github.com/OWNER/memguard-hooks"
UNKNOWN = "0+unknown"
"""The version of what runs from a checkout without being installed: nothing says which commit that is."""


@cache  # a report in markdown names the page of the rules in each row
def version() -> str:
    """Return the version that is installed, `UNKNOWN` where none is."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(NAME)
    except PackageNotFoundError:
        return UNKNOWN


def tag() -> str | None:
    """Return the tag of the version that is installed; None where none is."""
    found = version()
    return None if found == UNKNOWN else f"v{found}"
