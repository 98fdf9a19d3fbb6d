"""The report as a page: opened in a real browser where there is one, read by a parser everywhere."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from memguard_hooks.finding import MIB, Estimate, Figures, Finding, Part, Report, ServiceReport, Skipped, Step, mib
from memguard_hooks.output import visible
from memguard_hooks.report import html
from memguard_hooks.report.icicle import lay_out
from memguard_hooks.report.text import name_part

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Request

pytest.importorskip("rich")  # the tool that takes the pictures runs the example

import take_pictures

HOSTILE = "<b>&amp;</script><script>window.hit=1</script><img src=x onerror=window.hit=2>\x1b[31m\u202e\u2028\"'$x$%{id}"

FIGURES = Figures(150 * MIB, 200 * MIB, 256 * MIB, 90 * MIB, 12 * MIB)
ESTIMATE = Estimate(FIGURES, FIGURES, FIGURES._replace(expected=240 * MIB))

VOID = {"meta", "link", "br", "img", "input", "hr"}


def _service(name: str, parts: tuple[Part, ...], **given: Any) -> ServiceReport:
    service = ServiceReport(
        name, "Procfile", 1, "python app.py", "app.py", 1, 512 * MIB, "default", "default",
        ESTIMATE, "ok", parts, (399 * MIB, 450 * MIB),
    )  # fmt: skip
    return service._replace(**given)


@pytest.fixture(scope="module")
def example() -> Report:
    return take_pictures.check_example()


@pytest.fixture(scope="module")
def hostile() -> Report:
    chain = (Step(f"a/{HOSTILE}.py", 1, HOSTILE), Step(f"{HOSTILE}.py", 2, HOSTILE))
    parts = (
        Part("python", "3.12.1", 10 * MIB, MIB, "catalog", "Python"),
        Part(HOSTILE, HOSTILE, 90 * MIB, MIB, "assumed", HOSTILE, chain),
        Part("(first-party)", None, 20 * MIB, MIB, "assumed", "bytes"),
    )
    findings = (
        Finding(HOSTILE, 1, 1, "MG201", HOSTILE, "a-hook", HOSTILE, "error", MIB, chain, (HOSTILE, HOSTILE)),
        Finding("Procfile", 1, 1, "MG302", HOSTILE, "memory-budget", HOSTILE, "warning", fix=(HOSTILE,)),
    )
    services = (
        _service(HOSTILE, parts, command=HOSTILE, limit_label=HOSTILE, path=HOSTILE, added=parts),
        _service("second", parts[:1], limit=None, bands=None, limit_label="local, no limit"),
        _service("third", (), estimate=None, verdict="unknown"),
    )
    return Report(findings, services, (Skipped(HOSTILE, 1, HOSTILE, broken=True),), HOSTILE)


# What the browser shows


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=program, args=[*take_pictures.CHROMIUM])
        yield opened
        opened.close()


class Opened:
    """A page that was opened from a file, and all that it said and asked for."""

    def __init__(self, context: BrowserContext, file: Path, report: Report) -> None:
        file.write_text(html.render(report), encoding="utf-8", newline="\n")
        self.complaints: list[str] = []
        self.requests: list[Request] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108  # playwright marks its handlers
        self.address = file.as_uri()
        self.page.goto(self.address)
        for number, service in enumerate(report.services, 1):
            if service.parts:
                self.page.wait_for_selector(f"#chart-{number}[data-drawn]")

    def fields(self, chart: int = 1) -> list[str]:
        """Return what the fields of a chart are called, the outermost first."""
        names: list[str] = self.page.eval_on_selector_all(
            f"#chart-{chart} svg.field:not(.hidden)", "all => all.map(one => one.getAttribute('aria-label'))"
        )
        return names


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture(scope="module")
def pages(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, example: Report, hostile: Report
) -> Iterator[dict[str, Opened]]:
    """Open both reports for the tests that only look at them."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(60_000)
    folder = tmp_path_factory.mktemp("pages")
    reports = {"example": example, "hostile": hostile}
    yield {name: Opened(context, folder / f"{name}.html", report) for name, report in reports.items()}
    context.close()


def test_the_page_needs_nothing_else(pages: dict[str, Opened], example: Report) -> None:
    opened = pages["example"]
    (service,) = example.services
    drawn = opened.page.text_content("#chart-1") or ""
    dearest = sorted(service.parts, key=lambda part: -part.resident)[:4]
    for part in dearest:
        assert name_part(part) in drawn
        for step in part.chain:
            assert f"{step.path}:{step.line}" in drawn
    named = " ".join(opened.fields())
    assert all(name_part(part) in named for part in service.parts if part.resident > 0)
    shown = opened.page.inner_text("body")
    for finding in example.findings:
        assert f"{finding.path}:{finding.line}:{finding.column}" in shown
        assert finding.message in shown
    assert opened.complaints == []
    assert [request.url for request in opened.requests] == [opened.address]


