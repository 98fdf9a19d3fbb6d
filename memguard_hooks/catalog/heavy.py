"""Which modules are heavy by default, and which never are.

Heavy is what the catalog measured at the threshold or above, and what this list names: the libraries
that the incidents behind this project were about.
"""

from __future__ import annotations

from collections.abc import Iterable

from memguard_hooks.catalog import lookup
from memguard_hooks.record import Record

DEFAULT: dict[str, tuple[str, ...]] = {
    "litellm": ("litellm",),
    "openai": ("openai",),
    "anthropic": ("anthropic",),
    "google.generativeai": ("google-generativeai",),
    "google.genai": ("google-genai",),
    "torch": ("torch",),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tf-nightly"),
    "transformers": ("transformers",),
    "sentence_transformers": ("sentence-transformers",),
    "whisper": ("openai-whisper",),
    "faster_whisper": ("faster-whisper",),
    "faiss": ("faiss-cpu", "faiss-gpu"),
    "pandas": ("pandas",),
    "sklearn": ("scikit-learn",),
    "matplotlib.pyplot": ("matplotlib",),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
    "spacy": ("spacy",),
}
"""Module → the distributions that provide it."""

FRAMEWORKS = frozenset({
    "aiogram", "aiohttp", "airflow", "ariadne", "beanie", "bottle", "celery", "chainlit", "dagster", "daphne", "dash",
    "discord", "django", "falcon", "fastapi", "fastmcp", "flask", "flet", "gradio", "granian", "graphene", "gunicorn",
    "hypercorn", "litestar", "mcp", "mongoengine", "nextcord", "nicegui", "ninja", "odmantic", "ormar", "panel", "piccolo",
    "pony", "prefect", "pyramid", "pyrogram", "quart", "reflex", "rest_framework", "sanic", "scrapy", "shiny", "solara",
    "sqlalchemy", "sqlmodel", "starlette", "strawberry", "streamlit", "telebot", "telegram", "telethon", "textual",
    "tornado", "tortoise", "uvicorn", "waitress",
})  # fmt: skip
"""Frameworks, servers and mappers of classes: an app cannot start without its own, so its import is no finding."""

ALONE = frozenset({"discord_webhook", "gradio_client"})
"""Modules that bear the name of a framework and do not load it; a test holds that the catalog says so of these alone."""


MAX_NAME = 1000
"""Letters of a dotted name; no file has a longer one."""


class Heavy(Record):
    """The heavy modules of a project, with the distributions that provide them."""

    modules: dict[str, tuple[str, ...]]

    @property
    def distributions(self) -> dict[str, str]:
        """Distribution → a heavy module of it."""
        return {name: module for module, names in self.modules.items() for name in names}

    def root_of(self, module: str) -> str | None:
        """Return the heavy module that importing a dotted name runs, None where it runs none."""
        if len(module) > MAX_NAME:
            return None
        while module:
            if module in self.modules:
                return module
            module = module.rpartition(".")[0]
        return None


def heavy_modules(threshold: int, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Heavy:
    """Return what is heavy at a threshold in bytes; `add` and `remove` name modules or distributions."""
    found = dict(DEFAULT)
    large = (one.name for ones in lookup.modules().values() for one in ones if one.resident >= threshold)
    for name in dict.fromkeys(large):
        measured = lookup.modules()[name]
        most = max(one.resident for one in measured)
        if name.partition(".")[0] not in FRAMEWORKS and most - _taken_by_its_framework(name) >= threshold:
            found.setdefault(name, tuple(one.distribution for one in measured))
    for name in add:
        known = [module for module, ones in lookup.modules().items() if name in {one.distribution for one in ones}]
        for module in known or [name]:
            found[module] = tuple(one.distribution for one in lookup.modules().get(module, ())) or (name.lower(),)
    for name in remove:
        for module in [module for module, ones in found.items() if name in (module, *ones)]:
            del found[module]
    # A module below a heavy one adds nothing: importing it runs the other.
    return Heavy({module: ones for module, ones in found.items() if found.keys().isdisjoint(_above(module))})


def _taken_by_its_framework(module: str) -> int:
    """Return what the framework takes that a module extends by its name: an app with `flask_login` has loaded `flask`."""
    framework, has_more, _ = module.partition(".")[0].partition("_")
    is_extension = has_more and framework in FRAMEWORKS and module.partition(".")[0] not in ALONE
    measured = lookup.modules().get(framework, ()) if is_extension else ()
    return max((one.resident for one in measured), default=0)


def _above(module: str) -> list[str]:
    """Return the packages around a module: `a` and `a.b` of `a.b.c`."""
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]
