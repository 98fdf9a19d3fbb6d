"""The pages of the documentation: each link leads somewhere, each block of settings is read, each key is explained."""

from __future__ import annotations

import re
import textwrap
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import site_pages
import tomli
import yaml
from markdown_it import MarkdownIt

from memguard_hooks.project import settings
from memguard_hooks.tree import WorkTree

ROOT = Path(__file__).resolve().parent.parent
PAGES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))),
)

each_page = pytest.mark.parametrize("page", PAGES)


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@cache
def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub makes of the headings of a page."""
    headings = [after.content for one, after in pairwise(MarkdownIt().parse(read(page))) if one.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def targets(page: str) -> list[str]:
    """Return where the links and pictures of a page lead, without those to other sites."""
    children = [
        child for token in MarkdownIt("commonmark").enable("table").parse(read(page)) for child in token.children or ()
    ]
    found = [
        str(child.attrs.get("href", child.attrs.get("src"))) for child in children if child.type in {"link_open", "image"}
    ]
    return [target for target in found if "://" not in target]


@each_page
def test_each_link_leads_to_a_file_and_a_heading(page: str) -> None:
    for target in targets(page):
        name, _, anchor = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(str(file.resolve().relative_to(ROOT))), target


@each_page
def test_each_block_of_settings_is_read(page: str, tmp_path: Path) -> None:
    for block in re.findall(r"(?ms)^ *```toml\n(.*?)^ *```$", read(page)):
        text = textwrap.dedent(block)
        if "tool" in tomli.loads(text):
            (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
            assert settings.load(WorkTree(str(tmp_path)))[0] != settings.Settings()


def test_the_page_of_settings_explains_each_key_of_its_example() -> None:
    page = read("docs/settings.md")
    example = tomli.loads(re.findall(r"(?ms)^```toml\n(.*?)^```$", page)[0])["tool"]["memguard"]
    assert set(example) == set(settings._TOP_KEYS) - {"limit"}
    names = {name for row in re.findall(r"(?m)^\| (`.*?) \|", page) for name in re.findall(r"`([^`]+)`", row)}
    tables = {table: example[table] for table in ("heavy", "forbid", "fix", "budget")}
    keys = {f"{table}.{key}" for table, values in tables.items() for key in values}
    assert names == {*keys, "limit", "services.NAME", *example} - {*tables, "services"}


# The site


def test_the_site_has_each_page() -> None:
    config = yaml.safe_load(read("mkdocs.yml"))
    named = re.findall(r"[\w-]+\.md", yaml.safe_dump(config["nav"]))
    assert sorted(named) == sorted(["index.md", *(path.name for path in (ROOT / "docs").glob("*.md"))])
    assert (ROOT / config["hooks"][0]).is_file()


@each_page
def test_no_link_of_the_site_leads_out_of_it(page: str) -> None:
    if not page.startswith("docs/"):
        return
    text = site_pages.with_addresses(read(page))
    assert not re.search(r"\]\(\.\./", text)


@each_page
def test_code_does_not_end_the_lists_of_the_site(page: str) -> None:
    text, shown = read(page), site_pages.with_whole_lists(read(page))
    assert not re.search(r"(?m)^ {1,3}(?:```|<!--)", shown)
    assert re.sub(r"(?m)^ +", "", shown) == re.sub(r"(?m)^ +", "", text)


def test_the_first_page_of_the_site_is_the_readme() -> None:
    text = site_pages.with_addresses(site_pages.first_page())
    links = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)}
    assert {link for link in links if "://" not in link and not (ROOT / "docs" / link).exists()} == set()


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_each_action_of_a_workflow_is_pinned_to_a_commit(name: str) -> None:
    used = re.findall(r"uses: (\S+)", read(f".github/workflows/{name}"))
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one) for one in used)
