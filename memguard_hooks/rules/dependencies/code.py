"""The code of a project, as rules on its dependencies ask for it: what it may import, quotes and mentions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from memguard_hooks.dependencies import lock_readers, manifests
from memguard_hooks.errors import MemguardError
from memguard_hooks.imports.narrow import candidates
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.project import BASELINE, Project
from memguard_hooks.tree import walk

LOADED_BY_NAME = frozenset({
    "accelerate", "adlfs", "faiss-cpu", "faiss-gpu", "gcsfs", "matplotlib", "sentence-transformers", "tensorflow",
    "tensorflow-cpu", "tensorflow-gpu", "tf-nightly", "torch", "transformers",
})  # fmt: skip
"""Packages that others load where they are installed: backends of keras, of embeddings, of training and of
addresses such as `gs://`, plots of pandas."""

LOADERS = late_pattern(
    r"langchain|llama-index|haystack|deepface|keras|crewai|autogen|dspy|instructor|pydantic-ai|chainlit|semantic-kernel|agno|"
    r"phidata|smolagents"
)
"""Libraries that load what they find, or are told by a name."""

ASKED_OF_OTHERS = {
    "db-dtypes": ("to_dataframe",),
    "pandas": (
        "df", "fetch_df", "fetch_pandas_all", "fetch_pandas_batches", "fetchdf", "query_df", "read_pandas", "to_dataframe",
        "to_dataframe_iterable", "to_df", "to_pandas", "to_pandas_df", "toPandas",
    ),
    "pyarrow": (
        "arrow", "fetch_arrow_all", "fetch_arrow_table", "read_feather", "read_orc", "read_parquet", "to_arrow",
        "to_dataframe", "to_feather", "to_orc", "to_pandas", "to_parquet", "toPandas",
    ),
    "scipy": ("corr", "interpolate", "pagerank"),
}  # fmt: skip
"""Package → methods of others that load it once they are called: of pandas' frames and series, polars, duckdb, pyspark,
networkx, and the clients of BigQuery, Snowflake, ClickHouse and InfluxDB, as their references say."""

_METHOD = late_pattern(
    rb"\.(%s)\(" % b"|".join(sorted({name.encode() for names in ASKED_OF_OTHERS.values() for name in names}))
)

_COMMON = frozenset(
    {"ai", "api", "async", "client", "core", "lib", "models", "py", "python", "sdk", "server", "tools", "utils"}
)
"""Words of names of packages that tell nothing of them."""

_MENTIONS = late_pattern(
    r"(?:\.(?:ya?ml|toml|cfg|ini|json|sh|ipynb|html|env|conf)|(?:^|/)(?:Procfile|Makefile|justfile|[^/]*Dockerfile[^/]*))$"
)
_WORD = rb"(?<![\w.-])%s(?![\w-])"
_QUOTED = rb"(?:['\"]|-m )(%s)(?![\w-])"
"""A name at the beginning of a string, as commands, paths of objects and engines have it."""

_OLD_CALLS = {
    "gradio": ("<4", late_pattern(rb"\b(?:gr|gradio)\.(?:inputs|outputs)\.\w+")),
    "moviepy": ("<2", late_pattern(rb"\bmoviepy\.editor\b")),
    "openai": (
        "<1",
        late_pattern(rb"\bopenai\.(?:ChatCompletion|Completion|Edit|Embedding|FineTune|Image|Moderation|error)\b"),
    ),
    "pinecone-client": ("<3", late_pattern(rb"\bpinecone\.init\(")),
    "tensorflow": ("<2", late_pattern(rb"\b(?:tf|tensorflow)\.(?:Session|placeholder|contrib)\b")),
}
"""What a newer version of a package has no more: the versions that have it, and how code names it."""

MAX_BYTES = 2**20
MAX_FILES = 20_000


def old_call(project: Project, name: str) -> tuple[str, str]:
    """Return the versions of a package that have what the code calls, and the call with its place; empty for any."""
    versions, pattern = _OLD_CALLS.get(name, ("", None))
    for path in project.whole.suspects if pattern is not None else ():
        data = project.read_file(path) or b""
        found = pattern.search(data) if pattern is not None else None
        if found is not None:
            line = data.count(b"\n", 0, found.start()) + 1
            return versions, f"{found[0].decode().rstrip('(')} ({path}:{line})"
    return "", ""


class Code:
    """What all Python files of a project may import, which of some names they quote, and what other files mention."""

    def __init__(self, project: Project, names: Sequence[str] = ()) -> None:
        known = project.settings.baseline or BASELINE  # names what is unused, and does not use it
        self.is_known = True
        self.is_there = False
        self._imports: dict[str, dict[str, list[str]]] = {}
        self._own: set[str] = set()
        self.mentions: list[bytes] = []
        self.quoted: set[str] = set()
        self._methods: set[str] = set()
        words = b"|".join(re.escape(name.encode()) for name in names)
        quoted = re.compile(_QUOTED % words) if names else None
        try:
            paths = walk(project.tree)
        except MemguardError:
            paths = []
        self.is_known = len(paths) <= MAX_FILES
        for path in paths if self.is_known else ():
            if path.endswith((".py", ".pyw")):
                self._own.update(path.removesuffix(".py").split("/"))
            if path.endswith((".py", ".pyw")) and not path.endswith("setup.py"):
                data = project.read_file(path) or b""
                imported = candidates(data)
                if imported is None:
                    self.is_known = False
                    return
                self.is_there = True
                for name in imported:
                    self._imports.setdefault(name.partition(".")[0], {}).setdefault(path, []).append(name)
                if not ASKED_OF_OTHERS.keys().isdisjoint(names):
                    self._methods.update(match[1].decode() for match in _METHOD.finditer(data))
                if quoted is not None:
                    self.quoted.update(match[1].decode() for match in quoted.finditer(data))
            elif _MENTIONS.search(path) and path != known and not (lock_readers.is_lock(path) or manifests.is_named(path)):
                data = project.read_file(path) or b""
                self.mentions += [data] if len(data) <= MAX_BYTES else []

    def files_with(self, modules: Sequence[str]) -> list[str]:
        """Return the files that may import one of some modules or what is below it."""
        found = {
            path: None
            for module in modules
            for path, names in self._imports.get(module.partition(".")[0], {}).items()
            if any(name == module or name.startswith(f"{module}.") for name in names)
        }
        return sorted(found)

    def is_mentioned(self, names: Sequence[str]) -> bool:
        """Return whether source has one of some names as a quoted word, or another file as any word."""
        if not self.quoted.isdisjoint(names):
            return True
        return any(re.search(_WORD % re.escape(name.encode()), data) for data in self.mentions for name in names)

    def is_asked_of_others(self, distribution: str) -> bool:
        """Return whether code calls a method of another package that loads one: `frame.to_parquet()` loads pyarrow."""
        return not self._methods.isdisjoint(ASKED_OF_OTHERS.get(distribution, ()))

    def is_adapted(self, distribution: str) -> bool:
        """Return whether a part of another package that is imported has the name of a package: `agno.models.google`.

        Such a part imports that package itself, where it is installed.
        """
        words = {*re.split(r"[-_.]", distribution.lower())} - _COMMON
        others = (files for top, files in self._imports.items() if top not in self._own)
        imported = {name for files in others for names in files.values() for name in names}
        return any(not words.isdisjoint(re.split(r"[._]", name.lower())[1:]) for name in imported)
