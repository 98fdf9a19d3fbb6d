"""Places in TOML: each key and each value of an array, to the column, in every way in which TOML may be written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from work import LINEAR, growth

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.toml_document import KeyPath, TomlDocument, parse


def read(text: str) -> TomlDocument:
    """Parse a document that is valid."""
    return parse(text.encode(), "pyproject.toml")


@pytest.mark.parametrize(
    ("text", "key", "place"),
    [
        pytest.param("a = 1", ("a",), (1, 1), id="key"),
        pytest.param("\n  a = 1", ("a",), (2, 3), id="indented"),
        pytest.param("[a]\nb = 1", ("a", "b"), (2, 1), id="in-table"),
        pytest.param("[a]\nb = 1", ("a",), (1, 2), id="table"),
        pytest.param("[ a . b ]", ("a", "b"), (1, 7), id="dotted-table"),
        pytest.param("a . b.c = 1", ("a", "b", "c"), (1, 7), id="dotted-key"),
        pytest.param("a.b = 1\na.c = 1", ("a",), (1, 1), id="first-place-counts"),
        pytest.param('"a b" = 1', ("a b",), (1, 1), id="quoted-key"),
        pytest.param('"a\\u0062" = 1', ("ab",), (1, 1), id="escaped-key"),
        pytest.param("'a.b'.c = 1", ("a.b", "c"), (1, 7), id="literal-key"),
        pytest.param("3.14 = 1", ("3", "14"), (1, 3), id="number-as-key"),
        pytest.param("a = [1, 2]", ("a", 1), (1, 9), id="number-in-array"),
        pytest.param("a = [1.5, -2e+3, 1]", ("a", 2), (1, 18), id="behind-floats"),
        pytest.param("a = [2026-01-01 10:00:00.5Z, 1]", ("a", 1), (1, 30), id="behind-a-date"),
        pytest.param('a = ["x", "y"]', ("a", 1), (1, 12), id="behind-the-quote"),
        pytest.param("a = ['x', 'y']", ("a", 1), (1, 12), id="literal"),
        pytest.param('a = ["", "y"]', ("a", 0), (1, 7), id="empty-string"),
        pytest.param('a = ["""x""", "y"]', ("a", 0), (1, 9), id="long-string"),
        pytest.param('a = ["""\nx""", "y"]', ("a", 0), (2, 1), id="long-string-on-its-own-line"),
        pytest.param('a = ["""\r\nx""", "y"]', ("a", 1), (2, 8), id="behind-a-long-string"),
        pytest.param("a = ['''x''''', 'y']", ("a", 1), (1, 18), id="quotes-at-the-end-of-a-long-string"),
        pytest.param('a = ["\\"", "y"]', ("a", 1), (1, 13), id="escaped-quote"),
        pytest.param('a = ["\\\\", "y"]', ("a", 1), (1, 13), id="escaped-backslash"),
        pytest.param('a = ["""\\""""", "y"]', ("a", 1), (1, 18), id="escaped-quote-in-a-long-string"),
        pytest.param("a = ['#', 'y'] # z", ("a", 1), (1, 12), id="no-comment"),
        pytest.param("a = [ # why\n  'x', # because\n  'y',\n]", ("a", 1), (3, 4), id="comments"),
        pytest.param("a = [\r\n\t'x']", ("a", 0), (2, 3), id="crlf"),
        pytest.param("a = [[1], [2, 3]]", ("a", 1, 1), (1, 15), id="nested"),
        pytest.param("a = [{b = 1}, {c = 2}]", ("a", 1, "c"), (1, 16), id="tables-in-array"),
        pytest.param("a = {b = {c = ['x']}}\nd = 1", ("a", "b", "c", 0), (1, 17), id="inline-tables"),
        pytest.param("a = {b = {c = ['x']}}\nd = 1", ("d",), (2, 1), id="behind-inline-tables"),
        pytest.param("a = {}\nb = []\nc = 1", ("c",), (3, 1), id="behind-empty-ones"),
        pytest.param("[[a]]\nb = 1\n[[a]]\nb = 2", ("a", 1, "b"), (4, 1), id="array-of-tables"),
        pytest.param("[[a]]\n[[a]]", ("a", 1), (2, 3), id="element"),
        pytest.param("[[a]]\n[a.b]\n[[a]]\n[a.b]\nc = 1", ("a", 1, "b", "c"), (5, 1), id="table-of-an-element"),
        pytest.param("[[a]]\n[[a.b]]\n[[a.b]]\nc = 1", ("a", 0, "b", 1, "c"), (4, 1), id="arrays-in-an-element"),
        pytest.param("'é' = ['x', 'é', 'y']", ("é", 2), (1, 19), id="characters-not-bytes"),
        pytest.param("[a]\nb = 1", ("a", "x", "y"), (1, 2), id="nearest-table"),
        pytest.param("", ("x",), (1, 1), id="nothing"),
    ],
)
def test_place(text: str, key: KeyPath, place: tuple[int, int]) -> None:
    assert read(text).place(key) == place


def test_byte_order_mark_is_no_column() -> None:
    assert parse(b"\xef\xbb\xbfa = ['x']", "a.toml").place(("a", 0)) == (1, 7)


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        pytest.param("a = 1", ("a",), 1, id="scalar"),
        pytest.param("a = [\n1,\n2]\nb = 1", ("a",), 3, id="array"),
        pytest.param("a = [\n1,\n2]\nb = 1", ("a", 0), 2, id="value"),
        pytest.param('a = """\nx\ny"""\nb = 1', ("a",), 3, id="long-string"),
        pytest.param('a = ["""\nx\ny""",\n1]', ("a", 0), 3, id="long-string-in-array"),
        pytest.param("a = {b = [\n1\n]}", ("a",), 3, id="inline-table"),
        pytest.param("[a]\nb = 1", ("a",), 1, id="table"),
    ],
)
def test_end_line(text: str, key: KeyPath, line: int) -> None:
    assert read(text).end_line(key) == line


def test_comments() -> None:
    document = read("# one\na = [ # two\n  '# no', # three\r\n] # four\n[b] # five\n\"#\" = '''\n# no'''\n  # six")
    assert document.comments == [
        (1, 1, "# one"),
        (2, 7, "# two"),
        (3, 11, "# three"),
        (4, 3, "# four"),
        (5, 5, "# five"),
        (8, 3, "# six"),
    ]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        pytest.param(b"a = 1\nb = \nc = 1", "2:5: is not valid TOML: Invalid value", id="value"),
        pytest.param(b"a = 1\n  a = 2", "2:8: is not valid TOML: Cannot overwrite a value", id="twice"),
        pytest.param(b"a = [1,\n2", "2:2: is not valid TOML: Unclosed array", id="unclosed"),
        pytest.param(b"a = 'x", '1:7: is not valid TOML: Expected "\'"', id="unterminated"),
        pytest.param(
            b"a = 1\rb = 2",
            "1:6: is not valid TOML: Expected newline or end of document after a statement",
            id="carriage-return",
        ),
        pytest.param(b"<<<<<<< HEAD\n", "1:1: is not valid TOML: Invalid statement", id="conflict"),
        pytest.param(b"a = 1\nb = '\xe9'", "2: is not UTF-8, as TOML must be", id="latin-1"),
        pytest.param("a = 1".encode("utf-16"), "1: is not UTF-8, as TOML must be", id="utf-16"),
        pytest.param(b"a = 1\n\0", "2:1: is not valid TOML: Invalid statement", id="nul"),
        pytest.param(b"a = " + b"[" * 100_000, " is nested too deeply", id="deep-array"),
        pytest.param(b"a = " + b"{b = " * 100_000, " is nested too deeply", id="deep-table"),
        pytest.param(b"a." * 100_000 + b"b = 1", " is nested too deeply", id="deep-key"),
        pytest.param(b"[" + b"a." * 100_000 + b"b]", " is nested too deeply", id="deep-header"),
    ],
)
def test_broken(data: bytes, place: str) -> None:
    with pytest.raises(MemguardError) as caught:
        parse(data, "a.toml")
    assert str(caught.value) == f"a.toml:{place}"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param("a = " + "[" * 150 + "1" + "]" * 150, ("a", *[0] * 150), id="arrays"),
        pytest.param("a = " + "{b = " * 90 + "1" + "}" * 90, ("a", *["b"] * 90), id="tables"),
        pytest.param("a" + ".b" * 990 + " = 1", ("a", *["b"] * 990), id="key"),
    ],
)
def test_what_tomli_accepts_has_places(text: str, key: KeyPath) -> None:
    document = read(text)
    assert document.place(key) == (1, text.index("1") + 1 if key[-1] == 0 else text.rindex("b") + 1)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda size: "".join(f"k{n} = 'x'\n" for n in range(size // 10)), id="keys"),
        pytest.param(lambda size: "a = [" + "'x'," * (size // 4) + "]", id="array"),
        pytest.param(lambda size: 'a = """' + "\\\\" * (size // 2) + '"""', id="backslashes"),
        pytest.param(lambda size: 'a = """' + '""\\"' * (size // 4) + '"""', id="quotes"),
        pytest.param(lambda size: "#" * size + "\n" + " " * size, id="comment-and-blanks"),
        pytest.param(lambda size: "".join(f"a{'.b' * 900}.c{n} = 1\n" for n in range(size // 8_000)), id="long-keys"),
        pytest.param(lambda size: "[[a]]\n[a.b]\n" * (size // 24), id="tables"),
    ],
)
def test_large_input_takes_linear_time(make: Callable[[int], str]) -> None:
    def place(text: str) -> None:
        parse.cache_clear()
        read(text).place(("z",))

    assert growth(place, make, 300_000) < LINEAR


# Any document

BARE = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789-_", min_size=1, max_size=5)
CHARACTERS = st.sampled_from([*"abcé #=.,[]{}'-", "\U0001f600"])
WORDS = st.lists(CHARACTERS, max_size=6).map("".join)
SCALARS = st.sampled_from(
    [
        "1",
        "-17",
        "0xff",
        "1_000",
        "1.5",
        "-2e-3",
        "+inf",
        "true",
        "1979-05-27",
        "1979-05-27T07:32:00.5-07:00",
        "1979-05-27 07:32:00",
    ]
)
BASIC = st.lists(st.one_of(CHARACTERS, st.sampled_from(["\\\\", '\\"', "\\n", "\\u00e9"])), max_size=6).map("".join)
LONG = st.lists(st.one_of(CHARACTERS, st.sampled_from(["\n", '"x', '""x', "\\\\", '\\"', "\\\n  "])), max_size=6).map(
    "".join
)


class Writer:
    """Writes a document by the draws of an example, and keeps where it put what."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.offsets: dict[KeyPath, int] = {}
        self.comments: list[int] = []
        self._names = 0

    def document(self) -> None:
        """Write a table without a header, then tables and arrays of tables."""
        self.pairs(())
        for _ in range(self.draw(st.integers(0, 3))):
            name = self.new_name()
            if self.draw(st.booleans()):
                self.header("[", (), [name, self.new_name()], "]")
                self.pairs((name, self.last_name))
                continue
            for index in range(self.draw(st.integers(1, 3))):
                self.offsets.setdefault((name, index), self.header("[[", (), [name], "]]"))
                self.pairs((name, index))
                if self.draw(st.booleans()):
                    below = self.new_name()
                    self.header("[", (), [name, below], "]", element=index)
                    self.pairs((name, index, below))

    def header(self, opening: str, table: KeyPath, names: list[str], closing: str, element: int | None = None) -> int:
        """Write a header; return where its first name stands."""
        self.blank()
        self.text += opening
        self.blank()
        first = len(self.text)
        self.key(table, names, element)
        self.blank()
        self.text += closing
        self.end_line()
        return first

    def pairs(self, table: KeyPath) -> None:
        """Write some keys with values."""
        for _ in range(self.draw(st.integers(0, 3))):
            self.blank()
            self.pair(table)
            self.end_line()
        for _ in range(self.draw(st.integers(0, 1))):
            self.end_line()

    def pair(self, table: KeyPath) -> None:
        """Write one key, of one or more names, with its value."""
        names = [self.new_name() for _ in range(self.draw(st.sampled_from([1, 1, 1, 2, 3])))]
        self.key(table, names)
        self.blank()
        self.text += "="
        self.blank()
        self.value((*table, *names), self.draw(st.integers(0, 3)))

    def new_name(self) -> str:
        """Return a name that no other key has."""
        self._names += 1
        self.last_name = f"{self.draw(st.one_of(BARE, WORDS))}{self._names}"
        return self.last_name

    def key(self, table: KeyPath, names: list[str], element: int | None = None) -> None:
        """Write a dotted key, each name bare or quoted."""
        path = table
        for index, name in enumerate(names):
            if index:
                self.blank()
                self.text += "."
                self.blank()
            path = (*path, name)
            self.offsets.setdefault(path, len(self.text))
            if index == 0 and element is not None:
                path = (*path, element)
            is_bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
            quotes = [*([""] if is_bare else []), '"', *(["'"] if "'" not in name else [])]
            quote = self.draw(st.sampled_from(quotes))
            self.text += f"{quote}{name}{quote}"

    def value(self, path: KeyPath, depth: int, *, in_array: bool = False) -> None:
        """Write a value."""
        kind = self.draw(st.sampled_from(["scalar", "string", "string", "long", *(["array", "table"] if depth else [])]))
        if in_array:
            self.offsets[path] = len(self.text)
        if kind == "scalar":
            self.text += self.draw(SCALARS)
        elif kind == "array":
            self.array(path, depth - 1)
        elif kind == "table":
            self.table(path, depth - 1)
        else:
            self.string(path, kind, in_array=in_array)

    def string(self, path: KeyPath, kind: str, *, in_array: bool) -> None:
        """Write a string of any of the four kinds."""
        quote = self.draw(st.sampled_from(['"', "'"]))
        content = self.draw(WORDS if quote == "'" else BASIC if kind == "string" else LONG).replace(
            "'", "" if quote == "'" else "'"
        )
        if kind == "long":
            quote *= 3
            content = self.draw(st.sampled_from(["", "", "\n"])) + content
        if in_array:
            self.offsets[path] = len(self.text) + len(quote) + (content[:1] == "\n")
        self.text += f"{quote}{content}{quote}"

    def array(self, path: KeyPath, depth: int) -> None:
        """Write an array, which may have comments and line ends."""
        self.text += "["
        size = self.draw(st.integers(0, 3))
        for index in range(size):
            self.gap()
            self.value((*path, index), depth, in_array=True)
            self.gap()
            if index < size - 1 or self.draw(st.booleans()):
                self.text += ","
        self.gap()
        self.text += "]"

    def table(self, path: KeyPath, depth: int) -> None:
        """Write an inline table."""
        self.text += "{"
        for index in range(self.draw(st.integers(0, 2))):
            if index:
                self.text += ","
            self.blank()
            names = [self.new_name() for _ in range(self.draw(st.integers(1, 2)))]
            self.key(path, names)
            self.text += "="
            self.value((*path, *names), depth)
        self.blank()
        self.text += "}"

    def blank(self) -> None:
        """Write blanks or nothing."""
        self.text += self.draw(st.sampled_from(["", "", " ", "\t "]))

    def gap(self) -> None:
        """Write what may stand between the values of an array."""
        self.blank()
        if self.draw(st.integers(0, 3)) == 0:
            self.end_line()
            self.blank()

    def end_line(self) -> None:
        """End a line, perhaps with a comment."""
        self.blank()
        if self.draw(st.booleans()):
            self.comments.append(len(self.text))
            self.text += f"#{self.draw(WORDS)}"
        self.text += "\n"


@st.composite
def writers(draw: st.DrawFn) -> Writer:
    """Draw a document."""
    writer = Writer(draw)
    writer.document()
    return writer


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(writer=writers(), newline=st.sampled_from(["\n", "\r\n"]), bom=st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_every_place_points_at_its_key_or_value(writer: Writer, newline: str, bom: bytes) -> None:
    document = parse(bom + writer.text.replace("\n", newline).encode(), "a.toml")

    def place(offset: int) -> tuple[int, int]:
        return writer.text.count("\n", 0, offset) + 1, offset - writer.text.rfind("\n", 0, offset)

    assert {key: document.place(key) for key in writer.offsets} == {key: place(at) for key, at in writer.offsets.items()}
    assert [comment[:2] for comment in document.comments] == [place(at) for at in writer.comments]


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(f"0x{'f' * 5000}", id="hexadecimal"),
        pytest.param("9" * 5000, id="more-digits-than-python-reads"),
        pytest.param(f"-{'9' * 400}", id="negative"),
        pytest.param(f"0b1{'0' * 63}", id="binary"),
        pytest.param(f"0o2{'0' * 21}", id="octal"),
        pytest.param(str(2**63), id="one-too-many"),
        pytest.param(f"[1, {{b = {2**63}}}]", id="nested"),
    ],
)
def test_numbers_of_more_than_64_bits_are_refused(number: str) -> None:
    with pytest.raises(MemguardError, match="has a number of more than 64 bits") as caught:
        parse(f"[x]\na = {number}\n".encode(), "a.toml")
    assert (caught.value.path, caught.value.line) == ("a.toml", 2)


def test_long_numbers_in_texts_are_none() -> None:
    text = f'a = {2**63 - 1}\nb = {-(2**63)}\nc = " 0x{"f" * 5000}"\nd = 1.{"1" * 50}\n# {"9" * 50}\n'
    assert parse(text.encode(), "a.toml").data["a"] == 2**63 - 1


def test_tables_are_bounded() -> None:
    tables = b"".join(b"[a%d]\n" % number for number in range(30_003))
    with pytest.raises(MemguardError, match="has more than 30000 tables"):
        parse(tables, "a.toml")
