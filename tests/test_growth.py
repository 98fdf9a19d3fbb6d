"""Ten times as much of what a stranger may repeat takes ten times the work: calls of functions are counted, not seconds."""

from __future__ import annotations

import cProfile
import pstats
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from memguard_hooks.commands import check
from memguard_hooks.imports.choices import MAX_STEPS
from memguard_hooks.rules.budget.ways_out import MAX_SITES

pytestmark = pytest.mark.no_cover  # what is counted takes longer where it is traced

PROGRAM = {"Procfile": "web: gunicorn main:app\n", "main.py": "import litellm\n"}

Files = Callable[[int], dict[str, str]]


def findings_in_one_folder(number: int) -> dict[str, str]:
    return {f"m{one}.py": "import pandas\n" for one in range(number)}


def findings_in_many_folders(number: int) -> dict[str, str]:
    return {f"f{one}/m.py": "import pandas\n" for one in range(number)}


def reached_findings(number: int) -> dict[str, str]:
    modules = {f"m{one}.py": "import pandas\n" for one in range(number)}
    return {**PROGRAM, **modules, "main.py": "".join(f"import m{one}\n" for one in range(number))}


def packages_that_nobody_measured(number: int) -> dict[str, str]:
    imports = "".join(f"import nobody{one}\nimport os.p{one}\n" for one in range(number))
    pins = "pandas==2.2.3\nboto3==1.40.22\n"
    return {**PROGRAM, "main.py": imports, "requirements.txt": pins, "memguard.toml": 'platform = "local"\n'}


def one_package_again(number: int) -> dict[str, str]:
    return {**PROGRAM, "requirements.txt": "".join(f"litellm>={one}\n" for one in range(number))}


def heavy_and_imported_nowhere(number: int) -> dict[str, str]:
    declared = [f"flask\npandas>={one}\nname{one}\n" for one in range(number)]
    return {"main.py": "import flask\n", "requirements.txt": "".join(declared)}


def files_of_heavy_packages(number: int) -> dict[str, str]:
    sources = {f"m{one}.py": f"import name{one}\n" for one in range(number)}
    return {**sources, "requirements.txt": "".join(f"name{one}\n" for one in range(number)) + "pandas\n"}


def allowed_imports(number: int) -> dict[str, str]:
    imports = "".join(f"import pandas  # memguard: allow[MG201] reason {one}\n" for one in range(number))
    return {"Procfile": "web: gunicorn main:app\n", "main.py": imports}


def allowances_above_a_line(number: int) -> dict[str, str]:
    comments = "# memguard: allow[MG410] reason\n" * number
    return {**PROGRAM, "Procfile": f"{comments}web: gunicorn main:app\n"}


def apps_in_folders(number: int) -> dict[str, str]:
    app = {"main.py": "import litellm\n", "Procfile": "web: gunicorn main:app\nworker: python main.py\n"}
    return {f"app{one}/{name}": text for one in range(number) for name, text in app.items()}


LOADS = "import argparse\nfrom transformers import AutoModel\n"


def services_of_many_commands(number: int) -> dict[str, str]:
    """Each starts twenty files of its own, all in one folder."""
    services = [[f"a{one}_{other}.py" for other in range(20)] for one in range(number)]
    scripts = {f"r{at}.sh": "".join(f"python {name} &\n" for name in names) + "wait\n" for at, names in enumerate(services)}
    started = "".join(f"w{one}: sh r{one}.sh\n" for one in range(number))
    return {"Procfile": started, **scripts, **{name: "import os\n" for names in services for name in names}}


def options_that_name_models(number: int) -> dict[str, str]:
    options = "".join(f"parser.add_argument('--m{one}', default='a{one}')\n" for one in range(number))
    loads = "".join(f"AutoModel.from_pretrained(args.m{one})\n" for one in range(number))
    return {**PROGRAM, "main.py": f"{LOADS}parser = argparse.ArgumentParser()\n{options}args = parser.parse_args()\n{loads}"}


def functions_that_load_models(number: int) -> dict[str, str]:
    functions = "".join(f"def f{one}(name):\n    AutoModel.from_pretrained(name)\n" for one in range(number))
    return {**PROGRAM, "main.py": LOADS + functions + "".join(f"f{one}('a')\n" for one in range(number))}


