"""The hook `python-runtime` on real files, through its own command, and the table of wheels against packaging's own tags."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import list_wheels
import pytest
from folders import write
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from memguard_hooks.dependencies import locked_wheels, wheel_table
from memguard_hooks.dependencies.wheel_table import WheelHost
from memguard_hooks.hooks import python_runtime
from memguard_hooks.rules.python import compiled, findings, system_libraries

APP = {"Procfile": "web: python main.py\n", "main.py": "import json\n"}
RENDER = {
    "main.py": "import json\n",
    "render.yaml": "services:\n  - {type: web, name: web, runtime: python, plan: free, "
    "buildCommand: pip install -r requirements.txt, startCommand: python main.py}\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    python_runtime.main(["--format", "json", *arguments])
    outcome = capsys.readouterr()
    return list(json.loads(outcome.out)["findings"])


def codes(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[tuple[str, str, str]]:
    return [(one["code"], one["message"].split()[0], one["severity"]) for one in found(capsys, *arguments)]


def image(base: str, *, build: str = "RUN pip install -r requirements.txt\n") -> dict[str, str]:
    return {"main.py": "import json\n", "Dockerfile": f"FROM {base}\nWORKDIR /app\nCOPY . .\n{build}CMD python main.py\n"}


SEED = "pandas==2.1.4\nnumpy==1.24.4\npydantic==2.4.2\n"


def test_the_manifest_that_went_back_to_an_older_python(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {**APP, "requirements.txt": SEED, "runtime.txt": "python-3.13.1\n"})
    assert codes(capsys) == [
        ("MG711", "pandas", "error"), ("MG711", "numpy", "error"), ("MG711", "pydantic-core", "error"),
    ]  # fmt: skip
    write(project, {"runtime.txt": "python-3.11.9\n"})
    assert codes(capsys) == []
    write(project, {"runtime.txt": "python-3.13.1\n", "requirements.txt": "pandas==2.2.3\nnumpy==2.1.0\n"})
    assert codes(capsys) == []


def test_the_target_of_the_options_counts_without_a_service(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {"requirements.txt": SEED})
    assert len(codes(capsys, "--target-python", "3.13")) == 3
    assert codes(capsys) == []


def test_a_default_is_a_warning_and_a_fix_writes_the_nearest_python(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, {**RENDER, "requirements.txt": "pandas==2.2.2\nscikit-learn==1.5.0\n"})
    assert codes(capsys) == [("MG711", "pandas", "warning"), ("MG711", "scikit-learn", "warning")]
    assert python_runtime.main(["--fix"]) == 1
    assert (project / ".python-version").read_text(encoding="ascii") == "3.12\n"
    capsys.readouterr()
    assert codes(capsys) == []
    assert (project / "requirements.txt").read_text(encoding="ascii") == "pandas==2.2.2\nscikit-learn==1.5.0\n"


HEROKU = '{"formation": {"web": {"quantity": 1, "size": "basic"}}}'


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (RENDER, "the default of Render since 2026-02-11"),
        ({"app.json": HEROKU, "Procfile": "web: python main.py\n", "main.py": ""}, "the default of Heroku as of 2026-11-28"),
    ],
)
def test_a_default_is_told_with_the_day_that_is_known(
    project: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], said: str
) -> None:
    write(project, {**files, "requirements.txt": "pandas==2.2.2\n"})
    python_runtime.main([])
    assert said in capsys.readouterr().out


def test_a_fix_writes_the_nearest_version_where_the_python_is_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, {**APP, "requirements.txt": "# data\n" + SEED, "runtime.txt": "python-3.13.1\n"})
    python_runtime.main(["--fix"])
    assert (project / "requirements.txt").read_text(encoding="ascii") == (
        "# data\npandas==2.2.3\nnumpy==2.1.0\npydantic==2.8.0\n"
    )
    capsys.readouterr()
    assert codes(capsys) == []


def test_a_stable_wheel_of_a_python_that_no_lock_had_is_not_known() -> None:
    row = wheel_table.find("deptry")
    assert row is not None
    run = row.run_of("0.24.0")
    assert run is not None
    assert [run.state(WheelHost(minor)) for minor in (9, 11, 13)] == [None, "wheel", "wheel"]


def test_an_old_table_says_that_nothing_is_known(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, {**APP, "requirements.txt": "orjson==3.9.10\n", "runtime.txt": "python-3.13.1\n"})
    monkeypatch.setattr(findings, "today", lambda: "2027-05-28")
    assert python_runtime.main([]) == 0
    outcome = capsys.readouterr()
    assert "MG711" not in outcome.out
    assert "requirements.txt:1: skipped: whether orjson 3.9.10 has a wheel is not known: the table" in outcome.err


@pytest.mark.parametrize(
    ("requirements", "python"),
    [
        pytest.param("orjson==3.9.10+local", "3.13", id="a build of one's own"),
        pytest.param("--extra-index-url https://wheels.example/simple\norjson==3.9.10", "3.13", id="another index"),
        pytest.param("orjson @ https://wheels.example/orjson-3.9.10.tar.gz", "3.13", id="a URL"),
        pytest.param("orjson==3.9.10; python_version < '3.13'", "3.13", id="a marker"),
        pytest.param("orjson==3.9.10.dev1", "3.13", id="a release that is not known"),
        pytest.param("orjson>=3.9", "3.13", id="no upper bound"),
        pytest.param("cryptography==41.0.0", "3.14", id="stable ABI"),
        pytest.param("pyyaml==6.0", "3.13", id="builds without a compiler"),
        pytest.param("orjson==3.9.10", "3.13t", id="free-threaded, of which nothing is known"),
        pytest.param("faiss-cpu==1.7.1.post3", "3.10", id="a post release"),
        pytest.param("pandas==0.25.3\nnumpy==1.19", "3.7", id="a Python older than the table's"),
    ],
)
def test_what_is_silent(project: Path, capsys: pytest.CaptureFixture[str], requirements: str, python: str) -> None:
    write(project, {**APP, "requirements.txt": f"{requirements}\n", ".python-version": f"{python}\n"})
    assert [one for one in codes(capsys) if one[0] != "MG717"] == []


@pytest.mark.parametrize(
    ("path", "is_told"),
    [("requirements.txt", True), ("requirements/base.txt", True), ("maps/requirements.txt", False)],
)
def test_where_nobody_knows_what_is_installed_what_is_near_the_start_counts(
    project: Path, capsys: pytest.CaptureFixture[str], path: str, *, is_told: bool
) -> None:
    write(project, image("python:3.13-slim", build="COPY requirements_app.txt .\nRUN pip install -r requirements_app.txt\n"))
    write(project, {path: "pandas==2.1.4\n"})
    assert [one["path"] for one in found(capsys) if one["code"] == "MG711"] == ([path] if is_told else [])


def test_a_range_is_judged_by_the_newest_release_that_it_admits(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {**APP, "requirements.txt": "orjson<3.10\npandas~=2.2.0\n", ".python-version": "3.13\n"})
    (one,) = found(capsys)
    assert one["code"] == "MG711"
    assert "orjson 3.9" in one["message"]


def test_slim_images_without_a_compiler(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {**image("python:3.12-slim"), "requirements.txt": "lxml==4.9.2\n"})
    assert codes(capsys) == [("MG711", "lxml", "error")]
    write(project, image("python:3.12"))
    assert codes(capsys) == [("MG711", "lxml", "warning")]
    two = "FROM python:3.12 AS build\nCOPY . .\nRUN pip install -r requirements.txt\n"
    last = "FROM python:3.12-slim\nCOPY --from=build /usr/local /usr/local\nCOPY . .\nCMD python main.py\n"
    write(project, {"Dockerfile": two + last, "requirements.txt": "lxml==4.9.2\npsycopg2==2.9.9\n"})
    assert codes(capsys) == [("MG711", "lxml", "warning")]


def test_images_with_musl_and_for_arm(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {**image("python:3.12-alpine"), "requirements.txt": "faiss-cpu==1.8.0\ntiktoken==0.8.0\n"})
    assert codes(capsys) == [("MG715", "faiss-cpu", "warning")]
    write(project, {**image("--platform=linux/arm64 python:3.11"), "requirements.txt": "faiss-cpu==1.7.3\nnumpy==1.26.4\n"})
    assert codes(capsys) == []
    write(project, {**image("--platform=linux/arm64 python:3.11"), "requirements.txt": "cuda-bindings==13.2.0\n"})
    assert codes(capsys) == []


def test_uv_takes_the_python_that_the_project_names(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = image("python:3.13-slim", build="RUN uv venv && uv pip install -r requirements.txt\n")
    write(project, {**files, "requirements.txt": "orjson==3.9.10\n", ".python-version": "3.12\n"})
    assert codes(capsys) == []
    write(project, image("python:3.12-slim", build="RUN uv venv --python 3.13 && uv pip install -r requirements.txt\n"))
    assert codes(capsys) == [("MG712", ".python-version", "warning"), ("MG711", "orjson", "error")]


def test_requires_python_of_a_release(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {**image("python:3.11"), "requirements.txt": "numpy==2.5.0\n"})
    assert codes(capsys) == [("MG716", "numpy", "error")]


UV_LOCK = """version = 1
requires-python = "{requires}"

