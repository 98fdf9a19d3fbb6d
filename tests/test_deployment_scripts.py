"""Start scripts: the command that a list of commands ends in, and what is no such list."""

from __future__ import annotations

import pytest

from memguard_hooks.deployment.command import Host, StartCommand, parse


@pytest.mark.parametrize(
    ("script", "entrypoint", "folder", "workers"),
    [
        pytest.param("#!/bin/sh\nset -e\nexec gunicorn -w 2 a:a\n", "a:a", "", 2, id="exec"),
        pytest.param("python manage.py migrate\npython main.py\n", "main.py", "", 1, id="last"),
        pytest.param('export N=3\nM="$N"\nexec gunicorn -w $M \\\n  a:a\n', "a:a", "", 3, id="variables"),
        pytest.param("cd api\necho up\nuvicorn a:a --workers ${W:-4}\r\n", "a:a", "api", 4, id="folder"),
        pytest.param('cd "$(dirname "$0")"\ncd ../api\nexec python a.py\n', "a.py", "api", 1, id="folder-of-the-script"),
        pytest.param('A="$(cd -- "$(dirname "$(dirname "${BASH_SOURCE[0]}")")" >/dev/null 2>&1 && pwd -P)"\ncd "$A/api"\n'
                     "exec python a.py\n", "a.py", "api", 1, id="folder-above-the-script"),
        pytest.param('cd "$(dirname "$(readlink -f "$0")")/../api" && python a.py', "a.py", "api", 1, id="resolved"),
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
        pytest.param("""exec gosu "$PUID" bash -c "exec $(printf ' %q' "$@")\"""", "b:b", "", 5, id="quoted-again"),
        pytest.param("python - <<'END'\nif x: print('$')\nEND\npython a.py", "a.py", "", 1, id="heredoc"),
        pytest.param("X=(a b)\nfor f in *; do cp $f b; done\n[[ a && (b || c) ]]\npython a.py", "a.py", "", 1, id="bash"),
        pytest.param('put() {\n  yq e -i "$1 = "\'"\'"$2"\'"\' /data/a.yaml\n}\nif [ ! -f /data/a.yaml ]; then\n'
                     '  put .db x\n  exit\nfi\nput .log "$1"\nexec python a.py',
                     "a.py", "", 1, id="quotes-around-arguments"),
        pytest.param('python a.py\nexec "$@"', "b:b", "", 5, id="a-command-behind-another"),
        pytest.param('key=$(basename x)\neval "export $key=1"\nexec python a.py', "a.py", "", 1, id="eval-of-a-variable"),
        pytest.param('C="python a.py --port ${PORT}"\neval ${C}', "a.py", "", 1, id="eval-of-the-port"),
        pytest.param('eval "cd api"\nS="python a.py"\neval "exec $S"', "a.py", "api", 1, id="eval"),
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
        pytest.param("if x; then\npython a.py\nelse\npython b.py\nfi",
                     "start.sh:1 decides by `x` what runs, which is known only at run time", id="two"),
        pytest.param('case "$MODE" in a) exec gunicorn a:a ;; *) exec gunicorn -w 9 a:a ;; esac',
                     'start.sh:1 decides by `case "$MODE"` what runs, which is known only at run time', id="case"),
        pytest.param('\n[ "$MODE" = a ] && exec gunicorn a:a\nexec gunicorn -w 9 a:a',
                     'start.sh:2 decides by `[ "$MODE" = a ]` what runs, which is known only at run time', id="list"),
        pytest.param("if x; then\nM=4\nfi\ngunicorn -w $M a:a",
                     "start.sh:1 sets M under a condition that is known only at run time", id="if-sets"),
        pytest.param("if x; then\nWEB_CONCURRENCY=4\nfi\ngunicorn a:a",
                     "start.sh:1 sets WEB_CONCURRENCY under a condition that is known only at run time",
                     id="if-sets-what-a-server-reads"),
        pytest.param("for x in *; do M=4; done\ngunicorn ${M:-2} a:a",
                     "start.sh:1 sets M under a condition that is known only at run time", id="loop-sets"),
        pytest.param("x && M=4\ngunicorn -w $M a:a",
                     "start.sh:1 sets M under a condition that is known only at run time", id="list-sets"),
        pytest.param("if x; then\ncd a\nfi\npython a.py", "start.sh:1 changes the folder under a condition", id="if-goes"),
        pytest.param("cd $X\npython a.py", "it changes to $X, which is known only at run time", id="goes-somewhere"),
        pytest.param("if x; then\npython b.py &\nelse\npython c.py &\nfi\npython a.py",
                     "start.sh:1 is a shell program of several commands", id="either-in-the-background"),
        pytest.param('if x; then set -- a; fi\nexec "$@"', "start.sh:2 takes arguments that are known only at run time",
                     id="if-sets-arguments"),
        pytest.param(". ./x.sh\ngunicorn a:a", "it takes the variables that ./x.sh sets, which is not read", id="source"),
        pytest.param("f() {\nf\n}\nf\npython a.py", "start.sh:2 is a shell program of several commands", id="recursion"),
        pytest.param("if x; then\npython a.py", "start.sh:2 is a shell program of several commands", id="no-end"),
        pytest.param("if x; then " * 40, "start.sh:1 is a shell program of several commands", id="deep"),
        pytest.param("eval $X\npython a.py", "start.sh:1 is a shell program of several commands", id="eval"),
        *(
            pytest.param(f'eval "export {text}"\nexec gunicorn -w ${{W:-1}} a:a', reason, id=f"eval-{text}")
            for text, reason in {
                "W=$(cat a b)": "start.sh:1 sets W under a condition that is known only at run time",
                "A=1 W=$(cat f)": "start.sh:1 is a shell program of several commands",
                "T=$(cat s) && gunicorn -w 8 a:a": "start.sh:1 is a shell program of several commands",
                "T=$(cat s); W=8": "start.sh:1 is a shell program of several commands",
                "T=$(cat s)\nW=8": "start.sh:1 is a shell program of several commands",
                "T=$(cat s) | cat": "start.sh:1 is a shell program of several commands",
                "'W=$(cat f)'": "start.sh:1 is a shell program of several commands",
                "$X": "start.sh:1 is a shell program of several commands",
            }.items()
        ),
        pytest.param("run() {\npython a.py\n}", "start.sh starts nothing that stays with no arguments", id="function"),
        pytest.param("N=$(nproc)\nexec gunicorn -w $N a:a",
                     "the number of workers is '$(nproc)', which depends on the CPUs of the host", id="substitution"),
        pytest.param("exec ./start.sh", "start.sh calls itself", id="itself"),
        pytest.param("", "start.sh starts nothing that stays with no arguments", id="empty"),
        pytest.param("#" * 70_000, "start.sh:1 is a shell program of several commands", id="size"),
    ],
)  # fmt: skip
def test_a_program_is_unknown(script: str, reason: str) -> None:
    parsed = parse("./start.sh", Host({"N": "2"}, {"start.sh": script.encode()}.get))
    assert (parsed.workers, parsed.reason) == (None, reason)


