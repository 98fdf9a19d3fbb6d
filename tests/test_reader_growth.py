"""Ten times as much text takes the readers of manifests and of deployment files ten times the work, not a hundred."""

from __future__ import annotations

import ast
import contextlib
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from work import LINEAR, at_most, growth

from memguard_hooks.dependencies import conda, image_commands, installation, requirements_txt
from memguard_hooks.dependencies.requirement import mentions
from memguard_hooks.deployment import gunicorn_conf, kubernetes
from memguard_hooks.deployment.command import Host, parse
from memguard_hooks.errors import MemguardError
from memguard_hooks.formats import ini, yaml_nodes
from memguard_hooks.imports.functions import read_functions
from memguard_hooks.imports.model import Target
from memguard_hooks.imports.uncalled import without_unimporting
from memguard_hooks.tree import WorkTree

pytestmark = pytest.mark.no_cover  # what is counted takes longer where it is traced


class CountingTree(WorkTree):
    """A folder that counts how often each file is asked for."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))
        self.asked: Counter[str] = Counter()

    def read(self, path: str) -> bytes | None:
        """Return a file."""
        self.asked[path] += 1
        return super().read(path)


def write(root: Path, files: dict[str, str]) -> CountingTree:
    root.mkdir(exist_ok=True)
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    return CountingTree(root)


def test_of_files_that_include_each_other_each_is_asked_for_once(tmp_path: Path) -> None:
    includes = [f"-r requirements{number}.txt\n" for number in range(50)]
    files = {f"requirements{number}.txt": "".join((*includes[number + 1 :], f"p{number}\n")) for number in range(50)}
    tree = write(tmp_path, files)
    found = requirements_txt.read(tree, "requirements0.txt", lambda _: True)
    assert [one.name for one in found.requirements] == [f"p{number}" for number in range(49, -1, -1)]
    assert set(tree.asked.values()) == {1}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("a\n" * 200_001, "requirements.txt: is larger than 200000 lines, with what it includes", id="lines"),
        pytest.param(
            "a" + ",".join(">=1" for _ in range(600)),
            f"requirements.txt:1:1: is not a valid requirement: 'a{'>=1,' * 24}>=…' (it has more than 500 parts)",
            id="versions",
        ),
    ],
)
def test_what_nobody_writes_is_told(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(MemguardError) as error:
        requirements_txt.read(write(tmp_path, {"requirements.txt": text}), "requirements.txt", lambda _: True)
    assert str(error.value) == problem


@pytest.mark.parametrize("piece", [b"\\\n", b"-", b"-a", b"#\n", b"\n"])
def test_memory_is_that_of_the_file(tmp_path: Path, piece: bytes) -> None:
    data = piece * (2**21 // len(piece))
    (tmp_path / "requirements.txt").write_bytes(data)
    tracemalloc.start()
    try:
        assert not mentions(data, ["litellm"])
        with contextlib.suppress(MemguardError):
            requirements_txt.read(WorkTree(str(tmp_path)), "requirements.txt", lambda _: False)
        assert tracemalloc.get_traced_memory()[1] < 8 * len(data)
    finally:
        tracemalloc.stop()


def test_a_command_is_looked_for_once() -> None:
    with at_most(30_000):
        assert len(set(map(installation.places_in(["a"] * 200, "c" * 2_000, 1, 1), range(2_000)))) == 1


def test_many_commands_of_a_file_share_its_lines() -> None:
    lines = ["RUN a" * 20] * 5_000
    tracemalloc.start()
    try:
        kept = [installation.places_in(lines, "pip install a", number, 1) for number in range(1, 1_001)]
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
        assert [place(0).line for place in kept] == [*range(1, 1_001)]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", ["a: [" + "b," * 6_000 + "]", "- b\n" * 6_000, "a: {" + "b: c," * 3_000 + "}"])
def test_so_many_values_of_yaml_are_composed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert yaml_nodes.compose(text.encode(), "a.yaml") is not None
    assert yaml_nodes.MAX_NODES <= 50_000
    monkeypatch.setattr(yaml_nodes, "MAX_NODES", 5_000)
    with pytest.raises(MemguardError, match=r"^a.yaml:[0-9]+: has more than 5000 values$"):
        yaml_nodes.compose(text.encode(), "a.yaml")


@pytest.mark.parametrize(
    "line",
    [
        "t{n} = t{m} + t{m}",
        'x{n} = f"{{x{m}}}{{x{m}}}"',
        'y{n} = y{m}.replace("a", y{m})',
        'z{n} = "b" in long',
    ],
)
def test_values_of_gunicorn_settings_do_not_double(line: str) -> None:
    text = "t0 = ('a', 'b')\nx0 = y0 = 'aaaa'\nlong = (" + "'a'," * 2_000 + ")\n"
    text += "".join(line.format(n=number, m=number - 1) + "\n" for number in range(1, 24)) + "workers = 3\n"
    gunicorn_conf.read(b"", {})  # loads what it needs
    tracemalloc.start()
    try:
        with at_most(200_000):
            found = gunicorn_conf.read(text.encode(), {})
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()
    assert isinstance(found, gunicorn_conf.GunicornSettings)
    assert found.values["workers"] == 3


def _start(command: str, name: str, text: str) -> None:
    parse(command, Host({}, {name: text.encode()}.get))


@pytest.mark.parametrize(
    ("act", "make"),
    [
        pytest.param(lambda text: list(ini.read_options(text)), lambda size: f"a{' ' * size}b", id="setup-cfg"),
        pytest.param(installation._EXPORT.search, lambda size: "uv a " * size, id="export"),
        pytest.param(
            lambda text: conda._requirement(text, "environment.yml", 1, 1), lambda size: f"a b{' ' * size}c", id="conda"
        ),
        pytest.param(
            lambda text: image_commands.read(text.encode(), "Dockerfile"),
            lambda size: "FROM a\nRUN " + "--mount=" * size,
            id="mounts",
        ),
        pytest.param(lambda text: kubernetes.read(text.encode(), "a.yaml"), lambda size: "\n" * size, id="kubernetes"),
        pytest.param(
            lambda text: _start("honcho start", "Procfile", text), lambda size: f"a: b{' ' * size}c", id="procfile"
        ),
        pytest.param(
            lambda text: _start("supervisord", "supervisord.conf", text),
            lambda size: f"[program:a]\ncommand=b{' ' * size}c",
            id="supervisord",
        ),
        *(
            pytest.param(
                lambda text: _start("./s.sh a b c", "s.sh", text),
                lambda size, piece=piece: piece * (size // len(piece)),
                id=f"script-{piece!r}",
            )
            for piece in (
                "A+=(x)\n",
                "if [ $X ]; then\nN=1\nfi\n",
                "N=$N$N\n",
                "f() {\nf\n}\n",
                "for a in 1 2; do\nb\ndone\n",
                "${A[@]} ",
                "[ $X ] && ",
                "N=$((N+1))\n",
                "${a:-",
                "$(( 1 ? ",
                "case $X in\na) b ;;\nesac\n",
                "x & ",
                "((",
                "[[ ( ",
                "\\\n",
                "set -- $@ $@\n",
                "while [ $# -gt 0 ]; do ",
                '"$@" ',
                "A=($A $A)\n",
            )
        ),
        pytest.param(lambda text: _start("flask run", ".flaskenv", text), lambda size: f"A=b{' ' * size}c", id="variables"),
    ],
)
def test_a_text_takes_linear_time(act: Callable[[str], object], make: Callable[[int], str]) -> None:
    assert growth(act, make, 20_000) < LINEAR


def _calls_in_a_row(size: int) -> str:
    functions = "".join(f"def f{number}():\n f{number + 1}()\n" for number in range(size))
    return f"{functions}def f{size}():\n import a\n"


def test_callers_of_what_imports_are_found_in_linear_time() -> None:
    assert growth(lambda text: without_unimporting(text, ast.parse(text), Target()), _calls_in_a_row, 5_000) < LINEAR


def _calls_of_many(size: int) -> str:
    functions = "".join(f"def f{number}(path):\n    return path\n" for number in range(size))
    return functions + "".join(f"x = f{number}('a.b')\n" for number in range(size))


def test_calls_of_a_files_own_functions_are_read_in_linear_time() -> None:
    assert growth(lambda text: read_functions(ast.parse(text)), _calls_of_many, 15_000) < LINEAR