def test_a_click_zooms_and_the_way_back_is_there(context: BrowserContext, tmp_path: Path, example: Report) -> None:
    opened = Opened(context, tmp_path / "report.html", example)
    page, whole = opened.page, opened.fields()
    inner = next(name for name in whole if name.startswith("handlers/gpt.py"))
    page.click(f'#chart-1 svg.field[aria-label="{inner}"] >> rect')
    assert opened.fields() == [inner, next(name for name in whole if name.startswith("litellm"))]
    page.click(f'#chart-1 svg.field[aria-label="{inner}"] >> rect')
    assert opened.fields()[0].startswith("main.py:15"), "what it lies in"
    page.click("#chart-1-reset")
    assert opened.fields() == whole
    assert page.is_hidden("#chart-1-reset")
    assert opened.complaints == []


def test_the_keyboard_zooms_too(context: BrowserContext, tmp_path: Path, example: Report) -> None:
    opened = Opened(context, tmp_path / "report.html", example)
    page, whole = opened.page, opened.fields()
    while page.evaluate("!document.activeElement.matches('#chart-1 .field')"):
        page.keyboard.press("Tab")
    name = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(name) == whole[0]
    page.keyboard.press("ArrowRight")
    first = page.evaluate(name)
    page.keyboard.press("ArrowDown")
    assert page.evaluate(name) not in {first, whole[0]}
    page.keyboard.press("ArrowUp")
    assert page.evaluate(name) == first
    page.keyboard.press("Enter")
    assert opened.fields()[0] == first
    page.keyboard.press("Escape")
    assert opened.fields() == whole
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(name) == whole[0]
    assert opened.complaints == []


@pytest.mark.parametrize("name", ["example", "hostile"])
def test_sums_and_areas_are_those_of_the_report(pages: dict[str, Opened], request: pytest.FixtureRequest, name: str) -> None:
    report: Report = request.getfixturevalue(name)
    opened = pages[name]
    for number, service in enumerate(report.services, 1):
        if not service.parts:
            continue
        drawn = opened.page.eval_on_selector_all(
            f"#chart-{number} svg.field",
            """all => all.map(one => {
                const {x, y, width, height} = one.querySelector("rect").getBoundingClientRect();
                return {label: one.getAttribute("aria-label"), isStep: one.matches(".step"), parent: one.dataset.parent,
                        size: Number(one.dataset.size), x, y, width, height};
            })""",
        )
        whole = sum(part.resident for part in service.parts)
        packages = [(one["label"], one["size"]) for one in drawn if not one["isStep"]]
        assert sorted(packages) == sorted(
            (f"{visible(name_part(part))}, {mib(part.resident)} MiB", part.resident)
            for part in service.parts
            if part.resident > 0
        )
        height = opened.page.eval_on_selector(f"#chart-{number}", "one => one.clientHeight")
        for at, one in enumerate(drawn):
            within = [other for other in drawn if other["parent"] == str(at)]
            assert one["isStep"] == (sum(other["size"] for other in within) == one["size"])
            assert one["height"] / height == pytest.approx(one["size"] / whole, abs=0.01)
            for other in within:
                assert other["x"] == pytest.approx(one["x"] + one["width"], abs=1)
                assert one["y"] - 1 <= other["y"] <= other["y"] + other["height"] <= one["y"] + one["height"] + 1


def test_who_runs_no_script_sees_the_same_picture(browser: Browser, pages: dict[str, Opened]) -> None:
    context = browser.new_context(viewport={"width": 1200, "height": 900}, java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["example"].address)
    places = (
        "all => all.map(one => one.getBoundingClientRect()).map(one => [one.x, one.y, one.width].map(Math.round).join())"
    )
    labels = "#chart-1 .field:not(.low) .long"
    with_script = pages["example"].page.eval_on_selector_all(labels, places)
    assert page.locator(labels).count() == len(with_script)
    boxes = [page.locator(labels).nth(at).bounding_box() for at in range(len(with_script))]
    assert [",".join(str(round(one[key])) for key in ("x", "y", "width")) for one in boxes if one is not None] == with_script
    assert not page.is_visible(".hint")
    context.close()