[[package]]
name = "shop"
version = "1"
source = {{ virtual = "." }}
dependencies = [{{ name = "orjson" }}]

[[package]]
name = "orjson"
version = "3.9.10"
source = {{ registry = "https://wheels.example/simple" }}
sdist = {{ url = "https://wheels.example/orjson-3.9.10.tar.gz", hash = "sha256:0" }}
wheels = [
    {{ url = "https://wheels.example/orjson-3.9.10-cp312-cp312-manylinux2014_x86_64.whl", hash = "sha256:0" }},
    {{ url = "https://wheels.example/orjson-3.9.10-cp313-cp313t-manylinux2014_x86_64.whl", hash = "sha256:0" }},
    {{ url = "https://wheels.example/orjson-3.9.10-cp313-cp313-macosx_10_15_universal2.whl", hash = "" }},
]
"""


def test_a_lock_says_which_wheels_there_are(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pyproject = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["orjson"]\n'
    files = image("python:3.13-slim", build="RUN pip install uv && uv sync --frozen\n")
    write(project, {**files, "pyproject.toml": pyproject, "uv.lock": UV_LOCK.format(requires=">=3.12")})
    (one,) = found(capsys)
    assert (one["code"], one["path"], one["line"], one["severity"]) == ("MG711", "uv.lock", 11, "error")
    write(project, {"uv.lock": UV_LOCK.format(requires=">=3.12,<3.13")})
    assert codes(capsys) == []  # uv has left out what lies outside
    write(project, {**image("python:3.12-slim", build="RUN uv sync\n"), "uv.lock": UV_LOCK.format(requires=">=3.12")})
    assert codes(capsys) == []


def test_a_lock_has_packages_for_another_machine(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = UV_LOCK.format(requires=">=3.12")
    edge = '{ name = "orjson" }'
    assert edge in lock
    write(project, {**image("python:3.13-slim", build="RUN uv sync\n"), "pyproject.toml": '[project]\nname = "shop"\n'})
    write(project, {"uv.lock": lock.replace(edge, edge.replace(" }", ", marker = \"platform_machine == 'aarch64'\" }"))})
    assert codes(capsys) == []
    write(project, {"uv.lock": lock.replace(edge, edge.replace(" }", ", marker = \"platform_machine == 'x86_64'\" }"))})
    assert codes(capsys) == [("MG711", "orjson", "error")]


class CountedLock(bytes):
    """A lock that counts how often its lines are counted, each time from its beginning."""

    counted = 0

    def count(self, *given: Any) -> int:
        """Count what is asked for."""
        CountedLock.counted += 1
        return super().count(*given)


def test_the_line_of_a_package_is_counted_where_it_is_told() -> None:
    wheels = "numpy-2.3.0-cp313-cp313-manylinux_2_28_x86_64.whl", "numpy-2.3.0-cp312-cp312-manylinux_2_28_x86_64.whl"
    packages = [
        f'[[package]]\nname = "n{number}"\nversion = "2.3.0"\nwheels = [{{ url = "https://example.com/{wheel}" }}]\n'
        for number, wheel in enumerate([wheels[0]] * 40 + [wheels[1]])
    ]
    found = list(locked_wheels.find(CountedLock("".join(packages).encode()), "uv.lock", WheelHost(13, "glibc", "x86_64")))
    assert [(one.name, one.line) for one in found] == [("n40", 162)]
    assert CountedLock.counted == 1


def test_services_that_share_a_file_are_told_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {**APP, "Procfile": "web: python main.py\nbeat: python main.py\n", "runtime.txt": "python-3.8.1\n"})
    assert len(codes(capsys)) == 1


@pytest.mark.parametrize(
    ("filename", "minor", "libc", "machine", "fits"),
    [
        ("x-1-cp38-abi3-manylinux_2_28_x86_64.whl", 14, "glibc", "x86_64", True),
        ("x-1-cp314-abi3-manylinux_2_28_x86_64.whl", 13, "glibc", "x86_64", False),
        ("x-1-cp313-cp313t-manylinux_2_17_x86_64.whl", 13, "glibc", "x86_64", False),
        ("x-1-py3-none-any.whl", 13, "musl", "aarch64", True),
        ("x-1-py2.py3-none-manylinux1_x86_64.whl", 13, "glibc", "x86_64", True),
        ("x-1-cp312-cp312-musllinux_1_2_aarch64.whl", 12, "musl", "aarch64", True),
        ("x-1-cp312-cp312-musllinux_1_2_x86_64.whl", 12, "glibc", "x86_64", False),
        ("x-1-cp312-cp312-manylinux_2_39_x86_64.whl", 12, "glibc", "x86_64", False),
        ("x-1-cp312-cp312-macosx_10_9_universal2.whl", 12, "glibc", "x86_64", False),
        ("x-1-cp37-cp37m-manylinux1_x86_64.whl", 12, "glibc", "x86_64", False),
        ("x-1-pp310-pypy310_pp73-manylinux_2_17_x86_64.whl", 10, "glibc", "x86_64", False),
        ("x-1-py313-none-any.whl", 14, "glibc", "x86_64", True),
    ],
)
def test_tags_of_wheels(filename: str, minor: int, libc: str, machine: str, *, fits: bool) -> None:
    """The table's writer and the reader of locks agree, and packaging is the judge of both."""
    host = WheelHost(minor, libc, machine)
    tags = parse_wheel_filename(filename)[3]
    written = list_wheels.minors_of([frozenset(map(str, tags))], "manylinux" if libc == "glibc" else "musllinux", machine)
    row = wheel_table.WheelRun("1", "1", (written,) * 4, has_sdist=False)
    assert (row.state(host) == "wheel") is fits
    assert bool(tags & locked_wheels.tags_of(host)) is fits
    platforms = [f"manylinux_2_{n}_{machine}" for n in range(36, 4, -1)] + [f"manylinux1_{machine}"]
    if libc == "glibc":
        asked = {
            *cpython_tags((3, minor), [f"cp3{minor}"], platforms),
            *compatible_tags((3, minor), f"cp3{minor}", platforms),
        }
        assert bool(tags & asked) is fits


