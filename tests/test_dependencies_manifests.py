"""setup.cfg, setup.py, Pipfile and environment.yml: what they declare, in which group, and where, to the column."""

from __future__ import annotations

import configparser
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from work import at_most

from memguard_hooks.dependencies import conda, manifests, pipfile, setup_cfg, setup_py
from memguard_hooks.dependencies.requirement import Manifest, RequirementSource, Wanted, source_of
from memguard_hooks.errors import MemguardError, UnreadableError
from memguard_hooks.formats import ini
from memguard_hooks.tree import Tree, WorkTree

Read = Callable[[Tree, str, Wanted], Manifest]


def read(folder: Path, reader: Read, name: str, text: str | bytes, more: Mapping[str, str] | None = None) -> Manifest:
    """Write a manifest, with other files, and read it for all that it declares."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    for other, content in (more or {}).items():
        path = folder / other
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return reader(WorkTree(str(folder)), name, lambda _: True)


def declared(manifest: Manifest) -> list[tuple[str, int, int, str, str | None]]:
    """Return text, place and group of each requirement."""
    return [(one.text, one.line, one.column, one.group, one.group_name) for one in manifest.requirements]


Expected = list[tuple[str, int, int, str, str | None]]


# setup.cfg


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "[metadata]\nname = app\n[options]\ninstall_requires =\n    requests>=2\n"
            "    importlib; python_version < '3.8'\n",
            [
                ("requests>=2", 5, 5, "runtime", None),
                ("importlib; python_version < '3.8'", 6, 5, "runtime", None),
            ],
            id="lines",
        ),
        pytest.param(
            "[options]\ninstall_requires = a; b>=1",
            [("a", 2, 20, "runtime", None), ("b>=1", 2, 23, "runtime", None)],
            id="semicolons",
        ),
        pytest.param("[options]\nInstall-Requires: a", [("a", 2, 19, "runtime", None)], id="colon-and-hyphen"),
        pytest.param(
            "[options]\ninstall_requires =\n  # b\n\n  ; c\n  a # why\nsetup_requires = d\ntests_require = e",
            [
                ("a", 6, 3, "runtime", None),
                ("d", 7, 18, "build", None),
                ("e", 8, 17, "development", None),
            ],
            id="comments-and-groups",
        ),
        pytest.param(
            "[options.extras_require]\nml = torch; numpy\nPDF =\n\tReportLab>=1.2\n",
            [
                ("torch", 2, 6, "extra", "ml"),
                ("numpy", 2, 13, "extra", "ml"),
                ("ReportLab>=1.2", 4, 2, "extra", "pdf"),
            ],
            id="extras",
        ),
        pytest.param("[tool:x]\ninstall_requires = a\n[options.entry_points]\nx = y", [], id="other-sections"),
        pytest.param("", [], id="empty"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_setup_cfg(tmp_path: Path, text: str, expected: Expected, newline: str) -> None:
    assert declared(read(tmp_path, setup_cfg.read, "setup.cfg", text.replace("\n", newline))) == expected


def test_files_of_setup_cfg(tmp_path: Path) -> None:
    manifest = read(
        tmp_path,
        setup_cfg.read,
        "setup.cfg",
        "[options]\ninstall_requires = file: a.txt, ../out.txt\n[options.extras_require]\nml = file: ml.txt",
        {"a.txt": "\nlitellm==1.0\n", "ml.txt": "torch"},
    )
    assert [(one.path, *place) for one, place in zip(manifest.requirements, declared(manifest), strict=True)] == [
        ("a.txt", "litellm==1.0", 2, 1, "runtime", None),
        ("ml.txt", "torch", 1, 1, "extra", "ml"),
    ]
    assert [tuple(one) for one in manifest.skipped] == [
        ("setup.cfg", 2, "takes ../out.txt, which leads out of the repository", False, "")
    ]


CONFIG_LINES = st.sampled_from(
    ["[options]", "[options.extras_require]", "a = 1", "b : x", "c =", "d", "  e", "\tf = 2", "# g", "  ; h", "", "    ",
     "i = j = k"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(lines=st.lists(CONFIG_LINES, max_size=12))
def test_options_are_those_of_configparser(lines: list[str]) -> None:
    text = "[metadata]\n" + "\n".join(lines)
    judge = configparser.RawConfigParser(strict=False, allow_no_value=False)
    try:
        judge.read_string(text)
    except configparser.Error:
        return
    found: dict[tuple[str, str], list[str]] = {}
    for option in ini.read_options(text):
        found[option.section, option.name] = [piece.text for piece in option.pieces if piece.text]
    assert found == {
        (section, name): [line.strip() for line in value.split("\n") if line.strip()]
        for section in judge.sections()
        for name, value in judge.items(section)
    }


# setup.py


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "from setuptools import setup\nsetup(\n    name='x',\n    install_requires=['a>=1', \"b\"],\n)",
            [("a>=1", 4, 24, "runtime", None), ("b", 4, 32, "runtime", None)],
            id="list",
        ),
        pytest.param(
            "import setuptools\nBASE = ('a',)\nMORE = BASE + ['b']\nsetuptools.setup(install_requires=[*MORE, 'c'])",
            [
                ("a", 2, 10, "runtime", None),
                ("b", 3, 17, "runtime", None),
                ("c", 4, 44, "runtime", None),
            ],
            id="names",
        ),
        pytest.param(
            "setup(extras_require={'ml': ['torch'], 'all': EVERY}, setup_requires=['s'], tests_require='t')\nEVERY = ['e']",
            [
                ("torch", 1, 31, "extra", "ml"),
                ("e", 2, 11, "extra", "all"),
                ("s", 1, 72, "build", None),
                ("t", 1, 92, "development", None),
            ],
            id="groups",
        ),
        pytest.param(
            'setup(install_requires="""\n  a>=1\n  b  # why\n""")',
            [("a>=1", 2, 3, "runtime", None), ("b", 3, 3, "runtime", None)],
            id="long-string",
        ),
        pytest.param(
            "options = dict(install_requires=['a'])\nsetup(**options)", [("a", 1, 35, "runtime", None)], id="keywords"
        ),
        pytest.param("é = 'é'; setup(install_requires=[r'a'])", [("a", 1, 36, "runtime", None)], id="not-ascii"),
        pytest.param("setup()\nother(install_requires=['a'])", [], id="none"),
        pytest.param("setup(install_requires=None)", [], id="null"),
        pytest.param("setup(install_requires=['a'], x='\\d')", [("a", 1, 26, "runtime", None)], id="odd-escape"),
    ],
)
def test_setup_py(tmp_path: Path, text: str, expected: Expected) -> None:
    manifest = read(tmp_path, setup_py.read, "setup.py", text)
    assert (declared(manifest), manifest.skipped) == (expected, ())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("setup(install_requires=open('r.txt').read().splitlines())", id="splitlines"),
        pytest.param("with open('r.txt') as f:\n    R = f.read().splitlines()\nsetup(install_requires=R)", id="with"),
        pytest.param("setup(install_requires=Path(__file__).parent.joinpath('r.txt').read_text().split())", id="joinpath"),
        pytest.param(
            "here = Path(__file__).parent\nsetup(install_requires=(here / 'r.txt').read_text().split())", id="path"
        ),
        pytest.param("setup(install_requires=[l.strip() for l in open('r.txt')])", id="comprehension"),
        pytest.param("setup(install_requires=[l for l in open('r.txt') if not l.startswith('#')])", id="filter"),
        pytest.param("F = 'r.txt'\nsetup(install_requires=open(F).readlines())", id="name"),
    ],
)
def test_setup_py_that_plainly_reads_a_file(tmp_path: Path, text: str) -> None:
    manifest = read(tmp_path, setup_py.read, "setup.py", text, {"r.txt": "litellm==1.0\n"})
    assert [(one.path, one.text) for one in manifest.requirements] == [("r.txt", "litellm==1.0")]
    assert manifest.skipped == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            "setup(install_requires=requirements())",
            "its runtime requirements are computed by requirements(), which is not run",
            id="call",
        ),
        pytest.param(
            "setup(install_requires=[f'a{b}'])", "its runtime requirements are computed, which is not run", id="f-string"
        ),
        pytest.param(
            "A = ['a']\nA = ['b']\nsetup(install_requires=A)",
            "its runtime requirements are computed, which is not run",
            id="twice",
        ),
        pytest.param(
            "setup(extras_require={'ml': get('r.txt')})",
            "its ml requirements are computed by get(), which is not run",
            id="extra",
        ),
        pytest.param(
            "setup(install_requires=open('../r.txt').readlines())",
            "reads ../r.txt, which leads out of the repository",
            id="out",
        ),
        pytest.param(
            "setup(install_requires=open('r.txt').readlines())", "reads r.txt, which is not beside it", id="missing"
        ),
        pytest.param(
            "A = A2\nA2 = A\nsetup(install_requires=A)",
            "its runtime requirements are more than can be read, which is not run",
            id="ring",
        ),
        pytest.param("def f(:", "does not parse as Python", id="syntax"),
        pytest.param("print 'x'", "does not parse as Python", id="python-2"),
        pytest.param("x = 1\0", "does not parse as Python", id="nul"),
        pytest.param("x = " + "(" * 100_000, "is not analyzed: brackets are nested more than 200 deep", id="deep"),
    ],
)
def test_setup_py_that_computes(tmp_path: Path, text: str, reason: str) -> None:
    manifest = read(tmp_path, setup_py.read, "setup.py", text)
    assert (manifest.requirements, [one.reason for one in manifest.skipped]) == ((), [reason])


