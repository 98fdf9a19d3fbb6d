"""Requirements files in pip's dialect: what they declare, where it stands, and what pip itself reads there."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, cast

import pytest
from folders import write
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from work import LINEAR, at_most, growth

from memguard_hooks.dependencies import requirements_lines, requirements_txt
from memguard_hooks.dependencies.requirement import Manifest, Requirement, mentions, name_of
from memguard_hooks.errors import MemguardError, UnreadableError
from memguard_hooks.hooks import pin_litellm
from memguard_hooks.tree import WorkTree

SHA256 = "--hash=sha256:" + "0" * 64


def read(folder: Path, files: Mapping[str, str | bytes], name: str = "requirements.txt") -> Manifest:
    """Write files and read one of them for all that it declares."""
    write(folder, files)
    return requirements_txt.read(WorkTree(str(folder)), name, lambda _: True)


class Found(NamedTuple):
    """What the tables below say of a requirement: the rest is None or empty."""

    name: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    specifier: str = ""
    marker: str | None = None
    extras: tuple[str, ...] = ()
    url: str | None = None


def found(requirement: Requirement) -> Found:
    """Return what the tables compare."""
    return Found(*(getattr(requirement, field) for field in Found._fields))


# One line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("litellm", Found("litellm"), id="bare"),
        pytest.param("Huggingface_Hub", Found("huggingface-hub"), id="normalized"),
        pytest.param("litellm==1.55.0", Found("litellm", specifier="==1.55.0"), id="exact"),
        pytest.param("litellm == 1.55.0", Found("litellm", specifier="==1.55.0"), id="blanks"),
        pytest.param("litellm (==1.55.0)", Found("litellm", specifier="==1.55.0"), id="parentheses"),
        pytest.param("litellm>=1.5,<2", Found("litellm", specifier="<2,>=1.5"), id="range"),
        pytest.param("   litellm==1.0", Found("litellm", column=4, specifier="==1.0"), id="indented"),
        pytest.param("\tlitellm", Found("litellm", column=2), id="tab"),
        pytest.param("uvicorn[standard]==1.0", Found("uvicorn", specifier="==1.0", extras=("standard",)), id="extra"),
        pytest.param("uvicorn [b, a]", Found("uvicorn", extras=("a", "b")), id="extras-behind-a-space"),
        pytest.param("litellm # why", Found("litellm"), id="comment"),
        pytest.param("litellm\t# why", Found("litellm"), id="comment-behind-a-tab"),
        pytest.param("litellm ; python_version < '3.9'", Found("litellm", marker='python_version < "3.9"'), id="marker"),
        pytest.param(f"litellm==1.0 {SHA256} {SHA256}", Found("litellm", specifier="==1.0"), id="hashes"),
        pytest.param(
            "litellm==1.0 --config-settings='a=b' # c", Found("litellm", specifier="==1.0"), id="option-of-its-own"
        ),
        pytest.param(
            f"litellm==1.0; python_version > '3' {SHA256}",
            Found("litellm", specifier="==1.0", marker='python_version > "3"'),
            id="marker-and-hash",
        ),
        pytest.param("litellm -r other.txt", Found("litellm"), id="include-behind-a-requirement-means-nothing"),
        pytest.param(
            "litellm @ https://example.com/litellm-1.0-py3-none-any.whl",
            Found("litellm", url="https://example.com/litellm-1.0-py3-none-any.whl"),
            id="direct",
        ),
        pytest.param(
            "litellm[proxy]@git+https://example.com/x.git@main",
            Found("litellm", extras=("proxy",), url="git+https://example.com/x.git@main"),
            id="direct-vcs",
        ),
        pytest.param(
            "git+https://example.com/x.git@main#egg=litellm",
            Found("litellm", url="git+https://example.com/x.git@main#egg=litellm"),
            id="egg",
        ),
        pytest.param(
            "git+ssh://git@example.com/x.git#subdirectory=a&egg=litellm[proxy]",
            Found("litellm", extras=("proxy",), url="git+ssh://git@example.com/x.git#subdirectory=a&egg=litellm[proxy]"),
            id="egg-with-an-extra",
        ),
        pytest.param(
            "git+https://example.com/litellm.git@v1 ; python_version > '3'",
            Found("litellm", marker='python_version > "3"', url="git+https://example.com/litellm.git@v1"),
            id="repository-gives-the-name",
        ),
        pytest.param(
            "git+https://git@example.com/org/litellm@release/torch",
            Found("litellm", url="git+https://git@example.com/org/litellm@release/torch"),
            id="not-a-branch",
        ),
        pytest.param(
            "https://example.com/google-api-python-client-2.0.tar.gz",
            Found("google-api-python-client", url="https://example.com/google-api-python-client-2.0.tar.gz"),
            id="archive-with-hyphens",
        ),
        pytest.param(
            "https://example.com/litellm-1.0-py3-none-any.whl#sha256=00",
            Found("litellm", url="https://example.com/litellm-1.0-py3-none-any.whl#sha256=00"),
            id="wheel-url",
        ),
        pytest.param(
            "./wheels/litellm-1.0-py3-none-any.whl",
            Found("litellm", url="./wheels/litellm-1.0-py3-none-any.whl"),
            id="wheel-path",
        ),
        pytest.param(
            "litellm-1.0.tar.gz ; python_version > '3'",
            Found("litellm", marker='python_version > "3"', url="litellm-1.0.tar.gz"),
            id="archive",
        ),
        pytest.param(
            "-e git+https://example.com/x.git#egg=litellm",
            Found("litellm", column=4, url="git+https://example.com/x.git#egg=litellm"),
            id="editable",
        ),
        pytest.param(
            '--editable="litellm @ git+https://example.com/x.git"',
            Found("litellm", column=13, url="git+https://example.com/x.git"),
            id="editable-quoted",
        ),
        pytest.param(
            "litellm @ https://${TOKEN}@example.com/litellm-1.0.zip",
            Found("litellm", url="https://${TOKEN}@example.com/litellm-1.0.zip"),
            id="variable-in-a-url",
        ),
    ],
)
def test_requirement(tmp_path: Path, text: str, expected: Found) -> None:
    manifest = read(tmp_path, {"requirements.txt": f"{text}\n"})
    assert [found(one) for one in manifest.requirements] == [expected]
    assert manifest.skipped == ()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("  \n\n\t\n", id="blank"),
        pytest.param("# litellm==1.0", id="comment"),
        pytest.param("--index-url https://example.com/litellm", id="option"),
        pytest.param("-i https://example.com/litellm", id="short-option"),
        pytest.param("--find-links ./litellm\n--pre\n--no-binary litellm", id="options"),
        pytest.param(".", id="own-project"),
        pytest.param("-e .", id="own-project-editable"),
        pytest.param("-e litellm", id="folder-editable"),
        pytest.param("./libs/litellm", id="folder"),
        pytest.param("../litellm ; python_version > '3'", id="folder-with-a-marker"),
        pytest.param("file:libs/litellm", id="file-url"),
        pytest.param("https://example.com/archive/main.zip", id="archive-without-a-name"),
    ],
)
def test_nothing_is_declared(tmp_path: Path, text: str) -> None:
    manifest = read(tmp_path, {"requirements.txt": text})
    assert (manifest.requirements, manifest.skipped, manifest.own_extras) == ((), (), ())


@pytest.mark.parametrize(
    ("text", "extras"),
    [
        pytest.param(".[ml]", ["ml"], id="dot"),
        pytest.param("-e .[ml,web]", ["ml", "web"], id="editable"),
        pytest.param("-e ./[ml]", ["ml"], id="slash"),
        pytest.param("--editable='.[ ml , web ]'", ["ml", "web"], id="quoted"),
        pytest.param("file:.[ml]", ["ml"], id="file"),
        pytest.param("./backend[ml] ; python_version > '3'", ["ml"], id="folder"),
    ],
)
def test_own_extras(tmp_path: Path, text: str, extras: list[str]) -> None:
    manifest = read(tmp_path, {"requirements.txt": text})
    assert manifest.requirements == ()
    assert manifest.own_extras == tuple((None, extra) for extra in extras)


# Lines, continuations and comments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("\n\nlitellm\n", [Found("litellm", 3, 1, 3)], id="third-line"),
        pytest.param("a\r\nlitellm\r\n", [Found("a"), Found("litellm", 2, 1, 2)], id="crlf"),
        pytest.param("a\rlitellm", [Found("a"), Found("litellm", 2, 1, 2)], id="carriage-return"),
        pytest.param("a\flitellm\nb", [Found("a"), Found("litellm", 1, 3, 1), Found("b", 2, 1, 2)], id="form-feed"),
        pytest.param("a # b\u2028c", [Found("a"), Found("c", 1, 7, 1)], id="line-separator"),
        pytest.param("litellm \\\n  ==1.0\n", [Found("litellm", 1, 1, 2, "==1.0")], id="continued"),
        pytest.param("lite\\\nllm==1.0", [Found("litellm", 1, 1, 2, "==1.0")], id="name-on-two-lines"),
        pytest.param("\\\n\\\nlitellm", [Found("litellm", 1, 1, 3)], id="begins-with-continuations"),
        pytest.param(
            f"litellm==1.0 \\\r\n    {SHA256} \\\r\n    {SHA256}\r\nb",
            [Found("litellm", 1, 1, 3, "==1.0"), Found("b", 4, 1, 4)],
            id="hashes",
        ),
        pytest.param(
            "litellm\\\n# c\nb", [Found("litellm", 1, 1, 2), Found("b", 3, 1, 3)], id="comment-ends-a-continuation"
        ),
        pytest.param("# c \\\nlitellm", [Found("litellm", 2, 1, 2)], id="comment-is-not-continued"),
        pytest.param("a # c \\\nb\nc", [Found("a", 1, 1, 2), Found("c", 3, 1, 3)], id="behind-a-requirement-it-is"),
        pytest.param("litellm \\", [Found("litellm", 1, 1, 1)], id="continued-by-nothing"),
    ],
)
def test_lines(tmp_path: Path, text: str, expected: list[Found]) -> None:
    manifest = read(tmp_path, {"requirements.txt": text})
    assert [found(one) for one in manifest.requirements] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("litellm  # memguard: x", [(1, 10, "# memguard: x")], id="behind"),
        pytest.param("  # memguard:\n#\n#memguard:", [(1, 3, "# memguard:"), (3, 1, "#memguard:")], id="lines"),
        pytest.param("./a#memguard:", [], id="part-of-a-word"),
        pytest.param("git+https://example.com/x#egg=a #memguard:", [(1, 33, "#memguard:")], id="fragment"),
        pytest.param(
            "a \\\n  b # memguard:1 \\\n # memguard:2",
            [(2, 5, "# memguard:1 "), (3, 2, "# memguard:2")],
            id="in-continuations",
        ),
        pytest.param("a\fb # memguard:", [(1, 5, "# memguard:")], id="behind-a-form-feed"),
    ],
)
def test_comments_that_may_be_allowances(tmp_path: Path, text: str, expected: list[tuple[int, int, str]]) -> None:
    write(tmp_path, {"requirements.txt": text})
    manifest = requirements_txt.read(WorkTree(str(tmp_path)), "requirements.txt", lambda _: False)
    assert [comment[1:] for comment in manifest.comments] == expected


# Encodings


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xef\xbb\xbflitellm==1.0 # \xc3\xa9\n", id="utf-8-with-bom"),
        pytest.param(codecs.BOM_UTF16_LE + "litellm==1.0 # é\r\n".encode("utf-16-le"), id="utf-16-le"),
        pytest.param(codecs.BOM_UTF16_BE + "litellm==1.0 # é\r\n".encode("utf-16-be"), id="utf-16-be"),
        pytest.param(codecs.BOM_UTF32_LE + "litellm==1.0 # é\n".encode("utf-32-le"), id="utf-32-le"),
        pytest.param(codecs.BOM_UTF32_BE + "litellm==1.0 # é\n".encode("utf-32-be"), id="utf-32-be"),
        pytest.param(b"# -*- coding: latin-1 -*-\nlitellm==1.0 # \xe9\n", id="coding-line"),
        pytest.param(b"# by hand\n# vim: set fileencoding=cp1252 :\nlitellm==1.0 # \xe9\n", id="coding-line-second"),
        pytest.param(b"# coding: utf-7\n+AGw-itellm==1.0\n", id="a-name-that-no-byte-spells"),
    ],
)
def test_encoding(tmp_path: Path, data: bytes) -> None:
    manifest = read(tmp_path, {"requirements.txt": data})
    assert [(one.name, one.specifier) for one in manifest.requirements] == [("litellm", "==1.0")]
    assert mentions(data, ["litellm"])


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        pytest.param(b"a\nlitellm # \xe9\n", 2, "is not utf-8", id="latin-1"),
        pytest.param(codecs.BOM_UTF16_LE + b"a\0\n\0b", 2, "is not utf-16-le", id="half-a-character"),
        pytest.param(b"# coding: klingon\nlitellm", 1, "has an unknown encoding: klingon", id="unknown"),
        pytest.param(b"# coding: rot13\nyvgryyz", 1, "has an unknown encoding: rot13", id="not-of-bytes"),
        pytest.param(b"# coding: punycode\n" + b"a" * 10**6, 1, "has an unknown encoding: punycode", id="of-names"),
        pytest.param(b"a\nb\0c", 2, "is not a text file: it holds a NUL byte", id="nul"),
        pytest.param("a\nb".encode("utf-16-le"), 1, "is not a text file: it holds a NUL byte", id="utf-16-without-bom"),
    ],
)
def test_encoding_is_wrong(tmp_path: Path, data: bytes, line: int, message: str) -> None:
    with pytest.raises(MemguardError) as caught:
        read(tmp_path, {"requirements.txt": data})
    assert (caught.value.path, caught.value.line, caught.value.message) == ("requirements.txt", line, message)


# Includes


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("-r other.txt", id="short"),
        pytest.param("-rother.txt", id="glued"),
        pytest.param("-r\tother.txt", id="tab"),
        pytest.param("-r 'other.txt'", id="quoted"),
        pytest.param('-r "other".txt  # why', id="half-quoted"),
        pytest.param("--requirement other.txt", id="long"),
        pytest.param("--requirement=other.txt", id="equals"),
        pytest.param("--requirem other.txt", id="abbreviated"),
        pytest.param("-r ./x/../other.txt", id="dots"),
        pytest.param("-r \\\n  other.txt", id="continued"),
        pytest.param("--index-url https://example.com -r other.txt", id="behind-another-option"),
        pytest.param("-r other.txt -r absent.txt", id="only-the-first-counts"),
        pytest.param("-c absent.txt -r other.txt", id="a-file-before-constraints"),
    ],
)
def test_include(tmp_path: Path, line: str) -> None:
    manifest = read(tmp_path, {"requirements.txt": f"a\n{line}\nb", "other.txt": "litellm"})
    assert [(one.name, one.path, one.is_constraint) for one in manifest.requirements] == [
        ("a", "requirements.txt", False),
        ("litellm", "other.txt", False),
        ("b", "requirements.txt", False),
    ]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("-c other.txt", id="short"),
        pytest.param("-cother.txt", id="glued"),
        pytest.param("--constraint=other.txt", id="equals"),
        pytest.param("--constraint other.txt", id="long"),
        pytest.param("--cons other.txt", id="abbreviated"),
    ],
)
def test_constraints(tmp_path: Path, line: str) -> None:
    manifest = read(
        tmp_path,
        {"requirements.txt": line, "other.txt": "litellm\n-r more.txt\n-c last.txt", "more.txt": "a", "last.txt": "b"},
    )
    assert [(one.name, one.is_constraint) for one in manifest.requirements] == [
        ("litellm", True),
        ("a", False),  # as in pip
        ("b", True),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("constraints.txt", [True], id="constraints"),
        pytest.param("requirements/common-constraints.txt", [True], id="word"),
        pytest.param("requirements/unconstrained.txt", [False], id="part-of-a-word"),
    ],
)
def test_constraints_file_is_known_by_its_name(tmp_path: Path, name: str, expected: list[bool]) -> None:
    assert [one.is_constraint for one in read(tmp_path, {name: "litellm"}, name).requirements] == expected


def test_includes_are_relative_to_the_including_file(tmp_path: Path) -> None:
    files = {
        "a/requirements.txt": "-r b/one.txt\n-r ../two.txt",
        "a/b/one.txt": "-r three.txt",
        "a/b/three.txt": "three",
        "two.txt": "two",
    }
    manifest = read(tmp_path, files, "a/requirements.txt")
    assert [(one.name, one.path) for one in manifest.requirements] == [("three", "a/b/three.txt"), ("two", "two.txt")]


def test_include_from_the_root_where_nothing_is_beside(tmp_path: Path) -> None:
    files = {"a/b/requirements.txt": "-r a/c.txt\n-r d.txt", "a/c.txt": "c", "a/b/d.txt": "d", "d.txt": "e"}
    manifest = read(tmp_path, files, "a/b/requirements.txt")
    assert [(one.name, one.path) for one in manifest.requirements] == [("c", "a/c.txt"), ("d", "a/b/d.txt")]


def test_a_file_that_is_included_twice_counts_once(tmp_path: Path) -> None:
    files = {"requirements.txt": "-r a.txt\n-r b.txt", "a.txt": "-r c.txt", "b.txt": "-r c.txt\n-c c.txt", "c.txt": "x"}
    manifest = read(tmp_path, files)
    assert [(one.name, one.is_constraint) for one in manifest.requirements] == [("x", False), ("x", True)]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        pytest.param(
            {"requirements.txt": "a\n-r ../out.txt"}, "includes ../out.txt, which leads out of the repository", id="above"
        ),
        pytest.param(
            {"requirements.txt": "a\n-r /etc/passwd"}, "includes /etc/passwd, which leads out of the repository", id="root"
        ),
        pytest.param(
            {"requirements.txt": "a\n-c https://me:secret@example.com/c.txt"},
            "includes https://example.com/c.txt, which is not read",
            id="url",
        ),
        pytest.param({"requirements.txt": "a\n-r ${FILE}"}, "includes ${FILE}, which is not read", id="variable"),
        pytest.param(
            {"requirements.txt": "a\n-r x", "x/y": ""}, "includes x, which is a directory, not a file", id="folder"
        ),
        pytest.param({"requirements.txt": "a\nlitellm==${V}"}, "is filled in elsewhere: litellm==${V}", id="version"),
        pytest.param({"requirements.txt": "a\n${NAME}==1"}, "is filled in elsewhere: ${NAME}==1", id="name"),
        pytest.param({"requirements.txt": "a\n{% if x %}"}, "is filled in elsewhere: {% if x %}", id="template"),
    ],
)
def test_skipped(tmp_path: Path, files: dict[str, str], reason: str) -> None:
    manifest = read(tmp_path, files)
    assert [one.name for one in manifest.requirements] == ["a"]
    assert [(one.path, one.line, one.reason, one.broken) for one in manifest.skipped] == [
        ("requirements.txt", 2, reason, False)
    ]


def test_a_template_is_skipped(tmp_path: Path) -> None:
    name = "{{cookiecutter.slug}}/requirements.txt"
    manifest = read(tmp_path, {name: "{%- if x %}"}, name)
    assert [(one.path, one.line, one.reason) for one in manifest.skipped] == [(name, None, "is a template")]


def test_link_out_of_the_repository(tmp_path: Path) -> None:
    write(tmp_path, {"out.txt": "litellm", "repo/requirements.txt": "a\n-r out.txt"})
    (tmp_path / "repo" / "out.txt").symlink_to("../out.txt")
    manifest = requirements_txt.read(WorkTree(str(tmp_path / "repo")), "requirements.txt", lambda _: True)
    assert [one.name for one in manifest.requirements] == ["a"]
    assert [one.reason for one in manifest.skipped] == ["includes out.txt, which leads out of the repository"]
    with pytest.raises(UnreadableError, match=r"^out.txt: leads out of the repository$"):
        requirements_txt.read(WorkTree(str(tmp_path / "repo")), "out.txt", lambda _: True)


# Files for development


@pytest.mark.parametrize(
    ("name", "group"),
    [
        pytest.param("requirements.txt", "runtime", id="plain"),
        pytest.param("requirements/production.txt", "runtime", id="production"),
        pytest.param("devices/requirements.txt", "runtime", id="part-of-a-folder"),
        pytest.param("requirements-latest.txt", "runtime", id="part-of-a-word"),
        pytest.param("examples/bot/requirements.txt", "runtime", id="example"),
        pytest.param("requirements-dev.txt", "development", id="dev"),
        pytest.param("requirements/dev.txt", "development", id="dev-in-folder"),
        pytest.param("requirements_test.txt", "development", id="test"),
        pytest.param("test-requirements.txt", "development", id="test-first"),
        pytest.param("requirements/local.txt", "development", id="local"),
        pytest.param("docs/requirements.txt", "development", id="folder-docs"),
        pytest.param("tests/app/requirements.txt", "development", id="folder-tests"),
        pytest.param(".github/requirements.txt", "development", id="hidden-folder"),
    ],
)
def test_group(tmp_path: Path, name: str, group: str) -> None:
    manifest = read(tmp_path, {name: "litellm\n-e .[ml]"}, name)
    assert [one.group for one in manifest.requirements] == [group]
    assert manifest.own_extras == (((None, "ml"),) if group == "runtime" else ())


# Compiled files


@pytest.mark.parametrize(
    ("text", "via"),
    [
        pytest.param("t==1\n    # via a\na==1", ["a"], id="one"),
        pytest.param("t==1\n    # via\n    #   a\n    #   b\na==1\nb==1", ["a", "b"], id="list"),
        pytest.param("t==1  # via a, b\na==1\nb==1", ["a", "b"], id="line"),
        pytest.param("t==1  # via a  # memguard: allow[MG111] x, y\na==1", ["a"], id="line-with-an-allowance"),
        pytest.param("t==1                  # via a\na==1", ["a"], id="line-of-pip-tools"),
        pytest.param(f"t==1 \\\n    {SHA256} \\\n    {SHA256}\n    # via a\na==1", ["a"], id="hashes"),
        pytest.param("t==1\n    # via\n    #   A.B_c\na-b-c==1", ["a-b-c"], id="normalized"),
        pytest.param("t==1\n    # via a[extra]\na==1", ["a"], id="extra"),
        pytest.param("t==1\n    # via\n    #   -c constraints.txt\n    #   a\na==1", ["a"], id="constraint-brings-nothing"),
        pytest.param("t==1\n    # via a\n    # from https://example.com/simple\na==1", ["a"], id="index"),
        pytest.param("t==1\n    # via a\n\n# The following packages are unsafe:\n# pip\na==1", ["a"], id="end-of-file"),
        pytest.param("t==1\n    # via -r requirements.in", [], id="by-hand"),
        pytest.param("t==1\n    # via\n    #   -r requirements.in\n    #   a\na==1", [], id="by-hand-and-brought"),
        pytest.param(
            "--pre\nt==1\n    # via\n    #   -r requirements.in\n    #   a\na==1", [], id="by-hand-below-an-option"
        ),
        pytest.param("t==1  # via -r requirements.in (line 3), a\na==1", [], id="by-hand-in-a-line"),
        pytest.param("t==1\n    # via app (pyproject.toml)", [], id="pyproject"),
        pytest.param("t==1\n    # via\n    #   app\n    #   a\na==1", [], id="exported-for-a-project"),
        pytest.param("t==1  # via the team: do not touch", [], id="prose"),
        pytest.param("t==1\n\n# via a\na==1", [], id="not-beside"),
        pytest.param("# via a\nt==1\na==1", [], id="before"),
        pytest.param("t==1\n# by hand\n# a", [], id="other-comment"),
    ],
)
def test_via(tmp_path: Path, text: str, via: list[str]) -> None:
    write(tmp_path, {"requirements.txt": text})
    manifest = requirements_txt.read(WorkTree(str(tmp_path)), "requirements.txt", "t".__eq__)
    assert [one.via for one in manifest.requirements] == [tuple(via)]


def test_what_the_project_asks_for_too_is_brought_beside(tmp_path: Path) -> None:
    manifest = read(tmp_path, {"requirements.txt": "t==1\n    # via\n    #   -r requirements.in\n    #   a\na==1"})
    assert [(one.name, one.via, one.also_via) for one in manifest.requirements] == [("t", (), ("a",)), ("a", (), ())]


def test_via_of_an_included_file_does_not_leak(tmp_path: Path) -> None:
    manifest = read(tmp_path, {"requirements.txt": "-r a.txt\n# via b\nb", "a.txt": "t"})
    assert [(one.name, one.via) for one in manifest.requirements] == [("t", ()), ("b", ())]


# Bad input


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param(
            {"requirements.txt": "a\n-r b.txt", "b.txt": "-r requirements.txt"},
            "b.txt:1:1: includes itself: requirements.txt → b.txt → requirements.txt",
            id="cycle",
        ),
        pytest.param(
            {"requirements.txt": "-c requirements.txt"},
            "requirements.txt:1:1: includes itself: requirements.txt → requirements.txt",
            id="cycle-of-one",
        ),
        pytest.param(
            {"requirements.txt": "a\n  -r b.txt"}, "requirements.txt:2:3: includes b.txt, which is missing", id="missing"
        ),
        pytest.param(
            {"requirements.txt": "-r a/b.txt", "a": "x"},
            "requirements.txt:1:1: includes a/b.txt, which is missing",
            id="below-a-file",
        ),
        pytest.param(
            {"requirements.txt": "a\n-r"}, "requirements.txt:2:1: --requirement names nothing", id="include-of-nothing"
        ),
        pytest.param(
            {"requirements.txt": "-r 'b.txt"},
            "requirements.txt:1:1: has options that do not parse: No closing quotation",
            id="open-quote",
        ),
        pytest.param(
            {"requirements.txt": "a\n<<<<<<< HEAD\n"},
            "requirements.txt:2:1: is not a valid requirement: '<<<<<<< HEAD'",
            id="conflict",
        ),
        pytest.param(
            {"requirements.txt": "a\n \\\n  litellm=1.0"},
            "requirements.txt:2:2: is not a valid requirement: 'litellm=1.0' (Expected semicolon (after name with no "
            "version specifier) or end)",
            id="one-equals-sign",
        ),
        pytest.param(
            {"requirements.txt": "-r 0.txt", **{f"{n}.txt": f"-r {n + 1}.txt" for n in range(10_000)}},
            "58.txt:1:1: includes more than 500 files or 60 levels",
            id="ladder-down",
        ),
        pytest.param(
            {"requirements.txt": "".join(f"-r {n}.txt\n" for n in range(1_000)), **{f"{n}.txt": "" for n in range(1_000)}},
            "requirements.txt:500:1: includes more than 500 files or 60 levels",
            id="ladder-across",
        ),
        pytest.param(
            {"requirements.txt": "litellm\n" * 10_001},
            "requirements.txt:10001: declares more than 10000 packages of those looked for",
            id="too-many",
        ),
    ],
)
def test_bad_input(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(MemguardError) as caught:
        read(tmp_path, files)
    assert str(caught.value) == message


def test_a_marker_that_is_nested_too_deeply_is_one_short_line(tmp_path: Path) -> None:
    """Whether packaging bounds the depth, and says so in its words, or Python does."""
    with pytest.raises(MemguardError) as caught:
        read(tmp_path, {"requirements.txt": "litellm ; " + "(" * 10_000 + "python_version > '3'" + ")" * 10_000})
    assert re.fullmatch(r"requirements\.txt:1:1: is (nested too deeply|not a valid .* nested .*)", str(caught.value))
    assert len(str(caught.value)) < 250


LONG = 9 * 2**20
HUGE = "requirements.txt: error: is larger than 8 MiB, with what it includes\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"litellm " + b"x" * LONG, HUGE, id="one-line"),
        pytest.param(b"litellm\n" + b" " * LONG, HUGE, id="blanks"),
        pytest.param(b"\\\n" * (LONG // 2), HUGE, id="continuations"),
        pytest.param(b"litellm # \\\n" * (LONG // 12), HUGE, id="lines"),
        pytest.param(
            b"litellm==1.69.3\n" + b"#" * 2**21,
            "requirements.txt:2: error: is a line of more than 1048576 characters\n",
            id="two-mebibytes",
        ),
        pytest.param(
            b"litellm==1.69.3\n" + (b" " * 8 + b"\\\n") * (2**17 + 9),
            "requirements.txt:2: error: is a line of more than 1048576 characters\n",
            id="continued-without-end",
        ),
    ],
)
def test_input_that_is_too_long_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: bytes, expected: str
) -> None:
    write(tmp_path, {"requirements.txt": content})
    monkeypatch.chdir(tmp_path)
    with at_most(5_000_000):
        assert pin_litellm.main(["requirements.txt"]) == 2
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize(
    ("make", "status"),
    [
        pytest.param(lambda size: (b" " * 1000 + b"x #\n") * (size // 1000), 0, id="blanks-and-comments"),
        pytest.param(lambda size: b"a" + b"-1" * (size // 2), 0, id="name-without-end"),
        pytest.param(lambda size: b"https://e/" + b"-1" * (size // 2), 0, id="archive-without-end"),
        pytest.param(lambda size: b"git+https://e/" + b"/a@" * (size // 3), 0, id="repository-without-end"),
        pytest.param(lambda size: b"#" + b"\\" * size, 0, id="backslashes-without-end"),
        pytest.param(lambda size: b"./" + b"[" * size, 0, id="brackets-without-end"),
    ],
)
def test_long_input_takes_linear_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[int], bytes], status: int
) -> None:
    def judge(content: bytes) -> None:
        write(tmp_path, {"requirements.txt": b"litellm==1.69.3\n" + content + b"\n"})
        assert pin_litellm.main(["requirements.txt"]) == status

    monkeypatch.chdir(tmp_path)
    assert growth(judge, make, 2**20 - 100) < LINEAR


# pip is the judge


class Read(NamedTuple):
    """A requirement as both readers tell it."""

    name: str
    specifier: str
    extras: tuple[str, ...]
    marker: str
    is_constraint: bool
    file: str
    line: int


def line_in_editor(path: Path, line: int) -> int:
    """Return the line that editors show for a line of pip, for which a form feed and its like end lines too."""
    before = requirements_lines.decode(path.read_bytes(), "").splitlines(keepends=True)[: line - 1]
    return 1 + sum(one.endswith(("\n", "\r")) for one in before)


def read_by_pip(folder: Path) -> list[Read] | None:
    """Return what pip's own parser reads, None where it refuses."""
    from pip._internal.network.session import PipSession
    from pip._internal.req.constructors import install_req_from_parsed_requirement
    from pip._internal.req.req_file import parse_requirements

    reads = []
    try:
        for parsed in parse_requirements(str(folder / "requirements.txt"), session=cast("PipSession", None)):
            one = install_req_from_parsed_requirement(parsed)
            line, _, path = (parsed.line_source or "").removeprefix("line ").partition(" of ")
            if one.req is not None:
                place = os.path.relpath(path, folder).replace(os.sep, "/")
                extras = tuple(sorted(extra.lower() for extra in one.extras or one.req.extras))
                specifier = "" if one.link else str(one.req.specifier)
                marker = str(one.markers or one.req.marker or "")
                name = name_of(one.req.name) or ""
                reads.append(
                    Read(
                        name, specifier, extras, marker, parsed.constraint, place, line_in_editor(folder / place, int(line))
                    )
                )
    except Exception:  # noqa: BLE001 - pip refuses by many exceptions, and an old one may crash instead
        return None
    return reads


