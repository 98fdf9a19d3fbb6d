"""Writes where torch comes from: the index of its builds for CPUs, in a file of pip, uv or Poetry.

A build for CUDA takes gigabytes of disk and more memory than one for CPUs, and does nothing on a host without a GPU. Where a
deployment file speaks of one, nothing is written. An edit counts where reading the project again finds the fault gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from memguard_hooks.atomic_write import exchange_file
from memguard_hooks.dependencies.pinned_beside import locked_versions, update_command
from memguard_hooks.dependencies.requirement import Requirement
from memguard_hooks.errors import MemguardError
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.changed import find_unstaged
from memguard_hooks.project.project import Project
from memguard_hooks.rules.dependencies import forbidden
from memguard_hooks.rules.dependencies.forbidden_ways import installer_of
from memguard_hooks.rules.dependencies.lighter import CPU_INDEX
from memguard_hooks.tree import EditedTree, WorkTree, walk

NAME = "torch"

_DEPLOYMENT = late_pattern(r"(?:^|/)(?:[\w.-]*Dockerfile[\w.-]*|Containerfile|[\w.-]+\.ya?ml|fly\.toml|Procfile)$")
_GPU = late_pattern(rb"(?i)nvidia|\bgpus?\b|\bcu(?:da|1[12]\d)")


def write(project: Project, *, force: bool) -> tuple[str, ...]:
    """Write what can be written, and return what was done, one line each.

    Raises MemguardError where a file has changes that git's index does not hold.
    """
    tree = project.tree
    assert isinstance(tree, WorkTree)
    done: list[str] = []
    for requirement, data in plan(project).items():
        path = requirement.path
        if not force and find_unstaged(tree, [path]):
            raise MemguardError("has changes that are not staged: stage them, or fix with --force", path)
        exchange_file(tree.target(path), tree.read(path), data, path)
        done.append(f"{path}:{requirement.line}: rewritten: {NAME} comes in the build for CPUs")
        done += [
            f"{one.path}: is left as it is: update it with {update_command(one.path)}"
            for one in locked_versions(tree, requirement)[:1]
        ]
    return tuple(done)


def plan(project: Project) -> dict[Requirement, bytes]:
    """Return what becomes of the files that declare torch."""
    whole = project if project.named is None else project.whole
    found = [one for one in whole.declared.inventory.direct() if one.name == NAME and one.url is None and not one.via]
    named = None if project.named is None else frozenset(project.paths)
    wanted = [one for one in found if named is None or one.path in named]
    if not wanted or not _is_forbidden(whole) or _speaks_of_gpus(whole):
        return {}
    files: dict[Requirement, bytes] = {}
    for requirement in wanted:
        text = _decoded(whole.read_file(requirement.path) or b"")
        rewrite = _REWRITES.get(installer_of(whole, requirement.path, requirement.notation))
        edited = rewrite(text, requirement) if rewrite is not None and text else None
        if edited is None:
            continue
        after = whole.at(EditedTree(whole.tree, {requirement.path: edited.encode()}))
        if len(after.declared.faults) <= len(whole.declared.faults) and not _is_forbidden(after):
            files[requirement] = edited.encode()
    return files


def _is_forbidden(project: Project) -> bool:
    return any(one.code == "MG110" and one.subject == NAME for one in forbidden.find(project))


def _speaks_of_gpus(project: Project) -> bool:
    """Return whether a deployment file names a GPU, CUDA or their maker."""
    paths = (path for path in walk(project.tree) if _DEPLOYMENT.search(path))
    return any(_GPU.search(project.read_file(path) or b"") for path in paths)


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return ""


# How a file changes


def _for_pip(text: str, requirement: Requirement) -> str | None:
    """Name the index on the line above: pip prefers its builds, whose versions end in `+cpu`."""
    if not requirement.path.endswith((".txt", ".in")) or "--hash" in text:
        return None
    lines = text.splitlines(keepends=True)
    end = lines[requirement.line - 1][len(lines[requirement.line - 1].rstrip("\r\n")) :] or "\n"
    return "".join([*lines[: requirement.line - 1], f"--extra-index-url {CPU_INDEX}{end}", *lines[requirement.line - 1 :]])


def _for_uv(text: str, _requirement: Requirement) -> str | None:
    index = f'[[tool.uv.index]]\nname = "cpu"\nurl = "{CPU_INDEX}"\nexplicit = true\n'
    return _with_index(_with_key(text, "tool.uv.sources", f'{NAME} = {{ index = "cpu" }}'), index)


def _for_poetry(text: str, requirement: Requirement) -> str | None:
    index = f'[[tool.poetry.source]]\nname = "cpu"\nurl = "{CPU_INDEX}"\npriority = "explicit"\n'
    lines = text.splitlines(keepends=True)
    line = lines[requirement.line - 1]
    edited = re.sub(r"^(\s*torch\s*=\s*)([\"'][^\"']*[\"'])", r'\1{ version = \2, source = "cpu" }', line)
    if edited == line and "source" not in line:
        edited = re.sub(r"^(\s*torch\s*=\s*\{)\s*", r'\1 source = "cpu", ', line)
    if edited == line:
        return None
    return _with_index("".join([*lines[: requirement.line - 1], edited, *lines[requirement.line :]]), index)


def _with_key(text: str, table: str, line: str) -> str:
    """Return a TOML text with a line in a table, which is added at the end where there is none."""
    header = re.search(rf"(?m)^\[{re.escape(table)}\][^\n]*\n", text)
    if header is not None:
        return f"{text[: header.end()]}{line}\n{text[header.end() :]}"
    return f"{text.rstrip()}\n\n[{table}]\n{line}\n"


def _with_index(text: str, index: str) -> str | None:
    return None if re.search(r"(?m)^name\s*=\s*[\"']cpu[\"']", text) else f"{text.rstrip()}\n\n{index}"


_REWRITES: Mapping[str, Callable[[str, Requirement], str | None]] = {"pip": _for_pip, "uv": _for_uv, "poetry": _for_poetry}
"""Tool → how its file is told where torch comes from."""