@pytest.mark.parametrize(
    ("script", "workers"),
    [
        pytest.param('cmd=(gunicorn --workers "${M:-4}")\ncmd+=(a:a)\nexec "${cmd[@]}"', 4, id="array"),
        pytest.param('declare -a more=()\nmore+=(-w "$N")\ngunicorn ${more[@]+"${more[@]}"} a:a', 2,
                     id="array-that-may-be-empty"),
        pytest.param('if [ "${DEV:-false}" = "true" ]; then\nexec uvicorn a:a --reload\nelse\nexec gunicorn a:a -w 4\nfi', 4,
                     id="if-has-a-default"),
        pytest.param('if [[ $N == [1-3] && ! -z "$N" ]]; then exec gunicorn -w 3 a:a; fi\nexec gunicorn a:a', 3,
                     id="pattern"),
        pytest.param('[ "$N" -gt 1 ] && exec gunicorn -w 6 a:a || exec gunicorn a:a', 6, id="list"),
        pytest.param("case ${MODE:-web} in web|api) exec gunicorn -w 5 a:a ;; *) exec celery worker ;; esac", 5, id="case"),
        pytest.param('if [ -z "$M" ]; then\nM=3\nfi\ngunicorn -w $M a:a', 3, id="if-gives-a-default"),
        pytest.param('if [ -z "$M" ]; then\nC=$(hostname)\nif [ $C = a ]; then export M=6; else export M=6; fi\nfi\n'
                     "gunicorn -w $M a:a", 6, id="if-gives-a-default-among-others"),
        pytest.param('[ -n "${M+x}" ] || M=3\ngunicorn -w $M a:a', 3, id="list-gives-a-default"),
        pytest.param(': "${M:=4}"\ngunicorn -w $M a:a', 4, id="colon-gives-a-default"),
        pytest.param('server() {\n  exec gunicorn -w"$1" a:a\n}\nmain() {\n  case "$1" in server) server ${M:-4} ;; esac\n'
                     '}\nmain "$@"', 4, id="functions-with-arguments"),
        pytest.param("M=1\nfor more in 1 2 3; do M=$((M + more)); done\ngunicorn -w $M a:a", 7, id="loop"),
        pytest.param("while [ $# -gt 0 ]; do case $1 in -w) W=$2; shift 2 ;; *) shift ;; esac; done\ngunicorn -w $W a:a", 8,
                     id="options"),
        pytest.param("gunicorn -w $(( (N + 2) * 2 > 6 ? 6 : 1 )) a:a", 6, id="arithmetic"),
        pytest.param("if (( N > 4 )); then N=4; fi\ngunicorn -w $N a:a", 2, id="arithmetic-test"),
        pytest.param(". ./env.sh\ngunicorn -w $Q a:a", 7, id="source"),
        pytest.param("[ -f .env ] && . ./.env\ngunicorn -w 3 a:a", 3, id="source-of-what-is-not-there"),
        pytest.param('if [ -z "$PORT" ]; then PORT=80; fi\ngunicorn -w 3 -b :$PORT a:a', 3, id="port"),
        pytest.param('if x; then ADDRESS=0.0.0.0; fi\ngunicorn -w 3 -b "$ADDRESS" a:a', 3, id="what-does-not-matter"),
        pytest.param("(cd x && python b.py)\nexec gunicorn -w 3 a:a", 3, id="shell-in-a-shell"),
        pytest.param('if [ -n "$SOCKET" ]; then\n  gunicorn -w 3 -b "$SOCKET" a:a\nelse\n  gunicorn -w 3 a:a\nfi', 3,
                     id="ways-that-start-the-same"),
    ],
)  # fmt: skip
def test_what_decides_is_known(script: str, workers: int) -> None:
    files = {"start.sh": script.encode(), "env.sh": b"Q=7\n"}
    parsed = parse("./start.sh server -w 8", Host({"N": "2"}, files.get))
    assert parsed.reason is None
    assert parsed.entrypoint is not None
    assert (parsed.entrypoint.text, parsed.entrypoint.folder, parsed.workers) == ("a:a", "", workers)


