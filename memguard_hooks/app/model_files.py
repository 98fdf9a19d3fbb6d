"""The files and folders of the repository that calls load models from."""

from __future__ import annotations

from memguard_hooks.pattern import late_pattern
from memguard_hooks.tree import join, parent

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    from memguard_hooks.app.entry_points import ServiceEntry
    from memguard_hooks.models.loaders import Loader
    from memguard_hooks.models.table import Model
    from memguard_hooks.project.project import Project
    from memguard_hooks.tree import Tree

POINTER = b"version https://git-lfs"
"""What the pointer to a file begins with that git keeps elsewhere (Git LFS)."""

_WEIGHTS = (
    late_pattern(r"model(-\d+-of-\d+)?\.safetensors"),
    late_pattern(r"pytorch_model(-\d+-of-\d+)?\.bin"),
    late_pattern(r"model\.bin"),
)
"""What files of weights are called in the folder of a model, the first that is there in place of the others."""

_TYPE = late_pattern(rb'"(?:torch_)?dtype"\s*:\s*"(float16|bfloat16|float32)"')

KINDS = ("hub", "task", "whisper", "spacy")
"""Kinds of names that may be folders as well."""


def find_file(project: Project, entry: ServiceEntry, caller: str, name: str) -> tuple[str, int] | None:
    """Return a file that code names, with its bytes, by the root, the service's folder or that of its code.

    Of one that git keeps elsewhere, the size is that of what is there.
    """
    for path in _places(project, entry, caller, name):
        size = project.tree.size(path)
        if size is not None:
            size = _size_of(project.tree, path)
            return None if size is None else (path, size)
    return None


def _pointed_at(pointer: bytes) -> int | None:
    """Return the size that a pointer of Git LFS tells."""
    for line in pointer.splitlines():
        word, _, number = line.partition(b" ")
        if word == b"size" and number.isdigit():
            return int(number)
    return None


def _places(project: Project, entry: ServiceEntry, caller: str, name: str) -> Iterator[str]:
    """Yield where a path may lead that code names: from the root, the service's folder or that of its code, or the image."""
    if entry.service.mounts:
        from memguard_hooks.deployment.start import Host

        # Of a file it is asked alone whether it is there: one of weights is too large to be read.
        there = Host({}, lambda path: b"" if project.tree.size(path) is not None else None, mounts=entry.service.mounts)
        path = there._replace(folder=entry.service.folder).inside(name)
        if path:
            yield path
    for folder in dict.fromkeys(("", entry.service.folder, parent(entry.path), parent(caller))):
        path = join(folder, name.removeprefix("./").rstrip("/"))
        if path:
            yield path


def _size_of(tree: Tree, path: str) -> int | None:
    """Return the bytes of a file; of one that git keeps elsewhere, those of what is there."""
    size = tree.size(path)
    data = tree.read(path) if size is not None and size < 1000 else None
    return _pointed_at(data) if data is not None and data.startswith(POINTER) else size


def model_in_folder(project: Project, entry: ServiceEntry, caller: str, loader: Loader, name: str) -> Model | None:
    """Return the model that lies in a folder of the repository, by the size of its weights; None where there is none."""
    if loader.kind not in KINDS or not name:
        return None
    for folder in _places(project, entry, caller, name):
        found = _model_in(project.tree, folder, loader.kind, name)
        if found is not None:
            return found
    return None


def _model_in(tree: Tree, folder: str, kind: str, name: str) -> Model | None:
    from memguard_hooks.models.table import BYTES, Model

    names = [one.name for one in tree.entries(folder) if not one.is_folder]
    source = f"the files in {folder}"
    if kind == "spacy":
        vectors = tree.size(f"{folder}/vocab/vectors") or 0
        return Model(name, kind, vectors, "vectors", "", source) if "meta.json" in names else None
    for pattern in _WEIGHTS:
        sizes = [_size_of(tree, f"{folder}/{one}") for one in names if pattern.fullmatch(one)]
        if sizes:
            told = _TYPE.search(tree.read(f"{folder}/config.json") or b"")
            dtype = told[1].decode() if told is not None else "float16" if kind == "whisper" else "float32"
            return Model(name, kind, sum(one or 0 for one in sizes) // BYTES[dtype], dtype, "", source)
    return None
