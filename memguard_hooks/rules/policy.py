"""The policy that several families of rules share: which packages are forbidden, withdrawn, or too new."""

from __future__ import annotations

from memguard_hooks.finding import Finding

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Mapping

    from memguard_hooks.project.settings import AllowedName, Settings

LITELLM = "litellm"
CEILING = "<1.70"

WITHDRAWN = {LITELLM: {"1.82.7": "it was backdoored", "1.82.8": "it was backdoored"}}
"""Releases taken from the index for what they did: litellm 1.82.7 and 1.82.8, March 2026."""

FORBIDDEN = (
    "torch",
    "tensorflow",
    "transformers",
    "tokenizers",
    "huggingface-hub",
    "grpcio",
    "google-api-python-client",
)

COMPANIONS = {"huggingface-hub": "hf-xet"}
"""Package → what it uses where it is installed; without it huggingface-hub downloads by plain HTTP and says so."""


def forbidden_names(settings: Settings) -> frozenset[str]:
    """Return the packages that are forbidden under the settings."""
    from memguard_hooks.dependencies.requirement import normalize_name

    left_out = map(normalize_name, (*settings.forbid_remove, *settings.forbid_allow))
    return frozenset({*FORBIDDEN, *map(normalize_name, settings.forbid_add)}.difference(left_out))


def unexplained(allowed: Mapping[str, AllowedName], hook: str) -> list[Finding]:
    """Return a finding for each name that the settings allow without a reason."""
    return [
        Finding(
            one.path,
            one.line,
            one.column,
            "MG190",
            f"{name} is allowed without a reason",
            hook,
            name,
            fix=(f'write `{name} = "why"`',),
        )
        for name, one in allowed.items()
        if not one.reason
    ]
