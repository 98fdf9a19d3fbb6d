"""`pin-litellm` through its `main`: what is pinned exactly, to what, and what is left alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from folders import write
from packaging.requirements import Requirement
from packaging.version import Version

from memguard_hooks.catalog import lookup
from memguard_hooks.dependencies.required import known_versions
from memguard_hooks.dependencies.served import served
from memguard_hooks.hooks import pin_litellm
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import Settings
from memguard_hooks.rules.dependencies import pins
from memguard_hooks.tree import WorkTree

SHA256 = "--hash=sha256:" + "0" * 64
COMMIT = "0123456789abcdef0123456789abcdef01234567"
GIT = "git+https://example.com/litellm.git"
TABLE = served("litellm")
assert TABLE is not None
NEWEST, DATE = TABLE.versions[0], TABLE.date


class Outcome(NamedTuple):
    """What one run printed, and its exit status."""

    code: int
    out: str
    err: str

    @property
    def findings(self) -> list[str]:
        """The first lines of the findings, without their MiB."""
        lines = [line for line in self.out.splitlines() if not line.startswith(" ")]
        return [
            re.sub(r",? \(?[\d.]+ MiB when [\w. ]*imported\)?|: \S+ takes [\d.]+ MiB (?:more|less) than \S+", "", line)
            for line in lines
        ]


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
        code = pin_litellm.main([*arguments, *([] if arguments and not arguments[-1].startswith("-") else named)])
        return Outcome(code, *capsys.readouterr())

    return run_on


def measured(version: str) -> str | None:
    """Return the MiB of a version of litellm as messages write them, None where exactly this one was not measured."""
    footprint = lookup.find("litellm", "litellm", version)
    if footprint is None or footprint.version != version:
        return None
    size = footprint.resident / 2**20
    return f"{size:.0f}" if size >= 9.95 else f"{size:.1f}"


# What is exact


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("litellm==1.55.0", id="double"),
        pytest.param("litellm===1.55.0", id="triple"),
        pytest.param("litellm == 1.55.0", id="blanks"),
        pytest.param("LiteLLM==1.55.0", id="name"),
        pytest.param("litellm[proxy]==1.55.0", id="extra"),
        pytest.param("litellm==1.55", id="short"),
        pytest.param("litellm==1.55.0+cpu", id="local"),
        pytest.param("litellm>=1.50,==1.55.0", id="second-clause"),
        pytest.param("litellm==1.55.*,==1.55.0", id="wildcard-and-exact"),
        pytest.param(f"litellm==1.55.0 {SHA256}", id="hash"),
        pytest.param("litellm==1.55.0 ; python_version > '3.8'", id="marker"),
        pytest.param("litellm @ https://example.com/litellm-1.55.0-py3-none-any.whl", id="wheel-url"),
        pytest.param("https://example.com/litellm-1.55.0%2Bcpu-py3-none-any.whl", id="wheel-url-without-a-name"),
        pytest.param("./wheels/litellm-1.55.0.tar.gz", id="archive"),
        pytest.param(f"litellm @ {GIT}@{COMMIT}", id="commit"),
        pytest.param(f"{GIT}@{COMMIT}#egg=litellm", id="commit-and-egg"),
        pytest.param(f"litellm @ https://example.com/litellm/archive/{COMMIT}.zip", id="archive-of-a-commit"),
        pytest.param(f"litellm @ https://example.com/main.zip#sha256={'0' * 64}", id="url-with-a-hash"),
        pytest.param("litellm\n-c limits.txt", id="constraint"),
    ],
)
def test_exact(run: Run, text: str) -> None:
    assert run({"requirements.txt": text, "limits.txt": "LiteLLM==1.55.0"}, "requirements.txt") == (0, "", "")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("litellm", "any version", id="bare"),
        pytest.param("litellm==1.55.*", "==1.55.*", id="wildcard"),
        pytest.param("litellm~=1.55.0", "~=1.55.0", id="compatible"),
        pytest.param("litellm>=1.50,<1.60", "<1.60,>=1.50", id="range"),
        pytest.param("litellm<=1.55.0", "<=1.55.0", id="at-most"),
        pytest.param("litellm!=1.82.7", "!=1.82.7", id="not"),
        pytest.param(f"litellm>=1.55.0 {SHA256}", ">=1.55.0", id="hash"),
        pytest.param(f"litellm @ {GIT}@main", f"{GIT}@main", id="branch"),
        pytest.param(f"litellm @ {GIT}@v1.55.0", f"{GIT}@v1.55.0", id="tag"),
        pytest.param(f"litellm @ {GIT}@{COMMIT[:12]}", f"{GIT}@{COMMIT[:12]}", id="short-commit"),
        pytest.param(GIT, GIT, id="repository"),
        pytest.param("litellm @ git+https://me:secret@example.com/x.git", "git+https://example.com/x.git", id="no-password"),
        pytest.param(
            "litellm @ https://example.com/other-1.55.0-py3-none-any.whl",
            "https://example.com/other-1.55.0-py3-none-any.whl",
            id="wheel-of-another",
        ),
        pytest.param("litellm\n-c limits.txt", "any version", id="constraint-is-a-range"),
        pytest.param("litellm\n-c dead.txt", "any version", id="constraint-is-dead"),
    ],
)
def test_not_exact(run: Run, text: str, written: str) -> None:
    files = {"requirements.txt": text, "limits.txt": "litellm<1.60", "dead.txt": "litellm==1.5 ; os_name == 'nt'"}
    outcome = run(files, "requirements.txt")
    (finding,) = outcome.findings
    assert re.sub(rf": it admits [\d.]+, served on {DATE}$", "", finding) == (
        f"requirements.txt:1:1: MG101 litellm is not pinned exactly ({written})"
    )
    assert (outcome.code, outcome.err) == (1, "1 error, 0 warnings\n")


def test_whole_output(run: Run) -> None:
    newest = f"{NEWEST}, served on {DATE}" + (f", {measured(NEWEST)} MiB when imported" if measured(NEWEST) else "")
    assert run("fastapi\nlitellm[proxy]>=1.30  # why\n") == (
        1,
        (
            f"requirements.txt:2:1: MG101 litellm is not pinned exactly (>=1.30): it admits {newest}\n"
            f"    fix: litellm[proxy]==1.69.3  ({measured('1.69.3')} MiB when imported)\n"
        ),
        "1 error, 0 warnings\n",
    )


# To what


@pytest.mark.parametrize(
    ("version", "finding", "fix"),
    [
        pytest.param("1.69.3", None, None, id="below"),
        pytest.param("1.69.0rc1", None, None, id="pre-release"),
        pytest.param(
            "1.70.0rc1",
            "MG102 litellm 1.70.0rc1 is not <1.70, the limit that pin-litellm has by default (warning)",
            "1.69.3",
            id="pre-release-of-it",
        ),
        pytest.param(
            "1.70.0",
            "MG102 litellm 1.70.0 is not <1.70, the limit that pin-litellm has by default (N MiB when imported) (warning)",
            "1.69.3",
            id="at",
        ),
        pytest.param(
            "1.71.1",
            "MG102 litellm 1.71.1 is not <1.70, the limit that pin-litellm has by default (warning)",
            "1.69.3",
            id="not-measured",
        ),
        pytest.param(
            "1.82.6",
            "MG102 litellm 1.82.6 is not <1.70, the limit that pin-litellm has by default (N MiB when imported) (warning)",
            "1.69.3",
            id="above",
        ),
        pytest.param(
            "1.70",
            "MG102 litellm 1.70 is not <1.70, the limit that pin-litellm has by default (N MiB when imported) (warning)",
            "1.69.3",
            id="short",
        ),
        pytest.param(
            "999.0", "MG102 litellm 999.0 is not <1.70, the limit that pin-litellm has by default", "1.69.3", id="unknown"
        ),
        pytest.param("1.82.7", "MG103 litellm 1.82.7 was withdrawn: it was backdoored", "1.69.3", id="withdrawn"),
        pytest.param("1.82.8", "MG103 litellm 1.82.8 was withdrawn: it was backdoored", "1.69.3", id="withdrawn-too"),
        pytest.param(
            "v1.82.7.0", "MG103 litellm v1.82.7.0 was withdrawn: it was backdoored", "1.69.3", id="withdrawn-written-else"
        ),
        pytest.param(
            "1.35.0", f"MG105 litellm 1.35.0 cannot be installed: it was not served on {DATE}", "1.69.3", id="gone"
        ),
        pytest.param(
            "1.69.99", f"MG105 litellm 1.69.99 cannot be installed: it was not served on {DATE}", "1.69.3", id="never-was"
        ),
        pytest.param("1.69.3+cpu", None, None, id="local"),
    ],
)
def test_version(run: Run, version: str, finding: str | None, fix: str | None) -> None:
    outcome = run(f"a\n  litellm=={version}\n")
    if finding is None:
        assert outcome == (0, "", "")
        return
    first, second, *more = [re.sub(r"[\d.]+ MiB", "N MiB", line) for line in outcome.out.splitlines()]
    told = re.sub(r": \S+ takes N MiB more than 1.69.3", "", first)
    assert (told, second) == (f"requirements.txt:2:3: {finding}", f"    fix: litellm=={fix}  (N MiB when imported)")
    raised = f'         or raise the limit: [tool.memguard.pins] litellm = "<={version}"'
    assert more == ([raised] if "MG102" in finding else [])
    assert outcome.code == int("(warning)" not in finding)


def test_arbitrary_version(run: Run) -> None:
    assert run("litellm===ours").findings == [
        "requirements.txt:1:1: MG102 litellm ours is not <1.70, the limit that pin-litellm has by default"
    ]


@pytest.mark.parametrize(
    ("arguments", "version", "code"),
    [
        pytest.param(["--max-version", "1.55.0"], "1.55.0", 0, id="itself"),
        pytest.param(["--max-version", "1.55"], "1.55.0", 0, id="itself-written-else"),
        pytest.param(["--max-version", "1.55.0"], "1.55.1", 1, id="above"),
        pytest.param(["--max-version=1.82.6"], "1.82.6", 0, id="raised"),
        pytest.param(["--max-version=99"], "1.82.7", 1, id="withdrawn-all-the-same"),
    ],
)
def test_max_version(run: Run, arguments: list[str], version: str, code: int) -> None:
    assert run(f"litellm=={version}", *arguments, "requirements.txt").code == code


def test_max_version_must_be_a_version(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("", "--max-version", "x", "requirements.txt")
    assert "argument --max-version: not a version: 'x'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("declared", "arguments", "fix"),
    [
        pytest.param("litellm", [], "1.69.3", id="newest-below-the-ceiling"),
        pytest.param("litellm~=1.55.0", [], "1.55.12", id="in-the-declared-range"),
        pytest.param("litellm>=1.60,<1.61", [], "1.60.9", id="range"),
        pytest.param("litellm", ["--max-version", "1.56.4"], "1.56.4", id="max-version"),
        pytest.param("litellm", ["--max-version", "999"], NEWEST, id="newest-of-all"),
        pytest.param("litellm", ["--max-version", "0.0.1"], None, id="nothing"),
    ],
)
def test_proposal_is_served_and_allowed(run: Run, declared: str, arguments: list[str], fix: str | None) -> None:
    outcome = run(declared, *arguments, "requirements.txt")
    proposal = outcome.out.splitlines()[1].removeprefix("    fix: ").partition("  (")[0]
    if fix is None:
        assert proposal == "pin litellm with == to the version that runs today, <=0.0.1"
        return
    assert proposal == f"litellm=={fix}"
    assert TABLE is not None
    assert fix in TABLE.versions
    assert run(f"{proposal}\n", *arguments, "requirements.txt") == (0, "", "")


def test_memory_is_compared_by_what_was_measured(run: Run) -> None:
    """A version that was not measured has no figure of its own: the nearest one is named."""
    known = {one.version for one in lookup.read_footprints("litellm")}
    assert TABLE is not None
    unknown = next(version for version in TABLE.versions if version not in known and Version(version) > Version("1.106.2"))
    first = run(f"litellm=={unknown}").out.splitlines()[0]
    assert re.fullmatch(rf".* litellm {unknown} is not <1.70, [a-z -]+: 1.106.2 takes \d+ MiB more than 1.69.3", first)


# Beside each other

ABOVE = "the limit that pin-litellm has by default"


@pytest.mark.parametrize(
    ("files", "proposals"),
    [
        pytest.param("litellm\nopenai", ["litellm==1.69.3", "openai==1.75.0"], id="both-open"),
        pytest.param("openai==1.60.2\nlitellm", ["litellm==1.60.0"], id="beside-a-pin"),
        pytest.param("litellm==1.100.0\nopenai==1.60.2", ["litellm==1.60.0"], id="a-pin-is-replaced-beside-a-pin"),
        pytest.param("openai==0.28.1\nlitellm", ["litellm==1.0.0"], id="what-pip-finds-beside-an-old-pin"),
        pytest.param("openai==0.28.1\nlitellm>=1.60", ["loosen the other pin"], id="the-other-rules-all-out"),
        pytest.param("litellm>=1.75", ["declare litellm<1.70"], id="the-range-is-above"),
        pytest.param(
            {"requirements.txt": "-r base.txt\nlitellm", "base.txt": "openai==1.60.2"}, ["litellm==1.60.0"], id="included"
        ),
        pytest.param(
            {"requirements.txt": "litellm", "requirements-dev.txt": "-r requirements.txt\nopenai==1.60.2\n"},
            ["litellm==1.60.0"],
            id="that-includes-it",
        ),
    ],
)
def test_proposals_go_together(run: Run, files: str | dict[str, str], proposals: list[str]) -> None:
    lines = run(files, "requirements.txt").out.splitlines() if isinstance(files, dict) else run(files).out.splitlines()
    told = [line[9:].partition("  (")[0] for line in lines if line.startswith("    fix: ")]
    assert [one for one in told if not one.startswith("pin openai")] == proposals


@pytest.mark.parametrize("version", [pytest.param("2.62.0", id="known"), pytest.param("2.52.0", id="older-than-its-table")])
def test_what_a_package_pins_behind_it_counts(run: Run, version: str) -> None:
    """pydantic-ai requires exactly its own version of pydantic-ai-slim, and that requires an openai 3."""
    outcome = run(f"pydantic-ai=={version}\nlitellm>=1.60,<1.70", "--fix", "requirements.txt")
    assert "litellm==" not in outcome.out
    assert outcome.code == 1


def test_nothing_is_proposed_beside_what_nobody_knows(run: Run) -> None:
    """A pre-release older than its table required less tiktoken than the oldest that is known does."""
    outcome = run("langchain-openai==0.0.1rc0\nlitellm>=1.14.4,<2", "--fix", "requirements.txt")
    assert "litellm==" not in outcome.out
    assert "what langchain-openai==0.0.1rc0 (requirements.txt:1) requires is not known" in outcome.out
    assert outcome.code == 1


@pytest.mark.parametrize("written", ["pydantic-ai<2", "pydantic-ai~=1.0"])
def test_nothing_is_proposed_beside_a_range_that_nobody_knows(run: Run, written: str) -> None:
    """Of pydantic-ai 1 the tables have no version: it needs an openai that litellm below the ceiling does not go with."""
    outcome = run(f"{written}\nlitellm>=1.60,<2", "--fix", "requirements.txt")
    assert "litellm==" not in outcome.out
    assert f"what {written} (requirements.txt:1) requires is not known" in outcome.out
    assert outcome.code == 1


def test_what_an_old_pin_only_needs_at_least_is_no_doubt(run: Run) -> None:
    """That uvicorn is older than its table, and none in it bounds from above what litellm needs too."""
    assert "litellm==1.69.3" in run("uvicorn==0.30.0\nlitellm", "requirements.txt").out


def test_why_no_newer_version_is_proposed(run: Run) -> None:
    fix = run("openai==1.60.2\nlitellm").out.splitlines()[1]
    why = "1.69.3 requires openai<1.76.0,>=1.68.2, beside openai==1.60.2 (requirements.txt:1)"
    assert fix.startswith("    fix: litellm==1.60.0  (")
    assert fix.endswith(f"{why})")


def test_where_range_and_ceiling_disagree_nothing_is_written(run: Run, tmp_path: Path) -> None:
    outcome = run("litellm>=1.75\n", "--fix", "requirements.txt")
    assert outcome.out.splitlines()[0].endswith(f": none of these is <1.70, {ABOVE}")
    assert re.fullmatch(r" +or raise the limit: \[tool.memguard.pins\] litellm = \"<=[\d.]+\"", outcome.out.splitlines()[2])
    assert (tmp_path / "requirements.txt").read_text(encoding="utf-8") == "litellm>=1.75\n"


def test_the_pin_that_rules_a_version_out_is_named(run: Run, tmp_path: Path) -> None:
    text = "openai==0.28.1\nlitellm>=1.60\n"
    outcome = run(text, "--fix", "requirements.txt")
    why = "1.69.3 requires openai<1.76.0,>=1.68.2, beside openai==0.28.1 (requirements.txt:1)"
    assert outcome.out.splitlines()[0].endswith(f": no version <1.70, {ABOVE}, goes with the rest ({why})")
    assert (tmp_path / "requirements.txt").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        pytest.param("pyproject.toml", '[tool.poetry.dependencies]\nlitellm = "^1.69"\n', 'litellm = "1.69.3"', id="poetry"),
        pytest.param("Pipfile", '[packages]\nlitellm = "*"\n', 'litellm = "==1.69.3"', id="pipenv"),
        pytest.param(
            "Pipfile", '[packages]\nlitellm = {version = "*", extras = ["a"]}\n',
            'version = "==1.69.3" in the table of litellm', id="table",
        ),
        pytest.param("environment.yml", "dependencies:\n  - litellm\n", "- litellm==1.69.3", id="conda"),
        pytest.param("setup.cfg", "[options]\ninstall_requires =\n  litellm\n", "litellm==1.69.3", id="setup-cfg"),
    ],
)  # fmt: skip
def test_each_format_is_answered_in_its_own_notation(run: Run, name: str, text: str, line: str) -> None:
    assert run({name: text}, name).out.splitlines()[1].partition("  (")[0] == f"    fix: {line}"


# Other packages


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        pytest.param("pandas", "", ["MG101 pandas is not pinned exactly (any version) (warning)"], id="heavy"),
        pytest.param("pandas==2.2.3", "", [], id="heavy-and-exact"),
        pytest.param("numpy", "", [], id="light"),
        pytest.param("Scikit_Learn>1", "", ["MG101 scikit-learn is not pinned exactly (>1) (warning)"], id="normalized"),
        pytest.param("fastapi\ndjango\nuvicorn", "", [], id="frameworks"),
        pytest.param("pandas", "pins.pandas = '<3'", ["MG101 pandas is not pinned exactly (any version)"], id="pins"),
        pytest.param(
            "pandas==3.0",
            "pins.pandas = '<3'",
            ["MG102 pandas 3.0 is not <3, the limit of [pins] (memguard.toml:1)"],
            id="pins-broken",
        ),
        pytest.param("pandas==2.2.3", "pins.pandas = '<3'", [], id="pins-kept"),
        pytest.param(
            "numpy", "pins.numpy = ''", ["MG101 numpy is not pinned exactly (any version)"], id="pins-of-a-light-one"
        ),
        pytest.param("litellm==1.75.0", "pins.litellm = '<1.80'", [], id="pins-raise-the-ceiling"),
        pytest.param("pandas", "heavy.remove = ['pandas']", [], id="not-heavy"),
        pytest.param(
            "numpy", "heavy.add = ['numpy']", ["MG101 numpy is not pinned exactly (any version) (warning)"], id="heavy-too"
        ),
        pytest.param(
            "pandas",
            "heavy-threshold = '10GiB'",
            ["MG101 pandas is not pinned exactly (any version) (warning)"],
            id="named-by-default",
        ),
        pytest.param("scipy", "heavy-threshold = '10GiB'", [], id="threshold"),
    ],
)
def test_other_packages(run: Run, text: str, settings: str, expected: list[str]) -> None:
    outcome = run({"requirements.txt": text, "memguard.toml": settings})
    assert outcome.findings == [f"requirements.txt:1:1: {one}" for one in expected]
    assert outcome.code == int(any("(warning)" not in one for one in expected))


@pytest.mark.parametrize(
    ("declared", "fix"),
    [
        pytest.param("pandas", r"pandas==[\d.]+  \(\d+ MiB when imported\)", id="measured"),
        pytest.param("openai>=1.42.0,<2.0.0", r"openai==1\.[\d.]+  \(\d+ MiB when imported\)", id="in-the-declared-range"),
        pytest.param("openai<0.5", "pin openai with == to the version that runs today", id="none-measured-in-range"),
        pytest.param("scikit-learn", r"scikit-learn==[\d.]+  \(\d+ MiB when sklearn is imported\)", id="other-module"),
        pytest.param("tf-nightly", "pin tf-nightly with == to the version that runs today", id="never-measured"),
    ],
)
def test_proposal_for_other_packages(run: Run, declared: str, fix: str) -> None:
    outcome = run(declared)
    assert re.fullmatch(f"    fix: {fix}", outcome.out.splitlines()[1])


def test_proposal_beside_a_pin_is_of_a_version_whose_requirements_are_known(run: Run) -> None:
    """langchain-openai 1.1.13 was measured, and lies between versions of its table that need openai 1 and openai 2."""
    table = known_versions("langchain-openai")
    assert table is not None
    assert "1.1.13" not in table.versions
    fix = run("openai==1.109.1\nlangchain-openai").out.partition("fix: langchain-openai==")[2].split()[0]
    assert fix in table.versions
    assert fix < "1.1"


# Markers and groups


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("litellm ; sys_platform == 'win32'", [], id="windows"),
        pytest.param("litellm ; platform_system == 'Darwin'", [], id="mac"),
        pytest.param("litellm ; python_version < '3'", [], id="python-2"),
        pytest.param("litellm ; platform_python_implementation == 'PyPy'", [], id="pypy"),
        pytest.param("litellm ; extra == 'proxy'", [], id="extra"),
        pytest.param("litellm ; platform_machine == 'aarch64'", [1], id="arm"),
        pytest.param("litellm ; platform_release >= '5'", [1], id="kernel"),
        pytest.param("litellm ; python_full_version >= '3.11.4'", [1], id="full-version"),
        pytest.param("litellm ; sys_platform != 'win32'", [1], id="not-windows"),
        pytest.param("litellm ; platform_machine === 'x86_64'", [1], id="without-a-meaning"),
        pytest.param("litellm ; python_version < '3.11'\nlitellm ; python_version >= '3.11'", [1, 2], id="pair"),
        pytest.param("litellm==1.55.0 ; python_version < '3.11'\nlitellm ; python_version >= '3.11'", [2], id="half-a-pair"),
        pytest.param(
            "litellm==1.75.0 ; python_version < '3.11'\nlitellm==1.55.0 ; python_version >= '3.11'", [1], id="pair-above"
        ),
    ],
)
def test_markers(run: Run, text: str, lines: list[int]) -> None:
    outcome = run(text)
    assert [int(finding.split(":")[1]) for finding in outcome.findings] == lines


def test_target_python(run: Run) -> None:
    text = "litellm ; python_version < '3.11'\nlitellm ; python_full_version >= '3.11.4'"
    assert [one.split(":")[1] for one in run(text, "--target-python=3.10", "requirements.txt").findings] == ["1"]
    assert [one.split(":")[1] for one in run(text, "--target-python=3.11", "requirements.txt").findings] == ["2"]


@pytest.mark.parametrize("name", ["requirements-dev.txt", "docs/requirements.txt", "requirements/test.txt"])
def test_files_for_development(run: Run, name: str) -> None:
    """What only development installs takes no memory of the host; a backdoor is one everywhere."""
    assert run({name: "pandas\nlitellm\ntorch"}) == (0, "", "")
    assert run({name: "litellm==1.82.7"}).findings == [f"{name}:1:1: MG103 litellm 1.82.7 was withdrawn: it was backdoored"]


def test_groups_of_pyproject(run: Run) -> None:
    text = """\
