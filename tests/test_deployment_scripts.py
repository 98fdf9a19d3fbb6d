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
        pytest.param("if x; then\npython a.py\nfi", "a.py", "", 1, id="if"),
        pytest.param("cd api && python a.py", "a.py", "api", 1, id="folder-in-a-list"),
        pytest.param("a \\\n b\npython a.py | tee x", "a.py", "", 1, id="pipe"),
        pytest.param("exec python a.py\npython b.py", "a.py", "", 1, id="exec-ends"),
        pytest.param("export N=1 M=2\ngunicorn -w $M a:a", "a:a", "", 2, id="two-at-once"),
        pytest.param("until nc -z db 5432; do\n  sleep 1\ndone\npython a.py", "a.py", "", 1, id="waits"),
        pytest.param('if [ -n "$MIGRATE" ]; then\n  python manage.py migrate\nfi\ngunicorn a:a', "a:a", "", 1, id="may-run"),
        pytest.param('while true; do\n  flask db upgrade\n  if [[ "$?" == "0" ]]; then\n    break\n  fi\n  sleep 5\ndone\n'
                     "exec gunicorn -b :5000 a:a", "a:a", "", 1, id="tries-again"),
        pytest.param("while true; do\n  python a.py\n  sleep 5\ndone\necho never", "a.py", "", 1, id="starts-again"),
        pytest.param("python a.py\nif [ $? -ne 0 ]; then\n  echo failed\n  exit 1\nfi", "a.py", "", 1, id="fails"),
        pytest.param('set -eo pipefail\nif [[ $X == "y" ]]; then\n  echo fast\n  "$@"\n  exit 0\nfi\n'
                     'if [ "$(id -u)" -eq 0 ]; then\n  useradd app 2> >(tee /dev/stderr)\n  su app /bin/bash -c "${*@Q}"\n'
                     'else\n  exec "$@"\nfi', "b:b", "", 5, id="every-way-leads-to-it"),
        pytest.param('init() {\n  cd /app/api\n  . venv/bin/activate\n}\nuser() {\n  if [ "$(id -u)" = 0 ]; then\n'
                     '    exec gosu "$PUID" "$BASH_SOURCE" "$@"\n  fi\n}\nuser\ninit\nexec python a.py',
                     "a.py", "api", 1, id="functions"),
        pytest.param('case "$1" in\n  worker) exec celery -A b worker ;;\n  gunicorn|web) shift; exec gunicorn "$@" ;;\n'
                     '  *) exec "$@" ;;\nesac', "b:b", "", 5, id="case"),
        pytest.param('if [ "${1#-}" != "$1" ]; then\n  set -- python a.py "$@"\nfi\nexec "$@"', "b:b", "", 5, id="options"),
        pytest.param('if [ $# -eq 0 ]; then\n  exec python a.py\nfi\nexec "$@"', "b:b", "", 5, id="no-arguments"),
        pytest.param("python - <<'END'\nif x: print('$')\nEND\npython a.py", "a.py", "", 1, id="heredoc"),
        pytest.param("X=(a b)\nfor f in *; do cp $f b; done\n[[ a && (b || c) ]]\npython a.py", "a.py", "", 1, id="bash"),
        pytest.param("python manage.py check || {\n  echo no\n  exit 1\n}\npython a.py", "a.py", "", 1, id="or-gives-up"),
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
        pytest.param("if x; then\npython a.py\nelse\npython b.py\nfi", "start.sh:2 is a shell program of several commands",
                     id="two"),
        pytest.param("if x; then\nN=4\nfi\ngunicorn -w $N a:a", "start.sh:2 is a shell program of several commands",
                     id="if-sets"),
        pytest.param("if x; then\nWEB_CONCURRENCY=4\nfi\ngunicorn a:a",
                     "start.sh:2 is a shell program of several commands", id="if-sets-what-a-server-reads"),
        pytest.param("if x; then\ncd a\nfi\npython a.py", "start.sh:2 is a shell program of several commands", id="if-goes"),
        pytest.param("if x; then\npython b.py &\nfi\npython a.py",
                     "start.sh:2 is a shell program of several commands", id="if-background"),
        pytest.param("A=(1 2)\nexec gunicorn ${A[@]} a:a", "start.sh:1 is a shell program of several commands", id="array"),
        pytest.param("f() {\nf\n}\nf\npython a.py", "start.sh:2 is a shell program of several commands", id="recursion"),
        pytest.param("if x; then\npython a.py", "start.sh:2 is a shell program of several commands", id="no-end"),
        pytest.param("if x; then " * 40, "start.sh:1 is a shell program of several commands", id="deep"),
        pytest.param("eval $X\npython a.py", "start.sh:1 is a shell program of several commands", id="eval"),
        pytest.param("run() {\npython a.py\n}", "the command is empty", id="function"),
        pytest.param("python a.py &\npython b.py", "start.sh:1 is a shell program of several commands", id="background"),
        pytest.param("x && N=4\npython a.py", "start.sh:1 is a shell program of several commands", id="hidden-value"),
        pytest.param("cd a && b\npython a.py", "start.sh:1 is a shell program of several commands", id="hidden-folder"),
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
