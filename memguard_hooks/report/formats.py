"""The formats in which a report can be written, each loaded when it is asked for."""

from __future__ import annotations

from memguard_hooks.finding import Report

FORMATS = ("text", "json", "sarif", "github", "markdown", "html")

SUFFIXES = {".txt": "text", ".json": "json", ".sarif": "sarif", ".md": "markdown", ".html": "html"}
"""The format of a file, by its name."""


def render(report: Report, style: str, *, tables: bool = False) -> str:
    """Write a report in one of the formats; `tables` are for text alone.

    Raises MemguardError where the package that a format needs is not installed.
    """
    if style == "text":
        from memguard_hooks.report import text

        return text.render(report, tables=tables)
    if style == "json":
        from memguard_hooks.report import json_

        return json_.render(report)
    if style == "sarif":
        from memguard_hooks.report import sarif

        return sarif.render(report)
    if style == "github":
        from memguard_hooks.report import github

        return github.render(report)
    if style == "markdown":
        from memguard_hooks.report import markdown

        return markdown.render(report)
    from memguard_hooks.report import html

    return html.render(report)
