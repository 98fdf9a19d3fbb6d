"""`forbid-heavy-deps` through its `main`: what is forbidden, who brought it, and what reaches no host."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from folders import write

from memguard_hooks.catalog import lookup
from memguard_hooks.hooks import forbid_heavy_deps
from memguard_hooks.rules.dependencies.lighter import INSTEAD
from memguard_hooks.rules.policy import FORBIDDEN


class Outcome(NamedTuple):
    """What one run printed, and its exit status."""

    code: int
    out: str
    err: str

    @property
    def findings(self) -> list[str]:
        """The first lines of the findings, without their MiB."""
        lines = [line for line in self.out.splitlines() if not line.startswith(" ")]
        return [re.sub(r": it takes [^)]*\)", "", line) for line in lines]


Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what writes a project and runs the hook on the manifests in it, or on the arguments given."""
    monkeypatch.chdir(tmp_path)

    def run_on(files: str | bytes | Mapping[str, str | bytes], *arguments: str) -> Outcome:
        if not isinstance(files, Mapping):
            files = {"requirements.txt": files}
        write(tmp_path, files)
        named = [name for name in files if name.endswith((".txt", ".in", "pyproject.toml"))]
        code = forbid_heavy_deps.main([*arguments, *([] if arguments and not arguments[-1].startswith("-") else named)])
        return Outcome(code, *capsys.readouterr())

    return run_on


def measured(distribution: str, module: str, version: str | None = None) -> tuple[str, str]:
    """Return the MiB of a module as messages write them, and the version that was measured."""
    footprint = lookup.find(module, distribution, version)
    assert footprint is not None
    size = footprint.resident / 2**20
    return (f"{size:.0f}" if size >= 9.95 else f"{size:.1f}"), footprint.version


@pytest.mark.parametrize("name", FORBIDDEN)
def test_forbidden_by_default(run: Run, name: str) -> None:
    outcome = run(f"fastapi\n{name}==1.0\n")
    assert outcome.findings == [f"requirements.txt:2:1: MG110 {name} is forbidden"]
    assert f"    fix: {INSTEAD[name].advice}\n" in outcome.out
    assert (outcome.code, outcome.err) == (1, "1 error, 0 warnings\n")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("Huggingface_Hub", "huggingface-hub", id="normalized"),
        pytest.param("GOOGLE.API.python_client>=2", "google-api-python-client", id="normalized-dots"),
        pytest.param("torch==2.8.0+cu121", "torch", id="local"),
        pytest.param("transformers[torch]>4", "transformers", id="extra"),
        pytest.param("git+https://github.com/huggingface/transformers.git@main", "transformers", id="vcs"),
        pytest.param("https://example.com/torch-2.8.0-cp311-none-linux_x86_64.whl", "torch", id="wheel"),
        pytest.param("grpcio ; python_version >= '3.8'", "grpcio", id="marker"),
    ],
)
def test_spellings(run: Run, text: str, name: str) -> None:
    assert run(text).findings == [f"requirements.txt:1:1: MG110 {name} is forbidden"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("torchvision\ntokenizers-extra\nmy-torch\n", id="other-names"),
        pytest.param("# torch\n--find-links https://example.com/torch\n", id="comment"),
        pytest.param("torch ; sys_platform == 'darwin'", id="dead-marker"),
        pytest.param("torch ; extra == 'ml'", id="extra-marker"),
        pytest.param("-c limits.txt", id="constraint"),
        pytest.param("", id="empty"),
        pytest.param("\ufeff\r\n", id="bom"),
    ],
)
def test_silent(run: Run, text: str) -> None:
    assert run({"requirements.txt": text, "limits.txt": "torch==2.8.0"}, "requirements.txt") == (0, "", "")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("requirements-dev.txt", id="dev"),
        pytest.param("requirements/test.in", id="test"),
        pytest.param("docs/requirements.txt", id="docs"),
        pytest.param(".github/requirements.txt", id="hidden"),
        pytest.param("constraints.txt", id="constraints"),
        pytest.param("requirements/base-constraints.txt", id="constraints-of-requirements"),
    ],
)
def test_files_that_are_not_installed(run: Run, name: str) -> None:
    assert run({name: "torch\n"}) == (0, "", "")


