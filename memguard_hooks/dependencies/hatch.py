"""`[tool.hatch.envs]` in pyproject.toml: environments for development.

Source: the chapter on environments of Hatch's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator

from memguard_hooks.dependencies import toml_requirements
from memguard_hooks.dependencies.requirement import Requirement, Wanted
from memguard_hooks.formats.toml_document import TomlDocument

_KEY = ("tool", "hatch", "envs")


def read(document: TomlDocument, wanted: Wanted) -> Iterator[Requirement]:
    """Yield the wanted requirements of all environments."""
    for name in toml_requirements.table(document, _KEY):
        for field in ("dependencies", "extra-dependencies"):
            yield from toml_requirements.listed(document, (*_KEY, name, field), "development", name, wanted)
