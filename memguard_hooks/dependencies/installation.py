"""What the deployment installs of all that the repository declares: files, extras and groups.

The commands come from `RUN` in Dockerfiles, from the build commands of platforms, and from what a platform runs by
itself. Where one of them installs something that nobody can name from here, nothing is known, and all files count.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, islice

from memguard_hooks.dependencies import dependency_groups, image_commands, lock_readers, manifests, poetry, uv
from memguard_hooks.dependencies.deployed import Deployed
from memguard_hooks.dependencies.install_command import MAX_LENGTH, SHELLS, InstallArguments, read_installs, read_programs
from memguard_hooks.dependencies.requirement import normalize_name
from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.position import Place
from memguard_hooks.formats.shell_words import ShellError, split_words
from memguard_hooks.formats.toml_document import parse as parse_toml
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import Tree, join, parent, peek

MAX_SCRIPTS = 20
"""Scripts of the repository that are followed from the commands of one deployment."""

MAX_LINES = 500
"""Lines of a command, and those below its beginning in which these are looked for."""


class Command(Record):
    """A text of the shell that builds, how its characters stand in its file, and the folders that it may run in.

    `copies` are the paths that its image has copied from the repository, and `variables` those of uv in its file
    that leave groups out.
    """

    text: str
    path: str
    place: Callable[[int], Place]
    folders: tuple[str, ...]
    copies: tuple[str, ...] = ()
    variables: frozenset[str] = frozenset()


_PROJECT = ("pyproject.toml", "setup.cfg", "setup.py")
_OF_TOOLS: dict[str, tuple[str, ...]] = {
    "uv": ("pyproject.toml", "uv.lock"),
    "poetry": ("pyproject.toml", "poetry.lock"),
    "pdm": ("pyproject.toml", "pdm.lock"),
    "pipenv": ("Pipfile", "Pipfile.lock"),
}
"""What a tool installs that is not told which file."""

_EXPORT = late_pattern(r"\b(?:(uv|poetry|pdm) (?:\S+ ){0,20}?export|(pipenv) (?:requirements|lock -r))\b")


_LEFT_OUT = late_pattern(r"\b(?:UV_NO_DEV|UV_NO_DEFAULT_GROUPS)(?==(?!0|false)|[ \t]+(?:1|true))")
"""Variables by which uv leaves groups out, where they are set."""

_CHANGES_FOLDER = late_pattern(r"(?m)(?:^|[;&|({]|\bthen|\bdo)[ \t]*(?:cd|pushd)\b")

_INSTALLERS = late_pattern(rb"\b(?:pip[\d.]*|uv|poetry|pdm|pipenv|conda|mamba|micromamba)\b")


def of_image(found: image_commands.Dockerfile) -> list[Command]:
    """Return the commands of a Dockerfile, which may be built in its folder, in one above it, or in the root."""
    folders = [parent(found.path)]
    while folders[-1]:
        folders.append(parent(folders[-1]))

    def at(start: int) -> Callable[[int], Place]:
        return lambda offset: found.lines.place(start + offset)

    variables = frozenset(_LEFT_OUT.findall(found.text))
    return [Command(run.text, found.path, at(run.start), tuple(folders), run.copies, variables) for run in found.runs]


def places_in(lines: Sequence[str], command: str, line: int, column: int) -> Callable[[int], Place]:
    """Return where the characters of a command stand in the lines of its file, which has it from a line on.

    A command of several lines is looked for line by line; one that is not found as it is stands where it begins.
    """
    numbers = range(line, min(line + MAX_LINES, len(lines) + 1))
    starts = [0, *(match.end() for match in re.finditer("\n", command))]

    @cache
    def origin(start: int) -> Place | None:
        """Return where the file has the line of the command that starts at an offset; its column is that of offset 0."""
        written = command[start:].partition("\n")[0]
        indent = len(written) - len(written.lstrip())
        found = ((number, lines[number - 1].find(written.strip())) for number in numbers)
        return next((Place(number, at + 1 - start - indent) for number, at in found if at >= 0), None)

    def place(offset: int) -> Place:
        index = bisect_right(starts, offset) - 1
        found = origin(starts[index]) if index < MAX_LINES else None
        return Place(found.line, found.column + offset) if found is not None else Place(line, column)

    return place


def installs_of(command: Command) -> tuple[InstallArguments, ...]:
    """Return what a command installs."""
    return read_installs(command.text, command.path, command.place)


def find(tree: Tree, commands: Sequence[Command]) -> Deployed:
    """Return what some commands install together."""
    files: set[str] = set()
    extras: set[str] = set()
    groups: set[str] = set()
    named: set[str] = set()
    constraints: set[str] = set()
    is_known = True
    scripts: dict[str, Command] = {}
    for command in chain(commands, _following(scripts)):
        is_known &= len(command.text) <= MAX_LENGTH and not _installs_unseen(tree, command, scripts)
        exported = [match[1] or match[2] for match in _EXPORT.finditer(command.text)]
        for tool in exported:
            files.update(_existing(tree, command, _OF_TOOLS[tool]))
        for installed in installs_of(command):
            extras.update("*" if extra == "*" else normalize_name(extra) for extra in installed.extras)
            groups |= _groups_of(tree, command, installed)
            wanted = [*installed.files, *installed.constraints]
            found = [_resolve(tree, command, file) for file in wanted]
            is_known &= all(path is not None for path in found) or bool(exported)
            is_known &= not any(re.search(r"[$`]|\{\{", gap.reason) for gap in installed.skipped)
            files.update(path for path in found if path is not None)
            named.update(path for path in found[: len(installed.files)] if path is not None)
            constraints.update(path for path in found[len(installed.files) :] if path is not None)
            for project in installed.editable:
                if "*" in project:
                    continue  # archives that another command has built
                folder, _, asked = project.rstrip("]").partition("[")
                extras.update(normalize_name(extra.strip()) for extra in asked.split(",") if extra.strip())
                of_project = _existing(tree, command, tuple(f"{folder}/{name}" for name in _PROJECT))
                files.update(of_project)
                named.update(of_project)
            if installed.tool in _OF_TOOLS and not installed.requirements:
                files.update(_existing(tree, command, _OF_TOOLS[installed.tool]))
    sets = (frozenset(extras), frozenset(groups), frozenset(named), frozenset(constraints))
    if not files or not is_known:
        # A command that only installs packages by their names does not say that files are of no use.
        return Deployed(None, *sets)
    files.update(command.path for command in commands)
    return Deployed(frozenset(_with_included(tree, files)), *sets)


def _following(scripts: Mapping[str, Command]) -> Iterator[Command]:
    """Yield the scripts that commands run, also those that are found on the way."""
    for number in range(MAX_SCRIPTS):
        found = next(islice(scripts.values(), number, None), None)
        if found is None:
            return
        yield found


def _script(data: bytes, path: str, command: Command) -> Command | None:
    """Return a script of the shell that a command runs where it stands, None for one whose installs cannot be told.

    That is one in another language, one that changes its folder, and one that is not read to its end.
    """
    text = data.decode("utf-8", "replace")
    is_shell = path.endswith((".sh", ".bash")) or re.match(r"#![^\n]*sh\b", text) is not None
    if not is_shell or len(text) > MAX_LENGTH or _CHANGES_FOLDER.search(text):
        return None
    try:
        tuple(split_words(text))
    except ShellError:
        return None
    found = command._replace(text=text, path=path, place=lambda offset: Place(text.count("\n", 0, offset) + 1, 1))
    return found if installs_of(found) else None


def _installs_unseen(tree: Tree, command: Command, seen: dict[str, Command]) -> bool:
    """Return whether a command installs what nobody can name from here: by `xargs`, or by a script of the repository.

    Scripts whose installs can be told are added to those that were seen.
    """
    for words in read_programs(command.text):
        program = words[0].text.rpartition("/")[2]
        texts = [word.text for word in words]
        if program == "xargs":
            if any(_INSTALLERS.fullmatch(text.rpartition("/")[2].encode()) for text in texts):
                return True
            continue
        is_run = program in SHELLS or re.fullmatch(r"python[\d.]*|source|\.", program) is not None
        scripts = [text for text in texts[1:] if not text.startswith("-")][:1] if is_run else texts[:1]
        if program.startswith("python") and not {"-c", "-m"}.isdisjoint(texts):
            continue
        for script in scripts:
            path = _resolve(tree, command, script) if is_run or "/" in script else None
            data = (tree.read(path) or b"") if path is not None and not manifests.is_named(path) else b""
            if path is None or not _INSTALLERS.search(data) or path in seen:
                continue
            read = _script(data, path, command)
            if read is None or len(seen) >= MAX_SCRIPTS:
                return True
            seen[path] = read
    return False


def _groups_of(tree: Tree, command: Command, installed: InstallArguments) -> set[str]:
    """Return the groups that a command installs: those that it asks for, those of the tool's default, what they include."""
    groups = {"*" if group == "*" else normalize_name(group) for group in installed.groups}
    without = {normalize_name(group) if group != "*" else "*" for group in installed.without}
    includes: Mapping[str, tuple[str, ...]] = {}
    for path in _existing(tree, command, ("pyproject.toml",)):
        try:
            document = parse_toml(tree.read(path) or b"", path)
            includes = dependency_groups.includes(document)
            if "*" not in without:
                defaults = {"uv": uv.default_groups, "poetry": poetry.default_groups}.get(installed.tool)
                groups |= defaults(document) if defaults is not None else set()
        except MemguardError:
            continue
    if installed.tool == "uv":
        variables = command.variables | set(_LEFT_OUT.findall(command.text))
        without |= {"dev"} if "UV_NO_DEV" in variables else set()
        groups = groups if "UV_NO_DEFAULT_GROUPS" not in variables else {*map(normalize_name, installed.groups)}
    groups -= without
    waiting = [*groups]
    while waiting:
        for group in includes.get(waiting.pop(), ()):
            if group not in groups:
                groups.add(group)
                waiting.append(group)
    return groups


