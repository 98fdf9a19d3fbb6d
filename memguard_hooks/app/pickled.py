"""The libraries that a pickle imports as it is loaded: those whose classes it names; no statement of the project does."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import islice

from memguard_hooks.catalog.lookup import is_provided
from memguard_hooks.errors import UnreadableError
from memguard_hooks.pattern import late_pattern
from memguard_hooks.tree import Tree, parse_once

LEARNING = ("sklearn", "xgboost", "lightgbm", "catboost", "statsmodels")
"""What makes the models that people keep in pickles, the most frequent first."""

MAX_NAMES, MAX_MODULES = 20_000, 200
"""Names in one pickle that are looked at, and modules of which it is asked for."""

_MODULE = late_pattern(
    rb"(?:(?<=\x8c.)|(?<=[^\w.]c)|(?<![\w.]))"
    rb"(?:sklearn|xgboost|lightgbm|catboost|statsmodels|imblearn|pandas|numpy|scipy|torch|nltk|gensim|spacy|tensorflow|keras"
    rb"|transformers|sentence_transformers|networkx)(?:\.\w{1,60}){0,8}",
    re.ASCII | re.DOTALL,
)
"""The name of a module before that of a class in a pickle: on a line behind `c`, or behind its length in one byte."""

_OF_MODEL = late_pattern(
    r"model|clf|classif|regress|predict|scaler|vectori[sz]er|encoder|pipeline|forest|\.sav$|\.joblib$", re.IGNORECASE
)
"""What the file of a model is called."""


def modules_in(
    tree: Tree, files: Mapping[str, str | None], present: Collection[str], *, is_of_models: bool
) -> tuple[str, ...]:
    """Return the modules that loading a pickle imports: those that it names, or else the library of models that is there.

    `files` are the names of what may be loaded, and where each is in the repository. One that is not there, or compressed,
    is taken for a model by its name, or because what loads it `is_of_models`.
    """
    for name, path in files.items():
        named = [one for one in _named_in(tree, path)[0] if is_provided(one, present)] if path is not None else []
        if named:
            return tuple(named)
        is_of_models = is_of_models or _OF_MODEL.search(name) is not None
    return tuple(one for one in LEARNING if is_provided(one, present))[:1] if is_of_models else ()


def names_too_much(tree: Tree, path: str) -> bool:
    """Return whether a file names more than is looked at, as a pickle does."""
    return _named_in(tree, path)[1]


def is_data(tree: Tree, path: str) -> bool:
    """Return whether a file is a pickle that names no library: lists and mappings, and no model."""
    names, _ = _named_in(tree, path)
    return not names and sized(tree, path) is not None


def sized(tree: Tree, path: str) -> int | None:
    """Return what a pickle takes once it is loaded, None for what is none, compressed, or too large to be read."""

    def find() -> int | None:
        from memguard_hooks.startup.objects import size_of_pickle

        try:
            data = tree.read(path) or b""
        except UnreadableError:
            return None
        return size_of_pickle(len(data), data)

    return parse_once(tree, ("size of a pickle", path), find)


def _named_in(tree: Tree, path: str) -> tuple[tuple[str, ...], bool]:
    """Return the modules that a file names as a pickle does, and whether it has more names; looked for once.

    There are none of one that is too large to be read.
    """

    def find() -> tuple[tuple[str, ...], bool]:
        try:
            data = tree.read(path) or b""
        except UnreadableError:
            return (), False
        found = _MODULE.finditer(data)
        names = dict.fromkeys(one[0].decode("ascii") for one in islice(found, MAX_NAMES))
        return tuple(islice(names, MAX_MODULES)), len(names) > MAX_MODULES or next(found, None) is not None

    return parse_once(tree, ("modules of a pickle", path), find)
