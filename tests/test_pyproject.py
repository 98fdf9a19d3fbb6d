"""PEP 621 in pyproject.toml: what it declares, in which group, and where, to the column."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memguard_hooks.dependencies import pyproject
from memguard_hooks.dependencies.requirement import Manifest
from memguard_hooks.errors import MemguardError
from memguard_hooks.hooks import pin_litellm
from memguard_hooks.tree import WorkTree


def read(
    folder: Path, text: str | bytes, more: Mapping[str, str] | None = None, wanted: Callable[[str], bool] = lambda _: True
) -> Manifest:
    """Write a pyproject.toml, with other files, and read it."""
    (folder / "pyproject.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    for name, content in (more or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return pyproject.read(WorkTree(str(folder)), "pyproject.toml", wanted)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('[project]\ndependencies = ["litellm==1.0"]\n', [("litellm", 2, 18, 2)], id="one-line"),
        pytest.param(
            '[project]\ndependencies = [\n  "fastapi",\n  "litellm==1.0",\n]\n',
            [("fastapi", 3, 4, 3), ("litellm", 4, 4, 4)],
            id="lines",
        ),
        pytest.param("[project]\ndependencies = ['litellm']", [("litellm", 2, 18, 2)], id="literal"),
        pytest.param(
            "[project]\ndependencies = [ # 'torch'\n  'a', # 'b'\n\n  # 'c',\n\t'litellm'\n]",
            [("a", 3, 4, 3), ("litellm", 6, 3, 6)],
            id="comments",
        ),
        pytest.param('project = {dependencies = ["litellm"]}', [("litellm", 1, 29, 1)], id="inline-table"),
        pytest.param('project.dependencies = ["litellm"]', [("litellm", 1, 26, 1)], id="dotted-key"),
        pytest.param('["project"]\n"dependencies" = ["litellm"]', [("litellm", 2, 20, 2)], id="quoted-keys"),
        pytest.param('[project]\r\ndependencies = [\r\n  "litellm"\r\n]', [("litellm", 3, 4, 3)], id="crlf"),
        pytest.param(b'\xef\xbb\xbfproject.dependencies = ["litellm"]', [("litellm", 1, 26, 1)], id="bom"),
        pytest.param('project.dependencies = ["""litellm"""]', [("litellm", 1, 28, 1)], id="long-string"),
        pytest.param('project.dependencies = ["""\nlitellm\\\n ==1.0"""]', [("litellm", 2, 1, 3)], id="long-string-lines"),
        pytest.param('project.dependencies = ["  litellm "]', [("litellm", 1, 28, 1)], id="blanks-in-the-string"),
        pytest.param('project.dependencies = ["lite\\u006clm"]', [("litellm", 1, 26, 1)], id="escape"),
        pytest.param(
            '[[tool.x]]\n[tool.x.y]\n[[tool.x]]\n[project]\ndependencies = ["litellm"]',
            [("litellm", 5, 18, 5)],
            id="behind-arrays-of-tables",
        ),
        pytest.param("[project]\nname = 'a'\n", [], id="nothing"),
        pytest.param("", [], id="empty"),
    ],
)
def test_places(tmp_path: Path, text: str | bytes, expected: list[tuple[str, int, int, int]]) -> None:
    manifest = read(tmp_path, text)
    assert [(one.name, one.line, one.column, one.end_line) for one in manifest.requirements] == expected


def test_groups(tmp_path: Path) -> None:
    manifest = read(
        tmp_path,
        """\
[build-system]
requires = ["setuptools", "torch"]

[project]
name = "app"
dependencies = ["litellm [proxy] ==1.69.3 ; python_version > '3.8'"]

[project.optional-dependencies]
ml = ["torch @ https://example.com/torch-2.8.0-py3-none-any.whl"]
"web.api" = ["Huggingface_Hub"]
""",
    )
    assert [one[:2] + one[3:-3] for one in manifest.requirements] == [
        (
            "litellm",
            "litellm [proxy] ==1.69.3 ; python_version > '3.8'",
            6,
            18,
            6,
            "==1.69.3",
            'python_version > "3.8"',
            ("proxy",),
            None,
            "runtime",
            None,
            False,
            (),
            None,
        ),
        (
            "torch",
            "torch @ https://example.com/torch-2.8.0-py3-none-any.whl",
            9,
            8,
            9,
            "",
            None,
            (),
            "https://example.com/torch-2.8.0-py3-none-any.whl",
            "extra",
            "ml",
            False,
            (),
            None,
        ),
        ("huggingface-hub", "Huggingface_Hub", 10, 15, 10, "", None, (), None, "extra", "web.api", False, (), None),
        ("setuptools", "setuptools", 2, 14, 2, "", None, (), None, "build", None, False, (), None),
        ("torch", "torch", 2, 28, 2, "", None, (), None, "build", None, False, (), None),
    ]


def test_own_extras(tmp_path: Path) -> None:
    manifest = read(
        tmp_path,
        """\
