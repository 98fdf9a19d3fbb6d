"""The Markdown is rendered by markdown-it, with tables as GitHub has them, and the page is compared with the report."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from memguard_hooks.finding import MIB, MOMENTS, Estimate, Figures, Finding, Part, Report, ServiceReport, Skipped, Step, mib
from memguard_hooks.hooks.all_hooks import check
from memguard_hooks.output import visible
from memguard_hooks.project.project import Project, Since
from memguard_hooks.project.settings import load
from memguard_hooks.report import markdown
from memguard_hooks.report.github import most_severe_first
from memguard_hooks.report.markdown import render
from memguard_hooks.tree import WorkTree

TAGS = {
    "h2", "h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "strong", "code", "br", "details", "summary",
}  # fmt: skip
VOID = {"br"}


class Text(NamedTuple):
    """A piece of text of the page and the elements that it stands in."""

    tags: tuple[str, ...]
    text: str


class Page(HTMLParser):
    """Reads the text of each cell and each item, and holds that elements close as they open."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[Text] = []
        self.tables: list[list[list[str]]] = []
        self.items: list[str] = []
        self._items: list[int] = []
        self.feed(source)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element, a table, a row, a cell or an item."""
        assert tag in TAGS, tag
        assert all(name == "style" and value in {"text-align:left", "text-align:right"} for name, value in attrs), attrs
        if tag == "br":
            self._add("\n")
        if tag in VOID:
            return
        self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")
        elif tag == "li":
            self._items.append(len(self.items))
            self.items.append("")

    def handle_endtag(self, tag: str) -> None:
        """Close the element that is open."""
        assert self.open.pop() == tag
        if tag == "li":
            self._items.pop()

    def handle_data(self, data: str) -> None:
        """Add a text to where it stands."""
        self.texts.append(Text(tuple(self.open), data))
        self._add(data)

    def _add(self, text: str) -> None:
        if any(tag in {"td", "th"} for tag in self.open):
            self.tables[-1][-1][-1] += text
        elif self._items:
            self.items[self._items[-1]] += text

    def handle_comment(self, data: str) -> None:
        """Refuse a comment."""
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        """Refuse a declaration."""
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        """Refuse an instruction."""
        raise AssertionError(data)


def parse(output: str) -> Page:
    return Page(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(output))


def read(report: Report) -> Page:
    return parse(render(report))


def plain(text: str) -> str:
    """Return a text as a browser shows it: blanks are one."""
    return " ".join(text.split())


def seen(text: str) -> str:
    """Return what is to be seen of a name: what ends a line, or is not seen, as an escape."""
    return plain(visible(text))


def place(path: str, line: int | None) -> str:
    return seen(path if line is None else f"{path}:{line}")


# What GitHub makes something of in any text that is no code: a mention, a reference, a formula, a link, an emoji.
LIVE = re.compile(r"@\w|#\d|\$|://|www\.\w|(?i:\bgh-\d)|:\w+:")

TRICKS = (
    "|", "\\", "`", "``", "**", "_a_", "~~", "<b>", "</details>", "<!--", "&amp;", "@team", "#1", "[x](http://e.org)", "\n",
    "a@b.co", "\r", "http://e.org", "www.e.org", "$x$", ":tada:", "GH-1", "- a", "|--|", " ", "![i](x)", "\u202e", "é", "<",
)  # fmt: skip
odd = (
    st.lists(st.sampled_from(TRICKS) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1)
    .map("".join)
    .filter(lambda text: bool(text.strip()))
)
sizes = st.integers(0, 2**33)
lines = st.integers(1, 10**6)
chains = st.lists(st.builds(Step, odd, lines, odd), max_size=3).map(tuple)
findings = st.builds(
    Finding,
    path=odd,
    line=lines,
    column=lines,
    code=st.sampled_from(["MG101", "MG201", "MG301"]),
    message=odd,
    hook=st.just("a-hook"),
    subject=odd,
    severity=st.sampled_from(["error", "warning"]),
    cost=st.none() | sizes,
    chain=chains,
    fix=st.lists(odd, max_size=3).map(tuple),
)
figures = st.builds(Figures, sizes, sizes, sizes, sizes, st.none() | st.integers(-(2**33), 2**33))
parts = st.builds(
    Part, odd.filter(lambda text: text[0] != "("), st.none() | odd, sizes, sizes, st.just("catalog"), odd, chains
)
services = st.builds(
    ServiceReport,
    name=odd,
    path=odd,
    line=lines,
    command=odd,
    entrypoint=st.none() | odd,
    processes=st.none() | st.integers(1, 64),
    limit=st.none() | st.integers(1, 2**40),
    limit_source=odd,
    limit_label=odd,
    estimate=st.none() | st.builds(Estimate, *[figures] * 3),
    judged=st.sampled_from(MOMENTS),
    verdict=st.sampled_from(["ok", "warning", "error", "unknown"]),
    parts=st.lists(parts, max_size=2).map(tuple),
    added=st.lists(parts, max_size=2).map(tuple),
)
gaps = st.builds(Skipped, path=odd, line=st.none() | lines, reason=odd, broken=st.booleans())
reports = st.builds(
    Report,
    findings=st.lists(findings, max_size=3).map(tuple),
    services=st.lists(services, max_size=2).map(tuple),
    skipped=st.lists(gaps, max_size=2).map(tuple),
    since=st.none() | odd,
    committed=st.none(),
)


def expected_items(report: Report) -> Iterator[str]:
    """Give the text of each item in the order of the page."""
    yield from (f"{place(one.path, one.line)} {seen(one.reason)}" for one in report.skipped if one.broken)
    for service in report.services:
        for part in sorted(service.added, key=lambda part: -part.resident):
            if part.resident >= MIB:
                through = f" through {place(part.chain[-1].path, part.chain[-1].line)}" if part.chain else ""
                yield f"{seen(service.name)}: +{mib(part.resident)} MiB: {seen(part.package)}{through}"
    for finding in most_severe_first(report.findings):
        yield f"{place(finding.path, finding.line)} {finding.code} {seen(finding.message)}"
        if finding.fix:
            yield "fix: " + " ".join(seen(line) for line in finding.fix)
        if len(finding.chain) > 1:
            steps = [place(step.path, step.line) for step in finding.chain]
            yield "import path" + " → ".join([*steps, seen(finding.chain[-1].module)])
    yield from (f"{place(one.path, one.line)} {seen(one.reason)}" for one in report.skipped if not one.broken)


def expected_row(service: ServiceReport) -> list[str]:
    """Return what the first, the third and the last cell of a service say."""
    limit = "none" if service.limit is None else f"{mib(service.limit)} MiB ({seen(service.limit_label)})"
    commit = service.taken.commit if service.taken else None
    change = "" if commit is None else f"{round(commit / MIB):+d} MiB"
    return [f"{seen(service.name)} in {place(service.path, service.line)}", limit, change]


def expected_parts(service: ServiceReport) -> list[list[str]]:
    """Return the rows of a service's packages of a MiB or more."""
    told = sorted((part for part in service.parts if part.resident >= MIB), key=lambda part: -part.resident)
    return [
        [
            seen(f"{part.package} {part.version}" if part.version else part.package),
            mib(part.resident),
            " → ".join(place(step.path, step.line) for step in part.chain),
        ]
        for part in told
    ]


