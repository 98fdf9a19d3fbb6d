"""Start scripts: the command that a list of commands ends in, and what is no such list."""

from __future__ import annotations

import pytest

from memguard_hooks.deployment.command import Host, parse


@pytest.mark.parametrize(
    ("script", "entrypoint", "folder", "workers"),
    [
        pytest.param("#!/bin/sh\nset -e\nexec gunicorn -w 2 a:a\n", "a:a", "", 2, id="exec"),
        pytest.param("python manage.py migrate\npython main.py\n", "main.py", "", 1, id="last"),
        pytest.param('export N=3\nM="$N"\nexec gunicorn -w $M \\\n  a:a\n', "a:a", "", 3, id="variables"),
        pytest.param("cd api\necho up\nuvicorn a:a --workers ${W:-4}\r\n", "a:a", "api", 4, id="folder"),
        pytest.param('cd "$(dirname "$0")"\ncd ../api\nexec python a.py\n', "a.py", "api", 1, id="folder-of-the-script"),
        pytest.param('exec "$@"\n', "b:b", "", 5, id="arguments"),
    ],
)  # fmt: skip
def test_a_list_of_commands(script: str, entrypoint: str, folder: str, workers: int) -> None:
    files = {"bin/start.sh": script.encode()}
    for command in ("bin/start.sh", "./bin/start.sh", "bash bin/start.sh", "exec sh /app/bin/start.sh"):
        parsed = parse(f"{command} gunicorn -w 5 b:b", Host({}, files.get, mounts={"/app": ""}))
        assert parsed.reason is None
        assert parsed.entrypoint is not None
        assert (parsed.entrypoint.text, parsed.entrypoint.folder, parsed.workers) == (entrypoint, folder, workers)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param("\nif x; then\npython a.py\nfi", "start.sh:2 is a shell program of several commands", id="if"),
        pytest.param("python a.py &\npython b.py", "start.sh:1 is a shell program of several commands", id="background"),
        pytest.param("a \\\n b\npython a.py | tee x", "start.sh:3 is a shell program of several commands", id="pipe"),
        pytest.param("exec python a.py\npython b.py", "start.sh:2 is a shell program of several commands", id="exec-ends"),
        pytest.param("run() {\npython a.py\n}", "start.sh:1 is a shell program of several commands", id="function"),
        pytest.param("export N=1 M=2\npython a.py", "start.sh:1 is a shell program of several commands", id="two-at-once"),
        pytest.param("x && N=4\npython a.py", "start.sh:1 is a shell program of several commands", id="hidden-value"),
        pytest.param("cd a && b\npython a.py", "start.sh:2 is a shell program of several commands", id="hidden-folder"),
        pytest.param(': "${N:=4}"\npython a.py', "start.sh:1 is a shell program of several commands", id="default"),
        pytest.param("N=$(nproc)\nexec gunicorn -w $N a:a",
                     "the number of workers is '$(nproc)', which depends on the CPUs of the host", id="substitution"),
        pytest.param("exec ./start.sh", "start.sh calls itself", id="itself"),
        pytest.param("", "the command is empty", id="empty"),
        pytest.param("#" * 70_000, "start.sh:1 is a shell program of several commands", id="size"),
    ],
)  # fmt: skip
def test_a_program_is_unknown(script: str, reason: str) -> None:
    parsed = parse("./start.sh", Host({"N": "2"}, {"start.sh": script.encode()}.get))
    assert (parsed.workers, parsed.reason) == (None, reason)


def test_a_script_that_is_not_there_is_unknown() -> None:
    assert parse("sh start.sh", Host({})).reason == "it is not known how start.sh starts"


def test_variables_behind_env() -> None:
    assert parse("env WEB_CONCURRENCY=3 gunicorn a:a", Host({})).workers == 3
