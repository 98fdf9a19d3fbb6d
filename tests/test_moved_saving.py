"""An import is no error, and no step, where to change it lowers no figure: what else loads the same is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from folders import commit, git, write

from memguard_hooks import __main__ as memguard
from memguard_hooks.app import service_estimate
from memguard_hooks.app.entry_points import ServiceEntry
from memguard_hooks.app.heavy_imports import eager_imports, find_entries
from memguard_hooks.hooks.no_eager_heavy_imports import main
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import Settings
from memguard_hooks.tree import WorkTree

PICKLED = "(csklearn.ensemble._forest\nRandomForestClassifier\n."
"""What a pickle of the first protocol holds of a class."""

START = {"Procfile": "web: python main.py\n", "requirements.txt": "scikit-learn==1.6.1\npandas==2.2.3\nseaborn==0.13.2\n"}

USE = "\n\n\ndef use():\n    return pandas\n"

UNUSED = "import pickle\n\nfrom sklearn.ensemble import RandomForestClassifier\n\n"

CASES = [
    pytest.param(
        {"main.py": f"{UNUSED}MODEL = pickle.load(open('model.pkl', 'rb'))\n", "model.pkl": PICKLED},
        "main.py:3:1: MG203 sklearn.ensemble",
        "deleting it saves nothing by itself: main.py:5 loads sklearn.ensemble._forest all the same",
        id="a pickle loads what nothing else here uses",
    ),
    pytest.param(
        {"main.py": f"import pandas\nimport seaborn\n\nseaborn.set_theme(){USE}"},
        "main.py:1:1: MG201 pandas",
        "moving it saves 1.5 MiB by itself: main.py:2 loads seaborn all the same",
        id="what stays brings it",
    ),
    pytest.param(
        {"main.py": "import pandas\nimport seaborn\n\nseaborn.set_theme()\n"},
        "main.py:1:1: MG203 pandas",
        "deleting it saves 1.5 MiB by itself: main.py:2 loads seaborn all the same",
        id="what stays brings what is not used",
    ),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, START)
    return tmp_path


@pytest.mark.parametrize(("files", "finding", "fix"), CASES)
def test_what_saves_nothing_is_a_warning_that_names_who_loads_it(
    project: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], finding: str, fix: str
) -> None:
    write(project, files)
    main([])
    out = capsys.readouterr().out
    block = out[out.index(finding) :]
    assert block.partition("\n")[0].endswith(" (warning)")
    assert f"fix: {fix}\n" in block
    memguard.main(["check"])
    steps = [line for line in capsys.readouterr().err.splitlines() if line.startswith("  ")]
    assert not any(finding.partition(" ")[0].removesuffix(":1:") in step for step in steps)


def test_what_saves_something_together_with_what_brings_it_stays_an_error(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, {"main.py": "import pandas\nimport seaborn\n\n\ndef use():\n    return pandas, seaborn\n"})
    assert main([]) == 1
    out = capsys.readouterr().out
    assert "MG201 pandas" in out
    assert "warning" not in out


def test_what_a_handler_loads_by_another_way_is_only_later(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = "@app.get('/')\ndef home():\n    import seaborn\n    return str(seaborn)\n"
    write(project, {"Procfile": "web: flask --app main run\n"})
    write(project, {"requirements.txt": "flask==3.0.3\npandas==2.2.3\nseaborn==0.13.2\n"})
    write(project, {"main.py": f"import flask\nimport pandas\n\napp = flask.Flask(__name__)\n\n\n{late}{USE}"})
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "MG201 pandas" in out
    assert "from start to first use, in web" in out


def test_what_a_pickle_loads_later_is_only_later(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The repository lacks the pickle, and no manifest declares what its name speaks for; the project imports that."""
    (project / "requirements.txt").unlink(missing_ok=True)
    late = "@app.post('/')\ndef home():\n    return pickle.load(open('churn_model.pkl', 'rb')).predict([[1]])\n"
    image = "FROM python:3.11\nRUN pip install flask scikit-learn\nCOPY . .\nCMD flask --app main run\n"
    write(
        project,
        {"Dockerfile": image, "main.py": f"import pickle\nimport flask\n{UNUSED}\napp = flask.Flask(__name__)\n\n{late}"},
    )
    assert main([]) == 0
    assert "at start and 0.0 serving (warning)" in capsys.readouterr().out


