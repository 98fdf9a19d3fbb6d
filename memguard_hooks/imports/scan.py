"""The lexical scan of a Python file: may it name a module, what comments has it, can libcst read it safely.

It knows strings, comments and brackets of every Python up to 3.15 (also quotes of the same kind
inside f-strings) and no grammar. It never misses a name that libcst would find.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_DEPTH = 200
"""Brackets inside brackets: CPython refuses more, and libcst overflows its stack on thousands."""

MAX_INDENTS = 100
"""Blocks inside blocks: CPython refuses more."""

MAX_CHAIN = 2000
"""Tokens between two commas: libcst takes quadratic time for long chains, a second for this one."""

MAX_CHAIN_SQUARES = 8_000_000
"""The same bound for many chains of middle length together: two seconds."""

MAX_SQUARES_PER_CHARACTER = 50
"""What a longer file may have more; code that people write has less than one, tables of numbers some 15."""

MAX_TOKENS = 250_000
"""Tokens of one file: libcst takes some 35 microseconds and 9 KB for each."""

MAX_ELIF = 2000
"""Branches of one file: libcst recurses into each."""


class Comment(NamedTuple):
    """A comment from its `#` on, 1-based."""

    line: int
    column: int
    text: str


class Span(NamedTuple):
    """Where a statement begins, 1-based, and on which line it ends."""

    line: int
    column: int
    end_line: int


class Scan(NamedTuple):
    """What one pass over the tokens finds.

    `imports` are the statements with the keyword `import`, in order. `problem` says why libcst must
    not read the file, `line` where.
    """

    comments: tuple[Comment, ...] = ()
    imports: tuple[Span, ...] = ()
    problem: str | None = None
    line: int | None = None


_TOKEN = re.compile(
    r"""
  [ \t\f]*(?:
    (?P<string>(?P<prefix>(?i:[rubft]|br|rb|fr|rf|tr|rt)?)(?P<quote>'{3}|\"{3}|'|"))
  | (?P<name>[^\W\d]\w*)
  | (?P<newline>\n)
  | (?P<comment>\#[^\n]*)
  | (?P<continued>\\\n)
  | (?P<number>\.?\d[\w.]*)
  | (?P<open>[([{])
  | (?P<close>[])}])
  | (?P<end>\Z)
  | (?P<other>.) )
    """,
    re.VERBOSE,
)
_STRING_END = {
    "'": re.compile(r"(?:[^'\\\n]|\\[\s\S])*'"),
    '"': re.compile(r'(?:[^"\\\n]|\\[\s\S])*"'),
    "'''": re.compile(r"(?:[^'\\]|\\[\s\S]|'(?!''))*'''"),
    '"""': re.compile(r'(?:[^"\\]|\\[\s\S]|"(?!""))*"""'),
}
# A backslash does not hide a brace: `f"\{x}"` has a field.
_LITERAL = {quote: re.compile(rf"\\[^{{}}]|\{{\{{?|\}}\}}?|{quote}|\n") for quote in _STRING_END}


class _Field:
    """A field of an f-string or a t-string that is open."""

    __slots__ = ("depth", "in_format", "quote")

    def __init__(self, quote: str, depth: int) -> None:
        self.quote = quote
        self.depth = depth
        self.in_format = False


def scan(text: str) -> Scan:
    r"""Read the tokens of a source text, with `\n` for each line end, once."""
    return _Scanner(text).run()


_TOO_LONG = "is not analyzed: an expression is too long to be read in bounded time"


class _Problem(Exception):  # noqa: N818 - not an error of the program
    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._line_start = 0
        self._comments: list[Comment] = []
        self._imports: list[Span] = []
        self._indents = [0]
        self._statement: tuple[int, int] | None = None
        """Where the statement that is being read began."""
        self._is_import = False
        self._end_line = 1
        self._is_line_new = True
        self._open_lines: list[int] = []
        self._chains = [0]
        self._heads: list[list[str]] = [[]]
        """For each open bracket, each `lambda` before its colon and each `for` before its `in`: their commas join."""
        self._squares = 0
        self._tokens = 0
        self._elifs = 0
        self._fields: list[_Field] = []

    def run(self) -> Scan:
        try:
            while self._at < len(self._text):
                self._token()
            self._end_statement()
            if self._open_lines:
                raise _Problem("does not parse: a bracket is not closed", self._open_lines[-1])
        except _Problem as error:
            return Scan(tuple(self._comments), tuple(self._imports), error.message, error.line or self._line)
        return Scan(tuple(self._comments), tuple(self._imports))

    def _token(self) -> None:
        match = _TOKEN.match(self._text, self._at)
        assert match is not None
        kind = match.lastgroup or "end"
        start, self._at = match.span(kind)
        if kind == "end":
            return
        if kind == "newline":
            if len(self._chains) == 1:
                self._end_statement()
                self._is_line_new = True
            self._line += 1
            self._line_start = self._at
        elif kind == "comment":
            self._comments.append(Comment(self._line, start - self._line_start + 1, match[kind]))
        elif kind == "continued":
            self._line += 1
            self._line_start = self._at
        else:
            if self._statement is None:
                self._begin_statement(start)
            self._significant(kind, match)
            self._end_line = self._line

    def _begin_statement(self, start: int) -> None:
        self._statement = (self._line, start - self._line_start + 1)
        if not self._is_line_new:
            return
        self._is_line_new = False
        width = len(self._text[self._line_start : start].expandtabs(8))
        while width < self._indents[-1]:
            self._indents.pop()
        if width > self._indents[-1]:
            self._indents.append(width)
            if len(self._indents) > MAX_INDENTS:
                raise _Problem(f"is not analyzed: blocks are nested more than {MAX_INDENTS} deep")

    def _end_statement(self) -> None:
        self._end_chain()
        self._heads[-1].clear()
        if self._is_import and self._statement is not None:
            self._imports.append(Span(*self._statement, self._end_line))
        self._statement = None
        self._is_import = False

    def _end_chain(self) -> None:
        length = self._chains[-1]
        self._chains[-1] = 0
        self._squares += length * length
        if self._squares > MAX_CHAIN_SQUARES + MAX_SQUARES_PER_CHARACTER * self._at:
            raise _Problem(_TOO_LONG)

    def _significant(self, kind: str, match: re.Match[str]) -> None:
        if kind == "close":
            self._close(match[kind])
            return
        self._tokens += 1
        if self._tokens > MAX_TOKENS:
            raise _Problem(f"is not analyzed: it has more than {MAX_TOKENS} tokens")
        self._chains[-1] += 1
        if self._chains[-1] > MAX_CHAIN:
            raise _Problem(_TOO_LONG)
        if kind == "name":
            self._name(match[kind])
        elif kind == "string":
            self._string(match["prefix"].lower(), match["quote"])
        elif kind == "open":
            self._open()
        elif match[kind] in ":,;":
            self._mark(match[kind])

    def _name(self, name: str) -> None:
        if name == "import":
            self._is_import = True
        elif name == "elif":
            self._elifs += 1
            if self._elifs > MAX_ELIF:
                raise _Problem(f"is not analyzed: it has more than {MAX_ELIF} elif branches")
        elif name in ("lambda", "for"):
            self._heads[-1].append(name)
        elif name == "in" and self._heads[-1][-1:] == ["for"]:
            self._heads[-1].pop()

    def _mark(self, mark: str) -> None:
        is_outside = len(self._chains) == 1
        if mark == ":" and self._fields and self._fields[-1].depth == len(self._chains):
            self._fields[-1].in_format = True
            self._literal(self._fields[-1].quote, is_format=True)
        elif mark == "," and not self._heads[-1]:
            self._end_chain()
        elif mark == ":" and self._heads[-1][-1:] == ["lambda"]:
            self._heads[-1].pop()
        elif mark == ";" and is_outside:
            self._end_statement()
        elif mark == ":" and is_outside and not self._is_import:
            self._statement = None  # `if x: import y` and `else: import y`

    def _open(self) -> None:
        if len(self._chains) > MAX_DEPTH:
            raise _Problem(f"is not analyzed: brackets are nested more than {MAX_DEPTH} deep")
        self._chains.append(0)
        self._open_lines.append(self._line)
        self._heads.append([])

    def _close(self, bracket: str) -> None:
        if len(self._chains) == 1:
            raise _Problem("does not parse: a bracket closes that was not opened")
        self._end_chain()
        ends_field = bracket == "}" and bool(self._fields) and self._fields[-1].depth == len(self._chains)
        self._chains.pop()
        self._open_lines.pop()
        self._heads.pop()
        if ends_field:
            field = self._fields.pop()
            outer = self._fields[-1] if self._fields else None
            in_format = outer is not None and outer.in_format and outer.depth == len(self._chains)
            self._literal(field.quote, is_format=in_format)

    def _string(self, prefix: str, quote: str) -> None:
        if "f" in prefix or "t" in prefix:
            self._literal(quote)
            return
        end = _STRING_END[quote].match(self._text, self._at)
        if end is None:
            raise _Problem("does not parse: a string is not closed")
        self._pass(end.end())

    def _pass(self, end: int) -> None:
        """Go on after text that may hold line ends."""
        lines = self._text.count("\n", self._at, end)
        if lines:
            self._line += lines
            self._line_start = self._text.rindex("\n", self._at, end) + 1
        self._at = end

    def _literal(self, quote: str, *, is_format: bool = False) -> None:
        """Read the text of an f-string up to its end or to the next field."""
        while True:
            match = _LITERAL[quote].search(self._text, self._at)
            if match is None:
                raise _Problem("does not parse: a string is not closed")
            found = match[0]
            if found == "{" or (found == "{{" and is_format):
                self._pass(match.start() + 1)
                self._open()
                self._fields.append(_Field(quote, len(self._chains)))
                return
            if found.startswith("}") and is_format:
                self._pass(match.start())  # the end of the field whose format this was
                return
            if found == "\n" and len(quote) == 1:
                raise _Problem("does not parse: a string is not closed")
            self._pass(match.end())
            if found == quote:
                return
