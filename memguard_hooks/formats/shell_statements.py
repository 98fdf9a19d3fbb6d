"""The statements of a shell script: commands, what branches and loops around them, and functions.

Facts: POSIX.1-2024, Shell Command Language, with `[[ ]]`, `(( ))`, arrays, `function` and process substitution of bash.
"""

from __future__ import annotations

import re

from memguard_hooks.formats.shell_words import Operator, ShellWord, split_words
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from typing import TypeAlias

MAX_DEPTH = 30
"""How deeply statements may be nested."""

_HEREDOC = late_pattern(r"(?<!<)<<-?[ \t]*(\\?)(['\"]?)(\w+)\2(?!<)")
_OPENS = frozenset({"if", "while", "until", "for", "select", "case", "{"})
_GIVES_UP = frozenset({"echo", "printf", "exit", "true", ":"})
_CLOSES = frozenset({"then", "do", "elif", "else", "fi", "done", "esac", "}"})


class ShellCommand(Record):
    """A list of simple commands joined by `&&` and `||`, with its text on one line.

    `is_piped` tells that one of them is part of a pipe, `has_array` that the first assigns an array.
    """

    parts: tuple[tuple[ShellWord, ...], ...]
    text: str
    line: int
    is_background: bool = False
    is_piped: bool = False
    has_array: bool = False

    @property
    def words(self) -> tuple[ShellWord, ...]:
        """The words of the first command."""
        return self.parts[0] if self.parts else ()


class ShellBranch(Record):
    """What runs where its test succeeds (of `case`: where one of its patterns matches); no test stands for `else`."""

    test: Statements
    body: Statements
    patterns: tuple[str, ...] = ()


class Compound(Record):
    """`if`, `case` or a loop, or commands in brackets; `subject` is what `case` looks at."""

    kind: str
    branches: tuple[ShellBranch, ...]
    line: int
    subject: str = ""


class ShellFunction(Record):
    """A function and what it runs."""

    name: str
    body: Statements
    line: int


Statement: TypeAlias = "ShellCommand | Compound | ShellFunction"
Statements: TypeAlias = "tuple[Statement, ...]"