def names_of_other_modules(number: int) -> dict[str, str]:
    stars = "from m import *\nfrom n import *\n" * 10
    names = "".join(f"x{one}()\nAutoModel.from_pretrained(x{one})\n" for one in range(number))
    return {**PROGRAM, "main.py": LOADS + stars + names, "m.py": "a = 1\n"}


def modules_in_layers(number: int) -> dict[str, str]:
    layers = {f"m{one}.py": f"from m{one + 1} import *\nfrom n{one + 1} import *\n" for one in range(number)}
    beside = {f"n{one}.py": f"from m{one + 1} import *\nfrom n{one + 1} import *\n" for one in range(number)}
    return {**PROGRAM, "main.py": f"{LOADS}from m0 import *\nx()\nAutoModel.from_pretrained(x)\n", **layers, **beside}


def choices_of_a_variable(number: int) -> dict[str, str]:
    choices = "".join(f"if MODE == 'a{one}':\n    import json\n" for one in range(number))
    return {**PROGRAM, "main.py": f"import os, litellm\nMODE = os.getenv('MODE')\n{choices}"}


def models_under_names(number: int) -> dict[str, str]:
    """The names are looked for in all files."""
    imports = "".join(f"import m{one}\n" for one in range(number))
    models = "".join(f"n{one} = AutoModel.from_pretrained('a')\n" for one in range(number))
    beside = {f"m{one}.py": "x = 1\n" for one in range(number)}
    return {**PROGRAM, **beside, "main.py": f"from transformers import AutoModel\n{imports}{models}"}


def choices_in_a_function(number: int) -> dict[str, str]:
    choices = "".join(f"    if mode == 'a{one}':\n        import json\n" for one in range(number))
    return {**PROGRAM, "main.py": f"import os, litellm\ndef f():\n    mode = os.getenv('MODE')\n{choices}f()\n"}


def choices_in_a_class(number: int) -> dict[str, str]:
    choices = "".join(f"    if MODE == 'a{one}':\n        import json\n" for one in range(number))
    return {**PROGRAM, "main.py": f"import os, litellm\nclass Modes:\n    MODE = os.getenv('MODE')\n{choices}"}


def classes_in_a_chain(number: int) -> dict[str, str]:
    classes = "".join(
        f"class C{one + 1}(C{one}): pass\nclass D{one + 1}(C{one}, C{one + 1}): pass\n" for one in range(number)
    )
    proven = "import importlib, litellm\nimportlib.import_module(x)\n"
    return {**PROGRAM, "main.py": f"{proven}class C0: pass\n{classes}C{number}().m()\n"}


def calls_with_names_of_their_own(number: int) -> dict[str, str]:
    body = "".join(f"    g({one})\n" for one in range(number))
    proven = "import importlib, litellm\ndef g(x):\n    importlib.import_module(x)\n"
    named = "".join(f"f(a{one}=1)\n" for one in range(number))
    return {**PROGRAM, "main.py": f"{proven}def f(**given):\n{body}{named}"}


def calls_that_the_catalog_knows(number: int) -> dict[str, str]:
    functions = "".join(f"def f{one}():\n    return pandas.read_excel('a')\nf{one}()\n" for one in range(number))
    return {**PROGRAM, "main.py": f"import pandas, litellm\n{functions}"}


def imports_that_functions_use(number: int) -> dict[str, str]:
    imports = "".join(f"import litellm as l{one}\n" for one in range(number))
    functions = "".join(f"def f{one}():\n    return l{one}.x\n" for one in range(number))
    return {**PROGRAM, "main.py": imports + functions}


def names_that_a_block_tells(number: int) -> dict[str, str]:
    """An `except` tells what is missing by names of the module, in a file whose functions would have the import."""
    names = "".join(f"a{one} = {one}\n" for one in range(number))
    told = ", ".join(f"a{one}" for one in range(number))
    block = f"try:\n    import pandas\nexcept ImportError:\n    pandas = None\n    print({told})\n"
    return {**PROGRAM, "main.py": f"{names}{block}def use():\n    return pandas.DataFrame()\n"}


def _conditions(above: str, number: int, test: Callable[[int], str]) -> dict[str, str]:
    """Return a program that imports under conditions, below some lines."""
    asked = "".join(f"if {test(one)}:\n    import litellm\n" for one in range(number))
    return {**PROGRAM, "main.py": f"import enum, environ, os\n{above}{asked}"}