def test_the_rows_are_in_order_and_each_can_be_read() -> None:
    data = Path(wheel_table.TABLE).read_bytes()
    assert len(data) < 250_000
    names = sorted(wheel_table.names())
    assert len(names) >= 150
    for name in names:
        row = wheel_table.find(name)
        assert row is not None
        versions = [Version(one) for run in row.runs for one in (run.first, run.last)]
        assert versions == sorted(versions), name


def test_a_project_without_compiled_packages_reads_no_row(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel_table.find.cache_clear()
    write(project, {**APP, "requirements.txt": "flask==3.0.3\n", ".python-version": "3.13\n"})
    assert codes(capsys) == []
    assert wheel_table.find.cache_info().currsize == 0


def test_what_needs_libraries_is_looked_at() -> None:
    assert system_libraries.NEEDS.keys() == compiled.WITH_LIBRARIES


@pytest.mark.parametrize(("own", "told"), [("^3.8,<3.10", True), (">=3.10", False), ("^3.8 || ^4.0", False), ("*", False)])
def test_a_lock_for_other_pythons_is_one_finding(
    project: Path, capsys: pytest.CaptureFixture[str], own: str, *, told: bool
) -> None:
    package = '[[package]]\nname = "lxml"\nversion = "4.9.2"\noptional = false\npython-versions = "*"\nfiles = []\n'
    lock = f'{package}\n[metadata]\nlock-version = "2.0"\npython-versions = "{own}"\ncontent-hash = "0"\n'
    manifest = f'[tool.poetry]\nname = "a"\n[tool.poetry.dependencies]\npython = "{own}"\nlxml = "*"\n'
    write(project, {**APP, "runtime.txt": "python-3.13.1\n", "poetry.lock": lock, "pyproject.toml": manifest})
    every = [one for one in found(capsys) if one["code"] == "MG716" and one["path"] == "poetry.lock"]
    assert len(every) == told
    if told:
        assert every[0]["message"].startswith("poetry.lock does not admit Python 3.13 (runtime.txt:1)")
        assert every[0]["fix"] == "lock again for that Python\nor write 3.9 into runtime.txt:1"


# Withdrawn, too large, for GPUs


def test_a_withdrawn_release_is_told_where_it_is_installed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, {**APP, "requirements.txt": "numpy==2.4.0\ngrpcio>=1.45.0\n", "runtime.txt": "python-3.12.1\n"})
    (one,) = found(capsys)
    assert (one["code"], one["severity"], one["line"]) == ("MG718", "warning", 1)
    assert "Backward compatibility bug" in one["message"]
    write(project, {"requirements.txt": f"numpy=={one['fix'][0].removeprefix('numpy==')}\n"})
    assert found(capsys) == []