def same(told: str, meant: str) -> bool:
    """Compare without blanks: where they end a line or a cell they are not shown."""
    return "".join(told.split()) == "".join(meant.split())


@settings(deadline=None, max_examples=60)
@given(reports)
def test_any_report(report: Report) -> None:
    """The page says what the report says, no name in it comes to life, and each cell and item is closed on its line."""
    output = render(report)
    assert "\r" not in output
    assert output.encode("utf-8")
    assert output.endswith("\n")
    assert len(output) <= markdown.LIMIT
    page = parse(output)
    for tags, text in page.texts:
        assert "code" in tags or not LIVE.search(text), text
    assert all(same(*pair) for pair in zip(page.items, expected_items(report), strict=True)), page.items
    tables = [[[plain(cell) for cell in row] for row in table] for table in page.tables]
    if report.services:
        header, *rows = tables.pop(0)
        assert same(header[-1], "this commit" if report.since is None else f"since {seen(report.since)}")
        for row, service in zip(rows, report.services, strict=True):
            assert len(row) == len(header) == 6
            assert all(same(*pair) for pair in zip([row[0], row[2], row[5]], expected_row(service), strict=True)), row
    for table, service in zip(tables, [one for one in report.services if one.parts], strict=True):
        header, *rows = table
        assert header == ["package", "MiB", "through"]
        for row, meant in zip(rows, expected_parts(service), strict=False):
            assert all(same(*pair) for pair in zip(row, meant, strict=True)), row


