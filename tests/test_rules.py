"""The texts of the rules: each example is judged, each option and setting is a real one, and the page is made of them."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tomli
import write_rules
from folders import write

from memguard_hooks import rules
from memguard_hooks.catalog import lookup
from memguard_hooks.commands import check
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import CODES, mib
from memguard_hooks.project.settings import load
from memguard_hooks.rules import DOCUMENTED, EVERY_HOOK, read_rule
from memguard_hooks.tree import WorkTree

ROOT = Path(__file__).resolve().parent.parent

SECTIONS = ["What it finds", "Why it matters", "Examples", "How to fix it", "Options", "How to allow it"]

_FILE = re.compile(
    r"(?ms)^(?P<kind>Bad|Good|With|Before this commit): `(?P<path>[^`\n]+)`[^\n]*\n\n```\w+\n(?P<text>.*?)^```$"
)

_FIGURE = re.compile(r"([a-z][\w-]*) (\d[\w.+]*) takes ([\d.]+) MiB")

ALONE = frozenset({"MG401", "MG404"})
"""Rules that `memguard check` leaves out where another one says the same of the same line: their hook is asked."""

PROJECT_HOOKS = ("deploy-config", "python-runtime", "log-volume")
"""Hooks that read their allowances in the files of the deployment, also on the line above."""

BESIDE = {"MG601": frozenset({"MG301"}), "MG602": frozenset({"MG301"})}
"""Rules beside which another one stands: the table of a service that a model puts over its budget."""

HOOKS = {
    name: importlib.import_module(f"memguard_hooks.hooks.{name.replace('-', '_')}") for name in dict.fromkeys(CODES.values())
}


class Example(NamedTuple):
    """One example of a text: its files, and those that were there at the last commit."""

    code: str
    kind: str
    files: dict[str, str]
    before: dict[str, str]


def read_examples(code: str) -> list[Example]:
    """Return the examples in the text of a rule."""
    found: list[Example] = []
    for match in _FILE.finditer(read_rule(code).text):
        kind, path, text = match["kind"], match["path"], match["text"]
        if kind in ("Bad", "Good"):
            found.append(Example(code, kind, {path: text}, {}))
        elif kind == "With":
            found[-1].files[path] = text
        else:
            found[-1].before[path] = text
    return found


def examples(kind: str) -> list[Any]:
    """Return the examples of one kind as parameters of a test."""
    return [
        pytest.param(example, id=f"{code}-{number}")
        for code in DOCUMENTED
        for number, example in enumerate((one for one in read_examples(code) if one.kind == kind), start=1)
    ]


def allowing(code: str) -> str:
    """Return what a text says of allowances."""
    return read_rule(code).text.partition("## How to allow it")[2]


def is_allowed_by_comment(example: Example) -> bool:
    """Tell whether a comment can allow an example: JSON has none, and manifests' hooks read none in Dockerfiles."""
    path = next(iter(example.files))
    is_read = not path.endswith(".json") and (path != "Dockerfile" or CODES.get(example.code) in PROJECT_HOOKS)
    return is_read and f"memguard: allow[{example.code}]" in allowing(example.code)