def test_no_withdrawn_release_is_proposed() -> None:
    for name, releases in wheel_table.yanked().items():
        row = wheel_table.find(name)
        assert row is not None
        hosts = [WheelHost(minor, libc, machine) for minor in range(9, 15) for libc, machine in wheel_table._ORDER]
        versions = {one for run in row.runs for one in (run.first, run.last)} | releases.keys()
        proposed = {row.nearest(version, host) for version in versions for host in hosts} | {*map(row.after, versions)}
        proposed |= {found[0] for host in hosts if (found := row.newest_within("<999", host)) is not None}
        assert proposed
        assert releases.keys().isdisjoint(proposed)


def test_withdrawn_releases_are_read_from_what_pip_says() -> None:
    page = (
        "  Found link https://x.example/ab/pkg-1.0-cp312-cp312-manylinux_2_17_x86_64.whl (from https://x/), version: 1.0\n"
        "  Skipping link: yanked for reason: Regression: https://x.example/1: "
        "https://files.example/cd/pkg-1.1-cp312-cp312-manylinux_2_17_x86_64.whl (from https://x/) (requires-python:>=3.9)\n"
        "  Skipping link: yanked for reason: <none given>: https://files.example/ef/pkg-1.2.tar.gz (from https://x/)\n"
    )
    assert {*map(str, list_wheels.releases_on(page, "pkg"))} == {"1.0", "1.1", "1.2"}
    withdrawn = {str(version): reason for version, reason in list_wheels.yanked_on(page, "pkg").items()}
    assert withdrawn == {"1.1": "Regression: https://x.example/1", "1.2": ""}