def read_by_us(folder: Path) -> list[Read] | None:
    """Return what our reader reads, None where it refuses."""
    try:
        manifest = requirements_txt.read(WorkTree(str(folder)), "requirements.txt", lambda _: True)
    except MemguardError:
        return None
    return [
        Read(
            one.name,
            one.specifier,
            tuple(sorted(map(str.lower, one.extras))),
            one.marker or "",
            one.is_constraint,
            one.path,
            one.line,
        )
        for one in manifest.requirements
        if one.name != "guessed"  # a name that pip does not have
    ]


NAMES = st.sampled_from(["litellm", "LiteLLM", "Hugging_Face.hub", "zope.interface", "x", "a-1", "torch2"])
SPECIFIERS = st.sampled_from(["", "==1.0", ">=1,<2", " == 1.0 , != 3", "~=1.2", "===1.0+cpu", "==1.2.*", " (>=1)", "<2-1"])
EXTRAS = st.sampled_from(["", "", "[x]", " [x, Y_z]", "[]"])
MARKERS = st.sampled_from(["", "", "; python_version > '3.8'", " ;sys_platform=='win32' and extra == 'a'", ";"])
SUFFIXES = st.sampled_from(
    ["", "", f" {SHA256}", f"  {SHA256} {SHA256}", " --config-settings 'a=b'", " -r absent.txt", "\t"]
)
COMMENTS = st.sampled_from(["", "", " # why", "\t# -r x", "  #", " # litellm==2 \\", "#x", " #x#y # z"])
URLS = st.sampled_from(
    [
        "git+https://example.com/guessed.git@main#egg=litellm",
        "-e git+ssh://git@example.com/guessed.git#subdirectory=a&egg=litellm",
        "--editable=git+https://example.com/guessed.git#egg=A_b",
        "-e 'litellm[x] @ git+https://example.com/guessed.git'",
        "litellm @ https://example.com/archive.zip",
        "litellm[x]@file:///tmp/x ; python_version > '3'",
        "https://example.com/litellm-1.0-py3-none-any.whl",
        "https://example.com/litellm-1.0-py3-none-any.whl#sha256=00 ; python_version > '3'",
        "./absent/litellm-1.0-py3-none-any.whl",
        "litellm-1.0-py3-none-any.whl;python_version > '3'",
        "https://example.com/archive.zip#egg=litellm",
    ]
)
OPTIONS = st.sampled_from(
    [
        "--index-url https://example.com/simple",
        "-i https://example.com/simple",
        "--extra-index-url=https://example.com/",
        "--pre",
        "--no-binary :all:",
        "--only-binary=litellm",
        "-f ./wheels",
        "--require-hashes",
        "--trusted-host example.com",
        "--prefer-binary litellm",
        "--no-index # why",
    ]
)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
INCLUDES = {
    "requirements.txt": [
        "-r a.txt",
        "-ra.txt",
        "--requirement=a.txt",
        "-c a.txt",
        "-c'a.txt'",
        "--pre -r a.txt",
        "--cons a.txt",
    ],
    "a.txt": ["-r sub/b.txt", "-c sub/b.txt", "--constraint sub/../sub/b.txt", '--requirement "sub/b.txt"  # why'],
    "sub/b.txt": [
        "-r c.txt",
        "-c ./c.txt",
        "-r ../sub/c.txt -c absent.txt",
        "-e git+https://e.com/guessed#egg=y -r absent.txt",
    ],
    "sub/c.txt": ["--pre"],
}


