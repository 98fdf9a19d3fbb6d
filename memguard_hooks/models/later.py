"""What code does with a model that it has loaded: it converts or packs the weights, or sets the size of batches."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache

from memguard_hooks.models.folding import Folding
from memguard_hooks.models.loaders import loaders
from memguard_hooks.models.scopes import CallInScope, NameScope, last_name
from memguard_hooks.models.table import BYTES
from memguard_hooks.models.values import MAX_NUMBER, VAST, ExternalValue, Later, Made, Table, argument

CONVERTED, PACKED, BATCH = "converted", "packed", "batch_size"
"""The options of a model that say what is done with it."""

TYPES = {"half": "float16", "bfloat16": "bfloat16", "float": "float32", "double": "float64"}
"""Methods that convert all weights, and to which type of numbers; `to` does so where it is given one."""

PACKERS = frozenset({"quantize_dynamic", "quantize", "quantize_", "compile", "optimize"})
"""Last names of functions of `PACKAGES` after which nobody knows what a model takes."""

PACKAGES = ("torch", "torchao", "optimum", "intel_extension_for_pytorch", "ipex", "openvino", "bitsandbytes")

PACKING = ("load_in_8bit", "load_in_4bit", "quantization_config", "gguf_file")
"""Keywords with which weights are packed, or unpacked, as they are loaded."""

_BY_BATCHES = frozenset({"encode", "encode_query", "encode_document", "embed", "predict", "rank", "transcribe"})
"""Methods of models that take a size of batches."""

_TEXTS = {"rank": 1, "transcribe": -1}
"""Where they take texts, if not first; those of a recording are not counted."""

_KEEPING = frozenset({*TYPES, *PACKERS, "to", "cpu", "cuda", "eval", "train", "requires_grad_", "share_memory",
                      "BatchedInferencePipeline"})  # fmt: skip
"""Last names of what returns the model that it is given, or is a method of."""

_WORDS = ("half", "float16", ".float()", ".double()", ".to(", "quantize", "compile(", "optimize(", BATCH)
"""Of which a file has one that does any of this."""

MAX_KEPT = 5
"""How often what is returned may be given on."""


def later_calls(folding: Folding, made: ast.Call) -> Sequence[CallInScope]:
    """Return the calls that may change what the model takes that a call made; all of them are looked at once."""
    if folding.after is None:
        folding.after = _calls_after(folding)
    return folding.after.get(made, ())


def _calls_after(folding: Folding) -> Later:
    found: dict[ast.Call, list[CallInScope]] = {}
    for module in tuple(folding.naming(*_WORDS)):  # all of them are read before anything is asked
        for name in (*TYPES, *PACKERS, *_BY_BATCHES, "to"):
            for call in module.calls_by_name(name):
                if _may_change(call.node, name):
                    for made in dict.fromkeys(_origins(folding, _subject(call.node), call.scope)):
                        found.setdefault(made, []).append(call)
    return found


def _may_change(node: ast.Call, name: str) -> bool:
    """Return whether a call may change what a model takes, by how it is written: a device is no type of numbers."""
    if name in _BY_BATCHES:
        return argument(node, -1, (BATCH,)) is not None
    given = (*node.args, *(one.value for one in node.keywords))
    if name == "to" and all(isinstance(one, ast.Constant) or "device" in last_name(one).lower() for one in given):
        return False
    subject = _subject(node)
    return not isinstance(subject, ast.Call) or last_name(subject) in _KEEPING | _making()


@cache
def _making() -> frozenset[str]:
    """The last names of what loads models."""
    return frozenset(re.split("[.:]", one.function)[-1] for one in loaders())


def _subject(node: ast.Call) -> ast.expr | None:
    """Return what a call converts or asks: the owner of a method, and of a function of a module its first argument."""
    if last_name(node) in PACKERS or not isinstance(node.func, ast.Attribute):
        return argument(node, 0, ("model",))
    return node.func.value


def _origins(folding: Folding, node: ast.expr | None, scope: NameScope, depth: int = 0) -> Iterator[ast.Call]:
    """Yield the calls that made what an expression comes to, or what it is an attribute or an item of."""
    while node is not None:
        for value in folding.values(node, scope):
            if isinstance(value, Made):
                yield value.call
                if depth < MAX_KEPT and last_name(value.call) in _KEEPING:
                    yield from _origins(folding, _subject(value.call), value.scope, depth + 1)
        node = node.value if isinstance(node, (ast.Attribute, ast.Subscript)) else None


def options_after(folding: Folding, calls: Sequence[CallInScope]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the options that calls set; the empty string is among the values where they may not run."""
    found: dict[str, dict[str, None]] = {}
    for call in calls:
        holds = folding.holds(call.conditions)
        if holds is False or folding.never_runs(call.scope.function):
            continue
        for option, value in _changes(folding, call):
            found.setdefault(option, {})[value] = None
            if holds is None:
                found[option][""] = None
    yield from ((option, tuple(values)) for option, values in found.items())


def _changes(folding: Folding, call: CallInScope) -> Iterator[tuple[str, str]]:
    """Yield what one call changes."""
    node, name = call.node, last_name(call.node)
    if name in TYPES:
        yield CONVERTED, TYPES[name]
    elif name == "to":
        yield from ((CONVERTED, one) for one in _types(folding, call))
    elif name in _BY_BATCHES:
        yield from ((BATCH, str(one)) for one in _sizes(folding, call))
    else:
        names = [one.name for one in folding.values(node.func, call.scope) if isinstance(one, ExternalValue)]
        if any(one.partition(".")[0] in PACKAGES for one in names):
            yield PACKED, name


def _types(folding: Folding, call: CallInScope) -> Iterator[str]:
    """Yield the types of numbers that `to` is given, by place or by name."""
    for node in (*call.node.args, *(one.value for one in call.node.keywords)):
        for value in folding.values(node, call.scope):
            name = value.name.removeprefix("torch.") if isinstance(value, ExternalValue) else ""
            if name in BYTES or name in TYPES:
                yield TYPES.get(name, name)


def _sizes(folding: Folding, call: CallInScope) -> Iterator[int]:
    """Yield how many texts a batch has at most: no more than are written out."""
    size, most = argument(call.node, -1, (BATCH,)), _written(folding, call)
    for value in folding.values(size, call.scope) if size is not None else ():
        number = MAX_NUMBER if value == VAST else value
        if isinstance(number, int) and number > 0:
            yield number if most is None else min(number, most)


def _written(folding: Folding, call: CallInScope) -> int | None:
    """Return how many texts a call is given that are written out, None where there may be more."""
    given = argument(call.node, _TEXTS.get(last_name(call.node), 0), ())
    values = folding.values(given, call.scope) if given is not None else ()
    lengths = [_length(one, given) for one in values]
    return max((one or 0 for one in lengths), default=None) if all(lengths) else None


def _length(value: object, given: ast.expr | None) -> int:
    """Return how many texts a value is, 0 where nobody knows: what a list with a name is given later is not followed."""
    if isinstance(value, str):
        return 1
    node = value.node if isinstance(value, Table) else None
    if isinstance(node, ast.Dict) or node is None or not (node is given or isinstance(node, ast.Tuple)):
        return 0
    return 0 if any(isinstance(one, ast.Starred) for one in node.elts) else len(node.elts)


def packing(folding: Folding, node: ast.Call, scope: NameScope) -> Iterator[str]:
    """Yield the keywords of a call that loads a model with which its weights are packed."""
    for keyword in PACKING:
        values = folding.keyword(node, keyword, scope)
        if any(one not in (None, False) for one in values):
            yield keyword