def lock_of(**sizes: int) -> str:
    """A lock of uv whose project requires some packages, with wheels of so many MB."""
    names = [name.replace("_", "-") for name in sizes]
    edges = ", ".join(f'{{ name = "{name}" }}' for name in names)
    text = 'version = 1\nrequires-python = ">=3.11"\n\n[[package]]\nname = "app"\nversion = "1"\n'
    text += 'source = { virtual = "." }\n'
    text += f"dependencies = [{edges}]\n"
    for name, size in zip(names, sizes.values(), strict=True):
        wheel = f"https://x.example/{name.replace('-', '_')}-1.0-py3-none-manylinux_2_17_x86_64.whl"
        text += f'\n[[package]]\nname = "{name}"\nversion = "1.0"\nsource = {{ registry = "https://x.example/simple" }}\n'
        text += f'wheels = [\n    {{ url = "{wheel}", hash = "sha256:1", size = {size * 1_000_000} }},\n]\n'
    return text


SLUG = {"app.json": '{"formation": {"web": {"quantity": 1, "size": "basic"}}}'}
SAM = (
    "Resources:\n  Api:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: main.handler\n"
    "      Runtime: python3.12\n      CodeUri: .\n"
)


@pytest.mark.parametrize(
    ("files", "sizes", "severity"),
    [
        ({**APP, **SLUG}, {"torch": 450, "scipy": 40}, None),
        ({**APP, **SLUG}, {"torch": 450, "scipy": 60}, "error"),
        ({"template.yaml": SAM}, {"scipy": 60, "numpy": 20}, None),
        ({"template.yaml": SAM}, {"scipy": 65, "numpy": 23}, "warning"),
        ({"template.yaml": SAM}, {"scipy": 80, "numpy": 20}, "error"),
        ({"vercel.json": "{}", "api/index.py": "import json\n"}, {"scipy": 160}, None),
        ({"vercel.json": "{}", "api/index.py": "import json\n"}, {"scipy": 200}, "error"),
        ({"Dockerfile": "FROM python:3.12\nCOPY . .\nRUN uv sync\nCMD python main.py\n"}, {"torch": 3000}, None),
    ],
)
def test_what_is_installed_against_what_the_platform_takes(
    project: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], sizes: dict[str, int], severity: str | None
) -> None:
    code = {"main.py": "def handler(event, context):\n    return event\n"}
    write(project, {**code, **files, "uv.lock": lock_of(**sizes), ".python-version": "3.12\n"})
    told = [one for one in found(capsys) if one["code"] == "MG719"]
    assert [one["severity"] for one in told] == ([severity] if severity else [])