@st.composite
def requirement_lines(draw: st.DrawFn) -> str:
    """Draw one requirement of an index."""
    return "".join(draw(part) for part in (NAMES, EXTRAS, SPECIFIERS, MARKERS, SUFFIXES, COMMENTS))


@st.composite
def continued(draw: st.DrawFn, lines: st.SearchStrategy[str]) -> str:
    """Draw a line that may be broken by continuations, anywhere."""
    line = draw(lines)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(line)))
        line = f"{line[:at]}\\\n{line[at:]}"
    return line


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes]:
    """Draw a requirements file with what it includes, in any encoding and with any line ends."""
    files: dict[str, bytes] = {}
    for name, includes in INCLUDES.items():
        others = st.sampled_from(["", "   ", "# why", "  # litellm \\", "\\", "# via x", "é\f", "\x1c"])
        broken = continued(st.one_of(requirement_lines(), requirement_lines(), OPTIONS, others, TEXT))
        lines = draw(st.lists(st.one_of(broken, broken, URLS), max_size=5))
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from([*includes, ""])))
        end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r", "\f\n", "\u2028"]))
        text = end.join(line.replace("\n", end) for line in lines)
        encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16"]))
        files[name] = text.encode(encoding, "replace")
    return files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for the files of one example after the other."""
    pytest.importorskip("pip._internal.req.req_file")
    return tmp_path_factory.mktemp("judged")


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(files=trees())
@example(files={"requirements.txt": b"a\n-c a.txt", "a.txt": b"b\n-r sub/b.txt", "sub/b.txt": b"c", "sub/c.txt": b""})
def test_pip_reads_the_same(folder: Path, files: dict[str, bytes]) -> None:
    write(folder, files)
    expected = read_by_pip(folder)
    ours = read_by_us(folder)
    if expected is not None:
        assert ours == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"litellm", True, id="plain"),
        pytest.param(b"git+https://example.com/litellm.git", True, id="url"),
        pytest.param(b"LiteLLM", True, id="case"),
        pytest.param(b"Hugging_-.Face.hub", True, id="separators"),
        pytest.param(b"lite\\\nllm", True, id="two-lines"),
        pytest.param(b"lite\\\r\n\\\r\nllm", True, id="three-lines"),
        pytest.param("lite\\\u2028llm".encode(), True, id="line-separator"),
        pytest.param("litellm".encode("utf-16"), True, id="utf-16"),
        pytest.param(b"lite-llm\nlite\nllm\nhugging\nface", False, id="others"),
        pytest.param(b"", False, id="nothing"),
        pytest.param(b"\\\n" * (LONG // 2), True, id="more-than-is-read"),
    ],
)
def test_mentions(data: bytes, expected: object) -> None:
    assert mentions(data, ["litellm", "hugging-face-hub"]) is expected


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(files=trees())
def test_bytes_that_declare_a_package_mention_it(folder: Path, files: dict[str, bytes]) -> None:
    write(folder, files)
    try:
        manifest = requirements_txt.read(WorkTree(str(folder)), "requirements.txt", lambda _: True)
    except MemguardError:
        return
    assert [one for one in manifest.requirements if not mentions(files[one.path], [one.name])] == []


def test_what_all_files_include_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements_txt, "MAX_INCLUDED_LINES", 100)
    names = [f"requirements{number}.txt" for number in range(12)]
    write(tmp_path, {"base.txt": "a\n" * 10, **dict.fromkeys(names, "-r base.txt\n")})
    tree = WorkTree(str(tmp_path))
    for name in names[:10]:
        assert len(requirements_txt.read(tree, name, lambda _: True).requirements) == 10
    with pytest.raises(MemguardError) as caught:
        requirements_txt.read(tree, names[10], lambda _: True)
    assert str(caught.value) == (
        "requirements10.txt:1:1: includes base.txt, which is not read: "
        "all that is included in this project has more than 100 lines"
    )
