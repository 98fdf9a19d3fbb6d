"""What MkDocs is given besides the pages: the README as the first one, and addresses for what lies outside of docs/.

`mkdocs build --strict` calls the functions by their names (`hooks` in mkdocs.yml).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import tomli

ROOT = Path(__file__).resolve().parent.parent


def source() -> str:
    """Return the address of the files of this repository."""
    address = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Source"]
    return f"{address}/blob/main"


def first_page() -> str:
    """Return the README with its links as they are within docs/."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.sub(r"\]\((?!docs/|https?:|#)", "](../", text).replace("](docs/", "](")


def with_addresses(text: str) -> str:
    """Return a page whose links out of docs/ are addresses."""
    return re.sub(r"\]\(\.\./", f"]({source()}/", text)


def with_whole_lists(text: str) -> str:
    """Return a page whose code in lists stands four spaces in: with three, as GitHub reads it, it ends a list here."""
    in_list = r"(?ms)^ {3}(?:<!--[^\n]*|```.*?^ {3}```)$"
    return re.sub(in_list, lambda block: re.sub(r"(?m)^(?=.)", " ", block[0]), text)


def on_files(files: Any, config: Any) -> Any:
    """Add the README as the first page."""
    from mkdocs.structure.files import File  # type: ignore[import-not-found]

    files.append(File.generated(config, "index.md", content=first_page()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Rewrite the links of each page."""
    return with_whole_lists(with_addresses(markdown))
