"""The statements of a shell script: commands, what branches and loops around them, and functions.

Facts: POSIX.1-2024, Shell Command Language, with `[[ ]]`, `(( ))`, arrays, `function` and process substitution of bash.
"""

from __future__ import annotations

import re

from memguard_hooks.formats.shell_words import Operator, ShellWord, split_words
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record, TypeAlias

MAX_DEPTH = 30
"""How deeply statements may be nested."""

_HEREDOC = late_pattern(r"(?<!<)<<-?[ \t]*(\\?)(['\"]?)(\w+)\2(?!<)")
_ARRAY = late_pattern(r"[A-Za-z_]\w*\+?=")
_OPENS = frozenset({"if", "while", "until", "for", "select", "case", "{"})
_CLOSES = frozenset({"then", "do", "elif", "else", "fi", "done", "esac", "}"})


class ShellCommand(Record):
    """A simple command, or several joined to a pipe, with its text on one line.

    An array stands as one word, `name=(a b)`. Of `(( 2 > 1 ))` the words are `((` and the expression.
    """

    parts: tuple[tuple[ShellWord, ...], ...]
    text: str
    line: int

    @property
    def words(self) -> tuple[ShellWord, ...]:
        """The words of the first command."""
        return self.parts[0] if self.parts else ()


class ShellBranch(Record):
    """What runs where its test succeeds (of `case`: where one of its patterns matches); no test stands for `else`.

    `text` is what was written of the test.
    """

    test: Statements
    body: Statements
    patterns: tuple[str, ...] = ()
    text: str = ""


class Compound(Record):
    """`if`, `case` or a loop, or commands in brackets; `subject` is what `case` looks at, or the words of `for`."""

    kind: str
    branches: tuple[ShellBranch, ...]
    line: int
    subject: tuple[str, ...] = ()


class ShellFunction(Record):
    """A function and what it runs."""

    name: str
    body: Statements
    line: int


class ShellList(Record):
    """Statements joined by `&&` and `||`, each with the operator before it, and whether the shell waits for their end."""

    steps: tuple[tuple[str, Statement], ...]
    line: int
    is_background: bool = False


Statement: TypeAlias = "ShellCommand | Compound | ShellFunction | ShellList"
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
        """Return whether all was read."""
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

    def _skip_continuations(self) -> None:
        while self._peek() == "\0":
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
        line = self.line
        steps = [("", self._unit(depth))]
        while self._is_operator("&&", "||"):
            operator = self._next().text
            self._skip_ends()
            steps.append((operator, self._unit(depth)))
        is_background = self._is_operator("&")
        if is_background or self._is_operator("\n", ";"):
            self._next()
        elif not self.is_at_end and not self._is_operator(")", ";;") and self._peek() not in _CLOSES:
            raise NotParsedError(self.line)
        return ShellList(tuple(steps), line, is_background) if is_background or len(steps) > 1 else steps[0][1]

    def _unit(self, depth: int) -> Statement:
        """Read a pipe, a compound command or a function."""
        text = self._peek() or ""
        following = [token.text for token in self._tokens[self._at + 1 : self._at + 3]]
        if text == "function" or (following == ["(", ")"] and re.fullmatch(r"[\w.:-]+", text)):
            return self._function(depth)
        if text in _OPENS or (text == "(" and not self._is_arithmetic()):
            compound = self._compound(depth)
            self._skip_redirections()
            if self._is_operator("|"):
                raise NotParsedError(compound.line)
            return compound
        return self._command()

    def _is_arithmetic(self) -> bool:
        """Return whether `((` follows."""
        here, *after = self._tokens[self._at : self._at + 2]
        return here.text == "(" and bool(after) and after[0].text == "(" and after[0].start == here.start + 1

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
        subject: list[str] = []
        test: Statements = ()
        if kind in ("for", "select"):
            while self._peek() not in ("do", None):
                subject.append(self._next().text)
        else:
            test = self.statements(frozenset({"do"}), depth + 1)
        self._expect("do")
        body = self.statements(frozenset({"done"}), depth + 1)
        self._expect("done")
        words = tuple(word for word in subject if word not in ("\0", "\n", ";"))
        return Compound(kind, (ShellBranch(test, body),), line, words)

    def _if(self, depth: int) -> tuple[ShellBranch, ...]:
        found: list[ShellBranch] = []
        word = "if"
        while word != "fi":
            start = self._at
            test = self.statements(frozenset({"then"}), depth + 1) if word != "else" else ()
            text = " ".join(token.text for token in self._tokens[start : self._at] if token.text not in ("\0", "\n", ";"))
            if word != "else":
                self._expect("then")
            body = self.statements(frozenset({"elif", "else", "fi"}), depth + 1)
            found.append(ShellBranch(test, body, text=text))
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
                return Compound("case", tuple(found), line, (subject,))
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
        start = self._at
        while not self.is_at_end:
            token = self._tokens[self._at]
            if token.text == "\0" and isinstance(token, ShellWord):
                self._next()
            elif isinstance(token, ShellWord):
                self._next()
                if token.text == "[[":
                    words.append(token)
                    texts += [token.text, *self._up_to(words, "]]")]
                    continue
                if self._is_operator("(") and _ARRAY.fullmatch(token.text):
                    token = token._replace(text=f"{token.text}({self._in_brackets()})")
                words.append(token)
                texts.append(token.text)
            elif token.text == "(" and not words and self._is_arithmetic():
                words += [ShellWord("(("), ShellWord(self._in_brackets().strip("() "))]
                texts += ["((", words[-1].text, "))"]
            elif token.is_redirection:
                texts += self._redirection()
            elif token.text == "|":
                self._next()
                parts.append(tuple(words))
                texts.append(token.text)
                words = []
                self._skip_ends()
                if (self._peek() or "") in _OPENS | {"("}:
                    raise NotParsedError(self.line)
            elif token.text in ("\n", ";", "&", "&&", "||", ")", ";;"):
                break
            else:
                raise NotParsedError(self.line)
        if self._at == start:
            raise NotParsedError(line)
        parts.append(tuple(words))
        return ShellCommand(tuple(part for part in parts if part), " ".join(texts), line)

    def _up_to(self, words: list[ShellWord], end: str) -> list[str]:
        """Read the operators and words of `[[ ]]`, and return their texts."""
        found: list[str] = []
        while not found or found[-1] != end:
            token = self._next()
            if token.text not in ("\0", "\n"):
                found.append(token.text)
                words.append(ShellWord(token.text))
        return found

    def _redirection(self) -> list[str]:
        """Read a redirection, and return its texts; none of process substitution."""
        operator = self._next().text
        if operator in ("<", ">") and self._is_operator("<", ">"):
            operator = self._next().text
        if self._is_operator("("):
            self._in_brackets()
            return []
        self._skip_continuations()
        return [operator, self._next().text]

    def _skip_redirections(self) -> None:
        while self._is_operator("<", ">", ">>", "&>", "&>>", ">&", "<&", "<<<", ">|"):
            self._redirection()

    def _in_brackets(self) -> str:
        """Read what stands in brackets, and return it on one line."""
        depth = 0
        found: list[str] = []
        while True:
            text = self._next().text
            depth += {"(": 1, ")": -1}.get(text, 0)
            if depth == 0:
                return " ".join(found[1:])
            if text not in ("\0", "\n"):
                found.append(text)