def test_what_is_alone_in_loading_a_library_is_an_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"main.py": f"import pickle\n\nimport pandas\n\nimport late\n{USE}", "late.py": UNUSED})
    assert main([]) == 1
    out = capsys.readouterr().out
    assert "late.py:3:1: MG203 sklearn.ensemble" in out
    assert "delete the import" in out


def test_a_saving_that_is_not_the_price_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"main.py": f"import pandas\nimport seaborn\n\nprint(seaborn){USE}"})
    write(project, {"main.py": "import pandas\nimport seaborn\n\nprint(pandas)\n\n\ndef use():\n    return seaborn\n"})
    assert main([]) == 1
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if "MG201 seaborn" in line)
    assert ", of which the fix saves " in line


def test_a_fix_that_saves_more_than_the_price_is_no_part_of_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SpaCy loads torch where it is installed; a command of the bot loads that later, anyhow."""
    cog = "import spacy\nfrom discord.ext import commands\nclass Music(commands.Cog):\n"
    cog += "    @commands.command()\n    async def play(self, ctx):\n        import torch\n"
    cog += "async def setup(bot):\n    await bot.add_cog(Music(bot))\n"
    bot = "from discord.ext import commands\nbot = commands.Bot('!')\nbot.load_extension('music')\nbot.run('x')\n"
    write(project, {"Procfile": "bot: python bot.py\n", "bot.py": bot, "music.py": cog})
    write(project, {"requirements.txt": "discord.py\nspacy\ntorch\n"})
    assert main([]) == 1
    line = next(line for line in capsys.readouterr().out.splitlines() if "MG203 spacy" in line)
    assert ", of which" not in line
    price, saved = re.search(r": (\d+) MiB with .*; the fix saves (\d+) MiB at start", line).groups()  # type: ignore[union-attr]
    assert int(saved) > int(price)


def test_imports_that_one_other_holds_are_one_finding(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"main.py": f"import pandas\nimport a, b\nimport seaborn\n\nseaborn.set_theme(){USE}"})
    write(
        project,
        {"a.py": f"import pandas\n\nfrom pandas.tseries import offsets{USE[:-1]}, offsets\n", "b.py": f"import pandas{USE}"},
    )
    main([])
    (told,) = (line for line in capsys.readouterr().out.splitlines() if "MG201 pandas" in line)
    assert told.startswith("a.py:1:1: MG201 pandas is loaded at start, imported here, in line 3 and in 2 other files, at ")


def test_imports_of_one_library_in_one_file_are_one_finding_and_one_step(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imports = "import pandas\nfrom pandas.tseries import offsets\n\n\ndef day():\n    return pandas, offsets\n\n\n"
    write(project, {"main.py": f"{imports}print(day())\n", "other.py": f"{imports}print(day())\n"})
    write(project, {"Procfile": "web: python main.py\nworker: python other.py\n"})
    assert memguard.main(["check", "--select", "MG201"]) == 1
    out, err = capsys.readouterr()
    told = [line.partition(" MG201 ")[::2] for line in out.splitlines() if "MG201" in line]
    assert [place for place, _ in told] == ["main.py:1:1:", "other.py:1:1:"]
    assert {said.partition(": ")[0] for _, said in told} == {
        "pandas is loaded at start, imported here and in line 2, at module level"
    }
    assert "  1. main.py:1, main.py:2, other.py:1, other.py:2: move the import " in err


def test_an_import_that_is_new_beside_an_old_one_was_not_there_before(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are one finding, whose place is that of the old one."""
    write(project, {"main.py": "import old, other\n", "old.py": f"import pandas{USE}", "other.py": ""})
    git(project, "init", "-q")
    commit(project)
    memguard.main(["check"])
    assert "all of it was there before this commit" in capsys.readouterr().err
    write(project, {"other.py": f"import pandas{USE}"})
    memguard.main(["check"])
    told = capsys.readouterr()
    assert "imported here and in other.py:1, at module level" in told.out
    assert "before this commit" not in told.err


