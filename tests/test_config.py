"""Settings: what each key means, what is refused with its place, and who wins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.hooks import forbid_heavy_deps, pin_litellm
from memguard_hooks.project.settings import (
    AllowedName,
    ServiceSettings,
    Settings,
    load,
    parse_python,
    parse_share,
    parse_size,
)
from memguard_hooks.tree import WorkTree


def write(folder: Path, **files: str) -> None:
    """Write settings files: `memguard` is memguard.toml."""
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")


def read(folder: Path, named: str | None = None) -> Settings:
    """Read the settings of a folder, which has one settings file."""
    found, skipped = load(WorkTree(str(folder)), named)
    assert skipped == ()
    return found


DEFAULTS = Settings()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", DEFAULTS, id="nothing"),
        pytest.param(
            'platform = "render-free"',
            DEFAULTS._replace(service=ServiceSettings(platform="render-free", limit_source="{}:{} platform")),
            id="platform",
        ),
        pytest.param(
            'limit = "512MiB"',
            DEFAULTS._replace(service=ServiceSettings(limit=512 * MIB, limit_source="{}:{} limit")),
            id="limit",
        ),
        pytest.param(
            'entrypoints = ["app.main:app", "bot.py"]',
            DEFAULTS._replace(service=ServiceSettings(entrypoints=("app.main:app", "bot.py"))),
            id="entrypoints",
        ),
        pytest.param(
            'target-python = "3.11"', DEFAULTS._replace(service=ServiceSettings(target_python=(3, 11))), id="target-python"
        ),
        pytest.param('source-roots = ["src"]', DEFAULTS._replace(source_roots=("src",)), id="source-roots"),
        pytest.param('exclude = ["a", "b/*"]', DEFAULTS._replace(exclude=("a", "b/*")), id="exclude"),
        pytest.param('scope = "reachable"', DEFAULTS._replace(scope="reachable"), id="scope-reachable"),
        pytest.param('scope = "all"', DEFAULTS._replace(scope="all"), id="scope-all"),
        pytest.param('heavy-threshold = "25MiB"', DEFAULTS._replace(heavy_threshold=25 * MIB), id="heavy-threshold"),
        pytest.param('heavy-threshold = "0MiB"', DEFAULTS._replace(heavy_threshold=0), id="heavy-threshold-nothing"),
        pytest.param('heavy.add = ["numpy"]', DEFAULTS._replace(heavy_add=("numpy",)), id="heavy-add"),
        pytest.param('heavy.remove = ["pandas"]', DEFAULTS._replace(heavy_remove=("pandas",)), id="heavy-remove"),
        pytest.param('forbid.add = ["numpy"]', DEFAULTS._replace(forbid_add=("numpy",)), id="forbid-add"),
        pytest.param('forbid.remove = ["torch"]', DEFAULTS._replace(forbid_remove=("torch",)), id="forbid-remove"),
        pytest.param('pins.litellm = "<1.60"', DEFAULTS._replace(pins={"litellm": "<1.60"}), id="pins"),
        pytest.param('pins.Scikit_Learn = ">1,<2"', DEFAULTS._replace(pins={"scikit-learn": ">1,<2"}), id="pins-normalized"),
        pytest.param('budget.warn = "70%"', DEFAULTS._replace(service=ServiceSettings(warn=0.7)), id="budget-warn"),
        pytest.param('budget.fail = "95.5 %"', DEFAULTS._replace(service=ServiceSettings(fail=0.955)), id="budget-fail"),
        pytest.param(
            'budget.growth = "25MB"', DEFAULTS._replace(service=ServiceSettings(growth=25 * MIB)), id="budget-growth"
        ),
        pytest.param('budget.growth = "0MiB"', DEFAULTS._replace(service=ServiceSettings(growth=0)), id="budget-no-growth"),
        pytest.param(
            'budget.runtime = "80MiB"', DEFAULTS._replace(service=ServiceSettings(runtime=80 * MIB)), id="budget-runtime"
        ),
        pytest.param(
            'services.web = {platform = "koyeb-nano", limit = "1GiB", entrypoints = ["a:b"], target-python = "3.12.1",'
            ' budget = {warn = "1%", fail = "2%", growth = "3MiB", runtime = "4MiB"}}\nservices.job = {}',
            DEFAULTS._replace(
                services={
                    "web": ServiceSettings(
                        "koyeb-nano", 1024 * MIB, "{}:{} limit", ("a:b",), (3, 12), 0.01, 0.02, 3 * MIB, 4 * MIB
                    ),
                    "job": ServiceSettings(),
                }
            ),
            id="services",
        ),
    ],
)
@pytest.mark.parametrize("name", ["memguard.toml", "pyproject.toml"])
def test_setting(tmp_path: Path, name: str, text: str, expected: Settings) -> None:
    head = "[tool.memguard]\n" if name == "pyproject.toml" else ""
    write(tmp_path, **{name[:-5]: head + text})
    service, services = (
        expected.service._replace(limit_source=expected.service.limit_source.format(name, 1 + bool(head))),
        {
            key: one._replace(limit_source=one.limit_source.format(name, 1 + bool(head)))
            for key, one in expected.services.items()
        },
    )
    sources = {package: f"{name}:{1 + bool(head)}" for package in expected.pins}
    wanted = expected._replace(service=service, services=services, pin_sources=sources, file=name)
    assert read(tmp_path) == wanted


def test_allowances_have_places(tmp_path: Path) -> None:
    write(
        tmp_path, memguard='[forbid]\nallow = {torch = " needed "}\n[heavy.allow]\npandas = ""\n"openai" = "used at once"\n'
    )
    settings = read(tmp_path)
    assert settings.forbid_allow == {"torch": AllowedName("needed", "memguard.toml", 2, 10)}
    assert settings.heavy_allow == {
        "pandas": AllowedName("", "memguard.toml", 4, 1),
        "openai": AllowedName("used at once", "memguard.toml", 5, 1),
    }


@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param("512MiB", 512 * MIB, id="mib"),
        pytest.param("512MB", 512 * MIB, id="mb-means-mib"),
        pytest.param("512M", 512 * MIB, id="m"),
        pytest.param("512mib", 512 * MIB, id="case"),
        pytest.param(" 512 MiB ", 512 * MIB, id="blanks"),
        pytest.param("1GiB", 1024 * MIB, id="gib"),
        pytest.param("1.5GB", 1536 * MIB, id="fraction"),
        pytest.param("2048KiB", 2 * MIB, id="kib"),
        pytest.param("100B", 100, id="bytes"),
    ],
)
def test_size(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "MiB", "512", "-1MiB", "1.MiB", ".5MiB", "1,5MiB", "5TiB", "1e3MiB", "٣MiB", "9" * 500 + "MiB"]
)
def test_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a size: "):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "share"),
    [pytest.param("78%", 0.78, id="whole"), pytest.param(" 0.5 %", 0.005, id="less"), pytest.param("150%", 1.5, id="more")],
)
def test_share(text: str, share: float) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize("text", ["", "78", "0.78", "0%", "-1%", "1001%", "٧٨%", "9" * 500 + "%"])
def test_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a share: "):
        parse_share(text)


@pytest.mark.parametrize("text", ["3", "3.x", "2.7", "py311", "3.11rc1", "3.111", "3." + "1" * 5000])
def test_python_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a Python: "):
        parse_python(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("platfrom = 'x'", "1:1: unknown key 'platfrom': did you mean 'platform'?", id="typo"),
        pytest.param("entry-points = []", "1:1: unknown key 'entry-points': did you mean 'entrypoints'?", id="hyphen"),
        pytest.param(
            "target_python = '3.11'", "1:1: unknown key 'target_python': did you mean 'target-python'?", id="underscore"
        ),
        pytest.param("\n  [heavy]\n  ad = []", "3:3: unknown key 'heavy.ad': did you mean 'add'?", id="in-table"),
        pytest.param(
            "forbid = {allowed = {}}", "1:11: unknown key 'forbid.allowed': did you mean 'allow'?", id="in-inline-table"
        ),
        pytest.param(
            "[budget]\nmax = '1%'",
            "2:1: unknown key 'budget.max': known are fail, growth, judge, pessimistic, runtime, warn",
            id="far",
        ),
        pytest.param(
            "[services.web]\nexclude = []",
            "2:1: nothing reads 'services.web.exclude' here: it belongs to the top of memguard.toml",
            id="of-one-service",
        ),
        pytest.param("platform = 1", "1:1: platform must be a platform such as 'render-free', not 1", id="platform"),
        pytest.param("limit = 512", "1:1: limit must be a size such as '512MiB', not 512", id="limit-number"),
        pytest.param("limit = '512'", "1:1: limit must be a size such as '512MiB', not '512'", id="limit-without-unit"),
        pytest.param("limit = '0MiB'", "1:1: limit must be a size such as '512MiB', not '0MiB'", id="limit-nothing"),
        pytest.param("entrypoints = 'a:b'", "1:1: entrypoints must be a list of strings, not 'a:b'", id="entrypoints"),
        pytest.param(
            "target-python = 3.11", "1:1: target-python must be a version such as '3.11', not 3.11", id="target-python"
        ),
        pytest.param("source-roots = [1]", "1:1: source-roots must be a list of strings, not [1]", id="source-roots"),
        pytest.param(f"exclude = {['a'] * 1001}", "1:1: exclude has more than 1000 items", id="too-many"),
        pytest.param("exclude = {}", "1:1: exclude must be a list of strings, not {}", id="exclude"),
        pytest.param("scope = 'some'", "1:1: scope must be 'reachable' or 'all', not 'some'", id="scope"),
        pytest.param(
            "heavy-threshold = '40'", "1:1: heavy-threshold must be a size such as '40MiB', not '40'", id="threshold"
        ),
        pytest.param("heavy = ['a']", "1:1: heavy must be a table", id="heavy"),
        pytest.param("heavy.add = 'a'", "1:7: heavy.add must be a list of strings, not 'a'", id="heavy-add"),
        pytest.param(
            "forbid.remove = [['a']]", "1:8: forbid.remove must be a list of strings, not [['a']]", id="forbid-remove"
        ),
        pytest.param("forbid.allow = ['torch']", "1:8: forbid.allow must be a table of strings", id="forbid-allow"),
        pytest.param("[forbid.allow]\ntorch = true", "2:1: forbid.allow.torch must be a string, not True", id="reason"),
        pytest.param("pins = '<1'", "1:1: pins must be a table of strings", id="pins"),
        pytest.param("pins.litellm = 1.7", "1:6: pins.litellm must be a string, not 1.7", id="pins-number"),
        pytest.param(
            "pins.litellm = '1.70'", "1:6: pins.litellm must be specifiers such as '<1.70', not '1.70'", id="pins-version"
        ),
        pytest.param("budget.warn = 78", "1:8: budget.warn must be a share up to 100%, such as '78%', not 78", id="warn"),
        pytest.param(
            "budget.fail = '0.88'", "1:8: budget.fail must be a share up to 100%, such as '88%', not '0.88'", id="fail"
        ),
        pytest.param(
            "budget.warn = '178%'", "1:8: budget.warn must be a share up to 100%, such as '78%', not '178%'", id="no-share"
        ),
        pytest.param("warn = '78%'", "1:1: nothing reads 'warn' here: it belongs to [budget]", id="warn-at-the-top"),
        pytest.param("companions = true", "1:1: nothing reads 'companions' here: it belongs to [forbid]", id="companions"),
        pytest.param(
            "[services.web]\nfail = '88%'",
            "2:1: nothing reads 'services.web.fail' here: it belongs to [services.web.budget]",
            id="fail-of-one-service",
        ),
        pytest.param(
            "[tool.memguard.forbid]\nadd = []",
            "1:2: nothing reads 'tool' here: the tables of memguard.toml have no prefix, such as [forbid]",
            id="prefix",
        ),
        pytest.param(
            "[memguard]\nlimit = '1GiB'",
            "1:2: nothing reads 'memguard' here: the tables of memguard.toml have no prefix, such as [forbid]",
            id="own-name",
        ),
        pytest.param("budget.growth = ''", "1:8: budget.growth must be a size such as '25MiB', not ''", id="growth"),
        pytest.param("budget.runtime = []", "1:8: budget.runtime must be a size such as '80MiB', not []", id="runtime"),
        pytest.param("services = 1", "1:1: services must be a table", id="services"),
        pytest.param("services.web = 1", "1:10: services.web must be a table", id="service"),
        pytest.param(
            "services.web.limit = 1", "1:14: services.web.limit must be a size such as '512MiB', not 1", id="service-limit"
        ),
        pytest.param(
            "exclude = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
            f"1:1: exclude must be a list of strings, not '{'a' * 58}…",
            id="long-value",
        ),
        pytest.param("a = [", "1:6: is not valid TOML: Invalid value", id="broken"),
    ],
)
def test_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    write(tmp_path, memguard=text)
    with pytest.raises(MemguardError) as caught:
        read(tmp_path)
    assert str(caught.value) == f"memguard.toml:{message}"
    monkeypatch.chdir(tmp_path)
    line, column, rest = message.split(":", 2)
    for hook in (pin_litellm, forbid_heavy_deps):
        assert hook.main(["absent.txt"]) == 2
        assert capsys.readouterr() == ("", f"memguard.toml:{line}: error: column {column}:{rest}\n")
    assert pin_litellm.main(["--format", "json", "absent.txt"]) == 2
    assert json.loads(capsys.readouterr().out)["skipped"] == [
        {"path": "memguard.toml", "line": int(line), "reason": f"column {column}:{rest}"}
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "[tool.memguard]\nlimits = ''", "2:1: unknown key 'tool.memguard.limits': did you mean 'limit'?", id="key"
        ),
        pytest.param(
            "tool.memguard.heavy.add = 1", "1:21: tool.memguard.heavy.add must be a list of strings, not 1", id="type"
        ),
        pytest.param("tool.memguard = 1", "1:6: tool.memguard must be a table", id="table"),
        pytest.param("# memguard\n[a]\nb = ", "3:5: is not valid TOML: Invalid value", id="broken"),
    ],
)
def test_refused_in_pyproject(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, pyproject=text)
    with pytest.raises(MemguardError) as caught:
        read(tmp_path)
    assert str(caught.value) == f"pyproject.toml:{message}"


def test_pyproject_of_others_is_not_looked_into(tmp_path: Path) -> None:
    write(tmp_path, pyproject="[broken")
    assert read(tmp_path) == DEFAULTS
    write(tmp_path, pyproject="[project]\nname = 'memguard-hooks'\ntool = 1")
    assert read(tmp_path) == DEFAULTS


def test_memguard_toml_wins_and_says_so(tmp_path: Path) -> None:
    write(tmp_path, memguard="exclude = ['a']", pyproject="[project]\n[tool.memguard]\nexclude = ['b']\nnonsense = 1")
    settings, skipped = load(WorkTree(str(tmp_path)))
    assert settings.exclude == ("a",)
    assert skipped == (Skipped("pyproject.toml", 2, "its [tool.memguard] is not used: memguard.toml is read instead"),)

    write(tmp_path, pyproject="[project]\nname = 'memguard-hooks'")
    assert load(WorkTree(str(tmp_path)))[1] == ()


def test_named_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, memguard="exclude = ['a']", strict="exclude = ['b']", pyproject="[tool.memguard]\nexclude = ['c']")
    assert read(tmp_path, "strict.toml").exclude == ("b",)
    assert read(tmp_path, "pyproject.toml").exclude == ("c",)

    monkeypatch.chdir(tmp_path)
    for name, message in {
        "absent.toml": "absent.toml: error: no such settings file\n",
        "../x.toml": "../x.toml: error: is not in this project\n",
        str(tmp_path.parent / "x.toml"): f"{tmp_path.parent}/x.toml: error: is not in this project\n",
        str(tmp_path / "absent.toml"): "absent.toml: error: no such settings file\n",
        ".": ".: error: is a directory, not a file\n",
    }.items():
        assert (pin_litellm.main(["--config", name]), *capsys.readouterr()) == (2, "", message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "[memguard]\nlimit = '1GiB'", "1: error: column 2: nothing reads [memguard]: write [tool.memguard]", id="name"
        ),
        pytest.param(
            "\n[memguard.forbid]", "2: error: column 2: nothing reads [memguard]: write [tool.memguard]", id="table"
        ),
        pytest.param(
            "[tool.memguard-hooks]\nlimit = '1GiB'",
            "1: error: column 7: nothing reads [tool.memguard-hooks]: write [tool.memguard]",
            id="name-of-the-package",
        ),
        pytest.param(
            "[forbid]\nadd = ['numpy']",
            "1: error: column 2: nothing reads [forbid] in a pyproject.toml: write [tool.memguard.forbid]",
            id="forbid",
        ),
        pytest.param(
            "[pins]\nlitellm = '<2'",
            "1: error: column 2: nothing reads [pins] in a pyproject.toml: write [tool.memguard.pins]",
            id="pins",
        ),
        pytest.param(
            "[tool.memguard]\nwarn = '78%'",
            "2: error: column 1: nothing reads 'tool.memguard.warn' here: it belongs to [tool.memguard.budget]",
            id="key",
        ),
        pytest.param(
            "[tool.memguard.budget]\nexclude = []",
            "2: error: column 1: nothing reads 'tool.memguard.budget.exclude' here: it belongs to [tool.memguard]",
            id="key-of-the-top",
        ),
    ],
)
def test_what_nothing_reads_in_pyproject(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    write(tmp_path, pyproject=text)
    (tmp_path / "requirements.txt").write_text("torch\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert forbid_heavy_deps.main(["requirements.txt"]) == 2
    assert capsys.readouterr().err == f"pyproject.toml:{message}\n"


@pytest.mark.parametrize("text", ["[budget]\nyear = 2026\n", "[forbid]\n", "[tool.forbid]\nadd = ['numpy']\n"])
def test_a_table_of_another_is_left_alone(tmp_path: Path, text: str) -> None:
    write(tmp_path, pyproject=text)
    assert read(tmp_path) == Settings()


OVER = "requirements.txt:1:1: MG102 litellm 1.69.3 is not {}, the limit of {}"


@pytest.mark.parametrize(
    ("settings", "arguments", "asked"),
    [
        pytest.param("", [], None, id="defaults"),
        pytest.param("pins.litellm = '<1.60'", [], "<1.60", id="settings-over-defaults"),
        pytest.param("pins.litellm = '<1.60'", ["--max-version", "1.69.3"], None, id="arguments-over-settings"),
        pytest.param("pins.litellm = '<1.80'", ["--max-version", "1.50"], "<=1.50", id="arguments-over-settings-stricter"),
        pytest.param("pins.pandas = '<3'", [], None, id="another-package"),
    ],
)
def test_precedence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: str,
    arguments: list[str],
    asked: str | None,
) -> None:
    write(tmp_path, memguard=settings)
    (tmp_path / "requirements.txt").write_text("litellm==1.69.3\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert pin_litellm.main([*arguments, "requirements.txt"]) == (1 if asked else 0)
    who = "--max-version" if arguments else "[pins]"
    assert capsys.readouterr().out.partition(" (")[0] == (OVER.format(asked, who) if asked else "")


def test_target_python_of_arguments_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, memguard="target-python = '3.9'")
    (tmp_path / "requirements.txt").write_text("torch ; python_version < '3.10'\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert forbid_heavy_deps.main(["requirements.txt"]) == 1
    assert forbid_heavy_deps.main(["--target-python", "3.12", "requirements.txt"]) == 0
