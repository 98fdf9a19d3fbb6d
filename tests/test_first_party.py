"""What first-party code builds as it loads is counted, over files, and priced."""

from __future__ import annotations

from pathlib import Path

import pytest

from memguard_hooks.app.first_party import COLUMN, FIELD, MAPPED, MODEL, ROUTE
from memguard_hooks.app.service_estimate import assess
from memguard_hooks.finding import Part, ServiceReport, summary
from memguard_hooks.imports.built_at_load import read_built
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.rules.budget.verdict import judge
from memguard_hooks.tree import WorkTree

SCHEMAS = '''
from pydantic import BaseModel

class Plain:
    limit: int = 3

class UserBase(BaseModel):
    """Fields: those of all."""
    name: str
    email: str | None = None

    def shown(self) -> str:
        other: int = 3
        return self.name
'''

MAIN = """
from fastapi import APIRouter, FastAPI
from sqlalchemy import Column, Integer
from sqlalchemy.orm import DeclarativeBase
from schemas import UserBase

class Base(DeclarativeBase):
    pass

class User(Base):
    id = Column(Integer, primary_key=True)
    age = Column(Integer)

class UserOut(UserBase):
    id: int

app = FastAPI()

@app.get("/")
async def root() -> UserOut: ...

@app.post(
    "/users"
)
def add(): ...
"""


def reports(folder: Path, requirements: str, main: str = MAIN, start: str = "uvicorn main:app") -> list[ServiceReport]:
    (folder / "main.py").write_text(main)
    (folder / "schemas.py").write_text(SCHEMAS)
    (folder / "Procfile").write_text(f"web: {start}\n")
    (folder / "requirements.txt").write_text(requirements)
    tree = WorkTree(str(folder))
    project = Project(tree, load(tree)[0])
    found = [judge(project, one) for one in assess(project, None)]
    project.close()
    tree.close()
    return found


def first_party(report: ServiceReport) -> Part:
    return next(part for part in report.parts if part.package == "(first-party)" and part.moment == "start")


@pytest.mark.parametrize(("version", "copies"), [("0.115.6", 2), ("0.165.0", 1)])
def test_routes_models_and_mapped_classes_are_priced(tmp_path: Path, version: str, copies: int) -> None:
    [report] = reports(tmp_path, f"fastapi=={version}\nsqlalchemy==2.0.46\n")
    part = first_party(report)
    assert "2 routes, 2 models, 2 mapped classes" in part.provenance
    source = len(MAIN) + len(SCHEMAS)
    built = 2 * copies * ROUTE + 2 * MODEL + 3 * FIELD + 2 * MAPPED + 2 * COLUMN
    assert part.resident == 7 * source + built


def test_a_file_without_classes_or_routes_builds_nothing() -> None:
    assert read_built(b"import os\n\n@app.get('/')\ndef root(): ...\n") == read_built(b"x = 1\n")


def test_what_is_long_is_read_in_linear_time() -> None:
    read_built(b"class A(" + b"B, " * 100_000 + b"):\n" + b"    a: int\n" * 100_000 + b'"""' * 50_001)


def test_fields_of_django_count() -> None:
    [one] = read_built(b"class Post(models.Model):\n    title = models.CharField(max_length=50)\n").classes
    assert (one.bases, one.assigned) == (("Model",), 1)


def test_a_line_of_much_that_nobody_measured_says_at_least(tmp_path: Path) -> None:
    unknown = [f"unheardof{number}" for number in range(7)]
    main = "".join(f"import {name}\n" for name in unknown) + "app = 1\n"
    [report] = reports(tmp_path, "".join(f"{name}==1.0\n" for name in unknown), main)
    assert report.unmeasured == 7
    assert summary(report).startswith("web: at least ")
    assert " MiB (7 packages not measured)" in summary(report)


def test_a_line_of_little_that_nobody_measured_does_not(tmp_path: Path) -> None:
    [report] = reports(tmp_path, "fastapi==0.165.0\nunheardof==1.0\n", "import fastapi, unheardof\napp = 1\n")
    assert report.unmeasured == 0
    assert "at least" not in summary(report)


@pytest.mark.parametrize(
    ("pydantic", "text", "more"),
    [
        ("2.14.3", "from pydantic import BaseModel\n", 9.3),
        ("2.9.2", "from pydantic import BaseModel\n", 12),
        ("2.14.3", "import pydantic\n", 0),
        ("1.10.24", "from pydantic import BaseModel\n", 0),
        ("2.14.3", "import fastapi\nfrom pydantic import BaseModel\n", 0),
    ],
    ids=["the first", "with pydantic 2.9", "none", "of pydantic 1", "FastAPI has built some"],
)
def test_the_first_model_loads_what_pydantic_loads_late(tmp_path: Path, pydantic: str, text: str, more: float) -> None:
    def taken(text: str) -> float:
        [report] = reports(tmp_path, f"pydantic=={pydantic}\nfastapi\n", text)
        return sum(part.resident for part in report.parts if part.moment == "start") / 2**20

    assert taken(text) - taken(text.partition("from")[0] or "import pydantic\n") == pytest.approx(more, abs=0.6)


@pytest.mark.parametrize(
    ("pin", "least", "most"),
    [
        ("crewai-tools==0.0.1", 8, 25),
        ("crewai-tools==1.15.30", 200, 240),
        ("dspy==0.1.4", 40, 90),
        ("dspy==3.0.4", 190, 260),
    ],
)
def test_a_first_release_that_requires_nothing_loads_nothing_of_others(
    tmp_path: Path, pin: str, least: int, most: int
) -> None:
    name = pin.partition("=")[0].replace("-", "_")
    [report] = reports(tmp_path, f"{pin}\n", f"import {name}\n", start="python main.py")
    assert least < sum(part.resident for part in report.parts if part.moment == "start") / 2**20 < most
