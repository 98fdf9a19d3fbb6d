"""`kustomization.yaml`: the manifests that Kubernetes is given, with what an overlay changes of those of its base.

Source of the format: kubernetes-sigs/kustomize, api/types and the strategic merge of kubernetes.io/docs, "Update API Objects
in Place Using kubectl patch" (2026-11). Prefixes of names and labels are left out: nothing that is judged hangs on them.
Each node keeps the place in the file that it stands in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import yaml

from memguard_hooks.deployment.service import Read
from memguard_hooks.errors import MemguardError, within
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.yaml_nodes import NULL, compose_all, file_of, get, items, place, scalar
from memguard_hooks.record import Record, T
from memguard_hooks.tree import join, parent

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")

MAX_FILES = 200
"""Files that one kustomization is made of."""

MAX_DOCUMENTS = 300

MAX_DEPTH = 6
"""How deeply bases may be nested."""

MAX_MERGES = 50_000
"""Values that are merged, and operations of patches: an alias makes many of few bytes."""

MAX_CHANGES = 500
"""Patches, and operations of one patch."""

_KEYS = {"containers": "name", "initContainers": "name", "env": "name", "volumes": "name", "ports": "containerPort",
         "volumeMounts": "mountPath", "imagePullSecrets": "name"}  # fmt: skip
"""By which key the items of a list are told apart where it is merged; any other list is replaced."""


_IDENTITY = frozenset({"apiVersion", "kind", "metadata"})
"""What a patch with a target of its own does not change."""


class Kustomized(Record):
    """The documents that a kustomization comes to, and what could not be read."""

    documents: tuple[yaml.Node, ...]
    skipped: tuple[Skipped, ...]


def build(path: str, read_file: Read) -> Kustomized:
    """Return what a kustomization comes to. Raises MemguardError for a file that does not parse, with the place."""
    builder = _Builder(read_file)
    try:
        found = builder.build(path, 0)
    except RecursionError:  # an alias that holds itself
        raise MemguardError("is nested too deeply", path) from None
    return Kustomized(tuple(found), tuple(builder.skipped))


class _Builder:
    """Reads the files of a kustomization, bounded in number."""

    def __init__(self, read_file: Read) -> None:
        self.skipped: list[Skipped] = []
        self._read = read_file
        self._known: dict[str, list[yaml.Node]] = {}
        """The documents of each file: a kustomization may name itself."""
        self._inlined: dict[yaml.Node, list[yaml.Node]] = {}
        """The patch that stands in each text, read once however often its file is named."""
        self._merges = 0

    def build(self, path: str, depth: int) -> list[yaml.Node]:
        """Return the documents of a kustomization and of those below it."""
        (root,) = self._documents(path)[:1] or (None,)
        entries = self._first(_entries(root), MAX_FILES, path, "files")
        found = [one for entry in entries for one in self._resource(entry, path, depth)]
        found = self._first([*found, *_config_maps(root)], MAX_DOCUMENTS, path, "documents")
        for patch, target in self._first(self._patches(root, path), MAX_CHANGES, path, "patches"):
            found = [self._patched(one, patch, target) for one in found]
        for entry in self._first(items(get(root, "replicas")), MAX_CHANGES, path, "replicas"):
            found = [self._with_replicas(one, entry) for one in found]
        return found

    def _first(self, found: list[T], bound: int, path: str, what: str) -> list[T]:
        """Return the first of what a kustomization lists, and note that there is more."""
        if len(found) > bound:
            self.skipped.append(Skipped(path, None, f"names more than {bound} {what}: the others are not read"))
        return found[:bound]

    def _documents(self, path: str) -> list[yaml.Node]:
        known = self._known.get(path)
        if known is None:
            data = self._read(path)
            if len(self._known) >= MAX_FILES and data is not None:
                self.skipped.append(Skipped(path, None, f"is not read: a kustomization names more than {MAX_FILES} files"))
                data = None
            known = self._known[path] = list(compose_all(data, path)) if data is not None else []
        return known

    def _resource(self, entry: yaml.Node, path: str, depth: int) -> list[yaml.Node]:
        text = scalar(entry) or ""
        where = join(parent(path), text)
        if where is not None and text.endswith((".yaml", ".yml")) and self._read(where) is not None:
            return self._documents(where)
        inner = next((f"{where}/{name}".lstrip("/") for name in NAMES if self._read(f"{where}/{name}".lstrip("/"))), None)
        if where is None or inner is None or depth > MAX_DEPTH:
            self.skipped.append(Skipped(path, place(entry)[0], f"its resource {text} is not read"))
            return []
        return self.build(inner, depth + 1)

    def _patches(self, root: yaml.Node | None, path: str) -> list[tuple[yaml.Node, yaml.Node | None]]:
        """Return the patches with what they are for, which a strategic merge may say by itself."""
        listed: list[tuple[yaml.Node | None, yaml.Node | None, yaml.Node | None]] = [
            (get(one, "path"), get(one, "patch"), get(one, "target"))
            for key in ("patches", "patchesJson6902")
            for one in items(get(root, key))
        ]
        listed += [(one, one, None) for one in items(get(root, "patchesStrategicMerge"))]
        found: list[tuple[yaml.Node, yaml.Node | None]] = []
        for file, inline, target in self._first(listed, MAX_CHANGES, path, "patches"):
            where = join(parent(path), scalar(file) or "") if scalar(file) else None
            documents = self._documents(where) if where is not None and self._read(where) is not None else []
            if not documents and inline is not None:
                if inline not in self._inlined:
                    self._inlined[inline] = _inline(inline, path)
                documents = self._inlined[inline]
            found += [(one, target) for one in documents]
        return found

    # Patches

    def _count(self, changes: int) -> None:
        self._merges += changes
        if self._merges > MAX_MERGES:
            raise RecursionError

    def _with_replicas(self, document: yaml.Node, entry: yaml.Node) -> yaml.Node:
        count = get(entry, "count")
        if count is None or scalar(document, "metadata", "name") != scalar(entry, "name") or get(document, "spec") is None:
            return document
        return self._merged(
            document, _mapping([(_text("spec", entry), _mapping([(_text("replicas", entry), count)], entry))], entry)
        )

    def _patched(self, document: yaml.Node, patch: yaml.Node, target: yaml.Node | None) -> yaml.Node:
        self._count(len(patch.value))
        if isinstance(patch, yaml.SequenceNode):
            return _operated(document, patch) if target is not None and _is_meant(document, target) else document
        if not isinstance(patch, yaml.MappingNode):
            return document
        is_own = all(scalar(document, *keys) == scalar(patch, *keys) for keys in (("kind",), ("metadata", "name")))
        if target is None:
            return self._merged(document, patch) if is_own else document
        inner = _mapping([pair for name, pair in _named(patch).items() if name not in _IDENTITY], patch)
        return self._merged(document, inner) if _is_meant(document, target) else document

    def _merged(self, base: yaml.Node, over: yaml.Node, key: str = "") -> yaml.Node:
        """Return a strategic merge: mappings are merged, some lists by a key of their items, and anything else replaced."""
        self._count(1)
        if isinstance(base, yaml.MappingNode) and isinstance(over, yaml.MappingNode):
            if scalar(over, "$patch") == "replace":
                return over
            own = _named(base)
            for text, (name, value) in _named(over).items():
                if value.tag == NULL:
                    own.pop(text, None)
                elif text in own:
                    own[text] = (own[text][0], self._merged(own[text][1], value, text))
                else:
                    own[text] = (name, value)
            return _mapping(own.values(), base)
        if isinstance(base, yaml.SequenceNode) and isinstance(over, yaml.SequenceNode) and key in _KEYS:
            return self._merged_list(base, over, _KEYS[key])
        return over

    def _merged_list(self, base: yaml.SequenceNode, over: yaml.SequenceNode, key: str) -> yaml.Node:
        found = {scalar(one, key) or str(number): one for number, one in enumerate(base.value)}
        for number, one in enumerate(over.value, len(base.value)):
            name = scalar(one, key) or str(number)
            if scalar(one, "$patch") == "delete":
                found.pop(name, None)
            else:
                found[name] = self._merged(found[name], one) if name in found else one
        return yaml.SequenceNode(base.tag, list(found.values()), base.start_mark, base.end_mark)


def _entries(root: yaml.Node | None) -> list[yaml.Node]:
    return [one for key in ("resources", "bases", "components") for one in items(get(root, key))]


def _inline(node: yaml.Node, path: str) -> list[yaml.Node]:
    """Return the patch that stands as a text in the kustomization; its places are those of the text."""
    try:
        return [_at(one, node, {}) for one in compose_all((scalar(node) or "").encode(), path)]
    except MemguardError:
        return []


def _at(node: yaml.Node, where: yaml.Node, made: dict[int, yaml.Node]) -> yaml.Node:
    """Return a node and all below it at the place of another one; `made` are those that aliases name again."""
    found = made.get(id(node))
    if found is not None:
        return found
    found = made[id(node)] = type(node)(node.tag, node.value, where.start_mark, where.end_mark)
    if isinstance(node, yaml.MappingNode):
        found.value = [(_at(key, where, made), _at(value, where, made)) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        found.value = [_at(one, where, made) for one in node.value]
    return found


def _named(node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    """Return the keys of a mapping that are scalars, with their values."""
    return {str(key.value): (key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def _mapping(pairs: Iterable[tuple[yaml.Node, yaml.Node]], where: yaml.Node) -> yaml.MappingNode:
    return yaml.MappingNode("tag:yaml.org,2002:map", list(pairs), where.start_mark, where.end_mark)


def _text(value: str, where: yaml.Node) -> yaml.ScalarNode:
    return yaml.ScalarNode("tag:yaml.org,2002:str", value, where.start_mark, where.end_mark)


def _config_maps(root: yaml.Node | None) -> list[yaml.Node]:
    """Return the ConfigMaps that literals make, under the names by which containers name them."""
    found: list[yaml.Node] = []
    made = items(get(root, "configMapGenerator"))
    for one in within(made, MAX_CHANGES, "generators of ConfigMaps", file_of(root) if root is not None else None):
        literals = [(literal, (scalar(literal) or "").partition("=")) for literal in items(get(one, "literals"))]
        data = [(_text(name, node), _text(value.strip("\"'"), node)) for node, (name, sign, value) in literals if sign]
        metadata = _mapping([(_text("name", one), get(one, "name") or _text("", one))], one)
        kind = (_text("kind", one), _text("ConfigMap", one))
        found.append(_mapping([kind, (_text("metadata", one), metadata), (_text("data", one), _mapping(data, one))], one))
    return found


def _is_meant(document: yaml.Node, target: yaml.Node) -> bool:
    wanted = ((scalar(target, "kind"), ("kind",)), (scalar(target, "name"), ("metadata", "name")))
    return all(text in (None, ".*", scalar(document, *keys)) for text, keys in wanted)


def _operated(document: yaml.Node, patch: yaml.SequenceNode) -> yaml.Node:
    """Return a document after the operations of a JSON patch; one whose path leads nowhere changes nothing."""
    for one in within(patch.value, MAX_CHANGES, "operations in a patch", file_of(patch), place(patch)[0]):
        steps = [step.replace("~1", "/").replace("~0", "~") for step in (scalar(one, "path") or "").split("/")[1:]]
        operation, value = scalar(one, "op"), get(one, "value")
        if steps and (operation == "remove" or (operation in ("add", "replace") and value is not None)):
            document = _changed(document, steps, None if operation == "remove" else value, is_new=operation == "add")
    return document


def _changed(node: yaml.Node, steps: Sequence[str], value: yaml.Node | None, *, is_new: bool) -> yaml.Node:
    step, *rest = steps
    if isinstance(node, yaml.MappingNode):
        own = _named(node)
        if rest and step in own:
            own[step] = (own[step][0], _changed(own[step][1], rest, value, is_new=is_new))
        elif not rest and value is not None:
            own[step] = (own[step][0] if step in own else _text(step, value), value)
        elif not rest:
            own.pop(step, None)
        return _mapping(own.values(), node)
    if not isinstance(node, yaml.SequenceNode) or not (step == "-" or step.isdecimal()):
        return node
    listed = list(node.value)
    at = len(listed) if step == "-" else min(int(step[:6]), len(listed))
    if rest and at < len(listed):
        listed[at] = _changed(listed[at], rest, value, is_new=is_new)
    elif not rest:
        listed[at : at if is_new and value is not None else at + 1] = [value] if value is not None else []
    return yaml.SequenceNode(node.tag, listed, node.start_mark, node.end_mark)
