"""How a pin is written in the file that declares the package: by pip, Poetry, pipenv or conda."""

from __future__ import annotations

import re

from memguard_hooks.dependencies.requirement import Notation, Requirement, normalize_name

OF_LOCKS: dict[str, Notation] = {"poetry.lock": "poetry", "Pipfile.lock": "pipfile"}
"""Lock → how the manifest that it is made from may write a requirement."""


def pinned(requirement: Requirement, version: str) -> str:
    """Return what to write in place of a requirement, to pin it to a version."""
    name = requirement.name
    written = re.match(r"[\w.-]+", requirement.text)
    if written is not None and normalize_name(written[0]) != name:
        name = written[0]  # conda has packages under names of its own
    is_table = bool(requirement.extras or requirement.marker or requirement.index_name)
    if requirement.notation in ("poetry", "pipfile") and is_table:
        exact = version if requirement.notation == "poetry" else f"=={version}"
        return f'version = "{exact}" in the table of {name}'
    return pin(name, version, requirement.notation, requirement.extras)


def pin(name: str, version: str, notation: Notation = "pep508", extras: tuple[str, ...] = ()) -> str:
    """Return the pin of a package in a notation."""
    match notation:
        case "poetry":
            return f'{name} = "{version}"'
        case "pipfile":
            return f'{name} = "=={version}"'
        case "conda":
            return f"- {name}=={version}"
        case _:
            asked = f"[{','.join(extras)}]" if extras else ""
            return f"{name}{asked}=={version}"