@pytest.mark.parametrize(
    ("script", "most"),
    [
        pytest.param("gunicorn -w ${M:-$(nproc)} a:a", None, id="default"),
        pytest.param("M=$((2 * $(nproc --all) + 1))\nexec gunicorn -w $M a:a", None, id="arithmetic"),
        pytest.param("M=$(nproc)\nM=$(( M * 2 + 1 ))\nM=$(( M > 16 ? 16 : M ))\nexec gunicorn -w $M a:a", 16, id="at-most"),
        pytest.param("M=`nproc`\nif [ $M -gt 8 ]; then\n  M=8\nfi\nexec gunicorn -w $M a:a", 8, id="if-it-is-more"),
        pytest.param("M=$(nproc)\n(( M < 3 )) || M=3\nexec gunicorn -w $M a:a", 3, id="list"),
        pytest.param("M=$(nproc)\n[ $M -lt 2 ] && M=2\nexec gunicorn -w $M a:a", None, id="at-least"),
        pytest.param("export WEB_CONCURRENCY=$(getconf _NPROCESSORS_ONLN)\nexec gunicorn a:a", None, id="variable"),
        pytest.param("if command -v nproc >/dev/null; then M=$(nproc); else M=4; fi\nexec gunicorn -w $M a:a", None,
                     id="nproc-is-there"),
    ],
)  # fmt: skip
def test_a_number_that_follows_the_cpus(script: str, most: int | None) -> None:
    parsed = parse("./start.sh", Host({}, {"start.sh": script.encode()}.get))
    assert (parsed.workers, parsed.is_cpu_count, parsed.most) == (None, True, most)
    assert parsed.reason is not None
    assert ("at most" in parsed.reason) is (most is not None)
    assert parsed.entrypoint is not None
    assert parse("./start.sh", Host({}, {"start.sh": script.encode()}.get, cpus=2)).workers is not None