def test_lines_that_lead_to_the_same_alone_are_one_field_and_packages_are_seen_at_once() -> None:
    steps = tuple(Step(f"a{number}.py", 1, "x") for number in range(30))
    deep = tuple(Part(f"p{number}", "1", 10 * MIB, MIB, "catalog", "x", steps[: number + 1]) for number in (19, 20, 29))
    chart = lay_out(1, _service("web", deep))
    first, *_ = chart.nodes
    assert (first.label.count("→"), first.size, chart.columns) == (19, 30 * MIB, 4)
    assert [node.label for node in chart.nodes if node.kind != "step"] == ["p29 1", "p20 1", "p19 1"]


def test_names_that_run_right_to_left_turn_nothing_beside_them(context: BrowserContext, tmp_path: Path) -> None:
    chain = (Step("\u05ea\u05d9\u05e7/\u05e8\u05d0\u05e9\u05d9.py", 12, "x"),)
    parts = (Part("\u05d1\u05d5\u05d8", "1.2", 90 * MIB, MIB, "catalog", "x", chain),)
    opened = Opened(context, tmp_path / "report.html", Report((), (_service("\u05d1\u05d5\u05d8", parts),)))
    for kind in ("step", "heat4"):
        size, label = (opened.page.locator(f"#chart-1 .{kind} .{part}").bounding_box() for part in ("size", "long"))
        assert size is not None
        assert label is not None
        assert size["x"] + size["width"] <= label["x"]


def test_a_folder_stays_before_its_file_where_names_run_right_to_left(context: BrowserContext, tmp_path: Path) -> None:
    path = "\u05ea\u05d9\u05e7/\u05e8\u05d0\u05e9\u05d9.py"
    parts = (Part("pandas", "1.2", 90 * MIB, MIB, "catalog", "x", (Step(path, 12, "x"),)),)
    opened = Opened(context, tmp_path / "report.html", Report((), (_service("web", parts),)))
    folder, file = (opened.page.locator(f"td bdi >> nth={place}").bounding_box() for place in (0, 1))
    assert folder is not None
    assert file is not None
    assert folder["x"] + folder["width"] <= file["x"]
    label = opened.page.locator("#chart-1 .step .long")
    starts = [label.evaluate(f"text => text.getStartPositionOfChar({place}).x") for place in (2, 5)]
    assert starts[0] < starts[1], "the last letter of the folder, the first of the file behind the slash and its mark"


def test_names_are_text_and_no_script_of_theirs_runs(pages: dict[str, Opened]) -> None:
    opened = pages["hostile"]
    page = opened.page
    shown = page.inner_text("body")
    assert visible(HOSTILE) in shown
    drawn = page.text_content("#chart-1") or ""
    assert drawn.count(visible(HOSTILE)) > len(page.query_selector_all("#chart-1 .field")), "as labels, and what they tell"
    assert page.evaluate("[window.hit, document.images.length]") == [None, 0]
    assert page.evaluate("document.querySelectorAll('script').length") == 1
    assert opened.complaints == []
    assert len(opened.requests) == 1


def test_the_policy_lets_nothing_run_and_nothing_out(context: BrowserContext, tmp_path: Path, hostile: Report) -> None:
    opened = Opened(context, tmp_path / "report.html", hostile)
    blocked = opened.page.evaluate(
        """async () => {
            const blocked = [];
            document.addEventListener("securitypolicyviolation", (event) => blocked.push(event.effectiveDirective));
            const seen = () => new Promise((done) => {
                document.addEventListener("securitypolicyviolation", () => setTimeout(done), {once: true});
                setTimeout(done, 5000);
            });
            const add = (tag, given) => document.body.append(Object.assign(document.createElement(tag), given));
            const attempts = [
                () => add("script", {textContent: "window.hit=1"}),
                () => { document.body.insertAdjacentHTML("beforeend", "<p onclick='window.hit=2'>"); },
                () => { new Image().src = "https://example.com/picture.png"; },
                () => { fetch("https://example.com/").catch(() => {}); },
                () => add("iframe", {src: "https://example.com/"}),
            ];
            for (const attempt of attempts) { const told = seen(); attempt(); await told; }
            return [blocked, window.hit ?? null];
        }"""
    )
    assert blocked == [["script-src-elem", "script-src-attr", "img-src", "connect-src", "frame-src"], None]
    asked = opened.requests[1:]
    assert [request.failure for request in asked] == ["csp"] * len(asked)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out(pages: dict[str, Opened], scheme: Any) -> None:
    page = pages["example"].page
    page.emulate_media(color_scheme=scheme)
    pairs = [("page", ink) for ink in ("ink", "soft", "link", "ok", "warning", "error", "unknown")]
    pairs += [("card", ink) for ink in ("ink", "soft")]
    kinds = ("step", "base", "code", "heat1", "heat2", "heat3", "heat4")
    pairs += [(f"fill-{kind}", f"ink-{kind}") for kind in kinds]
    names = sorted({name for pair in pairs for name in pair})
    colors: dict[str, str] = page.evaluate(
        "names => Object.fromEntries(names.map(name => "
        "[name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()]))",
        names,
    )
    assert (_light(colors["page"]) > 0.5) == (scheme == "light")
    poor = {pair: round(_contrast(colors[pair[0]], colors[pair[1]]), 1) for pair in pairs}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}
    fills = {color: kind for kind in kinds for color in [_rgb(colors[f"fill-{kind}"])]}
    drawn = page.eval_on_selector_all("#chart-1 .field rect", "all => all.map(one => getComputedStyle(one).fill)")
    assert {"step", "base", "heat4"} <= {fills[one] for one in drawn}


