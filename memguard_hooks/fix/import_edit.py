"""The smallest edit of a source file that moves imports: no byte changes but those of what moves.

Python's own syntax tree says where each statement stands, and the text around it is never written again. (libcst does not
give back what it has read where a file has a BOM, form feeds, or a carriage return at its end.)
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left

from memguard_hooks.fix.import_places import belongs_first, standard_place
from memguard_hooks.formats.python_nodes import last_name
from memguard_hooks.formats.python_source import BOM, encoding
from memguard_hooks.imports.built_later import first_import, set_by
from memguard_hooks.imports.import_blocks import statements_of
from memguard_hooks.imports.movable import BuildingFunction, ImportNode, Moves, Part, Spot, spot_of
from memguard_hooks.imports.name_uses import HostNode, bound_by, is_type_checking
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from memguard_hooks.imports.built_later import Assignment, BuiltLater, Setting

WIDTH = 88
"""Columns of a line, by the formatters' default; a longer `from` import has a line for each name."""

_LINE = late_pattern(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_COMMENT = late_pattern(r"#[^\r\n]*")


class Edit(Record):
    """What replaces the characters from `start` to `end`."""

    start: int
    end: int
    text: str


class Rewritten(Record):
    """A file after an edit, and where the function began that each moved import stands in now, by its line.

    A function that builds a value began as an assignment.
    """

    data: bytes
    hosts: dict[int, Spot]


class Left(Record):
    """An import that stays, and why."""

    path: str
    line: int
    library: str
    reason: str


class ImportChange(Record):
    """What a fix makes of files, what it did, a line each, and what it left."""

    files: dict[str, bytes]
    done: tuple[str, ...]
    left: tuple[Left, ...]


class Text:
    """The text of a file with its own line ends, and where in it the nodes of its syntax tree stand."""

    def __init__(self, data: bytes) -> None:
        self.encoding = encoding(data)
        self.mark = BOM if data.startswith(BOM) else b""
        self.text = data[len(self.mark) :].decode(self.encoding)
        self._starts: list[int] = []
        self._ends: list[int] = []
        for match in _LINE.finditer(self.text):
            self._starts.append(match.start())
            self._ends.append(match.end())
        first = next((one for one in map(self.end_of_line, range(1, len(self._starts) + 1)) if one), "")
        self.newline = first or "\n"

    @property
    def count(self) -> int:
        """The number of lines, with the empty one behind a last end of line."""
        return len(self._starts)

    def encode(self, text: str) -> bytes:
        """Return the bytes of a file with another text."""
        return self.mark + text.encode(self.encoding)

    def line(self, number: int) -> str:
        """Return a line with its end."""
        return self.text[self._starts[number - 1] : self._ends[number - 1]]

    def start_of(self, number: int) -> int:
        """Return the offset of a line, that of the end behind the last."""
        return self._starts[number - 1] if number <= len(self._starts) else len(self.text)

    def number_at(self, offset: int) -> int | None:
        """Return the line that begins at an offset, one more than there are at the end; None inside of a line."""
        number = bisect_left(self._starts, offset)
        if number < len(self._starts):
            return number + 1 if self._starts[number] == offset else None
        return number + 1 if offset == len(self.text) else None

    def end_of_line(self, number: int) -> str:
        """Return how a line ends; the last may not."""
        line = self.line(number)
        return line[len(line.rstrip("\r\n")) :]

    def start(self, node: ast.AST) -> int:
        """Return the offset of a node."""
        return self._offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        """Return the offset behind a node."""
        return self._offset(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def _offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + len(self.line(line).encode()[:column].decode())

    def indent_of(self, number: int, before: int) -> str | None:
        """Return the blanks before an offset in a line, None where something else stands there."""
        head = self.text[self.start_of(number) : before]
        return None if head.strip(" \t\f") else head


def move(data: bytes, module: ast.Module, moves: Moves, instead: Mapping[Part, str] | None = None) -> Rewritten:
    """Move imports out of the module level; of some, another statement stands there `instead`."""
    return _Mover(Text(data), module).move(moves, instead or {})


def write_lazy(data: bytes, module: ast.Module, parts: Sequence[Part]) -> bytes:
    """Write `lazy` before imports (PEP 810); what else a statement imports stays eager."""
    text = Text(data)
    mover = _Mover(text, module)
    edits: list[Edit] = []
    for statement, aliases in _by_statement(parts):
        if len(aliases) == len(statement.names):
            edits.append(Edit(text.start(statement), text.start(statement), "lazy "))
        else:
            edits += mover.remove(statement, aliases)
            indent = text.newline.join(f"lazy {line}" for line in mover.lines(statement, aliases, ""))
            edits.append(Edit(text.start(statement), text.start(statement), indent + text.newline))
    return text.encode(apply(text.text, edits)[0])


def replace(data: bytes, module: ast.Module, instead: Mapping[Part, str]) -> bytes:
    """Write other statements in place of imports, wherever these stand."""
    text = Text(data)
    mover = _Mover(text, module)
    edits = [
        edit
        for statement, aliases in _by_statement(list(instead))
        for edit in mover.replace(statement, aliases, [instead[statement, one] for one in aliases])
    ]
    return text.encode(apply(text.text, edits)[0])


class _Mover:
    def __init__(self, text: Text, module: ast.Module) -> None:
        self._text = text
        self._module = module
        self._settings: Sequence[Setting] = ()
        self._blocks: Mapping[ast.stmt, ast.Try] = {}
        self._leaving: set[ast.stmt] = set()
        """The statements that leave with all of their names."""
        self._standard = 0
        """How many imports of the standard library have been written."""
        self._gone: set[int] = set()
        """The last lines of statements that leave with all of their lines."""
        self._gone_lines: set[int] = set()
        """All their lines, where nothing else takes their place."""

    def move(self, moves: Moves, instead: Mapping[Part, str]) -> Rewritten:
        text = self._text
        edits: list[Edit] = []
        self._blocks = {inner: block for block in moves.blocks for inner in statements_of(block) or ()}
        edits += [edit for block in moves.blocks for edit in self._remove_lines(block)]
        for statement, aliases in _by_statement([one for one in moves.removed if one[0] not in self._blocks]):
            self._leaving.update([statement] if len(aliases) == len(statement.names) else [])
            others = [instead[statement, one] for one in aliases if (statement, one) in instead]
            edits += self.replace(statement, aliases, others) if others else self.remove(statement, aliases)
        self._settings = moves.settings
        edits += [Edit(text.start_of(one.lineno), text.start_of(one.lineno + 1), "") for one in moves.settings]
        edits += [Edit(text.start(one), text.end(one), self._quoted(one)) for one in moves.quoted]
        caching = list(self._caching_import()) if moves.built else []
        typing = list(self._type_imports(_once([one for one in moves.for_types if one not in instead])))
        if self._standard > 1 and any(one.start == caching[0].start for one in typing):  # one blank line is below both
            caching = [one._replace(text=one.text.rstrip("\r\n") + text.newline) for one in caching]
        edits += caching + typing
        hosts: dict[Edit, Spot] = {}
        if moves.for_types:
            self._gone_lines.clear()  # the block of these stands there
        ends: set[int] = set()
        for getter in moves.built:
            edit = self._getter(getter)
            hosts[edit] = spot_of(getter.value.statement)
            edits += [edit, *self._around_getter(getter.value.statement, ends)]
            ends.add(getter.value.statement.end_lineno or getter.value.statement.lineno)
            edits += [Edit(text.start(one), text.end(one), f"{getter.value.getter}()") for one in getter.value.uses]
        for host in moves.hosts:
            imports = _once([one for one in host.imports if one not in instead])
            if not imports:
                continue
            edit = self._insertion(host.function, imports)
            hosts[edit] = spot_of(host.function)
            edits.append(edit)
        if hosts:  # what is only deleted goes as with ruff
            edits += [*self._spare_blank_lines(edits)]
        after, places = apply(text.text, edits)
        lines: dict[int, Spot] = {}
        for edit, spot in hosts.items():
            first = len(re.findall(r"\r\n|\r|\n", after[: places[edit]])) + 1
            for number in range(len(re.findall(r"\r\n|\r|\n", edit.text)) + 1):
                lines[first + number] = spot
        return Rewritten(text.encode(after), lines)

    # What leaves

    def replace(self, statement: ImportNode, aliases: Sequence[ast.alias], lines: Sequence[str]) -> Iterator[Edit]:
        """Write others in place of a statement, or before it where it keeps names."""
        start, end = self._text.start(statement), self._text.end(statement)
        indent = self._text.indent_of(statement.lineno, start)
        end_of_one = "; " if indent is None else f"{self._text.newline}{indent}"
        if len(aliases) == len(statement.names):
            yield Edit(start, end, end_of_one.join(lines))
            return
        yield Edit(start, start, "".join(f"{line}{end_of_one}" for line in lines))
        yield from self._remove_names(statement, aliases)

    def remove(self, statement: ImportNode, aliases: Sequence[ast.alias]) -> Iterator[Edit]:
        """Take names out of a statement, or all of it with its line and its comment."""
        text = self._text
        if len(aliases) < len(statement.names):
            yield from self._remove_names(statement, aliases)
            return
        start, end = text.start(statement), text.end(statement)
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        rest = text.text[end : text.start_of(last + 1)]
        is_first = text.indent_of(first, start) is not None
        if is_first and re.fullmatch(r"[ \t\f]*;?[ \t\f]*(?:#.*)?[\r\n]*", rest):
            yield from self._remove_lines(statement)
        elif rest.lstrip(" \t\f").startswith(";"):
            behind = re.match(r"[ \t\f]*;[ \t\f]*", rest)
            assert behind is not None
            yield Edit(start, end + behind.end(), "")
        else:
            before = re.search(r"[ \t\f]*;[ \t\f]*\Z", text.text[:start])
            yield Edit(before.start() if before else start, end, "")

    def _remove_lines(self, statement: ast.stmt) -> Iterator[Edit]:
        """Take a statement out with all of its lines."""
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        self._gone.add(last)
        self._gone_lines.update(range(first, last + 1))
        yield Edit(self._text.start_of(first), self._text.start_of(last + 1), "")

    def _spare_blank_lines(self, edits: Sequence[Edit]) -> Iterator[Edit]:
        """Take out the blank lines that stand on both sides of lines that leave, the fewer of them, and those between.

        Where something is written beside them, its own blank lines are counted already.
        """
        text = self._text
        gone: set[int] = set()
        written: set[int] = set()
        for edit in edits:
            first, behind = text.number_at(edit.start), text.number_at(edit.end)
            if edit.text or first is None or behind is None or behind <= first:
                written.add(edit.start)
            else:
                gone.update(range(first, behind))

        def is_blank(number: int) -> bool:
            return 0 < number <= text.count and number not in gone and not text.line(number).strip(" \t\r\n")

        done = 0
        for number in sorted(gone):
            if number <= done:
                continue
            done = number
            while done + 1 in gone or is_blank(done + 1):
                done += 1
            last = max(one for one in range(number, done + 1) if one in gone)
            first = number
            while is_blank(first - 1):
                first -= 1
            above, below = number - first, done - last
            if any(text.start_of(first) <= one <= text.start_of(done + 1) for one in written):
                continue
            between = (one for one in range(number, last) if one not in gone)
            spare = range(last + 1, last + 1 + (below if number == 1 else min(above, below)))
            if done >= text.count:
                spare = range(first, number)
            yield from (Edit(text.start_of(one), text.start_of(one + 1), "") for one in (*between, *spare))

    def _remove_names(self, statement: ImportNode, aliases: Sequence[ast.alias]) -> Iterator[Edit]:
        """Take names out of a statement that keeps others; each run of them at once."""
        text, names = self._text, statement.names
        kept = [number for number, one in enumerate(names) if one not in aliases]
        is_in_brackets = "(" in text.text[text.start(statement) : text.start(names[0])]
        for number, one in enumerate(names):
            if one not in aliases:
                continue
            if is_in_brackets and (lines := self._own_lines(one)) is not None:
                yield lines
            elif number < kept[-1]:
                yield Edit(text.start(one), text.start(names[number + 1]), "")
            else:
                yield Edit(text.end(names[number - 1]), text.end(one), "")

    def _own_lines(self, alias: ast.alias) -> Edit | None:
        """Return the edit that takes a name with its lines and its comment, None where the lines hold anything else."""
        text, last = self._text, alias.end_lineno or alias.lineno
        rest = text.text[text.end(alias) : text.start_of(last + 1)]
        if text.indent_of(alias.lineno, text.start(alias)) is None or not re.fullmatch(
            r"[ \t\f]*,?[ \t\f]*(?:#.*)?[\r\n]+", rest
        ):
            return None
        return Edit(text.start_of(alias.lineno), text.start_of(last + 1), "")

    # What is written

    def lines(self, statement: ImportNode, aliases: Sequence[ast.alias], indent: str) -> list[str]:
        """Return the lines of an import of some names, without indentation; their comments go with them."""
        comment = self._comment(statement, aliases)
        written = [one.name if one.asname is None else f"{one.name} as {one.asname}" for one in aliases]
        if isinstance(statement, ast.Import):
            return [f"import {one}{comment if number == 0 else ''}" for number, one in enumerate(written)]
        head = f"from {'.' * statement.level}{statement.module or ''} import "
        if len(indent) + len(head) + len(", ".join(written)) <= WIDTH:
            return [f"{head}{', '.join(written)}{comment}"]
        return [f"{head}({comment}", *(f"{self._indent}{one}," for one in written), ")"]

    def _comment(self, statement: ImportNode, aliases: Sequence[ast.alias]) -> str:
        """Return the comments that stand in the lines of some names, or of the whole statement where all of it goes.

        What leaves to several places takes the comments of no name along to each.
        """
        text, last = self._text, statement.end_lineno or statement.lineno
        is_whole, own = len(aliases) == len(statement.names), {one.lineno for one in aliases}
        if statement in self._leaving:
            own.update({*range(statement.lineno, last + 1)} - {one.lineno for one in statement.names})
        if text.text[text.end(statement) : text.start_of(last + 1)].lstrip(" \t\f").startswith(";"):
            return ""
        found: list[str] = []
        for number in range(statement.lineno, last + 1):
            comment = _COMMENT.search(text.line(number))
            if comment is not None and (is_whole or (number in own and last > statement.lineno)):
                found.append(f"  {comment[0].rstrip()}")
        return "".join(found)

    @property
    def _indent(self) -> str:
        """One step of indentation, as the file has it."""
        match = re.search(r":[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)([ \t]+)\S", self._text.text)
        return (
            "\t"
            if match is not None and match[1].startswith("\t")
            else match[1]
            if match and len(match[1]) in (2, 3)
            else "    "
        )

    def _insertion(self, function: HostNode, imports: Sequence[Part]) -> Edit:
        """Write imports behind the docstring of a function, or first in it."""
        text = self._text
        body = function.body
        has_docstring = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        has_docstring = has_docstring and isinstance(body[0].value.value, str)  # type: ignore[attr-defined]
        first = body[1] if has_docstring and len(body) > 1 else body[0]
        decorators: list[ast.expr] = getattr(first, "decorator_list", [])
        number = min([first.lineno, *(one.lineno for one in decorators)])
        indent = re.match(r"[ \t\f]*", text.line(number)) if decorators else None
        blank = indent[0] if indent else text.indent_of(number, text.start(first))
        if blank is None or (not decorators and number == function.lineno):
            own = [text.text[text.start(one) : text.end(one)] for one in self._set_with(imports)]
            every = [*(line for one in _by_statement(imports) for line in self._on_one_line(*one)), *own]
            return Edit(text.start(first), text.start(first), f"{'; '.join(every)}; ")
        lines = self._imported(imports, blank)
        own = [text.line(one.lineno).strip() for one in self._set_with(imports)]
        lines += ["", *own] if own else []
        if has_docstring:
            at = (body[0].end_lineno or body[0].lineno) + 1
        else:
            at = number
            while not text.line(at - 1).strip() or text.line(at - 1).lstrip().startswith("#"):
                at -= 1
        is_apart = not text.line(at).strip() or isinstance(first, (ast.Import, ast.ImportFrom))
        written = "".join(f"{blank if line else ''}{line}{text.newline}" for line in lines)
        return Edit(text.start_of(at), text.start_of(at), written + ("" if is_apart else text.newline))

    def _imported(self, imports: Sequence[Part], indent: str) -> list[str]:
        """Return the lines that import some names, without indentation; a block that moves as a whole stands there once."""
        plain = _by_statement([one for one in imports if one[0] not in self._blocks])
        found = {(one.lineno, one.col_offset): self.lines(one, aliases, indent) for one, aliases in plain}
        used: dict[ast.Try, set[str]] = {}
        for statement, alias in imports:
            if statement in self._blocks:
                used.setdefault(self._blocks[statement], set()).add(bound_by(alias))
        found |= {(block.lineno, 0): self._block(block, names) for block, names in used.items()}
        return [line for place in sorted(found) for line in found[place]]

    def _block(self, block: ast.Try, names: Collection[str]) -> list[str]:
        """Return the lines of a `try` without those that set other names than some."""
        lines: list[str] = []
        spare: dict[int, bool] = {}
        for suite in (block.body, *(one.body for one in block.handlers), block.orelse):
            unused = [
                one
                for one in suite
                if isinstance(one, ast.Assign) and not any(last_name(name) in names for name in one.targets)
            ]
            spare.update((one.lineno, len(unused) == len(suite) and one is unused[-1]) for one in unused)
        for number in range(block.lineno, (block.end_lineno or block.lineno) + 1):
            line = self._text.line(number).rstrip("\r\n")
            if number not in spare:
                lines.append(line)
            elif spare[number]:
                lines.append(f"{line[: len(line) - len(line.lstrip())]}pass")
            else:
                while not lines[-1].strip():
                    lines.pop()
        return lines

    def _set_with(self, imports: Sequence[Part]) -> list[Setting]:
        """Return the statements that set up what a function imports."""
        names = {bound_by(alias) for _, alias in imports}
        roots = ((one, set_by(one).value) for one in self._settings)
        return [one for one, root in roots if isinstance(root, ast.Name) and root.id in names]

    # Values that are built later

    def _getter(self, getter: BuildingFunction) -> Edit:
        """Write a cached function in place of an assignment."""
        text, value, step = self._text, getter.value.statement.value, self._indent
        assert value is not None
        written = self._value(getter.value)
        texts = [one for one in ast.walk(value) if isinstance(one, (ast.Constant, ast.JoinedStr))]
        is_plain = all(one.lineno == one.end_lineno for one in texts)
        if is_plain:  # no line of it stands in a string
            written = re.sub(r"(\r\n|\r|\n)(?=[^\r\n])", rf"\1{step}", written)
        quote = '"' if getter.is_quoted else ""
        arrow = f" -> {quote}{getter.value.type}{quote}" if getter.value.type else ""
        lines = [line for one in _by_statement(_once(getter.imports)) for line in self.lines(*one, step)]
        lines += ["", *own] if (own := [text.line(one.lineno).strip() for one in self._set_with(getter.imports)]) else []
        body = [*lines, *([""] if lines else []), f"return {written}"]
        head = ["@functools.cache", f"def {getter.value.getter}(){arrow}:"]
        joined = text.newline.join([*head, *(f"{step}{one}" if one else "" for one in body)])
        return Edit(text.start(getter.value.statement), text.end(getter.value.statement), joined)

    def _value(self, value: BuiltLater) -> str:
        """Return what an assignment writes behind its `=`, with calls for what is built later too."""
        text, statement = self._text, value.statement
        head = statement.annotation if isinstance(statement, ast.AnnAssign) else statement.targets[0]
        sign = re.compile(r"[\s)]*=[ \t]*").match(text.text, text.end(head))
        assert sign is not None
        done, parts = sign.end(), []
        for name, getter in sorted(value.above, key=lambda one: text.start(one[0])):
            parts += [text.text[done : text.start(name)], f"{getter}()"]
            done = text.end(name)
        return "".join([*parts, text.text[done : text.end(statement)]])

    def _around_getter(self, statement: Assignment, ends: Collection[int]) -> Iterator[Edit]:
        """Write the blank lines that stand around a function, where there are fewer; a comment above stays with it.

        `ends` are the last lines of those before it, which have theirs.
        """
        text, last = self._text, statement.end_lineno or statement.lineno
        number = statement.lineno
        while number > 1 and text.line(number - 1).startswith("#"):
            number -= 1
        kept = [one for one in range(1, number) if one not in self._gone_lines][-2:]
        above = [text.line(one).strip() for one in kept]
        if not any(one in ends for one in range(number - 2, number)):
            yield self._blank_lines(text.start_of(number), above[::-1])
        below = [text.line(one).strip() for one in range(last + 1, min(last + 3, text.count + 1))]
        if any(below) or len(below) == 2:
            yield self._blank_lines(text.start_of(last + 1), below)

    def _blank_lines(self, at: int, beside: Sequence[str]) -> Edit:
        blank = next((number for number, line in enumerate(beside) if line), len(beside))
        return Edit(at, at, self._text.newline * (2 - blank) if beside else "")

    def _caching_import(self) -> Iterator[Edit]:
        """Write `import functools` before the other imports, where the file has none."""
        imports = (one for one in self._module.body if isinstance(one, ast.Import))
        first = first_import(self._module)
        if first is not None and not any(alias.name == "functools" for one in imports for alias in one.names):
            at = self._text.start_of(first.lineno)
            yield self._sorted("functools", "import functools") or Edit(at, at, f"import functools{self._text.newline}")

    def _sorted(self, module: str, line: str) -> Edit | None:
        """Write an import of the standard library among those at the head of the file, if they are sorted."""
        text = self._text
        head = [one for one in self._head if one not in self._leaving]
        is_alone = all(one.col_offset == 0 for one in head)
        place = standard_place(head, module, is_from=line.startswith("from")) if is_alone else None
        if place is None:
            return None
        self._standard += 1
        is_next = self._standard > 1  # to another one, which has its blank line
        if place.above is not None:
            lines = ["", line] if place.is_apart_above and not is_next else [line]
            return self._after(place.above.end_lineno or place.above.lineno, lines)
        assert place.below is not None
        at = text.start_of(place.below.lineno)
        blank = text.newline if place.is_apart_below else ""
        return Edit(at, at, f"{line}{text.newline}{blank}")

    @property
    def _head(self) -> list[ast.stmt]:
        """The imports at the head of the file."""
        found: list[ast.stmt] = []
        for number, one in enumerate(self._module.body):
            is_docstring = number == 0 and isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
            if isinstance(one, (ast.Import, ast.ImportFrom)):
                found.append(one)
            elif not is_docstring:
                break
        return found

    def _on_one_line(self, statement: ImportNode, aliases: Sequence[ast.alias]) -> Iterator[str]:
        written = [one.name if one.asname is None else f"{one.name} as {one.asname}" for one in aliases]
        if isinstance(statement, ast.Import):
            yield from (f"import {one}" for one in written)
        else:
            yield f"from {'.' * statement.level}{statement.module or ''} import {', '.join(written)}"

    # Types

    def _quoted(self, node: ast.expr) -> str:
        written = self._text.text[self._text.start(node) : self._text.end(node)]
        for text in (written, ast.unparse(node)):
            for quote in ('"', "'"):
                if quote not in text and text.isprintable() and "\\" not in text:
                    return f"{quote}{text}{quote}"
        return repr(ast.unparse(node))

    def _type_imports(self, parts: Sequence[Part]) -> Iterator[Edit]:
        """Write imports below `if TYPE_CHECKING:`, a new one where the file has none."""
        if not parts:
            return
        text, body = self._text, self._module.body
        for statement in body:
            if not isinstance(statement, ast.If) or not is_type_checking(statement.test):
                continue
            indent = text.indent_of(statement.body[0].lineno, text.start(statement.body[0]))
            if indent and statement.body[0].lineno > statement.lineno:
                last = statement.body[-1]
                yield self._after(last.end_lineno or last.lineno, self._written(parts, indent))
                return
        place = self._behind_imports(max(one.lineno for one, _ in parts))
        known = next(self._known_test(), None)
        test, least = known or ("TYPE_CHECKING", 0)
        place = max(place, least)
        lines = ["", f"if {test}:", *self._written(parts, self._indent)]
        typing = None if known else self._typing_import(place)
        if typing is not None:
            yield self._with_type_checking(typing)
        elif known is None:
            head, ask = self._behind_imports(0) or place, "from typing import TYPE_CHECKING"
            place_of_ask = self._sorted("typing", ask)
            if place_of_ask is not None:
                yield place_of_ask
            elif head == place:
                lines.insert(0, ask)
            else:
                yield self._after(head, [ask])
        kept = next((one for one in range(place, 0, -1) if one not in self._gone_lines), place)
        yield self._after(place, lines if lines[0] or text.line(kept).strip() else lines[1:])

    def _with_type_checking(self, typing: ast.ImportFrom) -> Edit:
        """Write one more name into a `from typing import`: first where they are sorted, as a constant, else last."""
        text, names = self._text, typing.names
        if not belongs_first(names):
            return Edit(text.end(names[-1]), text.end(names[-1]), ", TYPE_CHECKING")
        indent = text.indent_of(names[0].lineno, text.start(names[0]))
        if indent and all(one.lineno > other.lineno for one, other in zip(names[1:], names, strict=False)):
            at = text.start_of(names[0].lineno)
            return Edit(at, at, f"{indent}TYPE_CHECKING,{text.newline}")
        return Edit(text.start(names[0]), text.start(names[0]), "TYPE_CHECKING, ")

    def _typing_import(self, before: int) -> ast.ImportFrom | None:
        """Return a `from typing import` that another name may be added to."""
        for statement in self._module.body:
            is_typing = isinstance(statement, ast.ImportFrom) and statement.module == "typing" and statement.level == 0
            if isinstance(statement, ast.ImportFrom) and is_typing and statement.lineno <= before:
                return statement if statement.names[-1].name != "*" else None
        return None

    def _written(self, parts: Sequence[Part], indent: str) -> list[str]:
        return [f"{indent}{line}" for one in _by_statement(parts) for line in self.lines(*one, indent)]

    def _after(self, number: int, lines: Sequence[str]) -> Edit:
        """Write lines behind one, which may be the last and lack its end."""
        text = self._text
        at = text.start_of(number + 1)
        lead = "" if text.end_of_line(number) or number in self._gone else text.newline
        return Edit(at, at, lead + "".join(f"{line}{text.newline}" for line in lines))

    def _behind_imports(self, least: int) -> int:
        """Return the last line of the imports at the head of the file, or of the one in a line that is further down."""
        last = 0
        for statement in self._module.body:
            is_docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            is_import = isinstance(statement, (ast.Import, ast.ImportFrom))
            if not is_import and not is_docstring and statement.lineno > least:
                break
            if is_import or statement.lineno <= least:
                last = statement.end_lineno or statement.lineno
        return last

    def _known_test(self) -> Iterator[tuple[str, int]]:
        """Yield how the file may ask for type checkers, and from which line on: by a name that it has, or by typing."""
        for statement in self._module.body:
            line = statement.end_lineno or statement.lineno
            if isinstance(statement, ast.ImportFrom):
                if any(one.name == "TYPE_CHECKING" and one.asname is None for one in statement.names):
                    yield "TYPE_CHECKING", line
            elif isinstance(statement, ast.Assign):
                if any(isinstance(one, ast.Name) and one.id == "TYPE_CHECKING" for one in statement.targets):
                    yield "TYPE_CHECKING", line
            elif isinstance(statement, ast.Import):
                yield from (
                    (f"{one.asname or one.name}.TYPE_CHECKING", line) for one in statement.names if one.name == "typing"
                )


def _once(parts: Sequence[Part]) -> list[Part]:
    """Return imports without those that import again what one before them does."""
    found: dict[tuple[object, ...], Part] = {}
    for statement, alias in sorted(parts, key=lambda one: one[0].lineno):
        origin = (statement.module, statement.level) if isinstance(statement, ast.ImportFrom) else (statement.__class__,)
        is_import = isinstance(statement, (ast.Import, ast.ImportFrom))
        found.setdefault((*origin, alias.name, alias.asname) if is_import else (statement, alias), (statement, alias))
    return list(found.values())


def _by_statement(parts: Sequence[Part]) -> list[tuple[ImportNode, list[ast.alias]]]:
    """Return the parts of each statement together, in the order of the file."""
    found: dict[ImportNode, list[ast.alias]] = {}
    for statement, alias in parts:
        if not isinstance(statement, ast.Assign):
            found.setdefault(statement, []).append(alias)
    order = sorted(found, key=lambda one: (one.lineno, one.col_offset))
    return [(one, sorted(found[one], key=lambda alias: (alias.lineno, alias.col_offset))) for one in order]


def apply(text: str, edits: Sequence[Edit]) -> tuple[str, dict[Edit, int]]:
    """Return a text after edits, which do not overlap, and where each of them begins."""
    parts: list[str] = []
    places: dict[Edit, int] = {}
    done = length = 0
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        parts += [text[done : edit.start], edit.text]
        places[edit] = length + max(0, edit.start - done)
        length = places[edit] + len(edit.text)
        done = max(done, edit.end)
    return "".join([*parts, text[done:]]), places
