"""The formats in which a report can be written, each loaded when it is asked for."""

from __future__ import annotations

from memguard_hooks.finding import Report
from memguard_hooks.report import USUAL, Detail

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit", "markdown", "badge", "html")

SUFFIXES = {".txt": "text", ".json": "json", ".sarif": "sarif", ".xml": "junit", ".md": "markdown", ".html": "html"}
"""The format of a file, by its name."""


def render(report: Report, style: str, detail: Detail = USUAL) -> str:
    """Write a report in one of the formats; `detail` is for text and markdown alone.

    Raises MemguardError where the package that a format needs is not installed.
    """
    if style == "text":
        from memguard_hooks.report import text

        return text.render(report, detail)
    if style == "json":
        from memguard_hooks.report import json_

        return json_.render(report)
    if style == "sarif":
        from memguard_hooks.report import sarif

        return sarif.render(report)
    if style == "github":
        from memguard_hooks.report import github

        return github.render(report)
    if style == "gitlab":
        from memguard_hooks.report import gitlab

        return gitlab.render(report)
    if style == "junit":
        from memguard_hooks.report import junit

        return junit.render(report)
    if style == "badge":
        from memguard_hooks.report import badge

        return badge.render(report)
    if style == "markdown":
        from memguard_hooks.report import markdown

        return markdown.render(report, detail.link)
    from memguard_hooks.report import html

    return html.render(report)
