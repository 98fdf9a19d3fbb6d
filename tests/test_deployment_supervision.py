"""What init programs of containers start: folders of services of s6-overlay and runit, and the apps of pm2."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from folders import write
from work import at_most

from memguard_hooks.app.entry_points import read_command
from memguard_hooks.app.estimate import STAYING_AROUND
from memguard_hooks.deployment.command import Host, parse
from memguard_hooks.deployment.servers import pm2
from memguard_hooks.deployment.start import StartCommand
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import Settings
from memguard_hooks.tree import WorkTree

IMAGE = 'FROM python:3.12\nWORKDIR /app\nCOPY . /app\nCOPY rootfs/ /\nENTRYPOINT ["/init"]\n'
APP = {"app.py": "app = 1\n", "bot.py": "", "src/x.py": ""}
WITH_CONTENV = "#!/usr/bin/with-contenv bash\ncd /app || exit 1\nexec s6-setuidgid abc gunicorn -w 3 app:app\n"
RC = "rootfs/etc/s6-overlay/s6-rc.d"


def started(root: Path) -> list[str]:
    """Return what each process of the only service loads and how often, in the order in which it is told."""
    project = Project(WorkTree(str(root)), Settings())
    (service,) = project.deployment.services
    found = read_command(project, service)
    return [told(one) for one in (found, *found.beside)]


def told(one: StartCommand) -> str:
    """Return an entry point and its workers in few words, or why they are not known."""
    text = f"{one.entrypoint.folder}|{one.entrypoint.text}" if one.entrypoint is not None else "-"
    return f"{text} {one.reason}" if one.workers is None else f"{text} {one.workers}"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"rootfs/etc/services.d/web/run": WITH_CONTENV}, ["|app:app 3"], id="services.d"),
        pytest.param(
            {"rootfs/etc/services.d/web/run": WITH_CONTENV, "rootfs/etc/services.d/bot/run": "#!/bin/sh\npython bot.py\n"},
            ["|app:app 3", "|bot.py 1"],
            id="two",
        ),
        pytest.param(
            {
                "rootfs/etc/services.d/web/run": "#!/usr/bin/execlineb -P\nwith-contenv\ncd /app\nfdmove -c 2 1\n"
                "importas -D 3 N N\nforeground { echo up }\npython3 app.py # why\n"
            },
            ["|app.py 1"],
            id="execline",
        ),
        pytest.param(
            {
                f"{RC}/web/type": "longrun\n",
                f"{RC}/web/run": "#!/command/with-contenv sh\nexec gunicorn -w 2 app:app\n",
                f"{RC}/bot/type": "longrun\n",
                f"{RC}/bot/run": "#!/bin/sh\npython bot.py\n",
                f"{RC}/setup/type": "oneshot\n",
                f"{RC}/setup/up": "/x.sh\n",
                f"{RC}/user/type": "bundle\n",
                f"{RC}/user/contents.d/web": "",
                f"{RC}/user/contents.d/setup": "",
            },
            ["|app:app 2"],
            id="s6-rc",
        ),
        pytest.param(
            {
                "Dockerfile": IMAGE + 'CMD ["python", "bot.py"]\n',
                "rootfs/etc/services.d/web/run": WITH_CONTENV,
                "rootfs/etc/services.d/off/run": WITH_CONTENV,
                "rootfs/etc/services.d/off/down": "",
            },
            ["|app:app 3", "|bot.py 1"],
            id="command-beside",
        ),
        pytest.param(
            {
                "Dockerfile": "FROM lscr.io/linuxserver/baseimage-alpine:3.20\nCOPY . /app\nCOPY rootfs/ /\n",
                "rootfs/etc/services.d/web/run": WITH_CONTENV,
            },
            ["|app:app 3"],
            id="base-image",
        ),
        pytest.param(
            {
                "Dockerfile": "FROM phusion/baseimage:noble-1.0.0\nWORKDIR /app\nCOPY . /app\n"
                'COPY services /etc/service\nCMD ["/sbin/my_init"]\n',
                "services/web/run": "#!/bin/sh\ncd /app && exec python app.py 2>&1\n",
            },
            ["|app.py 1"],
            id="my-init",
        ),
        pytest.param(
            {
                "Dockerfile": "FROM python:3.12\nCOPY . /app\nWORKDIR /app\nCOPY sv /etc/sv\nCMD runsvdir -P /etc/sv\n",
                "sv/web/run": "#!/bin/sh\nexec chpst -u app gunicorn -w 2 app:app\n",
            },
            ["|app:app 2"],
            id="runit",
        ),
    ],
)
def test_services_of_folders_are_summed(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    write(tmp_path, {"Dockerfile": IMAGE, **APP, **files})
    assert sorted(started(tmp_path)) == sorted(expected)


def test_an_init_without_a_folder_names_where_it_looks(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": IMAGE, **APP})
    (only,) = started(tmp_path)
    assert only == "- init starts the services of /etc/services.d or /etc/s6-overlay/s6-rc.d, and none is in the repository"


@pytest.mark.parametrize("text", ["if { " * 5000, "cd " * 5000, "foreground { } " * 4000, "'", "importas -D -D -D"])
def test_a_hostile_line_of_execline_ends(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"Dockerfile": IMAGE, "rootfs/etc/services.d/web/run": f"#!/usr/bin/execlineb\n{text}\n"})
    with at_most(2_000_000):
        started(tmp_path)


# pm2

FILES = {
    "ecosystem.config.js": b"""'use strict';