class NotParsedError(Exception):
    """A script that is not understood from some line on."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def parse(text: str) -> Statements:
    """Return the statements of a script. Raises NotParsedError, and ShellError for quotes that are not closed."""
    text = _without_heredocs(text.replace("\r\n", "\n"))
    text = re.sub(r"\\\n", " \0 ", text)  # a continued line stays counted
    parser = _Parser(list(split_words(text)))
    found = parser.statements(frozenset(), 0)
    if not parser.is_at_end:
        raise NotParsedError(parser.line)
    return found


def _without_heredocs(text: str) -> str:
    """Return a script without the texts that it gives to commands, their lines left empty."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        openings = _HEREDOC.findall(lines[at]) if "<<" in lines[at] and not lines[at].lstrip().startswith("#") else []
        lines[at] = _HEREDOC.sub(" ", lines[at]) if openings else lines[at]
        for *_, word in openings:
            while at + 1 < len(lines):
                at += 1
                is_end = lines[at].lstrip("\t") == word
                lines[at] = ""
                if is_end:
                    break
        at += 1
    return "\n".join(lines)


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[ShellWord | Operator]) -> None:
        self._tokens = tokens
        self._at = 0
        self.line = 1

    @property
    def is_at_end(self) -> bool:
        """Tell whether all was read."""
        return self._at >= len(self._tokens)

    def _peek(self) -> str | None:
        return None if self.is_at_end else self._tokens[self._at].text

    def _next(self) -> ShellWord | Operator:
        if self.is_at_end:
            raise NotParsedError(self.line)
        token = self._tokens[self._at]
        self._at += 1
        self.line += token.text.count("\n") + token.text.count("\0")
        return token

    def _expect(self, *texts: str) -> str:
        token = self._next()
        if token.text not in texts:
            raise NotParsedError(self.line)
        return token.text

    def _is_operator(self, *texts: str) -> bool:
        return not self.is_at_end and isinstance(self._tokens[self._at], Operator) and self._peek() in texts

    def _skip_ends(self) -> None:
        while self._is_operator("\n", ";") or self._peek() == "\0":
            self._next()

    def statements(self, ends: frozenset[str], depth: int) -> Statements:
        """Read statements up to a word or an operator that ends them, which is left."""
        if depth > MAX_DEPTH:
            raise NotParsedError(self.line)
        found: list[Statement] = []
        while True:
            self._skip_ends()
            text = self._peek()
            if text is None or text in ends:
                return tuple(found)
            if text in _CLOSES or text in (")", ";;"):
                raise NotParsedError(self.line)
            found.append(self._statement(depth))

    def _statement(self, depth: int) -> Statement:
        text = self._peek() or ""
        line = self.line
        following = [token.text for token in self._tokens[self._at + 1 : self._at + 3]]
        if text == "function" or (following == ["(", ")"] and re.fullmatch(r"[\w.:-]+", text)):
            return self._function(depth)
        if text in _OPENS or (text == "(" and following[:1] != ["("]):
            compound = self._compound(depth)
            self._skip_redirections()
            if self._is_operator("&", "|", "&&", "||"):
                raise NotParsedError(line)
            return compound
        return self._command()

    def _function(self, depth: int) -> ShellFunction:
        line = self.line
        name = self._next().text
        if name == "function":
            name = self._next().text
        if self._is_operator("("):
            self._next()
            self._expect(")")
        self._skip_ends()
        self._expect("{")
        body = self.statements(frozenset("}"), depth + 1)
        self._expect("}")
        self._skip_redirections()
        return ShellFunction(name, body, line)

    def _compound(self, depth: int) -> Compound:
        line = self.line
        kind = self._next().text
        if kind == "if":
            return Compound(kind, self._if(depth), line)
        if kind == "case":
            return self._case(depth, line)
        if kind in ("{", "("):
            end = "}" if kind == "{" else ")"
            body = self.statements(frozenset(end), depth + 1)
            self._expect(end)
            return Compound(kind, (ShellBranch((), body),), line)
        test: Statements = ()
        if kind in ("for", "select"):
            while self._peek() not in ("do", None):
                self._next()
        else:
            test = self.statements(frozenset({"do"}), depth + 1)
        self._expect("do")
        body = self.statements(frozenset({"done"}), depth + 1)
        self._expect("done")
        return Compound(kind, (ShellBranch(test, body),), line)

    def _if(self, depth: int) -> tuple[ShellBranch, ...]:
        found: list[ShellBranch] = []
        word = "if"
        while word != "fi":
            test = self.statements(frozenset({"then"}), depth + 1) if word != "else" else ()
            if word != "else":
                self._expect("then")
            body = self.statements(frozenset({"elif", "else", "fi"}), depth + 1)
            found.append(ShellBranch(test, body))
            word = self._expect("elif", "else", "fi")
        return tuple(found)

    def _case(self, depth: int, line: int) -> Compound:
        subject = self._next().text
        self._skip_ends()
        self._expect("in")
        found: list[ShellBranch] = []
        while True:
            self._skip_ends()
            if self._peek() == "esac":
                self._next()
                return Compound("case", tuple(found), line, subject)
            if self._is_operator("("):
                self._next()
            patterns = [self._next().text]
            while self._is_operator("|"):
                self._next()
                patterns.append(self._next().text)
            self._expect(")")
            body = self.statements(frozenset({";;", "esac"}), depth + 1)
            found.append(ShellBranch((), body, tuple(patterns)))
            if self._is_operator(";;"):
                self._next()

    def _command(self) -> ShellCommand:
        line = self.line
        parts: list[tuple[ShellWord, ...]] = []
        words: list[ShellWord] = []
        texts: list[str] = []
        is_background = is_piped = has_array = False
        while not self.is_at_end:
            token = self._tokens[self._at]
            if token.text == "\0" and isinstance(token, ShellWord):
                self._next()
            elif isinstance(token, ShellWord):
                self._next()
                words.append(token)
                texts.append(token.text)
                if token.text == "[[":
                    texts += self._up_to(words, "]]")
                elif self._is_operator("(") and re.fullmatch(r"[A-Za-z_]\w*\+?=", token.text):
                    self._skip_brackets()
                    has_array = True
            elif token.text == "(" and not words:
                self._skip_brackets()
                words.append(ShellWord(":"))
            elif token.is_redirection:
                texts += self._redirection()
            elif token.text in ("&&", "||", "|"):
                self._next()
                is_piped = is_piped or token.text == "|"
                parts.append(tuple(words))
                texts.append(token.text)
                words = []
                self._skip_ends()
                if token.text == "||" and self._peek() == "{":
                    self._skip_giving_up()
                elif (self._peek() or "") in _OPENS | {"("}:
                    raise NotParsedError(self.line)
            elif token.text in ("\n", ";", "&"):
                is_background = token.text == "&"
                self._next()
                break
            elif token.text in (")", ";;"):
                break
            else:
                raise NotParsedError(self.line)
        parts.append(tuple(words))
        return ShellCommand(tuple(part for part in parts if part), " ".join(texts), line, is_background, is_piped, has_array)

    def _skip_giving_up(self) -> None:
        """Skip `{ echo …; exit 1; }`, where a command fails."""
        line = self.line
        for statement in self._compound(0).branches[0].body:
            if not isinstance(statement, ShellCommand) or any(part[0].text not in _GIVES_UP for part in statement.parts):
                raise NotParsedError(line)

    def _up_to(self, words: list[ShellWord], end: str) -> list[str]:
        """Read the operators and words of `[[ ]]`, and return their texts."""
        found: list[str] = []
        while not found or found[-1] != end:
            token = self._next()
            found.append(token.text)
            words.append(ShellWord(token.text))
        return found

    def _redirection(self) -> list[str]:
        """Read a redirection, and return its texts; none of process substitution."""
        operator = self._next().text
        if operator in ("<", ">") and self._is_operator("<", ">"):
            operator = self._next().text
        if self._is_operator("("):
            self._skip_brackets()
            return []
        return [operator, self._next().text]

    def _skip_redirections(self) -> None:
        while self._is_operator("<", ">", ">>", "&>", "&>>", ">&", "<&", "<<<", ">|"):
            self._redirection()

    def _skip_brackets(self) -> None:
        depth = 0
        while True:
            text = self._next().text
            depth += {"(": 1, ")": -1}.get(text, 0)
            if depth == 0:
                return