def test_the_size_leaves_out_what_only_development_needs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = lock_of(torch=700).replace(
        'dependencies = [{ name = "torch" }]', 'dev-dependencies = { dev = [{ name = "torch" }] }'
    )
    write(project, {**APP, **SLUG, "uv.lock": lock, ".python-version": "3.12\n"})
    assert [one["code"] for one in found(capsys) if one["code"] == "MG719"] == []


def test_packages_of_cuda_on_a_host_without_a_gpu(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = lock_of(torch=800, nvidia_cublas_cu12=500).replace(', { name = "nvidia-cublas-cu12" }', "")
    edge = 'version = "1.0"\ndependencies = [{ name = "nvidia-cublas-cu12", marker = "platform_machine == \'x86_64\'" }]'
    lock = lock.replace('name = "torch"\nversion = "1.0"', f'name = "torch"\n{edge}')
    image_ = {"Dockerfile": "FROM python:3.12-slim\nCOPY . .\nRUN uv sync --frozen\nCMD python main.py\n"}
    railway = {"railway.toml": '[build]\nbuilder = "DOCKERFILE"\n[deploy]\nstartCommand = "python main.py"\n'}
    write(project, {"main.py": "import json\n", "uv.lock": lock, **image_})
    assert [one["code"] for one in found(capsys)] == []
    write(project, railway)
    (one,) = (one for one in found(capsys) if one["code"] == "MG720")
    assert one["message"].startswith("nvidia-cublas-cu12, which torch brings, is for GPUs, and Railway has none")