def test_whole_output(run: Run) -> None:
    mib, version = measured("torch", "torch", "2.8.0")
    small, other = measured("tokenizers", "tokenizers", "0.0.1")
    full, light = measured("torch", "torch")[0], measured("torch", "torch", "0+cpu")[0]
    assert run("litellm==1.69.3\ntokenizers==0.0.1\n    # via litellm\ntorch==2.8.0\n") == (
        1,
        (
            f"requirements.txt:2:1: MG111 tokenizers is forbidden, and litellm brings it: "
            f"it takes {small} MiB when imported (tokenizers {other}) (warning)\n"
            '    fix: to be told no more, [tool.memguard.forbid] remove = ["tokenizers"]\n'
            f"requirements.txt:4:1: MG110 torch is forbidden: it takes {mib} MiB when imported (torch {version})\n"
            "    fix: call a hosted model, or run an exported one with onnxruntime\n"
            f"         or take its wheel for CPUs ({light} MiB, not {full} MiB): "
            "--extra-index-url https://download.pytorch.org/whl/cpu\n"
            '         or, as the last resort, [tool.memguard.forbid] allow = {torch = "why"}\n'
        ),
        (
            "do this, and it passes:\n  1. `memguard fix`, which does:\n     requirements.txt:4: take its wheel for CPUs "
            "(199 MiB, not 507 MiB): --extra-index-url https://download.pytorch.org/whl/cpu\n1 error, 1 warning\n"
        ),
    )


def test_memory_names_the_module_where_it_is_called_otherwise(run: Run) -> None:
    mib, version = measured("grpcio", "grpc")
    assert run("grpcio").out.splitlines()[0] == (
        f"requirements.txt:1:1: MG110 grpcio is forbidden: it takes {mib} MiB when grpc is imported (grpcio {version})"
    )


def test_nothing_is_claimed_of_what_was_not_measured(run: Run) -> None:
    outcome = run({"requirements.txt": "my-heavy-thing", "memguard.toml": "forbid.add = ['My_Heavy.Thing']"})
    assert outcome.out == (
        "requirements.txt:1:1: MG110 my-heavy-thing is forbidden\n"
        "    fix: delete it\n"
        '         or, as the last resort, [forbid] allow = {my-heavy-thing = "why"}\n'
    )


CPU = "https://download.pytorch.org/whl/cpu"


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        pytest.param({"requirements.txt": "torch==2.9.1+cpu"}, [], id="build"),
        pytest.param({"requirements.txt": f"--extra-index-url {CPU}\ntorch==2.9.1"}, [], id="index"),
        pytest.param({"requirements.txt": f"# see {CPU}\ntorch==2.9.1"}, [2], id="only-in-a-comment"),
        pytest.param({"requirements.txt": f"--extra-index-url {CPU}\ntorch==2.9.1+cu121"}, [2], id="another-build"),
        pytest.param(
            {"requirements.txt": "torch", "Dockerfile": f"FROM a\nENV PIP_EXTRA_INDEX_URL={CPU}\n"}, [], id="variable"
        ),
        pytest.param(
            {
                "pyproject.toml": '[project]\nname = "a"\ndependencies = ["torch"]\n[tool.uv.sources]\n'
                f'torch = {{index = "c"}}\n[[tool.uv.index]]\nname = "c"\nurl = "{CPU}"\n'
            },
            [],
            id="uv",
        ),
        pytest.param(
            {
                "pyproject.toml": '[tool.poetry.dependencies]\ntorch = {version = "2.9.1", source = "c"}\n'
                f'[[tool.poetry.source]]\nname = "c"\nurl = "{CPU}"\n'
            },
            [],
            id="poetry",
        ),
        pytest.param({"requirements.txt": "sentence-transformers==5.1.0"}, [1, 1], id="brought"),
        pytest.param(
            {"requirements.txt": f"--extra-index-url {CPU}\nsentence-transformers==5.1.0"}, [2], id="brought-for-cpus"
        ),
    ],
)
def test_the_build_that_the_advice_names_is_no_finding(run: Run, files: dict[str, str], lines: list[int]) -> None:
    assert [int(one.split(":")[1]) for one in run(files).findings] == lines