def test_setup_py_is_never_run(tmp_path: Path) -> None:
    text = f"open({str(tmp_path / 'ran')!r}, 'w')\nsetup(install_requires=['a'])"
    assert declared(read(tmp_path, setup_py.read, "setup.py", text)) == [("a", 2, 26, "runtime", None)]
    assert not (tmp_path / "ran").exists()


def test_names_that_double_end_soon(tmp_path: Path) -> None:
    rungs = "".join(f"A{n} = A{n + 1} + A{n + 1}\n" for n in range(60))
    with at_most(2_000_000):
        manifest = read(tmp_path, setup_py.read, "setup.py", f"{rungs}A60 = ['a']\nsetup(install_requires=A0)")
    assert manifest.skipped[-1].reason == "its runtime requirements are more than can be read, which is not run"


# Pipfile


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param('"*"', "x", id="any"),
        pytest.param('">=1,<2"', "x>=1,<2", id="range"),
        pytest.param('"==1.0"', "x==1.0", id="exact"),
        pytest.param('{version = "*", extras = ["a"]}', "x[a]", id="extras"),
        pytest.param(
            '{version = "==1", markers = "sys_platform == \'linux\'"}', "x==1 ; sys_platform == 'linux'", id="markers"
        ),
        pytest.param('{version = "==1", sys_platform = "== \'linux\'"}', "x==1 ; sys_platform == 'linux'", id="marker-key"),
        pytest.param('{git = "https://e.org/x.git", ref = "v1"}', "x @ git+https://e.org/x.git@v1", id="git"),
        pytest.param('{path = "./x", editable = true}', "x @ ./x", id="path"),
        pytest.param('{file = "https://e.org/x-1.zip"}', "x @ https://e.org/x-1.zip", id="file"),
    ],
)
def test_pipfile(tmp_path: Path, value: str, text: str) -> None:
    manifest = read(tmp_path, pipfile.read, "Pipfile", f"[packages]\n\n  x = {value}\n")
    assert declared(manifest) == [(text, 3, 3, "runtime", None)]