def finding(code: str, cost: int | None = None, **values: object) -> Finding:
    return Finding("app.py", 1, 1, code, "pandas is imported", "a-hook", "pandas", cost=cost)._replace(**values)  # type: ignore[arg-type]


def service(commit: int | None, limit: int | None = 512 * MIB) -> ServiceReport:
    chain = (Step("app/main.py", 2, "app.api"), Step("app/api/analytics.py", 4, "pandas"))
    pandas = Part("pandas", "2.2.3", 112 * MIB, 90 * MIB, "catalog", "measured", chain)
    small = Part("numpy", "2.5.5", MIB // 2, 0, "catalog", "measured", chain)
    estimate = Estimate(*[Figures(400 * MIB, 420 * MIB, 440 * MIB, 300 * MIB, commit)] * 3)
    return ServiceReport(
        "web", "Procfile", 1, "gunicorn app", "app.main:app", 2, limit, "render.yaml:5 plan free", "render free", estimate,
        "warning" if limit else "ok", (pandas, small), (410 * MIB, 470 * MIB) if limit else None, (small, pandas),
    )  # fmt: skip


def test_the_difference_to_the_base_names_what_brings_it() -> None:
    page = read(Report((), (service(112 * MIB),), since="origin/main"))
    assert page.tables[0] == [
        ["service", "estimate", "limit", "share", "verdict", "since origin/main"],
        ["web in Procfile:1", "420 MiB (400 to 440)", "512 MiB (render free)", "82%", "near the budget", "+112 MiB"],
    ]
    assert page.items == ["web: +112 MiB: pandas through app/api/analytics.py:4"]
    assert page.tables[1] == [
        ["package", "MiB", "through"],
        ["pandas 2.2.3", "112", "app/main.py:2 → app/api/analytics.py:4"],
        ["1 more", "0.5", ""],
        ["a process", "112", ""],
    ]


def test_without_a_limit_or_an_estimate_nothing_is_invented() -> None:
    without = service(None, None)
    page = read(Report((), (without, without._replace(estimate=None, verdict="unknown", parts=(), added=()))))
    assert page.tables[0][1:] == [
        ["web in Procfile:1", "420 MiB (400 to 440)", "none", "", "no limit", ""],
        ["web in Procfile:1", "not judged", "none", "", "not judged", ""],
    ]


@pytest.mark.parametrize(
    ("report", "heading"),
    [
        pytest.param(Report(), "memguard: nothing found", id="nothing"),
        pytest.param(Report((finding("MG201"),)), "memguard: 1 error", id="one"),
        pytest.param(
            Report((finding("MG201"), finding("MG101", severity="warning")), known=3, baseline="b.json"),
            "memguard: 1 error, 1 warning; 3 more known",
            id="known",
        ),
        pytest.param(
            Report(fixed=2, baseline="b.json"),
            "memguard: nothing found; 2 known fixed: --prune-baseline takes them out",
            id="fixed",
        ),
    ],
)
def test_the_heading_is_the_verdict(report: Report, heading: str) -> None:
    assert "".join(text for tags, text in read(report).texts if "h2" in tags) == heading


def test_what_is_at_fault_stands_first_and_what_was_skipped_last() -> None:
    skipped = (Skipped("lib.py", 3, "computed name"), Skipped("pyproject.toml", 2, "no TOML", broken=True))
    page = read(Report((finding("MG201"),), (), skipped))
    assert [text for tags, text in page.texts if "h3" in tags] == ["At fault", "Errors", "Skipped"]
    assert page.items == ["pyproject.toml:2 no TOML", "app.py:1 MG201 pandas is imported", "lib.py:3 computed name"]


def test_what_does_not_fit_a_comment_is_counted() -> None:
    found = tuple(finding("MG201", cost, line=cost, fix=("defer it",)) for cost in range(1, 2001))
    skipped = tuple(Skipped("lib.py", line, "a name is computed") for line in range(1, 501))
    output = render(Report(found, (service(0),), skipped))
    assert markdown.LIMIT - 2 * markdown.NOTICE < len(output) <= markdown.LIMIT
    page = read(Report(found, (service(0),), skipped))
    told = sum(item.startswith("app.py:") for item in page.items)
    gaps_told = sum(item.startswith("lib.py:") for item in page.items)
    assert page.items[1].startswith("app.py:2000 MG201")
    assert 0 < told < 2000
    last = output.splitlines()[-1]
    assert (
        last == f"Left out for want of room: findings {2000 - told}, tables of packages 1, skipped places {500 - gaps_told}."
    )


def test_one_giant_message_does_not_hide_the_others() -> None:
    found = (finding("MG301", 9, message="x" * 70_000), finding("MG201", 1))
    page = read(Report(found))
    assert page.items == ["app.py:1 MG201 pandas is imported"]
    assert page.texts[-2].text == "Left out for want of room: findings 1."


def test_a_real_change_is_told_with_what_it_adds(tmp_path: Path) -> None:
    def git(*command: str) -> str:
        return subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    (tmp_path / "requirements.txt").write_text("pandas==2.2.3\nflask==3.1.0\n", encoding="utf-8")
    (tmp_path / "render.yaml").write_text(
        "services:\n  - type: web\n    name: we|b\n    runtime: python\n    plan: free\n    startCommand: python main.py\n",
        encoding="utf-8",
    )
    (tmp_path / "main.py").write_text("import flask\nimport reports\nprint(flask, reports)\n", encoding="utf-8")
    (tmp_path / "reports.py").write_text("ROWS = []\n", encoding="utf-8")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "start")
    (tmp_path / "reports.py").write_text("ROWS = []\nimport pandas\nprint(pandas)\n", encoding="utf-8")
    tree = WorkTree(str(tmp_path))
    settings, _ = load(tree, None)
    project = Project(tree, settings, None, Since(git("rev-parse", "HEAD"), "main"))
    report = check(project)._replace(since="main")
    project.close()
    page = read(report)
    (told,) = report.services
    assert told.taken is not None
    assert told.taken.commit is not None
    assert told.taken.commit > 20 * MIB
    assert page.tables[0][0][5] == "since main"
    assert page.tables[0][1][0] == "we|b in render.yaml:6"
    assert page.tables[0][1][5] == f"{round(told.taken.commit / MIB):+d} MiB"
    (pandas,) = [part for part in told.added if part.package == "pandas"]
    assert f"we|b: +{mib(pandas.resident)} MiB: pandas through reports.py:2" in page.items
    assert any(item.startswith("reports.py:2 MG201 pandas is loaded at start") for item in page.items)
    assert ["pandas 2.2.3", mib(pandas.resident), "main.py:2 → reports.py:2"] in page.tables[1]


def test_places_and_rules_are_links_where_the_address_of_the_files_is_known() -> None:
    one = finding("MG201", 1)._replace(path="a (b)/c.py", line=7)
    address = "https://github.com/me/app/blob/abc"
    text = render(Report((one,)), address)
    assert f"[`a (b)/c.py:7`]({address}/a%20%28b%29/c.py#L7) **[MG201](" in text
    assert "/docs/rules.md#mg201-a-heavy-module-is-loaded-at-start)**" in text
    assert "](" not in render(Report((one,)))