@pytest.mark.parametrize(
    ("script", "started"),
    [
        pytest.param("python a.py &\npython b.py", ["b.py", "a.py"], id="background"),
        pytest.param("gunicorn a:a & python -m b &\nwait -n\nexit $?", ["a:a", "-m b"], id="all-in-the-background"),
        pytest.param("(cd api && python a.py) &\nexec python b.py", ["b.py", "a.py"], id="shell-in-the-background"),
        pytest.param("sleep 5 &\nexec python b.py", ["b.py"], id="what-ends"),
        pytest.param("redis-server &\nexec python b.py", ["b.py", None], id="another-program"),
        pytest.param("tail -f x.log &\nnginx &\nexec python b.py", ["b.py"], id="what-takes-a-few-mib"),
    ],
)
def test_commands_that_run_at_once(script: str, started: list[str | None]) -> None:
    parsed = parse("./start.sh", Host({}, {"start.sh": script.encode()}.get))
    found = (parsed, *parsed.beside)
    assert [one.entrypoint.text if one.entrypoint is not None else None for one in found] == started
    assert parsed.reason is None
    inline = parse(script.replace("&\n", "& ").replace("\n", "; "), Host({}))
    assert inline == parsed


TASKS = "[supervisord]\nuser = root\n[program:t]\ncommand = python t.py\n"


def told(started: StartCommand) -> list[str]:
    """Return what a start loads, and what runs beside it."""
    return [one.entrypoint.text if one.entrypoint is not None else "?" for one in (started, *started.beside)]


@pytest.mark.parametrize(
    ("script", "ways"),
    [
        pytest.param("if x; then\npython a.py\nelse\npython b.py\nfi", [["a.py"], ["b.py"]], id="two"),
        pytest.param("if x; then\npython b.py &\nfi\npython a.py", [["a.py", "b.py"], ["a.py"]], id="perhaps-beside"),
        pytest.param("if x; then\npython b.py &\nfi\nif y; then\npython c.py &\nfi\npython a.py",
                     [["a.py", "b.py", "c.py"], ["a.py"]], id="the-most-and-the-fewest"),
        pytest.param('if [ "$OFF" != True ]; then\nsupervisord -c tasks.conf\nfi\nexec gunicorn a:a',
                     [["a:a", "t.py"], ["a:a"]], id="perhaps-a-daemon"),
        pytest.param('if [ "$X" = 1 ]; then\nM=4\nfi\ngunicorn -w ${M:-2} a:a', [["a:a"], ["a:a"]], id="workers"),
        pytest.param("if x; then\npython a.py\nelse\nexec $THAT\nfi", [], id="one-is-not-known"),
        pytest.param("case $X in " + " ".join(f"{n}) python a{n}.py;;" for n in range(9)) + " esac", [], id="too-many"),
    ],
)  # fmt: skip
def test_starts_of_which_one_runs(script: str, ways: list[list[str]]) -> None:
    parsed = parse("./start.sh", Host({}, {"start.sh": script.encode(), "tasks.conf": TASKS.encode()}.get))
    assert parsed.workers is None
    assert [told(one) for one in parsed.ways] == ways