def test_categories_and_index_of_a_pipfile(tmp_path: Path) -> None:
    manifest = read(
        tmp_path,
        pipfile.read,
        "Pipfile",
        '[[source]]\nname = "pt"\nurl = "https://e.org"\n[packages]\ntorch = {version = "*", index = "pt"}\n'
        '[dev-packages]\npytest = "*"\n[docs]\nsphinx = "*"\n[requires]\npython_version = "3.12"\n[scripts]\nx = "y"',
    )
    assert declared(manifest) == [
        ("torch", 5, 1, "runtime", None),
        ("pytest", 7, 1, "development", "dev"),
        ("sphinx", 9, 1, "development", "docs"),
    ]
    assert source_of(manifest.requirements[0]) == RequirementSource("index", "pt")


# environment.yml


@pytest.mark.parametrize(
    ("spec", "text", "column"),
    [
        pytest.param("numpy", "numpy", 5, id="bare"),
        pytest.param("numpy=1.26", "numpy==1.26.*", 5, id="prefix"),
        pytest.param("numpy==1.26.4", "numpy==1.26.4", 5, id="exact"),
        pytest.param("numpy=1.26.4=py311_0", "numpy==1.26.4", 5, id="build"),
        pytest.param("numpy 1.26.*", "numpy==1.26.*", 5, id="blank-and-star"),
        pytest.param("numpy>=1.20,<2", "numpy>=1.20,<2", 5, id="range"),
        pytest.param("'numpy >=1.20'", "numpy>=1.20", 6, id="quoted"),
        pytest.param("pytorch::pytorch", "pytorch", 14, id="channel"),
        pytest.param("conda-forge/linux-64::scipy=1", "scipy==1.*", 27, id="subdir"),
        pytest.param("\"numpy[version='>=1.20']\"", "numpy>=1.20", 6, id="fields"),
        pytest.param("numpy=1.25|1.26", "numpy", 5, id="alternatives"),
        pytest.param("tzdata=2024a", "tzdata", 5, id="version-of-its-own"),
    ],
)
def test_conda(tmp_path: Path, spec: str, text: str, column: int) -> None:
    manifest = read(tmp_path, conda.read, "environment.yml", f"dependencies:\n  - {spec}\n")
    assert (declared(manifest), manifest.skipped) == ([(text, 2, column, "runtime", None)], ())