[build-system]
requires = ["litellm", "pandas"]
[project]
dependencies = ["litellm", "pandas"]
[project.optional-dependencies]
ml = ["litellm", "pandas"]
"""
    outcome = run({"pyproject.toml": text, "Procfile": ""})
    assert [finding.split(" ")[:3] for finding in outcome.findings] == [
        ["pyproject.toml:4:18:", "MG101", "litellm"],
        ["pyproject.toml:4:29:", "MG101", "pandas"],
        ["pyproject.toml:6:8:", "MG101", "litellm"],
    ]


# Libraries, locks and compiled files

LIBRARY = "[build-system]\nrequires = []\n[project]\ndependencies = ['litellm>=1.60', 'pandas>=1']\n"
APP = LIBRARY.replace("[build-system]\nrequires = []\n", "")
RANGE = ["MG101 litellm is not pinned exactly (>=1.60)", "MG101 pandas is not pinned exactly (>=1) (warning)"]
UV = '[[package]]\nname = "litellm"\nversion = "{}"\n\n[[package]]\nname = "pandas"\nversion = "2.2.3"\n'
MEMBER = '\n[[package]]\nname = "b"\nversion = "1"\nsource = { editable = "a/b" }\n'


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"pyproject.toml": APP}, RANGE, id="app"),
        pytest.param({"pyproject.toml": LIBRARY}, RANGE, id="library"),
        pytest.param(
            {"pyproject.toml": APP, "uv.lock": UV.format("1.69.3")},
            ["MG101 litellm is not pinned exactly (>=1.60): uv.lock pins 1.69.3 (warning)"],
            id="locked",
        ),
        pytest.param(
            {"a/b/pyproject.toml": APP, "uv.lock": UV.format("1.69.3") + MEMBER},
            ["MG101 litellm is not pinned exactly (>=1.60): uv.lock pins 1.69.3 (warning)"],
            id="locked-by-the-workspace",
        ),
        pytest.param(
            {"pyproject.toml": APP, "poetry.lock": UV.format("1.80.0").replace("\n", "\r\n")},
            ["MG102 litellm 1.80.0 in poetry.lock is not <1.70, the limit that pin-litellm has by default (warning)"],
            id="locked-above",
        ),
        pytest.param(
            {"pyproject.toml": APP, "pdm.lock": UV.format("1.60.0") + UV.format("1.82.7")},
            ["MG103 litellm 1.82.7 in pdm.lock was withdrawn: it was backdoored"],
            id="locked-twice",
        ),
        pytest.param({"pyproject.toml": APP, "uv.lock": "# litellm"}, RANGE, id="lock-of-other-packages"),
        pytest.param(
            {"pyproject.toml": APP, "requirements.txt": "litellm==1.69.3\npandas==2.2.3"},
            ["MG101 litellm is not pinned exactly (>=1.60): requirements.txt pins 1.69.3 (warning)"],
            id="requirements-beside",
        ),
        pytest.param(
            {"requirements.in": "litellm>=1.60\npandas>=1", "requirements.txt": "litellm==1.69.3\npandas==2.2.3"},
            ["MG101 litellm is not pinned exactly (>=1.60): requirements.txt pins 1.69.3 (warning)"],
            id="compiled",
        ),
        pytest.param(
            {"requirements/main.in": "litellm>=1.60", "main.txt": "litellm==1.69.3"},
            ["MG101 litellm is not pinned exactly (>=1.60): main.txt pins 1.69.3 (warning)"],
            id="compiled-above",
        ),
        pytest.param(
            {"requirements.in": "litellm", "requirements.txt": "litellm==1.80.0\n    # via -r requirements.in"},
            [
                "MG101 litellm is not pinned exactly (any version): requirements.txt pins 1.80.0 (warning)",
                "MG102 litellm 1.80.0 is not <1.70, the limit that pin-litellm has by default (warning)",
            ],
            id="compiled-is-judged-by-itself",
        ),
        pytest.param({"requirements.in": "litellm>=1.60\npandas>=1", "requirements.txt": "pip"}, RANGE, id="not-compiled"),
        pytest.param(
            {"requirements.in": "litellm>=1.60\npandas>=1", "requirements.txt": "-r x"}, RANGE, id="compiled-is-broken"
        ),
    ],
)
def test_ranges(run: Run, files: dict[str, str], expected: list[str]) -> None:
    outcome = run(files)
    served_on = re.compile(rf": it admits [\d.]+, served on {DATE}")
    assert [served_on.sub("", finding.split(": ", 1)[1]) for finding in outcome.findings] == expected
    if "requirements.txt" not in files or files["requirements.txt"] != "-r x":
        assert outcome.code == int(any("(warning)" not in one for one in expected))


@pytest.mark.parametrize(
    ("version", "fix"),
    [
        pytest.param("1.60.0", "litellm==1.60.0", id="of-the-lock"),
        pytest.param("1.80.0", "litellm==1.69.3", id="not-the-lock-that-is-above"),
    ],
)
def test_proposal_beside_a_lock(run: Run, version: str, fix: str) -> None:
    out = run({"requirements.in": "litellm", "requirements.txt": f"litellm=={version}"}, "requirements.in").out
    assert out.splitlines()[1].partition("  (")[0] == f"    fix: {fix}"


# Constraints


def test_constraints_are_no_requirements(run: Run) -> None:
    assert run({"constraints.txt": "litellm>=1\npandas"}) == (0, "", "")
    assert run({"constraints.txt": "litellm==1.80.0"}).findings == [
        "constraints.txt:1:1: MG102 litellm 1.80.0 is not <1.70, the limit that pin-litellm has by default (warning)"
    ]
    outcome = run({"requirements.txt": "litellm\n-c limits.txt", "limits.txt": "litellm==1.80.0"}, "requirements.txt")
    assert outcome.findings == [
        "limits.txt:1:1: MG102 litellm 1.80.0 is not <1.70, the limit that pin-litellm has by default (warning)"
    ]


# Allowances


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("litellm  # memguard: allow[MG101] a lab", [], id="allowed"),
        pytest.param("litellm==1.80.0 \\\n  --hash=sha256:00  # memguard: allow[MG102] a lab", [], id="on-the-last-line"),
        pytest.param("pandas  # memguard: allow[MG101]: a lab", [], id="a-warning"),
        pytest.param(
            "litellm  # memguard: allow[MG101]", ["1:10: MG190 MG101 is allowed without a reason"], id="without-a-reason"
        ),
        pytest.param(
            "litellm  # memguard: allow[MG102] a lab",
            [
                "1:1: MG101 litellm is not pinned exactly (any version): it admits V",
                "1:10: MG191 nothing here breaks MG102 (warning)",
            ],
            id="another-code",
        ),
        pytest.param(
            "litellm==1.69.3  # memguard: allow[MG101, mg105] x",
            ["1:18: MG191 nothing here breaks MG101 (warning)", "1:18: MG191 nothing here breaks MG105 (warning)"],
            id="nothing-to-allow",
        ),
        pytest.param(
            "# memguard: allow[MG101] x\nlitellm==1.69.3",
            ["1:1: MG191 nothing here breaks MG101 (warning)"],
            id="on-a-line-of-its-own",
        ),
        pytest.param(
            "a  # memguard: allow[MG999] x", ["1:4: MG191 there is no rule MG999 to allow (warning)"], id="no-rule"
        ),
        pytest.param("a  # memguard: allow", ["1:4: MG191 there is no rule named to allow (warning)"], id="no-code"),
        pytest.param("a  # memguard: allow[MG110] x", [], id="of-another-hook"),
        pytest.param("a  # memguard: allowed by all", [], id="prose"),
    ],
)
def test_allowances(run: Run, text: str, expected: list[str]) -> None:
    outcome = run(text)
    findings = [re.sub(rf"admits [\d.]+, served on {DATE}", "admits V", finding) for finding in outcome.findings]
    assert findings == [f"requirements.txt:{one}" for one in expected]
    assert outcome.code == int(any("(warning)" not in one for one in expected))


def test_allowances_in_pyproject(run: Run) -> None:
    text = """\
