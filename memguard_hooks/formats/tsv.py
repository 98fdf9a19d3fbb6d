"""Tables of the package itself: cells between tabs, and lines of comments that begin with `#`."""

from __future__ import annotations

from collections.abc import Iterator


def rows(path: str) -> Iterator[list[str]]:
    """Yield the cells of each line of a table, without its comments."""
    with open(path, encoding="ascii") as stream:
        for line in stream:
            if not line.startswith("#"):
                yield line.rstrip("\n").split("\t")
