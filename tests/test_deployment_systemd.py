"""systemd units: what they start, with which variables, in which folder of the repository, under which limit."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from work import at_most

from memguard_hooks.deployment import systemd
from memguard_hooks.deployment.command import Host, parse
from memguard_hooks.deployment.service import Deployment, Service, ServicePlace
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB

UNIT = """\
[Unit]
Description=gunicorn daemon
After=network.target

[Service]
Type=notify
User=www-data
WorkingDirectory=/srv/shop
Environment="WORKERS=2" MODE=prod
ExecStart=/srv/shop/.venv/bin/gunicorn --workers ${WORKERS} shop.wsgi
MemoryMax=512M
CPUQuota=150%

[Install]
WantedBy=multi-user.target
"""


def read(text: str, name: str = "deploy/web.service", **files: str) -> Deployment:
    found = {path.replace("__", "/").replace("_", "."): content.encode() for path, content in files.items()}
    return systemd.read(text.encode(), name, found.get)


def only(text: str, name: str = "deploy/web.service", **files: str) -> Service:
    found = read(text, name, **files)
    assert not found.skipped
    assert len(found.services) == 1
    return found.services[0]


def unit(*lines: str) -> str:
    return "\n".join(["[Service]", *lines, ""])


def test_unit_as_the_documentation_of_gunicorn_writes_it() -> None:
    service = only(UNIT)
    assert (service.name, service.path, service.line, service.column) == ("web", "deploy/web.service", 10, 11)
    assert service.command == "/srv/shop/.venv/bin/gunicorn --workers 2 shop.wsgi"
    assert (service.platform, service.limit, service.cpus, service.replicas) == ("systemd", 512 * MIB, 1.5, 1)
    assert (service.limit_source, service.limit_label) == ("deploy/web.service:11 MemoryMax", "systemd MemoryMax")
    assert service.environment == {"WORKERS": "2", "MODE": "prod"}
    assert service.variables == {name: ServicePlace("deploy/web.service", 9, 13) for name in ("WORKERS", "MODE")}
    assert service.mounts == {"/srv/shop": ""}
    command = parse(service.command, Host(service.environment, mounts=service.mounts), service.folder)
    assert command.entrypoint is not None
    assert (command.entrypoint.text, command.workers) == ("shop.wsgi", 2)


@pytest.mark.parametrize(
    ("lines", "command", "line"),
    [
        pytest.param(["ExecStart=python3 a.py"], "python3 a.py", 2, id="plain"),
        pytest.param(["ExecStart = /usr/bin/python3 a.py"], "/usr/bin/python3 a.py", 2, id="spaces"),
        pytest.param(["ExecStart=-:!/usr/bin/python3 a.py"], "/usr/bin/python3 a.py", 2, id="prefixes"),
        pytest.param(["ExecStart=@/usr/bin/python3 bot a.py"], "/usr/bin/python3 a.py", 2, id="name-of-its-own"),
        pytest.param(["ExecStart=gunicorn \\", "  # why", "  -w 2 \\", "  app:app"], "gunicorn -w 2 app:app", 2, id="lines"),
        pytest.param(["ExecStart=python 'a b.py' \"c d\" e\\x"], "python 'a b.py' 'c d' ex", 2, id="quotes"),
        pytest.param(["ExecStart=python a.py ; x & y"], "python a.py ';' x '&' y", 2, id="no-shell"),
        pytest.param(["ExecStart=python a.py $$HOME %n"], "python a.py '$HOME' %n", 2, id="dollar-and-specifier"),
        pytest.param(
            ["Environment='A=x y' B=z", "ExecStart=python $A ${B}c $N ${N}"], "python x y zc '$N' '${N}'", 3, id="env"
        ),
        pytest.param(["ExecStart=python a.py", "ExecStart=", "ExecStart=python b.py"], "python b.py", 4, id="reset"),
        pytest.param(["; ExecStart=python b.py", "ExecStart=python a.py"], "python a.py", 3, id="comment"),
    ],
)
def test_command_has_its_line(lines: list[str], command: str, line: int) -> None:
    service = only(unit(*lines))
    assert (service.command, service.line) == (command, line)


def test_line_ends_of_another_system() -> None:
    service = only(UNIT.replace("\n", "\r\n"))
    assert (service.line, service.limit) == (10, 512 * MIB)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(unit("ExecStart=/usr/sbin/nginx -g daemon"), id="another-program"),
        pytest.param(unit("Type=oneshot", "ExecStart=python backup.py"), id="runs-once"),
        pytest.param("[Unit]\nExecStart=python a.py\n", id="another-section"),
        pytest.param("[Service]\nUser=x\n", id="no-command"),
        pytest.param("", id="empty"),
        pytest.param("\0" * 100, id="null-bytes"),
        pytest.param("[Service]\nExecStart=\\\n", id="open-line"),
        pytest.param("ExecStart\n=\n[\n]\n[]\n", id="no-unit"),
    ],
)
def test_what_does_not_start_python_is_silent(text: str) -> None:
    assert read(text) == Deployment()


def test_unit_of_instances_has_as_many_as_are_started() -> None:
    service = only(unit("ExecStart=python a.py %i"), "worker@.service")
    assert (service.name, service.replicas) == ("worker@", None)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("ExecStart={{ venv }}/bin/python a.py", id="command"),
        pytest.param("Environment=A={{ a }}", id="variable"),
    ],
)
def test_template_is_skipped_with_its_line(line: str) -> None:
    found = read(unit("User=x", line, "ExecStart=python a.py"))
    assert [(one.line, one.reason) for one in found.skipped] == [
        (3, "is a template, whose values are known only once it is filled in")
    ]


# Where it runs


@pytest.mark.parametrize(
    ("lines", "files", "folder", "mounts"),
    [
        pytest.param(
            ["WorkingDirectory=/srv/shop", "ExecStart=python main.py"], ["main.py"], "", {"/srv/shop": ""}, id="checkout"
        ),
        pytest.param(
            ["WorkingDirectory=/srv/shop/api/", "ExecStart=uvicorn app:app"],
            ["api/app.py"],
            "api",
            {"/srv/shop/api": "api"},
            id="folder-inside",
        ),
        pytest.param(
            ["WorkingDirectory=-/srv/api", "ExecStart=/srv/api/.venv/bin/python -m shop"],
            ["shop/__main__.py"],
            "",
            {"/srv/api": ""},
            id="module",
        ),
        pytest.param(["ExecStart=python /opt/bot/bot/main.py"], ["bot/main.py"], "bot", {"/opt/bot": ""}, id="script"),
        pytest.param(["WorkingDirectory=/srv/shop", "ExecStart=python no.py"], [], "", {"/srv/shop": ""}, id="unknown"),
        pytest.param(["WorkingDirectory=~", "ExecStart=python main.py"], ["main.py"], "", {}, id="home"),
        pytest.param(["WorkingDirectory=/srv/%i", "ExecStart=python main.py"], ["main.py"], "", {}, id="specifier"),
        pytest.param(
            ["WorkingDirectory=/../../etc", "ExecStart=python ../../x.py"], [], "", {"/../../etc": ""}, id="out-of-the-root"
        ),
    ],
)
def test_folder(lines: list[str], files: list[str], folder: str, mounts: dict[str, str]) -> None:
    services = systemd.read(unit(*lines).encode(), "a.service", dict.fromkeys(files, b"").get).services
    assert [(one.folder, one.mounts) for one in services] == [(folder, mounts)]


def test_variables() -> None:
    text = unit(
        "WorkingDirectory=/srv/shop",
        "Environment=OLD=1",
        "Environment=",
        'Environment="A=x y" B=1 C=%h D=5%% E',
        "EnvironmentFile=-/srv/shop/conf/env",
        "EnvironmentFile=/etc/default/shop",
        "ExecStart=python main.py",
    )
    service = only(text, conf__env="# note\nB=2\n; note\nF='a b'\n\nG=\"x\\\ny\"\n")
    assert service.environment == {"A": "x y", "D": "5%", "B": "2", "F": "a b", "G": "x y"}
    assert {name: one[:2] for name, one in service.variables.items()} == {
        "A": ("deploy/web.service", 5),
        "B": ("conf/env", 2),
        "C": ("deploy/web.service", 5),
        "D": ("deploy/web.service", 5),
        "F": ("conf/env", 4),
        "G": ("conf/env", 6),
    }


# Memory


@pytest.mark.parametrize(
    ("lines", "limit", "source", "label"),
    [
        pytest.param(["MemoryMax=1G"], 1024 * MIB, "a.service:3 MemoryMax", "systemd MemoryMax", id="max"),
        pytest.param(["MemoryMax=1073741824"], 1024 * MIB, "a.service:3 MemoryMax", "systemd MemoryMax", id="bytes"),
        pytest.param(["MemoryLimit=1G"], 1024 * MIB, "a.service:3 MemoryLimit", "systemd MemoryLimit", id="old-name"),
        pytest.param(["MemoryHigh=1G"], 1024 * MIB, "a.service:3 MemoryHigh", "systemd MemoryHigh", id="high"),
        pytest.param(
            ["MemoryHigh=1G", "MemoryMax=2G"], 2048 * MIB, "a.service:4 MemoryMax", "systemd MemoryMax", id="max-kills"
        ),
        pytest.param(["MemoryMax=1G", "MemoryMax=2G"], 2048 * MIB, "a.service:4 MemoryMax", "systemd MemoryMax", id="last"),
        pytest.param(["MemoryMax=50%"], None, "a.service:3 MemoryMax", "systemd MemoryMax 50%", id="share-of-the-host"),
        pytest.param(
            ["MemoryMax=infinity"], None, "a.service:2 without a limit", "a systemd service without MemoryMax", id="infinity"
        ),
        pytest.param(["User=x"], None, "a.service:2 without a limit", "a systemd service without MemoryMax", id="none"),
    ],
)
def test_limit(lines: list[str], limit: int | None, source: str, label: str) -> None:
    service = only(unit("ExecStart=python a.py", *lines), "a.service")
    assert (service.limit, service.limit_source, service.limit_label) == (limit, source, label)


def test_a_drop_in_counts_behind_the_unit() -> None:
    text = unit("ExecStart=python a.py", "MemoryMax=1G", "Environment=A=1 B=1")
    over = b"[Service]\nMemoryMax=300M\nExecStart=\nExecStart=python b.py\nEnvironment=B=2\n"
    (service,) = systemd.read(text.encode(), "d/w.service", {"d/w.service.d/override.conf": over}.get).services
    assert (service.command, service.path, service.line) == ("python b.py", "d/w.service.d/override.conf", 4)
    assert (service.limit, service.limit_source) == (300 * MIB, "d/w.service.d/override.conf:2 MemoryMax")
    assert service.environment == {"A": "1", "B": "2"}


SIZES = ["512M", "1G", "1.5G", "12 M", "2T", "1024", "5B", "1G 512M", "1G512M", "1P", "4K"]
NO_SIZES = ["5m", "5KB", "1GiB", "512MB", "M", "1,5G", "abc", "0x10"]


def complaints(folder: Path, text: str) -> str:
    """Return what systemd's own parser says of a unit."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze on this machine")
    (folder / "a.service").write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", "./a.service"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60).stderr


