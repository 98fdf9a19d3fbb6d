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
    if style == "markdown":
        from memguard_hooks.report import markdown

        return markdown.render(report, detail.link)
    if style == "json":
        from memguard_hooks.report.json_ import render as write
    elif style == "sarif":
        from memguard_hooks.report.sarif import render as write
    elif style == "github":
        from memguard_hooks.report.github import render as write
    elif style == "gitlab":
        from memguard_hooks.report.gitlab import render as write
    elif style == "junit":
        from memguard_hooks.report.junit import render as write
    elif style == "badge":
        from memguard_hooks.report.badge import render as write
    else:
        from memguard_hooks.report.html import render as write
    return write(report)