def _statements(number: int) -> str:
    return "".join(f"    x{one} = {one}\n" for one in range(number))


def calls_of_a_function_while_loading(number: int) -> dict[str, str]:
    return {**PROGRAM, "main.py": f"import litellm\ndef f():\n{_statements(number)}" + "f()\n" * number}


def calls_of_a_function_in_conditions(number: int) -> dict[str, str]:
    function = f"def f():\n{_statements(number)}    return os.getenv('A')\n"
    return _conditions(function, number, lambda one: f"f() == 'a{one}'")


def attributes_of_what_a_function_makes(number: int) -> dict[str, str]:
    function = f"def make():\n{_statements(2 * number)}    return Settings()\nmade = make()\n"
    return _conditions(function, number, lambda one: f"made.name == 'a{one}'")


def members_of_an_enumeration(number: int) -> dict[str, str]:
    members = "".join(f"    a{one} = 'x{one}'\n" for one in range(4 * number))
    return _conditions(f"class A(enum.Enum):\n{members}", number, lambda one: f"A.a{one} == os.getenv('X')")


def keys_of_a_mapping(number: int) -> dict[str, str]:
    keys = ", ".join(f"'a{one}': 'b'" for one in range(4 * number))
    return _conditions(f"D = {{{keys}}}\n", number, lambda one: f"D['a{one}'] == 'x'")


def all_names_of_a_module_again(number: int) -> dict[str, str]:
    names = "".join(f"n{one} = {one}\n" for one in range(5 * number))
    files = _conditions("from big import *\n" * number, 5, lambda one: f"n{one} == 'x'")
    return {**files, "big.py": names}


def names_of_one_long_list(number: int) -> dict[str, str]:
    names = "".join(f"n{one} = L or {one}\n" for one in range(number))
    return {**PROGRAM, "main.py": f"import litellm\nL = [{'1, ' * 10 * number}]\n{names}"}


def files_in_a_deep_folder(number: int) -> dict[str, str]:
    return {**PROGRAM, **{f"{'d/' * one}m.py": "" for one in range(number)}}