def test_pip_in_an_environment(tmp_path: Path) -> None:
    manifest = read(
        tmp_path,
        conda.read,
        "environment.yml",
        "name: x\nchannels: [pytorch]\ndependencies:\n- python=3.11  # why\n- pip\n- pip:\n  - --extra-index-url https://e.org\n"
        "  - 'litellm[proxy]==1.0'\n  - -r more.txt\n  - -e .[ml]\n",
        {"more.txt": "torch"},
    )
    assert [(one.path, *place[:3]) for one, place in zip(manifest.requirements, declared(manifest), strict=True)] == [
        ("environment.yml", "python==3.11.*", 4, 3),
        ("environment.yml", "pip", 5, 3),
        ("environment.yml", "litellm[proxy]==1.0", 8, 6),
        ("more.txt", "torch", 1, 1),
    ]
    assert manifest.own_extras == ((None, "ml"),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("dependencies: 1", [], id="no-list"),
        pytest.param("- a", [], id="no-mapping"),
        pytest.param("dependencies: [{pip: 1}, {conda: [a]}, [b]]", [], id="odd"),
        pytest.param("a: &a [x]\ndependencies: *a", [("x", 1, 8)], id="anchor"),
        pytest.param(
            "a: &a [x, x]\n"
            + "".join(f"{c}: &{c} [*{b}, *{b}, *{b}]\n" for b, c in zip("abcdefgh", "bcdefghi", strict=True))
            + "dependencies: *i",
            [],
            id="billion-laughs",
        ),
    ],
)
def test_odd_environments(tmp_path: Path, text: str, expected: list[tuple[str, int, int]]) -> None:
    manifest = read(tmp_path, conda.read, "environment.yml", text)
    assert [one[:3] for one in declared(manifest)] == expected


# Which is which