@pytest.mark.parametrize(
    ("script", "started"),
    [
        pytest.param("supervisord -c tasks.conf\nexec python a.py", ["a.py", "t.py"], id="supervisord"),
        pytest.param("supervisord -n -c tasks.conf", ["t.py"], id="supervisord-that-stays"),
        pytest.param("supervisord -c stays.conf\npython a.py", ["a.py"], id="a-setting-that-it-stays"),
        pytest.param("celery -A b worker -c 1 --detach\ngunicorn a:a", ["a:a", "b"], id="celery"),
        pytest.param("gunicorn a:a --daemon\nexec python b.py", ["a:a", "b.py"], id="gunicorn"),
    ],
)
def test_programs_that_go_on_in_the_background(script: str, started: list[str]) -> None:
    stays = TASKS.replace("user = root", "nodaemon=true")
    files = {"start.sh": script.encode(), "tasks.conf": TASKS.encode(), "stays.conf": stays.encode()}
    assert sorted(told(parse("./start.sh", Host({}, files.get)))) == sorted(started)


def test_the_number_of_what_runs_beside_counts() -> None:
    parsed = parse("celery -A b worker & gunicorn a:a", Host({}))
    assert (parsed.workers, parsed.is_cpu_count) == (None, True)
    assert parsed.reason is not None


@pytest.mark.parametrize("then", ["", " || {\n  echo no\n  exit 1\n}"])
def test_a_variable_may_hold_the_folder_of_the_script(then: str) -> None:
    script = f'HERE="$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)"\ncd "${{HERE}}"{then}\nexec gunicorn -w 3 a:a\n'
    found = parse("sh bin/start.sh", Host({}, {"bin/start.sh": script.encode()}.get))
    assert (found.workers, found.entrypoint and found.entrypoint.folder) == (3, "bin")


def test_a_script_goes_on_behind_the_command_of_no_arguments() -> None:
    files = {"start.sh": b'#!/bin/sh\npython manage.py migrate\ncelery -A shop worker -c 2\nexec "$@"\n'}
    found = parse("./start.sh", Host({}, files.get))
    assert (found.entrypoint and found.entrypoint.text, found.workers) == ("shop", 2)


def test_a_script_that_is_not_there_is_unknown() -> None:
    assert parse("sh start.sh", Host({})).reason == "start.sh is not in the repository"


def test_variables_behind_env() -> None:
    assert parse("env WEB_CONCURRENCY=3 gunicorn a:a", Host({})).workers == 3


def test_a_server_of_two_ways_beside_another_program() -> None:
    files = {
        "tor.sh": b'if [ "$OFF" = 1 ]; then\n  exit 0\nfi\nservice tor start\n',
        "run": b'#!/bin/sh\nif [ -n "$SOCKET" ]; then\n  gunicorn -w 3 -b "$SOCKET" a:a\nelse\n  gunicorn -w 3 a:a\nfi\n',
    }
    parsed = parse('/bin/sh -c "./tor.sh & ./run"', Host({}, files.get))
    started = [(one.entrypoint and one.entrypoint.text, one.workers) for one in (parsed, *parsed.beside)]
    assert started == [("a:a", 3), (None, None)]