def called(root: Path, files: dict[str, str]) -> pstats.Stats:
    """Return what a check of a project calls."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    root.mkdir(exist_ok=True)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    profile = cProfile.Profile()
    profile.enable()
    try:
        check.main([str(root)])
    finally:
        profile.disable()
    return pstats.Stats(profile)


def calls(root: Path, files: dict[str, str]) -> int:
    """Return how many functions a check of a project calls."""
    return int(vars(called(root, files))["total_calls"])


@pytest.mark.parametrize(
    ("files", "number", "times"),
    [
        pytest.param(findings_in_one_folder, 30, 10, id="findings in one folder"),
        pytest.param(findings_in_many_folders, 30, 10, id="findings in a folder each"),
        pytest.param(reached_findings, 30, 10, id="findings that an entry point reaches"),
        pytest.param(packages_that_nobody_measured, 50, 10, id="unknown packages and imports"),
        pytest.param(one_package_again, 200, 5, id="one package again"),
        pytest.param(heavy_and_imported_nowhere, 100, 5, id="a heavy package that is imported nowhere"),
        pytest.param(allowed_imports, 100, 10, id="imports that comments allow"),
        pytest.param(allowances_above_a_line, 200, 10, id="allowances above one line"),
        pytest.param(apps_in_folders, 20, 5, id="apps in folders"),
        pytest.param(services_of_many_commands, 3, 5, id="services of many commands"),
        pytest.param(files_of_heavy_packages, 50, 10, id="files and packages"),
        pytest.param(options_that_name_models, 30, 10, id="options that name models"),
        pytest.param(functions_that_load_models, 30, 10, id="functions that load models"),
        pytest.param(names_of_other_modules, 20, 10, id="names of other modules"),
        pytest.param(modules_in_layers, 2, 10, id="modules in layers"),
        pytest.param(choices_of_a_variable, 30, 10, id="choices of a variable"),
        pytest.param(models_under_names, 60, 10, id="models under names"),
        pytest.param(choices_in_a_function, 30, 10, id="choices in a function"),
        pytest.param(imports_that_functions_use, 20, 10, id="imports that functions use"),
        pytest.param(calls_with_names_of_their_own, 60, 5, id="calls with names of their own"),
        pytest.param(calls_that_the_catalog_knows, 20, 10, id="calls that the catalog knows"),
        pytest.param(calls_of_a_function_while_loading, 100, 10, id="calls of a function while loading"),
        pytest.param(calls_of_a_function_in_conditions, 50, 10, id="calls of a function in conditions"),
        pytest.param(attributes_of_what_a_function_makes, 50, 10, id="attributes of what a function makes"),
        pytest.param(members_of_an_enumeration, 50, 10, id="members of an enumeration"),
        pytest.param(keys_of_a_mapping, 80, 10, id="keys of a mapping"),
        pytest.param(all_names_of_a_module_again, 80, 10, id="all names of a module again"),
        pytest.param(names_of_one_long_list, 50, 10, id="names of one long list"),
        pytest.param(names_that_a_block_tells, 50, 10, id="names that a block tells"),
        pytest.param(files_in_a_deep_folder, 20, 10, id="files in a deep folder"),
    ],
)
def test_the_work_is_linear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: Files, number: int, times: int
) -> None:
    calls(tmp_path / "warm", files(1))  # what is loaded and read once
    few, many = calls(tmp_path / "few", files(number)), calls(tmp_path / "many", files(times * number))
    assert many < (13 if times == 10 else times) * few  # of what takes long by itself, half as much by a closer limit
    assert capsys.readouterr().out


def test_choices_in_a_class_are_followed_up_to_a_bound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stats = vars(called(tmp_path, choices_in_a_class(500)))["stats"]
    walks = sum(found[1] for (_, _, name), found in stats.items() if name == "walk_file")
    followed = sum(found[1] for (path, _, name), found in stats.items() if name == "follow" and "folding" in path)
    assert 0 < followed < 2 * walks * MAX_STEPS
    assert capsys.readouterr().out


def test_an_import_that_services_share_is_moved_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    services = "".join(f"w{one}: gunicorn main:app\n" for one in range(20))
    main = "import litellm\ndef f():\n    return litellm.completion()\n"
    files = {"Procfile": services, "main.py": main, "memguard.toml": 'limit = "64MiB"\n'}
    stats = vars(called(tmp_path, files))["stats"]
    assert sum(found[0] for (_, _, name), found in stats.items() if name in ("move_imports", "find_uses")) <= 4
    assert "MG301" in capsys.readouterr().out


def test_a_package_is_priced_once_for_all_of_its_imports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main = "".join(f"if x{one}:\n    import litellm\n" for one in range(50))
    stats = vars(called(tmp_path, {**PROGRAM, "main.py": main}))["stats"]
    assert sum(found[0] for (path, _, name), found in stats.items() if name == "_root" and "estimate" in path) <= 10
    assert sum(found[0] for (_, _, name), found in stats.items() if name == "unused_names") <= 50
    assert "MG20" in capsys.readouterr().out


def test_how_many_workers_fit_is_found_by_halves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        "Procfile": "web: gunicorn main:app -w 900\n",
        "main.py": "import litellm\n",
        "memguard.toml": 'limit = "9GiB"\n',
    }
    stats = vars(called(tmp_path, files))["stats"]
    assert 0 < sum(found[0] for (_, _, name), found in stats.items() if name == "with_workers") < 60
    assert "MG" in capsys.readouterr().out


def test_what_waits_is_estimated_once_for_services_that_start_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    services = "".join(f"  w{one}: {{command: python main.py, mem_limit: 1{one}m}}\n" for one in range(10, 30))
    main = "import litellm\ndef f():\n    return litellm.completion()\n"
    stats = vars(called(tmp_path, {"compose.yaml": f"services:\n{services}", "main.py": main}))["stats"]
    assert sum(found[0] for (_, _, name), found in stats.items() if name == "estimate_deferred") <= 2
    assert "MG301" in capsys.readouterr().out


def test_classes_in_a_chain_are_followed_up_to_a_bound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls(tmp_path / "warm", classes_in_a_chain(1))
    few, many = (calls(tmp_path / str(number), classes_in_a_chain(number)) for number in (90, 900))
    assert many < 13 * few
    shown = capsys.readouterr()
    assert "main.py: skipped: is not analyzed: a class inherits from more than 200 others" in shown.err


def test_imports_beyond_a_bound_are_not_weighed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What that many imports could wait for is not asked; what the service takes is."""
    imports = "".join(f"import m{one}\n" for one in range(MAX_SITES + 1))
    files = {**PROGRAM, "main.py": f"import pandas\n{imports}", "memguard.toml": 'limit = "32MiB"\n'}
    stats = vars(called(tmp_path, files))["stats"]
    assert not any(name == "estimate_deferred" for _, _, name in stats)
    assert "MG301" in capsys.readouterr().out