def _resolve(tree: Tree, command: Command, file: str) -> str | None:
    """Return the file of the repository that a command means: one that was copied, or one below a folder of it."""
    name = file.rpartition("/")[2]
    if "$" in file or "://" in file or not name:
        return None
    copied = [copy for copy in command.copies if copy.rpartition("/")[2] == name]
    parts = [part for part in file.split("/") if part not in ("", ".")]
    tails = ["/".join(parts[start:]) for start in range(len(parts))]
    for folder in command.folders:
        for candidate in (*copied, *tails):
            path = join(folder, candidate.lstrip("/"))
            if path is not None and peek(tree, path) is not None:
                return path
    # `COPY backend/ .` brings what is below a folder to where the image works.
    for folder in command.folders:
        for copy in command.copies:
            path = join(folder, f"{copy.lstrip('/')}/{tails[-1]}")
            if path is not None and peek(tree, path) is not None:
                return path
    return None


def _existing(tree: Tree, command: Command, names: tuple[str, ...]) -> list[str]:
    found = (_resolve(tree, command, name) for name in names)
    return [path for path in found if path is not None]


def _with_included(tree: Tree, files: Iterable[str]) -> set[str]:
    """Add the files that some files include or read, and the manifests of the members that a lock of uv pins."""
    found = set(files)
    for path in files:
        try:
            if path.endswith("uv.lock"):
                found.update(_members(tree, path))
            if lock_readers.is_lock(path) or image_commands.is_image(path):
                continue
            manifest = manifests.read(tree, path)
        except MemguardError:
            continue
        found.update(one.path for one in manifest.requirements)
    return found


def _members(tree: Tree, path: str) -> list[str]:
    """Return the manifests of the members of a workspace."""
    packages = [one for ones in lock_readers.read(tree, path).packages.values() for one in ones]
    folders = [join(parent(path), one.source.location) for one in packages if one.source and one.source.kind == "path"]
    return [f"{folder}/pyproject.toml" for folder in folders if folder]
