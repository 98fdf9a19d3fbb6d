"""Which entries of a table of functions run: the one whose key the start names, all where only a run decides.

Each program is run as well, beside modules that tell that they are imported.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from test_reached import moments, walked

from memguard_hooks.imports.model import Given

WORK = """
        import argparse, functools, os, sys
        def work(*given):
            import torch
        def train(*given):
            import pandas
"""
TABLE = """
        TABLE = {"work": work, "train": train}
"""

KNOWN = {
    "a word of the command": """
        TABLE[sys.argv[1]]()
    """,
    "an argument that is parsed": """
        def main():
            parser = argparse.ArgumentParser()
            parser.add_argument("--verbose", action="store_true")
            parser.add_argument("command", choices=sorted(TABLE))
            args = parser.parse_args()
            return TABLE[args.command](args)
        if __name__ == "__main__":
            main()
    """,
    "choices that are the table": """
        parser = argparse.ArgumentParser()
        parser.add_argument("command", choices=TABLE)
        args = parser.parse_args()
        TABLE[args.command]()
    """,
    "a guard and a name": """
        name = sys.argv[1]
        if name not in TABLE:
            sys.exit("one of " + ", ".join(TABLE.keys()))
        run = TABLE[name]
        run()
    """,
    "a default": """
        TABLE.get(sys.argv[1], train)()
    """,
    "a name for what it gives, or nothing": """
        def main():
            run = TABLE.get(sys.argv[1])
            if run is None:
                return print(list(TABLE))
            run()
        main()
    """,
    "an assignment in a condition": """
        def main():
            if run := TABLE.get(sys.argv[1]):
                run()
        main()
    """,
    "a constant": """
        KEY = "work"
        def main():
            TABLE[KEY]()
        main()
    """,
    "a text": """
        TABLE["work"]()
    """,
    "a variable of the host, by default": """
        def main():
            TABLE[os.environ.get("MODE", "work")]()
        main()
    """,
    "a table without a name": """
        {"work": work, "train": train}[sys.argv[1]]()
    """,
    "a table of a function": """
        def main():
            commands = {"work": work, "train": train}
            commands[sys.argv[1]]()
        main()
    """,
    "a table of a class": """
        class Shell:
            def __init__(self):
                self.commands = {"work": work, "train": train}
            def run(self, name):
                pass
        def main():
            shell = Shell()
            shell.commands[sys.argv[1]]()
        main()
    """,
    "rows": """
        ROWS = {"work": (work, "works"), "train": (train, "trains")}
        ROWS[sys.argv[1]][0]()
    """,
    "functions without a name": """
        SHORT = {"work": lambda: work(), "train": lambda: train()}
        SHORT[sys.argv[1]]()
    """,
    "functions with arguments": """
        PARTS = {"work": functools.partial(work, 1), "train": functools.partial(train, 2)}
        PARTS[sys.argv[1]]()
    """,
    "classes": """
        class Worker:
            def run(self):
                work()
        class Trainer:
            def __init__(self):
                train()
            def run(self): ...
        KINDS = {"work": Worker, "train": Trainer}
        KINDS[sys.argv[1]]().run()
    """,
    "what runs later": """
        import atexit
        atexit.register(TABLE[sys.argv[1]])
    """,
}
OPEN = {
    "all of them": """
        for name in TABLE:
            TABLE[name]()
    """,
    "values": """
        [one() for one in TABLE.values()]
    """,
    "pairs": """
        for name, run in TABLE.items():
            run()
    """,
    "words that are read": """
        open("words", "w").write("work train")
        for name in open("words").read().split():
            TABLE[name]()
    """,
    "a function that is given the table": """
        def each(table):
            for one in sorted(table):
                table[one]()
        TABLE[sys.argv[1]]()
        each(TABLE)
    """,
    "a function that is given names": """
        def run(name):
            TABLE[name]()
        run(sys.argv[1])
        run("train")
    """,
    "another name for the table": """
        OTHER = TABLE
        TABLE[sys.argv[1]]()
        for one in OTHER.values():
            one()
    """,
    "an entry that is set": """
        TABLE["work"] = lambda: (train(), work())
        TABLE[sys.argv[1]]()
    """,
    "a table that is made anew": """
        TABLE = {"work": lambda: (work(), train())}
        TABLE[sys.argv[1]]()
    """,
    "a call in the table": """
        def make(run):
            run()
            return run
        MADE = {"work": work, "train": make(train)}
        MADE[sys.argv[1]]()
    """,
}


def written(use: str) -> str:
    """Return a program: the functions, the table where it is used, and what is done with them."""
    return WORK + (TABLE if "TABLE" in use else "") + use


def run(folder: Path, source: str, words: tuple[str, ...] = ("work",)) -> set[str]:
    """Run a program; return which of two modules it imports."""
    for name in ("torch", "pandas"):
        (folder / f"{name}.py").write_text(f"print('has {name}')\n")
    (folder / "program.py").write_text(dedent(source))
    done = subprocess.run([sys.executable, "program.py", *words], cwd=folder, check=True, capture_output=True, text=True)
    return {line.removeprefix("has ") for line in done.stdout.splitlines() if line.startswith("has ")}


def judged(folder: Path, source: str, words: tuple[str, ...] = ("work",), **others: str) -> dict[str, str]:
    """Return the moments of a program that is started with words."""
    files = {"app.py": source, **{f"{name}.py": text for name, text in others.items()}}
    return moments(walked(folder, files, is_main=True, given=Given(words=words)))


@pytest.mark.parametrize("use", KNOWN.values(), ids=KNOWN.keys())
def test_the_entry_that_the_start_names_counts(tmp_path: Path, use: str) -> None:
    source = written(use)
    (tmp_path / "run").mkdir()
    assert run(tmp_path / "run", source) == {"torch"}
    found = judged(tmp_path / "judged", source)
    assert found["torch"] in ("start", "serving")
    assert found["pandas"] == "all"


@pytest.mark.parametrize("use", OPEN.values(), ids=OPEN.keys())
def test_all_entries_count_that_may_run(tmp_path: Path, use: str) -> None:
    source = written(use)
    (tmp_path / "run").mkdir()
    assert run(tmp_path / "run", source) == {"torch", "pandas"}
    found = judged(tmp_path / "judged", source)
    assert "all" not in found.values()
    assert set(found) == {"torch", "pandas"}


@pytest.mark.parametrize("name", [name for name in KNOWN if name != "what runs later"])
def test_what_an_entry_loads_that_is_called_at_once_is_loaded_at_start(tmp_path: Path, name: str) -> None:
    assert judged(tmp_path, written(KNOWN[name]))["torch"] == "start"


def test_a_table_that_nothing_looks_up_in_may_be_for_somebody_else(tmp_path: Path) -> None:
    assert judged(tmp_path, WORK + TABLE) == {"torch": "serving", "pandas": "serving"}


def test_a_table_of_another_file_is_looked_up_in_by_all_keys(tmp_path: Path) -> None:
    use = "import other\nother.TABLE[other.sys.argv[1]]()\n"
    assert judged(tmp_path, use, other=WORK + TABLE) == {"torch": "serving", "pandas": "serving"}


def test_a_service_that_is_no_program_has_no_words(tmp_path: Path) -> None:
    source = WORK + TABLE + KNOWN["a word of the command"]
    found = moments(walked(tmp_path, {"app.py": source}))
    assert found == {"torch": "start", "pandas": "start"}


def test_a_handler_that_is_looked_up_by_what_it_is_sent_may_be_each(tmp_path: Path) -> None:
    source = """
        from flask import Flask, request
        app = Flask(__name__)
        def frames():
            import pandas
        def tensors():
            import torch
        KINDS = {"frames": frames, "tensors": tensors}
        @app.post("/<kind>")
        def index(kind):
            return KINDS[kind]()
    """
    assert moments(walked(tmp_path, {"app.py": source})) == {"torch": "serving", "pandas": "serving"}


def test_methods_in_a_table_of_their_class(tmp_path: Path) -> None:
    source = """
        import sys
        class Shell:
            def work():
                import torch
            def train():
                import pandas
            COMMANDS = {"work": work, "train": train}
        def main():
            Shell.COMMANDS[sys.argv[1]]()
        main()
    """
    (tmp_path / "run").mkdir()
    assert run(tmp_path / "run", source) == {"torch"}
    assert judged(tmp_path / "judged", source) == {"torch": "start", "pandas": "all"}


@pytest.mark.parametrize(
    "source",
    [
        "TABLE = {'work': lambda: TABLE['work'](), 'train': lambda: TABLE[input()]()}\nTABLE['work']\nTABLE[input()]()\n",
        f"TABLE = {{{', '.join(f'{n}: lambda: TABLE[input()]()' for n in range(50))}}}\nTABLE[input()]()\n",
        "def f(): import torch\nTABLE = {'a': f}\n" + "TABLE[input()]()\n" * 5000,
        "def f(): import torch\n" + "{'a': f}[" * 90 + "'a'" + "]()" * 90 + "\n",
        "def f(): import torch\nTABLE = {'a': f}\nTABLE" + ".get('a').b" * 3000 + "()\n",
        "def f(): import torch\n" + "".join(f"T{n} = {{'a': f}}\n" for n in range(5000)),
    ],
    ids=["of itself", "of itself, each of many", "many lookups", "lookups in each other", "a chain", "many tables"],
)
def test_tables_of_any_size_are_read(tmp_path: Path, source: str) -> None:
    assert set(judged(tmp_path, source).values()) <= {"start", "serving", "all"}


@pytest.mark.parametrize(
    "condition",
    [
        'KIND == "a" and os.getenv(\n    "B"\n) not in (None, "")',
        '(KIND == "a"\n    and os.getenv("B"))',
        'KIND == "a" and \\\n    os.getenv("B")',
        "KIND in (\n    'a',\n)",
        "{\n'a': 1\n}.get(KIND)",
    ],
)
def test_a_condition_of_several_lines_is_decided(tmp_path: Path, condition: str) -> None:
    """What is written out for it parses as what stands there does."""
    source = f'import os\nKIND = "b"\nif {condition}:\n    import pandas\nelse:\n    import torch\n'
    found = walked(tmp_path, {"app.py": source})
    assert not found.skipped
    assert moments(found)["torch"] == "start"