def test_names_of_imports_are_looked_for_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file is asked for what it imports by each entry point that starts it, and most names are of nobody's files."""
    names = ", ".join(f"a{one}" for one in range(1000))
    stats = vars(called(tmp_path, {**PROGRAM, "main.py": f"import litellm, {names}\n"}))["stats"]
    assert sum(found[0] for (path, _, name), found in stats.items() if name == "_below" and "resolve" in path) < 3000
    assert "MG301" in capsys.readouterr().out


def test_what_helps_a_service_is_looked_for_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said now, and once a commit holds the work tree."""
    services = "".join(f"w{one}: gunicorn main:app -w {one + 2}\n" for one in range(10))
    stats = vars(called(tmp_path, {**PROGRAM, "Procfile": services}))["stats"]
    assert 0 < sum(found[0] for (_, _, name), found in stats.items() if name == "_find_ways_out") <= 10
    assert sum(found[0] for (_, _, name), found in stats.items() if name == "_collections") < 500
    assert "MG301" in capsys.readouterr().out


def test_a_name_is_compared_with_the_calls_of_its_last_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    functions = "".join(f"def f{one}():\n    return a{one}.b()\n" for one in range(300))
    files = {**PROGRAM, "main.py": f"from transformers import AutoModel\n{functions}AutoModel.from_pretrained(f1())\n"}
    stats = vars(called(tmp_path, files))["stats"]
    assert 0 < sum(found[0] for (path, _, name), found in stats.items() if name == "_matches" and "loaders" in path) < 9000
    assert capsys.readouterr().out


def test_tokens_that_cannot_be_left_out_are_not_counted_to_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stats = vars(called(tmp_path, {**PROGRAM, "main.py": f"import litellm{', a' * 120_000}\n"}))["stats"]
    assert sum(found[0] for (path, _, name), found in stats.items() if name == "_token" and "tokens" in path) < 100_000
    assert "more than 80000 tokens" in capsys.readouterr().err


def test_what_stands_before_the_calls_of_a_loop_is_not_written_for_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = f"f([{'1, ' * 2000}]){'.do()' * 60}"
    main = f"import litellm, logging\nwhile True:\n    logging.info('a')\n    {chain}\n"
    stats = vars(called(tmp_path, {**PROGRAM, "main.py": main}))["stats"]
    assert (
        sum(found[0] for (path, _, name), found in stats.items() if name == "visit_Constant" and path.endswith("ast.py"))
        < 9000
    )
    assert capsys.readouterr().out


def test_a_document_is_not_read_again_for_each_requirement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    requirements = ", ".join(f'"litellm>=1.0.0,!=0.0.{one}"' for one in range(50))
    project = f'[project]\nname = "a"\nversion = "1"\ndependencies = [{requirements}]\n'
    stats = vars(called(tmp_path, {**PROGRAM, "pyproject.toml": project}))["stats"]
    assert sum(found[0] for (_, _, name), found in stats.items() if "tomli" in name and "loads" in name) < 15
    assert "litellm" in capsys.readouterr().out


def test_a_pattern_is_not_compiled_again_for_each_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CPython 3.10 keeps 256 of them; the files of the work tree and of HEAD are listed by themselves."""
    patterns = ", ".join(f'"*a*b{one}*c"' for one in range(300))
    sources = {f"m{one}.py": "" for one in range(10)}
    stats = vars(called(tmp_path, {**PROGRAM, **sources, "memguard.toml": f"exclude = [{patterns}]\n"}))["stats"]
    assert sum(found[0] for (_, _, name), found in stats.items() if name == "translate") <= 2 * 300
    assert capsys.readouterr().out
