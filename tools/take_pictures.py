"""Take the pictures of the documentation: what `memguard check` shows of an example in a terminal, and its page.

python tools/take_pictures.py [--check]

The page is taken by Chromium, through playwright (the extra `browser`). `--check` compares the terminal's picture alone:
that of the page hangs on the fonts of the machine.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from memguard_hooks.finding import Report, without_echo
from memguard_hooks.hooks.all_hooks import check
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.report import html, terminal
from memguard_hooks.tree import WorkTree

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
EXAMPLE = "examples/oom-bot"
COLUMNS = 100
WIDTH, HEIGHT = 1120, 1240

CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""What keeps a browser from asking anybody for anything."""

THEME = TerminalTheme(
    (22, 25, 32),
    (222, 226, 233),
    [
        (22, 25, 32), (240, 98, 84), (92, 200, 140), (235, 182, 76),
        (110, 160, 245), (196, 150, 240), (88, 190, 205), (222, 226, 233),
    ],
)  # fmt: skip

# As rich fills it in, without the font that its own template fetches from elsewhere.
SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px;
}}
.{unique_id}-title {{ font-family: system-ui, sans-serif; font-size: 17px; font-weight: 600; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x} {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def check_example() -> Report:
    """Run all hooks over the example."""
    tree = WorkTree(str(ROOT / EXAMPLE))
    try:
        settings, _ = load(tree, None)
        project = Project(tree, settings, None)
        report = without_echo(check(project))
        project.close()
        return report
    finally:
        tree.close()


def draw_terminal(report: Report) -> str:
    """Return the report as a terminal shows it, as SVG."""
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="standard", _environ={}
    )
    for line in terminal.draw(report, COLUMNS):
        console.print(line, soft_wrap=True)
    title = f"memguard check {EXAMPLE}"
    return console.export_svg(title=title, theme=THEME, code_format=SVG, unique_id="memguard")


def take_page(report: Report) -> bytes:
    """Return the top of the page as PNG."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder, "report.html")
        file.write_text(html.render(report), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*CHROMIUM])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", reduced_motion="reduce")
        page.goto(file.as_uri())
        page.wait_for_selector("[data-drawn]")
        return page.screenshot()


def main(argv: list[str] | None = None) -> int:
    """Write the pictures; with `--check` only say whether the terminal's is up to date."""
    parser = argparse.ArgumentParser(description="Take the pictures of the documentation.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 where the terminal's picture is out of date"
    )
    options = parser.parse_args(argv)
    report = check_example()
    drawn, file = draw_terminal(report), IMAGES / "terminal.svg"
    if options.check:
        if file.read_text(encoding="utf-8") == drawn:
            return 0
        print("docs/images/terminal.svg is out of date: run `python tools/take_pictures.py`", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    file.write_text(drawn, encoding="utf-8")
    (IMAGES / "report.png").write_bytes(take_page(report))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