[project]
dependencies = [
  "litellm",  # memguard: allow[MG101] a lab
  'pandas', # memguard: allow[MG101]
  "torch==2.8.0", # memguard: allow[MG101] no need
]
"""
    assert run({"pyproject.toml": text}).out == (
        "pyproject.toml:4:13: MG190 MG101 is allowed without a reason\n"
        "    fix: write `# memguard: allow[MG101] why`\n"
        "pyproject.toml:5:19: MG191 nothing here breaks MG101 (warning)\n"
        "    fix: delete the comment\n"
    )


# Output and exit status


def test_json(run: Run) -> None:
    outcome = run("litellm==1.100.0\npandas\n-r ../out.txt\n", "--format=json", "requirements.txt")
    findings = json.loads(outcome.out)["findings"]
    assert json.loads(outcome.out) == {
        "schema": 1,
        "findings": [
            {
                "code": "MG102",
                "hook": "pin-litellm",
                "severity": "error",
                "path": "requirements.txt",
                "line": 1,
                "column": 1,
                "message": findings[0]["message"],
                "mib": findings[0]["mib"],
                "chain": [],
                "fix": findings[0]["fix"],
            },
            {
                "code": "MG101",
                "hook": "pin-litellm",
                "severity": "warning",
                "path": "requirements.txt",
                "line": 2,
                "column": 1,
                "message": "pandas is not pinned exactly (any version)",
                "mib": None,
                "chain": [],
                "fix": findings[1]["fix"],
            },
        ],
        "services": [],
        "skipped": [
            {"path": "requirements.txt", "line": 3, "reason": "includes ../out.txt, which leads out of the repository"}
        ],
    }
    footprint = lookup.find("litellm", "litellm", "1.100.0")
    assert footprint is not None
    assert findings[0]["mib"] == round(footprint.resident / 2**20, 1)
    assert Requirement(findings[0]["fix"].partition("  (")[0]).specifier.contains("1.69.3")
    assert outcome.code == 1


@pytest.mark.parametrize(
    ("text", "fail_on", "code"),
    [
        pytest.param("fastapi", "warning", 0, id="clean"),
        pytest.param("pandas", "error", 0, id="warning"),
        pytest.param("pandas", "warning", 1, id="warning-fails"),
        pytest.param("pandas", "never", 0, id="warning-never"),
        pytest.param("litellm", "error", 1, id="error"),
        pytest.param("litellm", "warning", 1, id="error-at-warning"),
        pytest.param("litellm", "never", 0, id="error-never"),
        pytest.param("-r absent.txt", "never", 2, id="broken"),
    ],
)
def test_exit_status(run: Run, text: str, fail_on: str, code: int) -> None:
    assert run(text, f"--fail-on={fail_on}", "requirements.txt").code == code
    assert run(text, f"--fail-on={fail_on}", "--format=json", "requirements.txt").code == code


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("litellm==1.100.0\r\npandas==2.2.3\r\n".encode("utf-16"), 1, id="utf-16"),
        pytest.param("\ufefflitellm==1.100.0".encode(), 1, id="utf-8-bom"),
        pytest.param(b"", 0, id="empty"),
        pytest.param(b"\n\n# litellm\n", 0, id="comment"),
    ],
)
def test_files(run: Run, content: bytes, expected: int) -> None:
    outcome = run(content)
    assert len(outcome.findings) == expected
    assert (outcome.code, bool(outcome.err)) == (expected, bool(expected))


def test_folder_named_like_a_manifest(run: Run, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").mkdir()
    assert run({}, "requirements.txt") == (2, "", "requirements.txt: error: is a directory, not a file\n")
    assert run({"sub/requirements.txt": "litellm"}, "--fail-on=error").code == 1  # and the walk passes it by


def test_one_broken_manifest_hides_no_other(run: Run) -> None:
    outcome = run({"a-requirements.txt": "-r absent.txt", "b-requirements.txt": "litellm==1.100.0", "pyproject.toml": "["})
    assert outcome.findings == [
        "b-requirements.txt:1:1: MG102 litellm 1.100.0 is not <1.70, the limit that pin-litellm has by default"
    ]
    assert outcome.err == (
        "a-requirements.txt:1: error: column 1: includes absent.txt, which is missing\n"
        "pyproject.toml:1: error: column 2: is not valid TOML: Invalid initial character for a key part\n"
        "1 error, 0 warnings\n"
    )
    assert outcome.code == 2


def test_a_file_that_two_include_is_told_once(run: Run) -> None:
    files = {"a-requirements.txt": "-r base.txt", "b-requirements.txt": "-r base.txt", "base.txt": "litellm==1.80.0"}
    assert run(files, "a-requirements.txt", "b-requirements.txt").findings == [
        "base.txt:1:1: MG102 litellm 1.80.0 is not <1.70, the limit that pin-litellm has by default (warning)"
    ]


# Narrowness

WATCHED = ("packaging", "tomli", "yaml", "libcst", "subprocess", "dataclasses", "inspect")


@pytest.mark.parametrize(
    ("files", "loaded"),
    [
        pytest.param({"requirements.txt": "fastapi>=1\nnumpy\n"}, [], id="light"),
        pytest.param(
            {"requirements.txt": f"fastapi==1 \\\n  {SHA256}\n# litellm\n-r other.txt", "other.txt": "a"}, [], id="hashes"
        ),
        pytest.param({"pyproject.toml": "[project]\ndependencies = ['fastapi']"}, ["tomli"], id="pyproject"),
        pytest.param({"requirements.txt": "litellm==1.69.3"}, ["packaging"], id="litellm"),
    ],
)
def test_modules_that_are_loaded(tmp_path: Path, files: dict[str, str], loaded: list[str]) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    program = (
        "import sys\nfrom memguard_hooks.hooks import pin_litellm, forbid_heavy_deps\n"
        f"assert pin_litellm.main({list(files)}) == 0\nassert forbid_heavy_deps.main({list(files)}) == 0\n"
        f"print(*[name for name in {WATCHED} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    allowed = {"subprocess", "dataclasses", "inspect"} if "packaging" in loaded else set()
    assert [name for name in done.stdout.split() if name not in allowed] == loaded


@pytest.mark.parametrize(("kind", "line"), re.findall(r"(?m)^(bad|good):\s+(.+)$", pin_litellm.__doc__ or ""))
def test_examples_of_the_documentation(run: Run, kind: str, line: str) -> None:
    assert run(line).code == int(kind == "bad")


@pytest.mark.parametrize(
    "text", ["litellm==1.55.0\nlitellm[proxy]", "litellm==1.55.0\nlitellm>=1", "litellm==1.55.0\nlitellm==1.*"]
)
def test_each_declaration_is_judged(run: Run, text: str) -> None:
    pin, twice = run({"requirements.txt": text}, "requirements.txt").findings
    assert pin.startswith("requirements.txt:2:1: MG101 ")
    assert twice.startswith("requirements.txt:2:1: MG106 litellm is declared twice: ==1.55.0 in line 1, ")


def test_a_version_of_thousands_of_digits_is_refused(run: Run) -> None:
    outcome = run({"requirements.txt": f"litellm=={'9' * 6000}"}, "requirements.txt")
    assert outcome.code == 2
    assert "is not a valid requirement" in outcome.err


def test_what_many_files_include_is_judged_once(tmp_path: Path) -> None:
    names = [f"requirements{number}.txt" for number in range(5)]
    write(tmp_path, {"base.txt": "litellm>=1.40\n", **dict.fromkeys(names, "-r base.txt\n")})
    write(tmp_path, {names[4]: "-r base.txt\n-c constraints.txt\n", "constraints.txt": f"litellm=={NEWEST}\n"})
    judged = pins.find(Project(WorkTree(str(tmp_path)), Settings(), names))[1]
    assert [(one.finding.path, one.finding.code) for one in judged] == [("base.txt", "MG101"), ("constraints.txt", "MG102")]
