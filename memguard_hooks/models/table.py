"""The models that libraries load by name: how many parameters each has, and how its weights are stored.

`data/models.tsv` lists them, with the source of each figure.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from functools import cache

from memguard_hooks.formats.tsv import rows
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

FOLDER = os.path.join(os.path.dirname(__file__), "data")

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int16": 2, "int8": 1}
"""Bytes of a parameter, by the type of numbers."""

_CTRANSLATE2 = late_pattern(r"(?:[\w.-]+/)?faster-(distil-)?whisper-([\w.-]+?)(?:-(?:ct2|int8|float16|fp16))*", 2)
"""What a CTranslate2 conversion of Whisper is called on the hub, in letters of any case."""


_OF_TEXT = frozenset({"bart", "bert", "gpt2", "llama", "t5"})
"""Architectures whose first size is that of the vocabulary."""


class Model(Record):
    """One architecture by one of its names; `size` is parameters, or bytes or tokens, by what `dtype` says.

    `vocabulary` is how many tokens a model of text knows, `width` how many numbers one of BERT's kin makes of each, and
    `exact` how many parameters transformers keeps in 32 bits where a call asks for float16 (`_keep_in_fp32_modules`: the
    last layer of each feed-forward block of T5); 0 where the table does not say.
    """

    name: str
    kind: str
    size: int
    dtype: str
    family: str
    source: str
    vocabulary: int = 0
    width: int = 0
    exact: int = 0

    def weights(self, dtype: str | None = None) -> int:
        """Return the bytes of the weights in a type of numbers, by default as they are stored."""
        return self.size * BYTES.get(dtype or self.dtype, 1)


def read_rows(name: str) -> Iterator[list[str]]:
    """Return the rows of a table of this package, without its comments."""
    return rows(os.path.join(FOLDER, name))


@cache
def models() -> dict[tuple[str, str], Model]:
    """All models, by their kind and their name in lower case."""
    found: dict[tuple[str, str], Model] = {}
    for kind, names, size, dtype, architecture, family, source in read_rows("models.tsv"):
        function, _, sizes = architecture.partition("(")
        vocabulary = int(sizes.partition(",")[0]) if function in _OF_TEXT else 0
        width = int(sizes.split(",")[4]) if function == "bert" else 0
        exact = _exact(sizes.split(",")) if function == "t5" else 0
        for name in names.split(" "):
            found[kind, name.lower()] = Model(name, kind, int(size), dtype, family, source, vocabulary, width, exact)
    return found


def _exact(sizes: list[str]) -> int:
    """Return the parameters of T5's last layers, of its encoder and its decoder."""
    layers, width, inner = int(sizes[1]), int(sizes[2]), int(sizes[4])
    return 2 * layers * width * inner


def find(kind: str, name: str) -> Model | None:
    """Return the model that a name stands for among those of a kind, None for one that is not in the table."""
    known = models()
    for spelling in _spellings(kind, name.lower()):
        if (kind, spelling) in known:
            return known[kind, spelling]
    return None


def _spellings(kind: str, name: str) -> Iterator[str]:
    yield name
    if kind == "hub" and "/" not in name:
        yield f"sentence-transformers/{name}"
    elif kind == "yolo":
        yield name.rpartition("/")[2].partition(".")[0]
    elif kind == "whisper":
        converted = _CTRANSLATE2.fullmatch(name)
        if converted is not None:
            yield f"{'distil-' if converted[1] else ''}{converted[2]}"


def family(model: Model) -> list[Model]:
    """Return the models that can take a model's place, each size once, the largest first."""
    if not model.family:
        return [model]
    found: dict[int, Model] = {}
    for other in models().values():
        if other.kind == model.kind and other.family == model.family:
            found.setdefault(other.size, other)
    return sorted(found.values(), key=lambda one: -one.size)
