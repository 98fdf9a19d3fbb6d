"""The tokens of Python source: its comments, its imports, the bodies of its functions, and how much a parser has to do.

The scan knows strings, comments and brackets of every Python up to 3.15 (also quotes of the same kind inside f-strings)
and no grammar. It never misses a name that a parser would find.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

MAX_DEPTH = 200
"""Brackets inside brackets: CPython refuses more, and libcst overflows its stack on thousands."""

MAX_INDENTS = 100
"""Blocks inside blocks: CPython refuses more."""

FREE_BLOCKS = 10
"""Blocks around a statement that are not counted: hardly any code has more."""


class Limits(Record):
    """What a parser may be given: by default what the scan itself reads, in a second.

    `chain` are the tokens between two commas, `squares` the sum of the squares of all these numbers, and by how much it may
    grow with each character. `field_letters` are the letters that stand around each field of the f-strings. `lines`,
    `brackets` and `operators` are the weight of the end of a statement, of a bracket and of an operator, in tokens, and
    `nesting` that of each bracket around a token but the outermost, and half of that of each block around a statement
    beyond `FREE_BLOCKS`. `patterns` is that of a bracket of a `case`, in tenths, and four times as much for each around it.
    `outside` are the tokens that stand in no body of a function: none of them can be left out.
    """

    tokens: int = 250_000
    outside: int = 250_000
    chain: int = 250_000
    squares: int = 2**63
    squares_per_character: int = 0
    elifs: int = 250_000
    field_letters: int = 2**63
    parameters: int = 250_000
    lines: int = 0
    brackets: int = 0
    operators: int = 0
    nesting: int = 0
    patterns: int = 0


NO_LIMITS = Limits()


class Comment(Record):
    """A comment from its `#` on, 1-based."""

    line: int
    column: int
    text: str


class Span(Record):
    """Where a statement begins, 1-based, and on which line it ends."""

    line: int
    column: int
    end_line: int


class BodySpan(Record):
    """The indented body of a function that stands in no other function: its characters, and the words among them."""

    start: int
    end: int
    words: frozenset[str]


class Scan(Record):
    """What one pass over the tokens finds.

    `imports` are the statements with the keyword `import`, in order. `problem` says why the parser must
    not read the file, `line` where. `tokens` counts them, with their weight.
    """

    comments: tuple[Comment, ...] = ()
    imports: tuple[Span, ...] = ()
    problem: str | None = None
    line: int | None = None
    bodies: tuple[BodySpan, ...] = ()
    tokens: int = 0


_TOKEN = late_pattern(
    r"""
  [ \t\f]*(?:
    (?P<string>(?P<prefix>(?i:[rubft]|br|rb|fr|rf|tr|rt)?)(?P<quote>'{3}|\"{3}|'|"))
  | (?P<name>[^\W\d]\w*)
  | (?P<newline>\n(?:[ \t\f\n]*\n)?)
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
# Only what is rare stands in a repeated group: for each turn of one, `re` keeps some 190 bytes.
_STRING_END = {
    "'": late_pattern(r"[^'\\\n]*(?:\\[\s\S][^'\\\n]*)*'"),
    '"': late_pattern(r'[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*"'),
    "'''": late_pattern(r"[^'\\]*(?:(?:\\[\s\S]|'(?!''))[^'\\]*)*'''"),
    '"""': late_pattern(r'[^"\\]*(?:(?:\\[\s\S]|"(?!""))[^"\\]*)*"""'),
}
# A backslash does not hide a brace: `f"\{x}"` has a field.
_LITERAL = {quote: late_pattern(rf"\\[^{{}}]|\{{\{{?|\}}\}}?|{quote}|\n") for quote in _STRING_END}


class _Field:
    """A field of an f-string or a t-string that is open."""

    __slots__ = ("depth", "in_format", "quote")

    def __init__(self, quote: str, depth: int) -> None:
        self.quote = quote
        self.depth = depth
        self.in_format = False


@lru_cache(maxsize=2)
def scan(text: str, limits: Limits = NO_LIMITS) -> Scan:
    r"""Read the tokens of a source text, with `\n` for each line end, once.

    The last answers are kept: each fact of a file that must not be parsed is refused by the same scans.
    """
    return _Scanner(text, limits).run()


def cut(text: str, bodies: Iterable[BodySpan]) -> str:
    """Return a source text without some bodies of functions, so that what stays keeps its line and its column."""
    parts: list[str] = []
    last = 0
    for body in bodies:
        parts += (text[last : body.start], "pass", "\n" * text.count("\n", body.start, body.end))
        last = body.end
    return "".join([*parts, text[last:]])


_FUNCTION = late_pattern(r"(?:async(?:[ \t\f]|\\\n)[ \t\f]*(?:\\\n[ \t\f]*)*)?def\b")
_CASE = late_pattern(r"case\b(?!\s*[=.,)\]:])")
_WORD = late_pattern(r"\w+")
_TOO_LONG = "is not analyzed: an expression is too long to be read in bounded time"


class _Problem(Exception):  # noqa: N818 - not an error of the program
    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class _Scanner:
    def __init__(self, text: str, limits: Limits) -> None:
        self._text = text
        self._limits = limits
        self._at = 0
        self._line = 1
        self._line_start = 0
        self._comments: list[Comment] = []
        self._imports: list[Span] = []
        self._indents = [0]
        self._statement: tuple[int, int] | None = None
        """Where the statement that is being read began."""
        self._is_import = False
        self._is_case = False
        self._end_line = 1
        self._is_line_new = True
        self._open_lines: list[int] = []
        self._chains = [0]
        self._heads: list[list[str]] = [[]]
        """For each open bracket, each `lambda` before its colon and each `for` before its `in`: their commas join."""
        self._squares = 0
        self._tokens = 0
        self._most = min(limits.tokens, limits.outside)
        """Tokens that there may be at this place."""
        self._in_bodies = 0
        self._body_tokens = 0
        """Those before the body of a function that is open."""
        self._elifs = 0
        self._fields: list[_Field] = []
        self._parameters = 0
        """Commas of the parameters of one function; only few are not counted again in each."""
        self._is_head = False
        """Whether the next parenthesis opens the parameters of a function."""
        self._field_letters = 0
        self._field_line = 0
        self._field_line_end = 0
        self._string_start = 0
        self._bodies: list[BodySpan] = []
        self._function: int | None = None
        """The indentation of a function whose body is to come or goes on."""
        self._body_start: int | None = None
        self._end = 0
        """Behind the last token."""

    def run(self) -> Scan:
        try:
            while self._at < len(self._text):
                self._token()
            self._end_statement()
            self._end_body()
            if self._open_lines:
                raise _Problem("does not parse: a bracket is not closed", self._open_lines[-1])
        except _Problem as error:
            return Scan(tuple(self._comments), tuple(self._imports), error.message, error.line or self._line)
        return Scan(tuple(self._comments), tuple(self._imports), None, None, tuple(self._bodies), self._tokens)

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
            self._line += match[kind].count("\n")
            self._line_start = self._at
        elif kind == "comment":
            self._count_token()
            self._comments.append(Comment(self._line, start - self._line_start + 1, match[kind]))
        elif kind == "continued":
            self._line += 1
            self._line_start = self._at
        else:
            if self._statement is None:
                self._begin_statement(start)
            self._significant(kind, match)
            self._end_line = self._line
            self._end = self._at

    def _begin_statement(self, start: int) -> None:
        self._statement = (self._line, start - self._line_start + 1)
        self._is_case = _CASE.match(self._text, start) is not None
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
        self._place_in_function(start, width)

    def _place_in_function(self, start: int, width: int) -> None:
        """Note where the body of a function begins, goes on or has ended, at the first statement of a line."""
        if self._function is not None and width > self._function:
            if self._body_start is None:
                self._body_start, self._body_tokens, self._most = start, self._tokens, self._limits.tokens
            return
        self._end_body()
        self._function = width if _FUNCTION.match(self._text, start) else None

    def _end_body(self) -> None:
        if self._function is not None and self._body_start is not None:
            words = frozenset(_WORD.findall(self._text, self._body_start, self._end))
            self._bodies.append(BodySpan(self._body_start, self._end, words))
            self._in_bodies += self._tokens - self._body_tokens
            self._most = min(self._limits.tokens, self._limits.outside + self._in_bodies)
        self._function = self._body_start = None

    def _end_statement(self) -> None:
        self._end_chain()
        self._heads[-1].clear()
        inner = len(self._indents) - 1 - FREE_BLOCKS
        self._tokens += self._limits.lines + (self._limits.nesting * inner // 2 if inner > 0 else 0)
        if self._is_import and self._statement is not None:
            self._imports.append(Span(*self._statement, self._end_line))
        self._statement = None
        self._is_import = False

    def _end_chain(self) -> None:
        length = self._chains[-1]
        self._chains[-1] = 0
        self._squares += length * length
        if self._squares > self._limits.squares + self._limits.squares_per_character * self._at:
            raise _Problem(_TOO_LONG)

    def _significant(self, kind: str, match: re.Match[str]) -> None:
        if kind == "close":
            self._close(match[kind])
            return
        self._count_token()
        self._chains[-1] += 1
        if self._chains[-1] > self._limits.chain:
            raise _Problem(_TOO_LONG)
        if kind == "name":
            self._name(match[kind])
        elif kind == "string":
            self._string(match["prefix"].lower(), match["quote"])
        elif kind == "open":
            self._open()
        elif match[kind] in ":,;":
            self._mark(match[kind])
        elif match[kind] in "+-*/%@&|^<>":
            self._tokens += self._limits.operators

    def _count_token(self) -> None:
        depth = len(self._chains) - 1
        self._tokens += 1 + self._limits.nesting * (depth - 1 if depth else 0)
        if self._tokens > self._most:
            nested = ", those in brackets and blocks counted again for each" if self._limits.nesting else ""
            most = self._limits.outside if self._most < self._limits.tokens else self._limits.tokens
            raise _Problem(f"is not analyzed: it has more than {most} tokens{nested}")

    def _name(self, name: str) -> None:
        if name == "import":
            self._is_import = True
        elif name == "elif":
            self._elifs += 1
            if self._elifs > self._limits.elifs:
                raise _Problem(f"is not analyzed: it has more than {self._limits.elifs} elif branches")
        elif name == "def":
            self._is_head = True
            self._parameters = 0
        elif name in ("lambda", "for"):
            self._parameters = 0
            self._heads[-1].append(name)
        elif name == "in" and self._heads[-1][-1:] == ["for"]:
            self._heads[-1].pop()

    def _mark(self, mark: str) -> None:
        is_outside = len(self._chains) == 1
        if mark == "," and self._heads[-1][-1:] in (["def"], ["lambda"]):
            self._parameters += 1
            if self._parameters > self._limits.parameters:
                raise _Problem("is not analyzed: a function has too many parameters")
        if mark == ":" and self._fields and self._fields[-1].depth == len(self._chains):
            self._fields[-1].in_format = True
            self._literal(self._fields[-1].quote, is_format=True)
        elif mark == "," and self._heads[-1] in ([], ["def"]):
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
        self._tokens += self._limits.brackets
        if self._is_case:
            self._tokens += self._limits.patterns * 4 ** len(self._chains) // 10
        self._chains.append(0)
        self._open_lines.append(self._line)
        self._heads.append(["def"] if self._is_head else [])
        self._is_head = False

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
            if not self._fields:
                self._string_start = self._at
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

    def _count_field(self, at: int) -> None:
        """Bound what CPython copies and searches for the fields of an f-string: what stands before and behind each."""
        if at >= self._field_line_end:
            start = self._text.rfind("\n", 0, at) + 1
            self._field_line_end = self._text.find("\n", at) % (len(self._text) + 1)
            self._field_line = self._field_line_end - start
        self._field_letters += max(self._field_line, at - self._string_start)
        if self._field_letters > self._limits.field_letters:
            raise _Problem("is not analyzed: an f-string has too many fields")

    def _literal(self, quote: str, *, is_format: bool = False) -> None:
        """Read the text of an f-string up to its end or to the next field."""
        while True:
            match = _LITERAL[quote].search(self._text, self._at)
            if match is None:
                raise _Problem("does not parse: a string is not closed")
            found = match[0]
            if found == "{" or (found == "{{" and is_format):
                self._count_field(match.start())
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