[project]
name = "My.App"
dependencies = ["my_app[base]", "torch"]
[project.optional-dependencies]
all = ["my-app[ml,web]"]
""",
        wanted="torch".__eq__,
    )
    assert manifest.own_extras == ((None, "base"), ("all", "ml"), ("all", "web"))
    assert [one.name for one in manifest.requirements] == ["torch"]


def test_comments_are_read_where_one_may_be_an_allowance(tmp_path: Path) -> None:
    text = "# one\n[project]\ndependencies = [\n  'litellm', # memguard: allow[MG101] why\n]"
    assert [comment[1:] for comment in read(tmp_path, text).comments] == [
        (1, 1, "# one"),
        (4, 14, "# memguard: allow[MG101] why"),
    ]
    assert read(tmp_path, text.replace("memguard:", "memguard")).comments == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            "[project]\ndynamic = ['dependencies']",
            (2, "its dependencies are dynamic and are not read from here"),
            id="dynamic",
        ),
        pytest.param(
            "[project]\ndynamic = ['version', 'optional-dependencies']",
            (2, "its optional-dependencies are dynamic and are not read from here"),
            id="dynamic-extras",
        ),
        pytest.param("[project]\ndynamic = ['version']", None, id="dynamic-version"),
        pytest.param("[tool.other]\ntorch = 1", None, id="other-tool"),
        pytest.param("tool = 1", None, id="odd-tool"),
    ],
)
def test_what_is_not_read_is_said_where_it_matters(tmp_path: Path, text: str, reason: tuple[int, str] | None) -> None:
    manifest = read(tmp_path, text, wanted={"torch", "litellm"}.__contains__)
    expected = [] if reason is None else [("pyproject.toml", *reason, False, "")]
    assert [tuple(one) for one in manifest.skipped] == expected


def test_files_of_setuptools_are_read(tmp_path: Path) -> None:
    manifest = read(
        tmp_path,
        """\