@pytest.mark.parametrize(
    ("path", "text", "is_named"),
    [
        pytest.param("pyproject.toml", "[project]\ndependencies = ['litellm']", True, id="pyproject"),
        pytest.param("setup.cfg", "[options]\ninstall_requires = litellm", True, id="setup.cfg"),
        pytest.param("setup.py", "setup(install_requires=['litellm'])", True, id="setup.py"),
        pytest.param("Pipfile", "[packages]\nlitellm = '*'", True, id="pipfile"),
        pytest.param("environment-dev.yaml", "dependencies: [litellm]", True, id="environment"),
        pytest.param("conda.yml", "dependencies: [litellm]", True, id="conda"),
        pytest.param("requirements.txt", "litellm", False, id="requirements"),
        pytest.param("handlers.setup.py", "litellm", False, id="other"),
    ],
)
def test_each_manifest_has_its_reader(tmp_path: Path, path: str, text: str, is_named: bool) -> None:  # noqa: FBT001
    (tmp_path / path).write_text(text, encoding="utf-8")
    manifest = manifests.read(WorkTree(str(tmp_path)), path)
    assert [(one.name, one.path) for one in manifest.requirements] == [("litellm", path)]
    assert manifests.is_named(f"folder/{path}") is is_named


# At fault, whatever the format


@pytest.mark.parametrize(
    ("reader", "name", "text", "message"),
    [
        pytest.param(
            setup_cfg.read,
            "setup.cfg",
            "[options]\ninstall_requires =\n  a=1",
            "3:3: is not a valid requirement: 'a=1' (Expected semicolon (after name with no version specifier) or end)",
            id="setup.cfg",
        ),
        pytest.param(setup_cfg.read, "setup.cfg", b"[options]\n\xe9", "2: is not UTF-8", id="setup.cfg-latin-1"),
        pytest.param(
            setup_py.read,
            "setup.py",
            "setup(install_requires=['!'])",
            "1:26: is not a valid requirement: '!' (Expected package name at the start of dependency specifier)",
            id="setup.py",
        ),
        pytest.param(
            pipfile.read, "Pipfile", "[packages]\nx = 1", "2:1: packages.x must be a version or a table", id="pipfile"
        ),
        pytest.param(
            pipfile.read,
            "Pipfile",
            "[packages]\nx = '~1'",
            "2:1: is not a valid requirement: 'x~1' (Expected semicolon (after name with no version specifier) or end)",
            id="pipfile-version",
        ),
        pytest.param(pipfile.read, "Pipfile", "packages = 1", "1:1: packages must be a table", id="pipfile-table"),
        pytest.param(
            conda.read,
            "environment.yml",
            "dependencies:\n- pip:\n  - a=1",
            "3:5: is not a valid requirement: 'a=1' (Expected semicolon (after name with no version specifier) or end)",
            id="pip-in-conda",
        ),
        pytest.param(
            conda.read,
            "environment.yml",
            "a: [",
            "1:5: is not valid YAML: expected the node content, but found '<stream end>'",
            id="yaml",
        ),
        pytest.param(conda.read, "environment.yml", "a: " + "[" * 50_000, " is nested too deeply", id="yaml-deep"),
        pytest.param(
            conda.read,
            "environment.yml",
            b"a: \0",
            " is not valid YAML: unacceptable character #x0000: special characters are not allowed",
            id="yaml-nul",
        ),
        pytest.param(conda.read, "environment.yml", "#" * (2**20 + 1), " is larger than 1 MiB", id="yaml-large"),
    ],
)
def test_bad_input(tmp_path: Path, reader: Read, name: str, text: str | bytes, message: str) -> None:
    with pytest.raises(MemguardError) as caught:
        read(tmp_path, reader, name, text)
    assert str(caught.value) == f"{name}:{message}"


READERS = [
    pytest.param(setup_cfg.read, id="setup.cfg"),
    pytest.param(setup_py.read, id="setup.py"),
    pytest.param(pipfile.read, id="Pipfile"),
    pytest.param(conda.read, id="environment.yml"),
]


