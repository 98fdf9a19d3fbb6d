"""Tasks of project files and makefiles: the commands that they stand for."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from work import at_most

from memguard_hooks.deployment import task_runners
from memguard_hooks.deployment.command import Host, parse

FILES = {
    "pyproject.toml": b"""
[tool.pdm.scripts]
start = "uvicorn a:a --workers 2"
shell = {shell = "cd src && python x.py"}
call = {call = "pkg.web:main()"}
all = {composite = ["start", "gunicorn -w 2 a:a"]}
[tool.hatch.envs.default.scripts]
serve = ["alembic upgrade head", "gunicorn -w 2 {args} a:a"]
[tool.hatch.envs.prod.scripts]
serve = "gunicorn -w 5 a:a"
[tool.poe.tasks]
web = {cmd = "gunicorn -w 2 a:a", cwd = "src"}
both = ["setup", "web2"]
web2 = "gunicorn -w 2 a:a"
loop = ["loop"]
[tool.taskipy.tasks]
web = "gunicorn -w 2 a:a"
[tool.rye.scripts]
web = ["gunicorn", "-w", "2", "a:a"]
""",
    "pixi.toml": b'[tasks]\nweb = {cmd = "gunicorn -w 2 a:a", depends-on = ["install"]}\n',
    "Pipfile": b'[scripts]\nweb = "gunicorn -w 2 a:a"\n',
    "package.json": b'{"scripts": {"start": "gunicorn -w 2 a:a", "front": "next start", "again": "npm run again"}}',
    "Makefile": b"""N ?= 2
APP := a:a
.PHONY: run
run: install
\t@echo "starts $(APP)"
\tgunicorn -w $(N) \\
\t  $(APP)
install: ; pip install .
web: run
again: again
sub:
\t$(MAKE) run N=3
shell:
\tcd src && exec gunicorn -w $${W:-2} a:a
""",
}


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("pdm run start", "|a:a 2 spawn"),
        ("pdm run shell", "src|x.py 1 single"),
        ("pdm run call", "|pkg.web:main 1 single"),
        ("pdm run all", "|a:a 2 fork"),
        ("pdm run gunicorn -w 9 a:a", "|a:a 9 fork"),
        ("hatch run serve --preload", "|a:a 2 preload"),
        ("hatch run prod:serve", "|a:a 5 fork"),
        ("hatch -e prod run serve", "|a:a 5 fork"),
        ("poetry run poe web", "src|a:a 2 fork"),
        ("poe both", "|a:a 2 fork"),
        ("poe loop", "- it is not known how loop starts"),
        ("task web", "|a:a 2 fork"),
        ("rye run web", "|a:a 2 fork"),
        ("pixi run web", "|a:a 2 fork"),
        ("pipenv run web", "|a:a 2 fork"),
        ("npm start", "|a:a 2 fork"),
        ("npm run front", "- it is not known how next starts"),
        ("npm run again", "- commands are nested more than 8 deep, or are more than 250"),
        ("make", "|a:a 2 fork"),
        ("make run", "|a:a 2 fork"),
        ("make web", "|a:a 2 fork"),
        ("make run N=4", "|a:a 4 fork"),
        ("N=5 make run", "|a:a 5 fork"),
        ("make sub", "|a:a 3 fork"),
        ("make shell", "src|a:a 2 fork"),
        ("make -f Makefile -j 4 run", "|a:a 2 fork"),
        ("make again", "- it is not known how make starts"),
        ("make nothing", "- it is not known how make starts"),
        ("make -C ../.. run", "- it is not known how make starts"),
    ],
)
def test_a_task_is_the_command_that_it_stands_for(command: str, answer: str) -> None:
    one = parse(command, Host({}, FILES.get))
    text = f"{one.entrypoint.folder}|{one.entrypoint.text}" if one.entrypoint is not None else "-"
    assert (f"{text} {one.reason}" if one.workers is None else f"{text} {one.workers} {one.start}") == answer


@pytest.mark.parametrize(
    ("command", "under"),
    [
        ("pdm run start", ("pdm run",)),
        ("pdm run gunicorn -w 9 a:a", ("pdm run",)),
        ("hatch run serve", ("hatch run",)),
        ("make run", ()),
        ("uv run pdm run all", ("uv run", "pdm run")),
    ],
)
def test_the_program_of_a_task_stays_around_it(command: str, under: tuple[str, ...]) -> None:
    assert parse(command, Host({}, FILES.get)).under == under


def test_what_stays_is_around_each_start_of_which_one_runs() -> None:
    script = b"if x; then\npython a.py\nelse\npython b.py\nfi\n"
    found = parse("uv run ./start.sh", Host({}, {"start.sh": script}.get))
    assert [one.under for one in (found, *found.ways)] == [("uv run",)] * 3


def test_a_program_of_another_language_stays_one() -> None:
    assert parse("npm run front", Host({}, FILES.get)).program == "npm"
    assert parse("npm start", Host({}, FILES.get)).program == "gunicorn"


class Makefile:
    """Writes a random makefile of a few variables and rules."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable, and no secret

    def text(self) -> str:
        """Return a makefile whose targets are `t0`, `t1` and `t2`."""
        pick = self._random
        lines = [
            f"{name} {pick.choice(['=', ':=', '?='])} {pick.choice(['1', 'x.py', 'a:a # why', '$(A) z', ''])}"
            for name in pick.sample("AABCD", 3)
        ]
        for number in range(3):
            needs = pick.choice(["", "", f"t{number - 1}"]) if number else ""
            words = ["$(A)", "${B}", "$(C) \\\n\t  end", "$$X", "m.py"]
            recipe = [f"\t{pick.choice(['', '@', '-'])}python {pick.choice(words)}" for _ in range(pick.choice([0, 1, 2]))]
            lines += [f".PHONY: t{number}", f"t{number}: {needs}", *recipe, ""]
        return "\n".join(lines) + "\n"


@pytest.mark.skipif(shutil.which("make") is None or sys.platform == "win32", reason="there is no make")
def test_recipes_are_what_make_prints(tmp_path: Path) -> None:
    make = shutil.which("make")
    assert make is not None
    compared = 0
    for seed in range(30):
        text = Makefile(seed).text()
        (tmp_path / "Makefile").write_text(text)
        arguments = ["t2", *random.Random(seed).choice([[], ["A=9"], ["B=q"]])]  # noqa: S311 - repeatable
        printed = subprocess.run(
            [make, "-n", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False, env={}
        ).stdout
        if "Nothing to be done" in printed or not printed:
            continue
        task = task_runners.find(["make", *arguments], Host({}, {"Makefile": text.encode()}.get))
        theirs = [" ".join(line.split()) for line in printed.replace("\\\n", " ").splitlines()]
        ours = [" ".join(line.split()) for line in (task.command if task is not None else "").splitlines()]
        assert ours == theirs[len(theirs) - len(ours) :], text
        assert ours
        compared += 1
    assert compared > 10


@pytest.mark.parametrize(
    "text",
    [
        "A = $(A)$(A)\nrun:\n\tpython $(A)\n",
        "A = $(B)$(B)\nB = $(C)$(C)\nC = $(D)$(D)\nD = xxxxxxxx\nrun:\n\tpython $(A)\n",
        "".join(f"t{number}: t{number + 1}\n" for number in range(3000)) + "run: t0\n",
        "run: " + "x " * 20_000 + "\n",
    ],
)
def test_a_hostile_makefile_ends(text: str) -> None:
    with at_most(200_000):
        parse("make run", Host({}, {"Makefile": text.encode()}.get))