@pytest.mark.parametrize("text", [*SIZES, *NO_SIZES])
def test_size_is_one_that_systemd_takes(tmp_path: Path, text: str) -> None:
    told = complaints(tmp_path, unit("ExecStart=/bin/true", f"MemoryMax={text}"))
    assert ("Invalid memory limit" in told) == (text in NO_SIZES), told
    assert (systemd.parse_size(text) is None) == (text in NO_SIZES)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("/no/such/python a.py", id="plain"),
        pytest.param("!:/no/such/python a.py", id="prefixes"),
        pytest.param("@/no/such/python bot a.py", id="name-of-its-own"),
        pytest.param("\\\n  # why\n  /no/such/python \\\n a.py", id="continued"),
        pytest.param('"/no/such/python" a.py', id="quoted"),
    ],
)
def test_program_is_the_one_that_systemd_starts(tmp_path: Path, text: str) -> None:
    told = re.search(r"Command (\S+) is not executable", complaints(tmp_path, unit(f"ExecStart={text}")))
    assert told is not None
    assert only(unit(f"ExecStart={text}")).command == f"{told[1]} a.py"


def test_hostile_units_are_bounded() -> None:
    with at_most(2_000), pytest.raises(MemguardError, match="is larger than 256 KiB"):
        systemd.read(b"#" * 10 * MIB, "a.service")
    for line in ("ExecStart=python " + '"' * 100_000, "ExecStart=python " + "\\" * 100_001, "Environment=" + "A=1 " * 50_000,
                 "MemoryMax=" + "1G " * 50_000, "ExecStart=" + "python \\\n" * 20_000,
                 "WorkingDirectory=" + "/a" * 50_000):  # fmt: skip
        with at_most(500_000):
            read(unit("ExecStart=python a.py", line))
    with at_most(500_000):
        read(unit(*["ExecStart=python " + '"' * 8_000] * 30))


def test_settings_beside_the_unit_are_copied_to_the_folder_that_the_command_names() -> None:
    text = unit("WorkingDirectory=/opt/shop", "ExecStart=/opt/shop/venv/bin/gunicorn -c /opt/shop/gunicorn.py shop.wsgi")
    service = only(text, "contrib/shop.service", contrib__gunicorn_py="workers = 5\n", shop__wsgi_py="")
    assert service.mounts == {"/opt/shop": "", "/opt/shop/gunicorn.py": "contrib/gunicorn.py"}
    files = {"contrib/gunicorn.py": b"workers = 5\n", "shop/wsgi.py": b""}
    assert parse(service.command, Host(service.environment, files.get, mounts=service.mounts)).workers == 5
    service = only(text, "contrib/shop.service", gunicorn_py="", contrib__gunicorn_py="", shop__wsgi_py="")
    assert service.mounts == {"/opt/shop": ""}