[project]
name = "app"
dynamic = ["dependencies", "optional-dependencies"]
[tool.setuptools.dynamic]
dependencies = {file = ["deps/base.txt", "deps/more.txt"]}
optional-dependencies.ml = {file = "ml.txt"}
optional-dependencies.out = {file = "../out.txt"}
""",
        {"deps/base.txt": "litellm==1.0\n-r shared.txt", "deps/shared.txt": "a", "deps/more.txt": "b", "ml.txt": "\ntorch"},
    )
    assert [(one.name, one.path, one.line, one.group, one.group_name) for one in manifest.requirements] == [
        ("litellm", "deps/base.txt", 1, "runtime", None),
        ("a", "deps/shared.txt", 1, "runtime", None),
        ("b", "deps/more.txt", 1, "runtime", None),
        ("torch", "ml.txt", 2, "extra", "ml"),
    ]
    assert [one.reason for one in manifest.skipped] == ["takes ../out.txt, which leads out of the repository"]


def test_a_template_is_skipped(tmp_path: Path) -> None:
    folder = tmp_path / "{{cookiecutter.slug}}"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("{% if x %}", encoding="utf-8")
    name = "{{cookiecutter.slug}}/pyproject.toml"
    manifest = pyproject.read(WorkTree(str(tmp_path)), name, lambda _: True)
    assert [tuple(one) for one in manifest.skipped] == [(name, None, "is a template", False, "")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[project\n", "1:9: is not valid TOML: Expected ']' at the end of a table declaration", id="syntax"),
        pytest.param("project = 1", "1:1: project must be a table", id="project"),
        pytest.param(
            "[project]\n  dependencies = 'litellm'", "2:3: project.dependencies must be a list of strings", id="string"
        ),
        pytest.param(
            "[project]\ndependencies = ['a', 1]", "2:1: project.dependencies must be a list of strings", id="number"
        ),
        pytest.param(
            "[project.dependencies]\nlitellm = '1'", "1:10: project.dependencies must be a list of strings", id="table"
        ),
        pytest.param(
            "[project]\noptional-dependencies = ['a']", "2:1: project.optional-dependencies must be a table", id="extras"
        ),
        pytest.param(
            "[project.optional-dependencies]\nml = 'torch'",
            "2:1: project.optional-dependencies.ml must be a list of strings",
            id="extra",
        ),
        pytest.param("[build-system]\nrequires = 1", "2:1: build-system.requires must be a list of strings", id="build"),
        pytest.param(
            "[project]\ndependencies = [\n  'a',\n  'litellm=1.0']",
            "4:4: is not a valid requirement: 'litellm=1.0' (Expected semicolon (after name with no version "
            "specifier) or end)",
            id="one-equals-sign",
        ),
        pytest.param(
            "[project]\ndependencies = ['!']",
            "2:18: is not a valid requirement: '!' (Expected package name at the start of dependency specifier)",
            id="no-name",
        ),
        pytest.param(
            "[project]\ndynamic=['dependencies']\n[tool.setuptools]\ndynamic.dependencies.file = [1]",
            "4:22: tool.setuptools.dynamic.dependencies.file must be a list of strings",
            id="dynamic",
        ),
    ],
)
def test_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    with pytest.raises(MemguardError) as caught:
        read(tmp_path, text)
    assert str(caught.value) == f"pyproject.toml:{message}"
    monkeypatch.chdir(tmp_path)
    line, column, rest = message.split(":", 2)
    told = f"pyproject.toml:{line}: error: column {column}:{rest}\n"
    assert (pin_litellm.main(["pyproject.toml"]), *capsys.readouterr()) == (2, "", told)


def test_a_dynamic_file_that_is_missing(tmp_path: Path) -> None:
    text = "[project]\ndynamic=['dependencies']\n[tool.setuptools]\ndynamic.dependencies.file = 'a.txt'"
    with pytest.raises(MemguardError, match=r"^pyproject.toml:4: takes a.txt, which is missing$"):
        read(tmp_path, text)


# Any requirement, written into an array in any way

VERSIONS = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}((a|rc|\.post|\.dev)[0-9])?", fullmatch=True)
SPECIFIERS = st.lists(
    st.builds("{}{}".format, st.sampled_from(["==", ">=", "<", "!=", "~=1.", "==="]), VERSIONS), max_size=3
)
NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,6}[A-Za-z0-9])?", fullmatch=True)
REQUIREMENTS = st.builds(
    "{}{}{}{}".format,
    NAMES,
    st.sampled_from(["", "[x]", " [x, y]"]),
    SPECIFIERS.map(",".join),
    st.sampled_from(["", "; python_version > '3.8'", ' ; sys_platform == "win32"']),
)


@st.composite
def arrays(draw: st.DrawFn) -> tuple[str, list[tuple[str, int]]]:
    """Draw the text of an array, and the requirements in it with their offsets."""
    text, items = "[", []
    for requirement in draw(st.lists(REQUIREMENTS, max_size=4)):
        text += draw(st.sampled_from(["", " ", "\n  ", " # why\n\t", "\n\n# 'x'\n"]))
        quotes = [quote for quote in ('"', "'", '"""', "'''") if quote[0] not in requirement]
        quote = draw(st.sampled_from(quotes or ['"""']))
        if not quotes:
            requirement = requirement.replace('"', '\\"')  # noqa: PLW2901
        items.append((requirement, len(text) + len(quote)))
        text += f"{quote}{requirement}{quote},"
    return f"{text}]", items


@settings(max_examples=100, deadline=None)
@given(array=arrays(), newline=st.sampled_from(["\n", "\r\n"]))
def test_any_requirement_comes_back_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, array: tuple[str, list[tuple[str, int]]], newline: str
) -> None:
    content, items = array
    head = "[project]\ndependencies = "
    text = head + content
    folder = tmp_path_factory.getbasetemp()
    manifest = read(folder, text.replace("\n", newline))
    assert [(one.text, one.line, one.column) for one in manifest.requirements] == [
        (
            requirement.replace("\\", ""),
            text.count("\n", 0, len(head) + at) + 1,
            len(head) + at - text.rfind("\n", 0, len(head) + at),
        )
        for requirement, at in items
    ]
    assert all(one.name.strip(string.ascii_lowercase + string.digits + "-") == "" for one in manifest.requirements)