def judge(root: Path, example: Example, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Write an example into a folder and return what is found there."""
    if example.before:
        write(root, example.before)
        for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "before"]):
            subprocess.run(["git", *arguments], cwd=root, check=True)
    write(root, example.files)
    capsys.readouterr()
    if example.code in ALONE:
        folder = Path.cwd()
        os.chdir(root)
        try:
            status = HOOKS[CODES[example.code]].main(["--format", "json"])
        finally:
            os.chdir(folder)
    else:
        # The examples of other rules leave out the app that they start.
        others = [] if example.code == "MG305" else ["--ignore", "MG305"]
        status = check.main(["--format", "json", *others, str(root)])
    outcome = capsys.readouterr()
    assert status in (0, 1), outcome.err
    found: list[dict[str, Any]] = json.loads(outcome.out)["findings"]
    return found


# The examples


@pytest.mark.parametrize("example", examples("Bad"))
def test_a_bad_example_has_the_finding_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], example: Example
) -> None:
    found = judge(tmp_path, example, capsys)
    assert {one["path"] for one in found} <= example.files.keys()
    found = [one for one in found if one["code"] not in BESIDE.get(example.code, ())]
    assert {one["code"] for one in found} == {example.code}
    assert all(one["fix"] for one in found)
    reported = re.search(r"(?ms)^Reported by .*?\n\n", read_rule(example.code).text)
    assert reported is not None
    for one in found:
        hook = DOCUMENTED[example.code]
        assert EVERY_HOOK in reported[0] if hook == EVERY_HOOK else f"`{one['hook']}`" in reported[0]
        assert one["severity"] in reported[0]


@pytest.mark.parametrize("example", examples("Good"))
def test_a_good_example_has_no_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str], example: Example) -> None:
    assert judge(tmp_path, example, capsys) == []


@pytest.mark.parametrize("example", [one for one in examples("Bad") if is_allowed_by_comment(one.values[0])])
def test_a_comment_allows_what_the_text_says_it_allows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], example: Example
) -> None:
    (place,) = {(one["path"], one["line"]) for one in judge(tmp_path, example, capsys)}
    path, number = place
    lines = example.files[path].splitlines()
    comment = f"# memguard: allow[{example.code}] measured, and it fits"
    if CODES[example.code] in PROJECT_HOOKS:
        indent = lines[number - 1][: len(lines[number - 1]) - len(lines[number - 1].lstrip())]
        lines.insert(number - 1, indent + comment)
    else:
        lines[number - 1] += f"  {comment}"
    allowed = example._replace(files={**example.files, path: "\n".join([*lines, ""])})
    assert judge(tmp_path, allowed, capsys) == []


# The texts


@pytest.mark.parametrize("code", DOCUMENTED)
def test_a_text_has_its_sections_and_fits_on_a_screen(code: str) -> None:
    rule = read_rule(code)
    without_fences = re.sub(r"(?ms)^```.*?^```$", "", rule.text)
    assert re.findall(r"(?m)^## (.*)$", without_fences) == SECTIONS
    assert rule.text.startswith(f"# {code}: {rule.title}\n\nReported by ")
    assert rule.text.endswith("\n") and not rule.text.endswith("\n\n")  # noqa: PT018
    assert max(map(len, rule.text.splitlines())) <= 125
    assert len(rule.text.splitlines()) <= 100
    kinds = [one.kind for one in read_examples(code)]
    assert {"Bad", "Good"} <= set(kinds)
    before, _, behind = rule.text.partition("## Options")
    assert len(_FILE.findall(before)) == before.count("\n```") / 2, "each fence is a file of an example"
    assert len(re.findall(r"(?ms)^```toml\n.*?^```$", behind)) == behind.count("\n```") / 2, "or settings"


def test_each_code_has_a_text_and_each_text_a_code() -> None:
    assert sorted(path.stem for path in Path(rules.FOLDER).rglob("*.md")) == sorted(DOCUMENTED)
    assert set(DOCUMENTED) - set(CODES) == {"MG190", "MG191"}


def test_a_title_is_that_of_the_hook() -> None:
    texts = {code: read_rule(code) for code in CODES}
    assert {code: text.title for code, text in texts.items()} == {
        code: HOOKS[text.hook].RULES[code] for code, text in texts.items()
    }


def test_hooks_know_no_other_rules() -> None:
    assert {code: name for name, hook in HOOKS.items() for code in hook.RULES} == CODES


def test_a_code_without_a_text_is_an_error() -> None:
    with pytest.raises(MemguardError, match=r"there is no rule '\.\./MG201'"):
        read_rule("../MG201")


def options_of(code: str) -> str:
    return read_rule(code).text.partition("## Options")[2].partition("## How to allow it")[0]


@pytest.mark.parametrize("name", HOOKS)
def test_each_option_is_one_of_the_hook(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        HOOKS[name].main(["--help"])
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    for code in HOOKS[name].RULES:
        assert set(re.findall(r"`(--[a-z-]+)", options_of(code))) <= known, code


def settings_blocks() -> Iterator[Any]:
    for code in DOCUMENTED:
        behind = read_rule(code).text.partition("## Options")[2]
        for number, block in enumerate(re.findall(r"(?ms)^```toml\n(.*?)^```$", behind), start=1):
            yield pytest.param(block, id=f"{code}-{number}")


@pytest.mark.parametrize("block", list(settings_blocks()))
def test_each_block_of_settings_is_read(tmp_path: Path, block: str) -> None:
    assert set(tomli.loads(block)["tool"]) == {"memguard"}
    (tmp_path / "pyproject.toml").write_text(block, encoding="utf-8")
    with_settings, _ = load(WorkTree(str(tmp_path)))
    (tmp_path / "pyproject.toml").unlink()
    assert with_settings != load(WorkTree(str(tmp_path)))[0]


def test_each_code_in_a_text_is_one() -> None:
    for code in DOCUMENTED:
        assert set(re.findall(r"MG\d{3}", read_rule(code).text)) <= set(DOCUMENTED)


# The page and the package


def test_the_page_is_made_of_the_texts(capsys: pytest.CaptureFixture[str]) -> None:
    assert write_rules.main(["--check"]) == 0, capsys.readouterr().err


def test_a_page_that_is_out_of_date_is_told_and_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "rules.md"
    monkeypatch.setattr(write_rules, "PAGE", page)
    page.write_text("old\n", encoding="utf-8")
    assert write_rules.main(["--check"]) == 1
    assert page.read_text(encoding="utf-8") == "old\n"
    assert write_rules.main([]) == 0
    assert write_rules.main(["--check"]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == "docs/rules.md rewritten"


def test_each_link_of_the_page_leads_to_a_heading() -> None:
    from markdown_it import MarkdownIt

    tokens = MarkdownIt().parse((ROOT / "docs" / "rules.md").read_text(encoding="utf-8"))
    headings = [after.content for one, after in pairwise(tokens) if one.type == "heading_open"]
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = [
        str(child.attrs["href"])
        for token in tokens
        for child in token.children or ()
        if child.type == "link_open" and str(child.attrs["href"]).startswith("#")
    ]
    assert len(links) == len(DOCUMENTED)
    assert {link.removeprefix("#") for link in links} <= anchors


def test_the_texts_are_data_of_the_package() -> None:
    project = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (package, patterns), *_ = project["tool"]["setuptools"]["package-data"].items()
    found = {path for pattern in patterns for path in (ROOT / package).glob(pattern)}
    assert set(Path(rules.FOLDER).rglob("*.md")) <= found


def test_each_figure_is_that_of_the_catalog() -> None:
    found = [(code, *match) for code in DOCUMENTED for match in _FIGURE.findall(re.sub(r"\s+", " ", read_rule(code).text))]
    assert len(found) > 15
    for code, distribution, version, told in found:
        sizes = {
            mib(one.resident)
            for one in lookup.read_footprints(distribution)
            if one.version == version and one.python == "3.11.7"
        }
        assert told in sizes, (code, distribution, version)
