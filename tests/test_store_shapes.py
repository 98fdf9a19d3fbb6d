"""Entries of the store that somebody else has written: of the wrong shape, with digests that are right."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest
from folders import commit

from memguard_hooks.commands import check
from memguard_hooks.store import VARIABLE, Store

FILES = {
    "Procfile": "web: gunicorn main:app\nworker: python work.py\n",
    "main.py": "import logging, os\nimport litellm, pandas\nimport app.views\nM = os.getenv('M', 'a')\n"
    "if M == 'a':\n    import openai\nlogger = logging.getLogger()\nlogging.basicConfig(level='DEBUG')\n"
    "frame = pandas.read_csv('a.csv')\nwhile True:\n    logger.info('a')\n",
    "work.py": "from transformers import AutoModel\nimport app.views\n"
    "model = AutoModel.from_pretrained('bert-base-uncased')\n",
    "app/__init__.py": "",
    "app/views.py": "import torch\nclass A:\n    def get(self):\n        return torch.zeros(1)\n"
    "def f():\n    return A().get()\n",
    "requirements.txt": "litellm==1.0\npandas\n",
    "memguard.toml": 'limit = "512MiB"\n',
}
WRONG: tuple[Any, ...] = (
    None, 1, -1.5, "", "a", [], {}, [1], ["a"], [[]], [[1, 2]], [None] * 3, ["a"] * 9, [[], []], {"a": 1}, {"a": []},
    [[["a"]]], [{}, {}], ["a", ["a", ["a"]]], [0] * 12, [[None, None, None]], [["a", "a", "a"], []],
)  # fmt: skip
EMPTY: tuple[Any, ...] = ([], [[], []])
"""Shapes that some entries have: nothing was found."""

Key = tuple[bytes, ...]


def _kept(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[str, str, dict[Key, Any]]:
    """Return what a check says, the folder of its store, and all that it keeps, by its keys."""
    commit(root, FILES, "begin")
    monkeypatch.chdir(root)
    monkeypatch.setenv(VARIABLE, str(root.parent / "store"))
    keys: dict[Key, None] = {}
    put, put_text = Store.put, Store.put_text

    def note(self: Store, value: object, *name: bytes) -> None:
        keys[name] = None
        put(self, value, *name)

    def note_text(self: Store, text: bytes, *name: bytes) -> None:
        keys[name] = None
        put_text(self, text, *name)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "put", note)
        patched.setattr(Store, "put_text", note_text)
        check.main(["--table"])
    said = capsys.readouterr().out
    (folder,) = {path.parent for path in (root.parent / "store").rglob("facts-*")}
    known = Store(str(folder))
    return said, str(folder), {name: known.get(*name) for name in keys}


def _forge(folder: str, values: dict[Key, Any]) -> None:
    forged = Store(folder)
    for name, value in values.items():
        forged.put(value, *name)
    forged.close()


def test_an_entry_of_a_wrong_shape_is_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of each kind of entry, whatever stands in its place."""
    root = tmp_path / "project"
    root.mkdir()
    said, folder, kept = _kept(root, monkeypatch, capsys)
    assert "MG" in said
    kinds = {name[0] for name in kept}
    assert {b"analysis", b"outline", b"functions", b"places", b"logs", b"whole", b"may load a model"} <= kinds
    for wrong in WRONG:
        _forge(folder, dict.fromkeys(kept, wrong))
        check.main(["--table"])
        shown = capsys.readouterr()
        assert "internal error" not in shown.err
        if wrong not in EMPTY:
            assert shown.out == said, wrong


@pytest.mark.parametrize("seed", range(4))
def test_an_entry_with_one_wrong_part_is_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    _, folder, kept = _kept(root, monkeypatch, capsys)
    chance = random.Random(seed)  # noqa: S311 - to be the same again
    for _ in range(8):
        _forge(folder, {name: _damaged(chance, value) for name, value in kept.items()})
        assert check.main(["--table"]) in (0, 1)
        shown = capsys.readouterr()
        assert "internal error" not in shown.err


def _damaged(chance: random.Random, value: Any) -> Any:
    """Return a value of which one part is another."""
    whole = [copy.deepcopy(value)]
    holder: Any = whole
    at: Any = 0
    while isinstance(holder[at], (list, dict)) and holder[at] and chance.random() < 0.9:
        holder = holder[at]
        at = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[at] = chance.choice(WRONG)
    return whole[0]