module.exports = {
  apps: [
    { name: "api", script: './app.py', interpreter: 'venv/bin/python3', args: "--port 80",
      env: { W: '3', P: process.env.P } },
    { name: 'web', script: "gunicorn", args: ['-w', '2', 'app:app'], interpreter: "none", cwd: 'src', /* two */
      instances: 2, },
  ], // all
}
""",
    "one.json": b'[{"script": "app.py"}]',
    "max.yml": b"apps:\n- {script: app.py, instances: max}\n",
    "code.js": b"const n = 2\nmodule.exports = {apps: [{script: 'app.py', instances: n}]}\n",
    "call.js": b"module.exports = {apps: [{script: 'app.py', instances: Number('2')}]}\n",
    "broken.json": b'{"apps": [',
}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pm2-runtime start ecosystem.config.js", ["src|app:app 2", "src|app:app 2", "|./app.py 1"]),
        ("pm2 start ecosystem.config.js --no-daemon", ["src|app:app 2", "src|app:app 2", "|./app.py 1"]),
        ("pm2-runtime one.json", ["|app.py 1"]),
        ("pm2-runtime app.py", ["|app.py 1"]),
        ("pm2-runtime max.yml", ["- max.yml starts max instances, one for each CPU of the host"]),
        ("pm2-runtime code.js", ["- pm2-runtime runs the apps of code.js, which is not read: it is no literal object"]),
        ("pm2-runtime call.js", ["- pm2-runtime runs the apps of call.js, which is not read: it is no literal object"]),
        ("pm2-runtime gone.js", ["- pm2-runtime runs the apps of gone.js, which is not read"]),
    ],
)
def test_apps_of_pm2(command: str, expected: list[str]) -> None:
    found = parse(command, Host({}, FILES.get))
    assert sorted(map(told, (found, *found.beside))) == sorted(expected)


def test_a_file_of_pm2_that_does_not_parse_is_told() -> None:
    assert "is not valid YAML" in (parse("pm2-runtime broken.json", Host({}, FILES.get)).reason or "")


def literal(seed: int) -> str:
    """Write a random file of JavaScript that exports a literal."""
    pick = random.Random(seed)  # noqa: S311 - repeatable, and no secret

    def text() -> str:
        return pick.choice(["'a b'", '"it\'s"', "'say \\'x\\''", '"# no"', "'// no'", "'a: b'", "''", '"[x]"', "'1'"])

    def value(depth: int) -> str:
        kind = pick.random()
        if depth < 3 and kind < 0.3:
            return "{" + ", ".join(f"{key()}{pick.choice([':', ': '])}{value(depth + 1)}" for key in [name] * 2) + "}"
        if depth < 3 and kind < 0.45:
            return f"[{value(depth + 1)},\n\t{value(depth + 1)}{pick.choice(['', ','])}]"
        return pick.choice([text(), "3", "-1.5", "true", "null", text()])

    def name() -> str:
        return pick.choice([f"k{pick.randrange(99)}", f"'q{pick.randrange(99)}'", f"$_{pick.randrange(99)}"])

    comment = pick.choice(["", "// x\n", "/* y */"])
    return (
        f"{comment}module.exports = {comment}{{apps: {value(0)}, {name()}: {value(0)}}}{pick.choice(['', ';'])}\n{comment}"
    )


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node")
def test_literals_are_what_node_exports(tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node is not None
    texts = [literal(seed) for seed in range(60)]
    files = [f"{number}.js" for number in range(len(texts))]
    write(tmp_path, dict(zip(files, texts, strict=True)))
    script = f"console.log(JSON.stringify({json.dumps(files)}.map((file) => require(`./${{file}}`))))"
    done = subprocess.run([node, "-e", script], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=30, check=True)
    for text, exported in zip(texts, json.loads(done.stdout), strict=True):
        ours = pm2.as_yaml(text)
        assert ours is not None, text
        assert yaml.safe_load(ours) == exported, text


@pytest.mark.parametrize("text", ["'" * 60_000, "/*" * 30_000, "module.exports = " + "{" * 50_000, "`" * 50_001])
def test_hostile_javascript_ends(text: str) -> None:
    with at_most(500_000):
        pm2.as_yaml(text)


@pytest.mark.parametrize(
    ("command", "under"),
    [
        ("supervisord -n -c s.conf", ("supervisord",)),
        ("circusd c.ini", ("circusd",)),
        ("monofy gunicorn app:app '|||' python bot.py", ("monofy",)),
        ("honcho start -f two", ("honcho",) * 3),
        ("uv run honcho start -f two web", ("uv run", "honcho", "honcho")),
        ("pm2-runtime start p.json", ()),
        ("celery -A app worker -B -c 1", ("celery beat",)),
        ("celery -A app worker --pool solo --beat", ("celery beat",)),
        ("celery -A app beat", ()),
    ],
)
def test_what_stays_beside_takes_memory_itself(command: str, under: tuple[str, ...]) -> None:
    files = {
        "s.conf": "[program:web]\ncommand=gunicorn app:app\n",
        "c.ini": "[watcher:web]\ncmd = gunicorn app:app\n",
        "two": "web: gunicorn app:app\nbot: python bot.py\n",
        "p.json": '{"apps": [{"script": "bot.py", "interpreter": "python3"}]}',
        **APP,
    }
    found = parse(command, Host({}, {name: text.encode() for name, text in files.items()}.get))
    assert found.under == under
    assert set(under) <= STAYING_AROUND.keys()