def _light(color: str) -> float:
    """Return the relative luminance of a color, as WCAG 2 has it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    bright, dark = sorted((_light(one), _light(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _rgb(color: str) -> str:
    return f"rgb({', '.join(str(int(color[at : at + 2], 16)) for at in (1, 3, 5))})"


@pytest.mark.parametrize("name", ["example", "hostile"])
def test_a_narrow_page_does_not_scroll_sideways(
    context: BrowserContext, tmp_path: Path, request: pytest.FixtureRequest, name: str
) -> None:
    opened = Opened(context, tmp_path / "report.html", request.getfixturevalue(name))
    opened.page.set_viewport_size({"width": 360, "height": 800})
    opened.page.wait_for_function("() => document.documentElement.scrollWidth <= 360")
    assert opened.complaints == []


# What the file says


class Reader(HTMLParser):
    """Reads a page strictly: each element is closed where it was opened, and nothing points out of the page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text: list[str] = []
        self.scripts: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of an element and of what it asks for."""
        given = dict(attrs)
        assert len(given) == len(attrs)
        assert not [name for name in given if name.startswith("on")]
        assert "src" not in given
        self.ids += [given["id"] or ""] if "id" in given else []
        if "href" in given:
            assert given["href"] == "data:," or (given["href"] or "").startswith("#")
            self.targets.append((given["href"] or "")[1:])
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect text, and each script for itself."""
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif not self.open or self.open[-1] != "style":
            self.text.append(data)


def _read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert len(set(reader.ids)) == len(reader.ids)
    return reader


@pytest.mark.parametrize("name", ["example", "hostile"])
def test_the_page_is_well_formed_and_escaped(request: pytest.FixtureRequest, name: str) -> None:
    report: Report = request.getfixturevalue(name)
    page = html.render(report)
    reader = _read(page)
    (script,) = reader.scripts
    digest = hashlib.sha256(script.encode()).digest()
    assert f"'sha256-{base64.b64encode(digest).decode()}'" in reader.policy
    assert len(page) < 100_000
    assert "unsafe" not in reader.policy.replace("style-src 'unsafe-inline'", "")
    text = "".join(reader.text).replace("/\u200e", "/")  # our own mark, by which folders stand before their files
    assert [char for char in text if not char.isprintable() and char != "\n"] == []
    assert [finding.code for finding in report.findings if finding.code not in text] == []


def test_a_page_without_a_service_says_so_and_runs_nothing(example: Report) -> None:
    page = html.render(example._replace(services=()))
    reader = _read(page)
    assert "No service was judged" in "".join(reader.text)
    assert reader.scripts == []
    assert "script-src 'none'" in reader.policy
    assert len(page) < 50_000


def test_the_same_report_gives_the_same_bytes_and_no_place_of_this_machine(checkout: Path) -> None:
    program = (
        "import hashlib, take_pictures\n"
        "from memguard_hooks.report import html\n"
        "page = html.render(take_pictures.check_example())\n"
        "print(hashlib.sha256(page.encode()).hexdigest(), str(take_pictures.ROOT.resolve()) in page)\n"
    )
    answers = set()
    for seed, locale, folder in (("1", "C", "/"), ("2", "C.UTF-8", str(checkout))):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "LC_ALL": locale,
            "PYTHONPATH": f"{checkout}:{checkout / 'tools'}",
        }
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
        answers.add(done.stdout)
    (answer,) = answers
    assert answer.split()[1] == "False"
