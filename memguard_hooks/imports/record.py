"""What the walk through one file has found: imports and when they run, what is not known, what is called of others."""

from __future__ import annotations

import libcst as cst

from memguard_hooks.errors import MemguardError
from memguard_hooks.imports.context import Context
from memguard_hooks.imports.model import MAX_CALLED, Analysis, ImportSite, Unknown, called_below
from memguard_hooks.imports.places import Places
from memguard_hooks.imports.values import Lazy, Site

_MAX_TEXT = 80


MAX_NAME = 1000
"""Letters of a dotted name of which the names below are kept."""


class Record:
    """The findings in one module, while they are being made."""

    def __init__(self, module: cst.Module, places: Places) -> None:
        self._module = module
        self._places = places
        self._sites: dict[tuple[cst.CSTNode, str], Site] = {}
        self._unknown: dict[cst.CSTNode, Unknown] = {}
        self._called: set[str] = set()

    def analysis(self) -> Analysis:
        """Return all that was found, by position. Raises MemguardError for more than any hand writes."""
        called = sorted(self._called)
        if len(self._sites) * len(called) > MAX_CALLED:
            raise MemguardError("is not analyzed: it calls too much of what it imports")
        sites = [self._site_of(site, called) for site in self._sites.values()]
        return Analysis(
            tuple(sorted(sites, key=lambda site: (site.line, site.column, site.module))),
            tuple(sorted(self._unknown.values())),
        )

    def _site_of(self, site: Site, called: list[str]) -> ImportSite:
        place = self._places.of(site.node)
        used = self._places.of(site.used) if site.used is not None else None
        return ImportSite(
            place.line,
            place.column,
            place.end_line,
            site.module,
            site.level,
            site.names,
            "import" if used else site.when,
            f"used at line {used.line} while loading" if used else site.why,
            used and used.line,
            used and used.column,
            called_below(called, site.module, site.level, site.names) if used or site.when == "import" else (),
        )

    def site(self, node: cst.CSTNode, module: str, level: int, names: tuple[str, ...], context: Context) -> Site:
        """Note an import; what runs in several ways counts as the earliest of them."""
        if len(module) > MAX_NAME:
            names = ()  # no file has such a name, and a long list would repeat it
        order = ("import", "call", "never")
        known = self._sites.get((node, module))
        if known is None:
            known = self._sites[node, module] = Site(node, module, level, names, context.when, context.why)
        elif order.index(context.when) < order.index(known.when):
            known.when, known.why = context.when, context.why
        return known

    def use(self, lazy: Lazy, node: cst.CSTNode, context: Context) -> None:
        """Note that code uses what a lazy import binds: that resolves it, where the code runs at load time."""
        if context.when == "import" and lazy.site.when != "never" and lazy.site.used is None:
            lazy.site.used = node

    def unknown(self, node: cst.Call, context: Context) -> None:
        """Note what is imported at load time and cannot be known."""
        if context.when == "import" and node not in self._unknown:
            place = self._places.of(node)
            text = " ".join(self._module.code_for_node(node).split())
            self._unknown[node] = Unknown(place.line, place.column, text[:_MAX_TEXT])

    def call(self, path: str, context: Context) -> None:
        """Note that something that another file defines is called, by its dotted name."""
        if context.when == "import" and "." in path:
            self._called.add(path)