@pytest.mark.parametrize(
    ("name", "text", "advice"),
    [
        pytest.param("requirements.txt", "torch==2.8.0", f"--extra-index-url {CPU}", id="pip"),
        pytest.param(
            "pyproject.toml", "[project]\nname='a'\ndependencies=['torch']\n[tool.uv]\n", "in [tool.uv.sources]", id="uv"
        ),
        pytest.param("pyproject.toml", "[tool.poetry.dependencies]\ntorch = '2.8.0'\n", "poetry source add", id="poetry"),
        pytest.param(
            "pyproject.toml", "[project]\nname='a'\ndependencies=['torch']\n[tool.pdm]\n", "[[tool.pdm.source]]", id="pdm"
        ),
        pytest.param("Pipfile", "[packages]\ntorch = '*'\n", "[[source]]", id="pipenv"),
        pytest.param("environment.yml", "dependencies:\n  - pytorch\n", "- pytorch-cpu", id="conda"),
    ],
)
def test_each_tool_is_told_the_index_in_its_own_way(run: Run, name: str, text: str, advice: str) -> None:
    assert advice in run({name: text}, name).out.partition("take its wheel for CPUs")[2].partition("\n")[0]


@pytest.mark.parametrize(
    ("text", "code", "fix"),
    [
        pytest.param("tokenizers", "import tokenizers\n", "a.py imports it: for counting tokens", id="imported"),
        pytest.param("tokenizers", "import os\n", "nothing here imports it: delete it", id="not-imported"),
        pytest.param("transformers==4.25.1", "import os\n", "nothing here imports it: delete it", id="heavy"),
        pytest.param("transformers", "import transformers\n", "a.py imports it: call a hosted model", id="heavy-imported"),
        pytest.param("torch\ntransformers", "import transformers\n", "call a hosted model", id="loaded-by-another"),
        pytest.param("transformers\ntorch", "import os\n", "nothing here imports it: delete it", id="loader-not-imported"),
        pytest.param("tensorflow\ndeepface", "import deepface\n", "call a hosted model", id="taken-where-it-is"),
        pytest.param("torch\ndetoxify", "import detoxify\n", "call a hosted model", id="required-by-another"),
        pytest.param("tokenizers", "__import__(name)\n", "delete it: what needs it", id="nobody-knows"),
    ],
)
def test_only_what_nothing_imports_is_to_be_deleted(run: Run, text: str, code: str, fix: str) -> None:
    outcome = run({"requirements.txt": text, "a.py": code})
    assert next(line for line in outcome.out.splitlines() if line.startswith("    fix: "))[9:].startswith(fix)


# What another package brings


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        pytest.param(
            "tokenizers==1\n    # via litellm\nlitellm==1",
            "",
            ["MG111 tokenizers is forbidden, and litellm brings it (warning)"],
            id="light",
        ),
        pytest.param("torch==2\n    # via x\nx==1", "", ["MG111 torch is forbidden, and x brings it"], id="heavy"),
        pytest.param(
            "grpcio==1  # via a, b, c\na==1\nb==1\nc==1",
            "",
            ["MG111 grpcio is forbidden, and a, b and c bring it (warning)"],
            id="three",
        ),
        pytest.param(
            "grpcio==1\n    # via\n    #   a\n    #   b\na==1\nb==1",
            "",
            ["MG111 grpcio is forbidden, and a and b bring it (warning)"],
            id="list",
        ),
        pytest.param(
            "grpcio==1\n    # via a\na==1",
            "forbid.add = ['grpcio']",
            ["MG111 grpcio is forbidden, and a brings it"],
            id="added-by-the-user",
        ),
        pytest.param(
            "grpcio==1\n    # via a\na==1",
            "heavy.add = ['grpcio']",
            ["MG111 grpcio is forbidden, and a brings it"],
            id="heavy-by-the-user",
        ),
        pytest.param(
            "grpcio==1\n    # via a\na==1",
            "heavy-threshold = '5MiB'",
            ["MG111 grpcio is forbidden, and a brings it"],
            id="heavy-by-the-threshold",
        ),
        pytest.param("torch==2\n    # via -r requirements.in", "", ["MG110 torch is forbidden"], id="by-hand"),
        pytest.param(
            "torch==2\n    # via\n    #   -r requirements.in\n    #   x\nx==1",
            "",
            ["MG110 torch is forbidden"],
            id="by-hand-and-brought",
        ),
        pytest.param("torch==2\n    # via app (pyproject.toml)", "", ["MG110 torch is forbidden"], id="pyproject"),
        pytest.param("torch==2\n    # via app", "", ["MG110 torch is forbidden"], id="export-of-the-project"),
        pytest.param("torch==2  # via pip: the wheel of the team", "", ["MG110 torch is forbidden"], id="prose"),
    ],
)
def test_brought(run: Run, text: str, settings: str, expected: list[str]) -> None:
    outcome = run({"requirements.txt": text, "memguard.toml": settings})
    assert outcome.findings == [f"requirements.txt:1:1: {one}" for one in expected]
    assert outcome.code == int(any("(warning)" not in one for one in expected))


