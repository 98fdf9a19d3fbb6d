"""`[tool.pdm]` in pyproject.toml: groups for development.

Source: the chapter on dependencies of PDM's documentation. A local project stands there as `-e file:///…#egg=name`.
"""

from __future__ import annotations

from collections.abc import Iterator

from memguard_hooks.dependencies import requirement as req
from memguard_hooks.dependencies import toml_requirements
from memguard_hooks.dependencies.identity import identify
from memguard_hooks.dependencies.requirement import Requirement, Wanted
from memguard_hooks.formats.toml_document import TomlDocument

_KEY = ("tool", "pdm", "dev-dependencies")


def read(document: TomlDocument, wanted: Wanted) -> Iterator[Requirement]:
    """Yield the wanted requirements of all groups."""
    for group in toml_requirements.table(document, _KEY):
        for index, text in enumerate(toml_requirements.texts(document, (*_KEY, group))):
            key = (*_KEY, group, index)
            if not text.startswith("-e "):
                found = toml_requirements.element(document, key, text, "development", group, wanted)
                if found is not None:
                    yield found
                continue
            identity = identify(text[3:].strip(), is_editable=True)
            if identity is not None and identity.name is not None and wanted(identity.name):
                parsed = req.parse(identity.text, document.path, *document.place(key), document.end_line(key))
                yield parsed._replace(group="development", group_name=group)