def test_imports_of_one_library_in_many_files_are_one_finding(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [f"page{number}.py" for number in range(8)]
    write(project, {"main.py": "import page0, page1, page2, page3, page4, page5, page6, page7\n"})
    write(project, dict.fromkeys(files, f"import pandas{USE}"))
    main([])
    (told,) = (line for line in capsys.readouterr().out.splitlines() if "MG201 pandas" in line)
    others = ", ".join(f"{one}:1" for one in files[1:6])
    assert told.startswith(
        f"page0.py:1:1: MG201 pandas is loaded at start, imported here and in {others} and 2 more files, at module level: "
    )


def test_what_the_budget_has_estimated_is_not_estimated_again_for_what_moves(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, {"main.py": f"import pandas\nimport seaborn\n\nseaborn.set_theme(){USE}"})
    made: list[str] = []
    estimate = service_estimate._estimate_one

    def counted(of: Project, entry: ServiceEntry, *rest: Any) -> object:
        made.append(entry.path)
        return estimate(of, entry, *rest)

    monkeypatch.setattr(service_estimate, "_estimate_one", counted)
    assert memguard.main(["check"]) == 1
    assert "saves 1.5 MiB by itself" in capsys.readouterr().out
    assert made == ["main.py"]


def test_no_unknown_package_is_taken_to_bring_what_moves(project: Path) -> None:
    """Of what nothing imports an unknown package may bring some; what an import brings that moves is none of that."""
    every = (
        "mysqlclient==2.2.4\nnumpy==2.2.4\npandas==2.2.3\npython-dateutil==2.9.0\npytz==2025.2\nsix==1.17\ntzdata==2025.2\n"
    )
    write(project, {"main.py": f"import MySQLdb\nimport pandas\n\nMySQLdb.paramstyle\n{USE}", "requirements.txt": every})
    whole = Project(WorkTree(str(project)), Settings())
    now = service_estimate.estimate_entry(whole, find_entries(whole)[0])
    gone = {site for one in eager_imports(whole, [now.entry]) for by in one.services for site in by.sites}
    after = service_estimate.estimate_without(whole, now, gone)
    assert gone
    assert [root.brings for root in after.roots if root.name == "MySQLdb"] == [()]


LOCK = """\
version = 1
[[package]]
name = "app"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "pandas" }, { name = "tide-tables" }]
[[package]]
name = "pandas"
version = "2.2.3"
source = { registry = "https://index.example/simple" }
[[package]]
name = "tide-tables"
version = "1.0"
source = { registry = "https://index.example/simple" }
dependencies = [{ name = "pandas" }]
"""
"""A package that nobody measured requires pandas."""

BESIDE_UNKNOWN = [
    pytest.param("tide_tables", {"uv.lock": LOCK, "pyproject.toml": "[project]\nname = 'app'\n"}, id="a lock says it"),
    pytest.param("pandas_tides", {"requirements.txt": "pandas\npandas-tides\n"}, id="its name says it"),
]


def test_what_a_module_is_named_after_it_may_load_all_the_same(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An app was promised 97 MiB, and 44 came: `pydantic_ai.models.google` loads what the app itself moved."""
    write(project, {"requirements.txt": "pydantic-ai==0.2.14\ngoogle-genai==1.19.0\n"})
    model = "from pydantic_ai.models.google import GoogleModel\n"
    write(project, {"main.py": f"from google import genai\n{model}\nprint(GoogleModel){USE.replace('pandas', 'genai')}"})
    assert main([]) == 0
    said = "pydantic_ai.models.google, which nobody measured, may load google.genai all the same: `memguard measure` tells"
    assert said in capsys.readouterr().out
    main(["--fix", "--to-start"])
    assert (project / "main.py").read_text().startswith("from google import genai\n")


@pytest.mark.parametrize(("package", "files"), BESIDE_UNKNOWN)
def test_what_an_unknown_package_may_load_all_the_same_is_promised_with_that(
    project: Path, capsys: pytest.CaptureFixture[str], package: str, files: dict[str, str]
) -> None:
    """A gateway was told that a move saves 27 MiB, and it saved 1.7: pyiem, which was not measured, loads pandas itself."""
    (project / "requirements.txt").unlink()
    write(project, {**files, "main.py": f"import {package}\nimport pandas\n\nprint({package}){USE}"})
    assert main([]) == 0
    out = capsys.readouterr().out
    assert f"MiB: {package}, which nobody measured, may load pandas all the same: `memguard measure` tells" in out
    assert re.search(r"moving it saves up to [56]\d MiB: ", out)
    main(["--fix", "--to-start"])
    assert (project / "main.py").read_text().count("\nimport pandas\n") == 1
    said = f"saves 0.0 MiB for sure: {package}, which nobody measured, may load it all the same"
    assert said in capsys.readouterr().err


def test_what_a_package_requires_besides_leaves_no_doubt(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is saved for sure is told: here the rest of scikit-learn, where the unknown package requires numpy alone."""
    (project / "requirements.txt").unlink()
    lock = LOCK.replace('{ name = "pandas" }]', '{ name = "numpy" }]').replace("pandas", "numpy", 1)
    write(project, {"uv.lock": lock, "pyproject.toml": "[project]\nname = 'app'\n"})
    use = USE.replace("pandas", "sklearn")
    write(project, {"main.py": f"import tide_tables\nimport sklearn.ensemble\n\nprint(tide_tables){use}"})
    assert main([]) == 1
    assert "nobody measured" not in capsys.readouterr().out


def test_the_budget_does_not_advise_to_import_later_what_an_unknown_package_may_load(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "requirements.txt").unlink()
    settings = "[project]\nname = 'app'\n[tool.memguard]\nlimit = '40MB'\n"
    write(project, {"uv.lock": LOCK, "pyproject.toml": settings})
    for package, is_advised in (("tide_tables", False), ("json", True)):
        write(project, {"main.py": f"import {package}\nimport pandas\n\nprint({package}){USE}"})
        memguard.main(["check"])
        assert ("import pandas inside the function" in capsys.readouterr().out) == is_advised


def test_what_a_computed_name_may_load_all_the_same_is_promised_with_that(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An engine was promised 82 MiB, and nothing was saved: it loads each of its plugins, by names that it lists."""
    listed = "import importlib\nimport pkgutil\n\n"
    listed += "for _, name, _ in pkgutil.walk_packages(['app/plugins'], prefix='app.plugins.'):\n"
    listed += "    importlib.import_module(name)"
    plugin = "import pandas\n\n\ndef run():\n    return pandas.DataFrame()\n"
    write(
        project,
        {
            "Procfile": "web: python app/main.py\n",
            "app/main.py": f"import pandas\n\n{listed}{USE}",
        },
    )
    assert main([]) == 1
    write(project, {"app/plugins/table.py": plugin})
    assert main([]) == 0
    said = "app/main.py:7, which imports by a computed name, may load app/plugins/table.py, which loads"
    assert f" MiB: {said} pandas all the same: `memguard measure` tells" in capsys.readouterr().out
    main(["--fix", "--to-start"])
    assert f"for sure: {said} it all the same" in capsys.readouterr().err
    assert (project / "app/main.py").read_text().startswith("import pandas\n")


def test_what_is_doubted_is_told_with_what_it_saves_at_start(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where handlers load the library anyway, and by another module a little more of it."""
    listed = "import importlib\nimport sys\n\nimportlib.import_module(sys.argv[1])\n\napp = flask.Flask(__name__)\n"
    handler = "\n\n@app.get('/')\ndef get():\n    from sklearn.feature_selection import RFE\n\n"
    handler += "    return str((RFE, MinMaxScaler))\n"
    write(project, {"main.py": f"import flask\nfrom sklearn.preprocessing import MinMaxScaler\n\n{listed}{handler}"})
    write(
        project, {"Procfile": "web: flask --app main run\n", "other.py": f"import sklearn{USE.replace('pandas', 'sklearn')}"}
    )
    write(project, {"requirements.txt": "flask==3.0.3\nscikit-learn==1.8.0\n"})
    main([])
    assert re.search(
        r"moving it saves up to [789]\d MiB: main.py:7, which imports by a computed name", capsys.readouterr().out
    )