def test_what_a_frozen_file_lists_is_brought_by_what_stands_beside_it(run: Run) -> None:
    """Nobody can do without it by deleting its line, unless the code imports it itself."""
    others = "".join(f"package-{number}==1.0\n" for number in range(40))
    frozen = f"grpcio==1.80.0\ngoogle-cloud-logging==3.15.0\n{others}"
    brought = "requirements.txt:1:1: MG111 grpcio is forbidden, and google-cloud-logging brings it (warning)"
    assert run({"requirements.txt": frozen, "app.py": "import os\n"}).findings == [brought]
    assert run({"requirements.txt": frozen, "app.py": "import grpc\n"}).findings == [
        "requirements.txt:1:1: MG110 grpcio is forbidden"
    ]
    short = frozen.replace(others, "")
    assert run({"requirements.txt": short, "app.py": ""}).findings == ["requirements.txt:1:1: MG110 grpcio is forbidden"]
    torch = f"torch==2.8.0\nsentence-transformers==5.0.0\n{others}"
    assert "requirements.txt:1:1: MG110 torch is forbidden" in run({"requirements.txt": torch}).findings


# Settings


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param("", ["1:1: MG110 torch is forbidden"], id="default"),
        pytest.param("forbid.add = ['NumPy']", ["1:1: MG110 torch is forbidden", "2:1: MG110 numpy is forbidden"], id="add"),
        pytest.param("forbid.remove = ['Torch']", [], id="remove"),
        pytest.param("forbid.allow.torch = 'a GPU host'", [], id="allow"),
        pytest.param("forbid.allow.TORCH = 'a GPU host'", [], id="allow-normalized"),
        pytest.param("forbid.allow.grpcio = 'used'", ["1:1: MG110 torch is forbidden"], id="allow-another"),
        pytest.param("exclude = ['requirements.txt']", [], id="exclude"),
    ],
)
def test_settings(run: Run, settings: str, expected: list[str]) -> None:
    outcome = run({"requirements.txt": "torch\nnumpy", "memguard.toml": settings})
    assert outcome.findings == [f"requirements.txt:{one}" for one in expected]
    assert outcome.code == int(bool(expected))


@pytest.mark.parametrize("reason", ["", "  "])
def test_allowed_without_a_reason(run: Run, reason: str) -> None:
    settings = f'[tool.memguard.forbid]\nallow = {{grpcio = "used", torch = "{reason}"}}\n'
    assert run({"requirements.txt": "torch\ngrpcio", "pyproject.toml": settings}) == (
        1,
        'pyproject.toml:2:27: MG190 torch is allowed without a reason\n    fix: write `torch = "why"`\n',
        "1 error, 0 warnings\n",
    )


# Extras, groups and markers

EXTRAS = """\
[build-system]
requires = ["torch"]
[project]
name = "app"
dependencies = ["fastapi"%s]
[project.optional-dependencies]
ml = ["torch"]
all = ["app[ml,web]"]
web = ["starlette"]
"""
ASKED = "pyproject.toml:7:8: MG110 torch is forbidden"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"pyproject.toml": EXTRAS % ""}, [], id="nobody-asks"),
        pytest.param({"pyproject.toml": EXTRAS % ', "app[ml]"'}, [ASKED], id="the-project-asks"),
        pytest.param({"pyproject.toml": EXTRAS % ', "app[all]"'}, [ASKED], id="through-another-extra"),
        pytest.param({"pyproject.toml": EXTRAS % ', "app[web]"'}, [], id="another-extra"),
        pytest.param({"pyproject.toml": EXTRAS % ', "other[ml]"'}, [], id="of-another-project"),
        pytest.param({"pyproject.toml": EXTRAS % "", "requirements.txt": "-e .[ml]"}, [ASKED], id="requirements"),
        pytest.param({"pyproject.toml": EXTRAS % "", "requirements.txt": "-e .[ALL]"}, [ASKED], id="requirements-all"),
        pytest.param({"pyproject.toml": EXTRAS % "", "requirements-dev.txt": "-e .[ml]"}, [], id="development"),
        pytest.param(
            {
                "pyproject.toml": (EXTRAS % "").replace("ml =", '"M_L" =').replace("app[ml", "app[m-l"),
                "requirements.txt": "-e .[m.l]",
            },
            [ASKED.replace("7:8", "7:11")],
            id="normalized",
        ),
    ],
)
def test_extras(run: Run, files: dict[str, str], expected: list[str]) -> None:
    assert run(files).findings == expected
    assert run({}, "pyproject.toml").findings == expected  # whichever file of the project is staged