@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file(tmp_path: Path, reader: Read) -> None:
    (tmp_path / "root" / "folder").mkdir(parents=True)
    (tmp_path / "out").write_text("", encoding="utf-8")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "out")
    tree = WorkTree(str(tmp_path / "root"))
    for name, error in (("folder", UnreadableError), ("link", UnreadableError), ("missing", MemguardError)):
        with pytest.raises(error):
            reader(tree, name, lambda _: True)


@pytest.mark.parametrize(
    ("reader", "name", "text"),
    [
        pytest.param(
            setup_cfg.read, "setup.cfg", "[options]\ninstall_requires =\n  a  # memguard: allow[MG101] why", id="setup.cfg"
        ),
        pytest.param(
            setup_py.read, "setup.py", "setup(\n  install_requires=[\n'a'  # memguard: allow[MG101] why\n])", id="setup.py"
        ),
        pytest.param(pipfile.read, "Pipfile", "[packages]\n\na='*'# memguard: allow[MG101] why", id="pipfile"),
        pytest.param(conda.read, "environment.yml", "dependencies:\n\n- a  # memguard: allow[MG101] why", id="conda"),
    ],
)
def test_comments(tmp_path: Path, reader: Read, name: str, text: str) -> None:
    (comment,) = read(tmp_path, reader, name, text).comments
    last = next(line for line in text.split("\n") if "memguard" in line)
    assert comment == (name, 3, last.index("#") + 1, "# memguard: allow[MG101] why")


# Any requirement that packaging accepts, written into each format

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,5}([._-][A-Za-z0-9]{1,3})?", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}((a|rc|\.post|\.dev)[0-9])?", fullmatch=True)
SPECIFIERS = st.lists(st.builds("{}{}".format, st.sampled_from(["==", ">=", "<", "!="]), VERSIONS), max_size=3).map(",".join)
EXTRAS = st.sampled_from(["", "[x]", "[x,y]"])
MARKERS = st.sampled_from(["", " ; python_version > '3.8'", " ; sys_platform == 'linux'"])
REQUIREMENTS = st.builds("{}{}{}{}".format, NAMES, EXTRAS, SPECIFIERS, MARKERS)


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(REQUIREMENTS, min_size=1, max_size=4), indent=st.sampled_from([" ", "\t", "    "]))
def test_any_requirement_comes_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str], indent: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    lines = [f"{indent}{text}" for text in texts]
    manifest = read(folder, setup_cfg.read, "setup.cfg", "[options]\ninstall_requires =\n" + "\n".join(lines))
    expected = [(text, 3 + index, len(indent) + 1, "runtime", None) for index, text in enumerate(texts)]
    assert declared(manifest) == expected
    quoted = "\n".join(f'{indent}"{text}",' for text in texts)
    manifest = read(folder, setup_py.read, "setup.py", f"setup(\ninstall_requires=[\n{quoted}])")
    assert declared(manifest) == [(text, line, column + 1, *rest) for text, line, column, *rest in expected]
    listed = "\n".join(f'    - "{text}"' for text in texts)
    manifest = read(folder, conda.read, "environment.yml", f"dependencies:\n- pip:\n{listed}")
    assert declared(manifest) == [(text, line, 8, *rest) for text, line, _, *rest in expected]


@settings(max_examples=100, deadline=None)
@given(name=NAMES, extras=EXTRAS, specifiers=SPECIFIERS, marker=MARKERS)
def test_any_requirement_comes_back_from_a_pipfile(
    tmp_path_factory: pytest.TempPathFactory, name: str, extras: str, specifiers: str, marker: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    listed = ", ".join(f'"{one}"' for one in extras.strip("[]").split(",") if one)
    table = f'{{version = "{specifiers or "*"}", extras = [{listed}], markers = "{marker.removeprefix(" ; ")}"}}'
    manifest = read(folder, pipfile.read, "Pipfile", f'[packages]\n"{name}" = {table}')
    assert declared(manifest) == [(f"{name}{extras}{specifiers}{marker}", 2, 1, "runtime", None)]