def test_target_python(run: Run) -> None:
    text = "torch ; python_version < '3.11'"
    assert run(text, "--target-python=3.10", "requirements.txt").code == 1
    assert run(text, "--target-python=3.11", "requirements.txt").code == 0


# Allowances


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("torch  # memguard: allow[MG110] a GPU host", [], id="allowed"),
        pytest.param("grpcio==1  # via a  # memguard: allow[MG111] x\na==1", [], id="brought"),
        pytest.param(
            "torch  # memguard: allow[MG110]", ["1:8: MG190 MG110 is allowed without a reason"], id="without-a-reason"
        ),
        pytest.param(
            "torch  # memguard: allow[MG111] x",
            ["1:1: MG110 torch is forbidden", "1:8: MG191 nothing here breaks MG111 (warning)"],
            id="another-code",
        ),
        pytest.param(
            "fastapi  # memguard: allow[MG110] x", ["1:10: MG191 nothing here breaks MG110 (warning)"], id="nothing"
        ),
        pytest.param("fastapi  # memguard: allow[MG101, MG999] x", [], id="left-to-pin-litellm"),
    ],
)
def test_allowances(run: Run, text: str, expected: list[str]) -> None:
    assert run(text).findings == [f"requirements.txt:{one}" for one in expected]


def test_allowance_in_pyproject(run: Run) -> None:
    text = "[project]\ndependencies = [\n  'torch', # memguard: allow[MG110] a GPU host\n  'grpcio',\n]"
    assert run({"pyproject.toml": text}).findings == ["pyproject.toml:4:4: MG110 grpcio is forbidden"]


# Output and exit status


def test_json(run: Run) -> None:
    outcome = run("tokenizers==1\n  # via litellm\nlitellm==1\ntorch", "--format", "json", "requirements.txt")
    report = json.loads(outcome.out)
    common = {"hook": "forbid-heavy-deps", "path": "requirements.txt", "column": 1, "chain": []}
    told = [{key: one[key] for key in one if key not in ("message", "mib", "fix")} for one in report["findings"]]
    assert told == [
        {"code": "MG111", "severity": "warning", "line": 1, **common},
        {"code": "MG110", "severity": "error", "line": 4, **common},
    ]
    for one, name in zip(report["findings"], ("tokenizers", "torch"), strict=True):
        footprint = lookup.find(name, name)
        assert footprint is not None
        assert one["mib"] == round(footprint.resident / 2**20, 1)
        assert one["message"].startswith(f"{name} is forbidden")
        assert one["fix"].partition("[tool.memguard.forbid] ")[2]
    assert (report["schema"], report["services"], report["skipped"], outcome.code) == (1, [], [], 1)


@pytest.mark.parametrize(
    ("text", "fail_on", "code"),
    [
        pytest.param("fastapi", "warning", 0, id="clean"),
        pytest.param("grpcio==1\n# via a\na==1", "error", 0, id="warning"),
        pytest.param("grpcio==1\n# via a\na==1", "warning", 1, id="warning-fails"),
        pytest.param("torch", "error", 1, id="error"),
        pytest.param("torch", "never", 0, id="error-never"),
        pytest.param("torch ; what", "never", 2, id="broken"),
    ],
)
def test_exit_status(run: Run, text: str, fail_on: str, code: int) -> None:
    assert run(text, f"--fail-on={fail_on}", "requirements.txt").code == code


def test_utf_16(run: Run) -> None:
    assert run("torch==2.8.0\r\n".encode("utf-16")).findings == ["requirements.txt:1:1: MG110 torch is forbidden"]


def test_folder_named_like_a_manifest(run: Run, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").mkdir()
    assert run({}, "requirements.txt") == (2, "", "requirements.txt: error: is a directory, not a file\n")


@pytest.mark.parametrize(("kind", "line"), re.findall(r"(?m)^(bad|good):\s+(.+)$", forbid_heavy_deps.__doc__ or ""))
def test_examples_of_the_documentation(run: Run, kind: str, line: str) -> None:
    assert run(line).code == int(kind == "bad")
