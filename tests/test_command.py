"""Start commands: shells, wrappers, and what each program makes of its words."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from work import at_most

from memguard_hooks.deployment.command import EntryPoint, Host, StartCommand, parse
from memguard_hooks.formats.shell_words import expand, split_words, substitutions, unquote

FILES = {
    "Procfile": b"web: gunicorn -w 2 a:a\nworker: python w.py\n",
    "one/Procfile": b"web: gunicorn -w 2 a:a\n",
    "supervisord.conf": b"[supervisord]\nnodaemon=true\n[program:web]\ncommand=gunicorn -w 2 a:a\n",
    "two.conf": b"[program:web]\ncommand=gunicorn a:a\n[program:job]\ncommand=python j.py\n",
    "app/main.py": b"",
    "wsgi.py": b"",
    "pkg/__init__.py": b"",
    "pkg/web.py": b"",
    "proj/celery.py": b"",
    "uwsgi.ini": b"[uwsgi]\nbase = app\nmodule = %(base).wsgi:app\nprocesses = $(N)\ncheaper = 1\n[other]\nprocesses = 9\n",
    "loop.ini": b"[uwsgi]\nmodule = a\nif-file = X\nprocesses = 2\nendif =\n",
    "env.ini": b"[uwsgi]\nmodule = a\nif-not-env = X\nprocesses = 2\nendif =\nif-env = X\nprocesses = 9\nendif =\n",
    "daemon.ini": b"[uwsgi]\nmodule = a\nprocesses = 2\nattach-daemon = ./w.py\nattach-daemon = celery -A b worker -c 3\n",
    "lazy.ini": b"[uwsgi]\n"
    b"wsgi-file = pkg/web.py\ncallable=app\nworkers=3\nlazy-apps=true\npythonpath=src\nmax-requests=9\n",
    "site.ini": b"[app:main]\nuse = egg:my-pkg\n[server:main]\nuse = egg:waitress#main\n",
    "gunicorn.ini": b"[app:main]\nuse = egg:my-pkg\n[server:main]\nuse = egg:gunicorn#main\nworkers = 5\n",
    "application.py": b"",
    ".env": b"WEB_CONCURRENCY='3' # three\n",
}

HOST = Host({"N": "3"}, FILES.get, mounts={"/app": ""})


def told(command: str, host: Host = HOST) -> str:
    """Return the entry point and the workers of a command in few words, or why they are not known."""
    one = parse(command, host)
    text = f"{one.entrypoint.folder}|{one.entrypoint.text}" if one.entrypoint is not None else "-"
    return f"{text} {one.reason}" if one.workers is None else f"{text} {one.workers} {one.start}"


@pytest.mark.parametrize(
    "prefix",
    [
        "exec", "nohup", "env A=b", "env -u X A=b", "A=b C='d e'", "nice -n 10", "nice -10", "timeout 30",
        "timeout -s INT -k 5 30", "stdbuf -oL", "time", "xvfb-run -a", "xvfb-run --server-args '-screen 0'",
        "prlimit --as=1000", "catchsegv", "ionice -c 2", "dumb-init", "dumb-init --", "tini -g --",
        "tini -v -- dumb-init", "/usr/bin/tini -s --", "su-exec app", "gosu app:app", "poetry run",
        "poetry --directory . run", "uv run",
        "uv run --no-dev --frozen --extra x --with y --python 3.12 --package p", "uv run --directory=.",
        "uv --offline run", "uvx", "uvx --from x --with y", "pipenv run", "pdm run", "hatch run", "nix-shell --run",
        "hatch -e prod run", "rye run", "conda run --no-capture-output -n env", "ddtrace-run",
        "newrelic-admin run-program", "opentelemetry-instrument --traces_exporter otlp --service_name x",
        "doppler run --", "doppler run -p x -c y --", "infisical run --env prod --", "chamber exec x y --",
        "op run --env-file .e --", "dotenv -f .env run --", "wait-for-it.sh db:5432 -t 30 --", "./wait-for db:80 --",
        "dockerize -wait tcp://db:1 -timeout 9s", "cd . &&", "python manage.py migrate &&", "alembic upgrade head;",
        "export A=b &&", "[ -f x ] && ", "set -e;", ". $HOME/.local/bin/env;", "source ~/.cargo/env &&",
        "source /opt/conda/etc/profile.d/conda.sh; conda activate x &&",
        "umask 0 &&", "umask 027; exec", "ulimit -n 9 &&", "chpst -u app -m 9",
        "setuidgid app", "softlimit -m 9", "numactl --interleave=all", "flock -w 5 /x.lock", "env -S", "envdir /etc/x",
        "fdmove -c 2 1", "uv run --no-sync", "pixi run -e prod --locked", "micromamba run -n x",
        "conda run --live-stream -n x", "bin/start-pgbouncer-stunnel", "elasticapm-run", "pyagent run -c x.cfg --",
        "watchmedo auto-restart -d . -p '*.py' --recursive --", "nodemon --ext py --exec", "py-spy record -o x --",
        "berglas exec --", "teller run --", "envconsul -prefix x", "x || true;", "poetry run ddtrace-run", "sleep 1 && exec",
    ],
)  # fmt: skip
def test_a_wrapper_is_looked_behind(prefix: str) -> None:
    assert told(f"{prefix} gunicorn -w 2 a:a") == "|a:a 2 fork"


@pytest.mark.parametrize(
    "prefix",
    [
        "debugpy --listen 0.0.0.0:5678 --wait-for-client", "python -m debugpy --listen 5678", "python -u -m hupper",
        "python -Xfrozen_modules=off -m debugpy --listen 5678", "hupper", "jurigged", "pyinstrument -o x.html", "memray run",
        "memray run -o x.bin", "python -m memray run", "scalene", "newrelic-admin run-python", "uv run",
    ],
)  # fmt: skip
def test_a_module_behind_what_runs_python_is_read(prefix: str) -> None:
    assert told(f"{prefix} -m gunicorn -w 2 a:a") == "|a:a 2 fork"
    if "hupper" not in prefix:
        assert told(f"{prefix} a.py --port 80") == "|a.py 1 single"


@pytest.mark.parametrize(
    "command",
    [
        "watchfiles 'gunicorn -w 2 a:a' src", "watchfiles --filter python 'gunicorn -w 2 a:a'", "env -S 'gunicorn -w 2 a:a'",
        "nodemon -x 'gunicorn -w 2 a:a'", "sops exec-env x.yaml 'gunicorn -w 2 a:a'", "flock /x -c 'gunicorn -w 2 a:a'",
        "watchmedo auto-restart -R gunicorn -- -w 2 a:a", "doppler run --command 'gunicorn -w 2 a:a'",
        "'gunicorn -w 2 a:a'", "env A=b '  gunicorn -w 2 a:a '", "python -m watchfiles 'gunicorn -w 2 a:a'",
        "python -m dotenv run -- gunicorn -w 2 a:a",
    ],
)  # fmt: skip
def test_a_command_in_one_word_is_read(command: str) -> None:
    assert told(command) == "|a:a 2 fork"


REAL = ("nice -n 5", "timeout 20", "timeout -k 5 -s INT 20", "stdbuf -oL", "flock x.lock", "nohup", "setsid -w",
        "env A=b", "env -u A", "chrt -b 0", "bash -c 'umask 0 && exec \"$@\"' --",
        "sh -c 'ulimit -c 0; exec \"$@\"' x")  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="the programs are those of Linux")
@pytest.mark.parametrize("prefix", REAL)
def test_real_wrappers_start_what_is_read(prefix: str, tmp_path: Path) -> None:
    if shutil.which(shlex.split(prefix)[0]) is None:
        pytest.skip("there is no such program")
    recorder = tmp_path / "gunicorn"
    recorder.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    recorder.chmod(0o755)
    command = f"{prefix} gunicorn -w 2 --name 'x y' a:a"
    started = subprocess.run(
        ["/bin/sh", "-c", command], cwd=tmp_path, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True,
        text=True, timeout=20, check=True,
    )  # fmt: skip
    assert started.stdout.splitlines() == ["-w", "2", "--name", "x y", "a:a"]
    assert told(command) == "|a:a 2 fork"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        pytest.param("sh -c 'exec gunicorn -w 2 a:a'", "|a:a 2 fork", id="sh-c"),
        pytest.param('bash -lc "gunicorn -w ${W:-4} a:a"', "|a:a 4 fork", id="bash-lc"),
        pytest.param("bash -e -o pipefail -c 'gunicorn a:a'", "|a:a 1 fork", id="bash-options"),
        pytest.param("gunicorn -w 2 a:a 2>&1 | tee log", "|a:a 2 fork", id="tee"),
        pytest.param("gunicorn -w 2 a:a >> log 2>> errors", "|a:a 2 fork", id="redirections"),
        pytest.param("gunicorn -w 2 a:a &", "|a:a 2 fork", id="trailing-ampersand"),
        pytest.param("gunicorn -w 2 a:a & wait", "|a:a 2 fork", id="wait"),
        pytest.param("gunicorn -w 2 a:a || exit 1", "|a:a 2 fork", id="or"),
        pytest.param("gunicorn -w 2 a:a # why", "|a:a 2 fork", id="comment"),
        pytest.param("yes | python manage.py migrate && python a.py", "|a.py 1 single", id="yes"),
        pytest.param("gunicorn -w $((2*N + 1)) a:a", "|a:a 7 fork", id="bare-name"),
        pytest.param("gunicorn -w $((2*M + 1)) a:a", "|a:a the number of workers is '$((2*M + 1))', which is known only at"
                     " run time", id="bare-name-that-is-not-known"),
        pytest.param("gunicorn -w $((2 * $N + 1)) a:a", "|a:a 7 fork", id="arithmetic"),
        pytest.param('gunicorn -b :${PORT:-${P:-80}} -w "${W:-${N}}" a:a', "|a:a 3 fork", id="nested-defaults"),
        pytest.param("N=5; gunicorn -w $N a:a", "|a:a 5 fork", id="assigned"),
        pytest.param("export WEB_CONCURRENCY=4 && cd app && uvicorn m:a", "app|m:a 4 spawn", id="exported"),
        pytest.param("unset N; gunicorn -w ${N:-6} a:a", "|a:a 6 fork", id="unset"),
        pytest.param("O='-w 2 -k gthread'; gunicorn $O a:a", "|a:a 2 fork", id="split-words"),
        pytest.param("gunicorn -w $(nproc) a:a",
                     "|a:a the number of workers is '$(nproc)', which depends on the CPUs of the host", id="nproc"),
        pytest.param("gunicorn -w `nproc` a:a",
                     "|a:a the number of workers is '$(nproc)', which depends on the CPUs of the host", id="backquotes"),
        pytest.param("python a.py & python b.py", "|b.py 1 single", id="two"),
        pytest.param("for x in 1 2; do python a.py; done", "|a.py 1 single", id="for"),
        pytest.param("bash -c 'while !</dev/tcp/db/5432; do sleep 1; done; gunicorn -w 2 a:a'", "|a:a 2 fork", id="waits"),
        pytest.param("if x; then python a.py; else python b.py; fi",
                     "- the command, line 1 decides by `x` what runs, which is known only at run time", id="if"),
        pytest.param("su app -s /bin/sh -c 'exec python a.py'", "|a.py 1 single", id="su"),
        pytest.param("runuser -u app -- python a.py", "|a.py 1 single", id="runuser"),
        pytest.param("[ x ] && python a.py || python b.py", "|a.py 1 single", id="test"),
        pytest.param("[ $X ] && python a.py || python b.py",
                     "- the command, line 1 decides by `[ $X ]` what runs, which is known only at run time", id="test-x"),
        pytest.param("source .env && gunicorn a:a",
                     "|a:a it takes the variables that .env sets, which is not read", id="source"),
        pytest.param(". venv/bin/activate && gunicorn a:a", "|a:a 1 fork", id="activate"),
        pytest.param("cd $(dirname x) && python a.py",
                     "- it changes to $(dirname x), which is known only at run time", id="cd-computed"),
        pytest.param("uvicorn m:a --workers 0", "|m:a 1 single", id="uvicorn-0"),
        pytest.param("uvicorn m:a --env-file .env", "|m:a 3 spawn", id="uvicorn-env-file"),
        pytest.param("uvicorn --app-dir src m:a", "src|m:a 1 single", id="uvicorn-app-dir"),
        pytest.param("uv run main.py", "|main.py 1 single", id="uv-script"),
        pytest.param("uv run -m pkg.mod", "|-m pkg.mod 1 single", id="uv-module"),
        pytest.param("uv run --directory app python main.py", "app|main.py 1 single", id="uv-directory"),
        pytest.param("hatch run prod:python a.py", "|a.py 1 single", id="hatch-environment"),
        pytest.param("fastapi run", "app|main:app 1 single", id="fastapi"),
        pytest.param("fastapi run app/main.py --workers 2", "app|main:app 2 spawn", id="fastapi-workers"),
        pytest.param("uwsgi --ini uwsgi.ini", "|app.wsgi:app 3 preload", id="uwsgi-ini"),
        pytest.param("uwsgi lazy.ini", "|pkg.web:app 3 fork", id="uwsgi-lazy"),
        pytest.param("uwsgi --http :80 --wsgi-file pkg/web.py -p 4", "|pkg.web:application 4 preload", id="uwsgi-words"),
        pytest.param("$(command -v uwsgi) --wsgi-file pkg/web.py", "|pkg.web:application 1 single", id="uwsgi-looked-up"),
        pytest.param('exec "$(which gunicorn)" -w 3 a:app', "|a:app 3 fork", id="gunicorn-looked-up"),
        pytest.param("uwsgi --http=:80 -w a:app", "|a:app 1 single", id="uwsgi-one"),
        pytest.param("uwsgi env.ini", "|a:application 2 preload", id="uwsgi-condition"),
        pytest.param("uwsgi loop.ini", "- its settings file loop.ini is a program", id="uwsgi-program"),
        pytest.param("locust --headless", "|locustfile.py 1 single", id="locust"),
        pytest.param("locust -f load/web.py --processes 4", "|load/web.py 4 fork", id="locust-processes"),
        pytest.param("celery -A proj worker -c 2", "|proj 2 preload", id="celery"),
        pytest.param("celery -A proj worker",
                     "|proj celery is given no --concurrency: its app may say how many processes it "
                     "starts, and by default there is one for each CPU of the host", id="celery-default"),
        pytest.param("celery -A proj beat -l info", "|proj 1 single", id="celery-beat"),
        pytest.param("celery -A proj flower --port=80", "|proj 1 single", id="celery-flower"),
        pytest.param("celery -b redis://x flower", "|flower 1 single", id="flower-1"),
        pytest.param("flower --port=80", "|flower 1 single", id="flower"),
        pytest.param("datasette data.db -h ::", "|datasette 1 single", id="datasette"),
        pytest.param("datasette publish heroku a.db", "|datasette datasette is a program that is installed",
                     id="datasette-publish"),
        pytest.param("mlflow server", "|mlflow 4 spawn", id="mlflow"),
        pytest.param("jupyter lab --port 80", "|jupyter-lab jupyter-lab is a program that is installed", id="jupyter-lab"),
        pytest.param("MLFLOW_WORKERS=2 mlflow ui", "|mlflow 2 spawn", id="mlflow-variable"),
        pytest.param("mlflow server --workers=1 --gunicorn-opts x", "|mlflow mlflow is a program that is installed",
                     id="mlflow-gunicorn"),
        pytest.param("mlflow gc", "|mlflow mlflow is a program that is installed", id="mlflow-gc"),
        pytest.param("litellm --config c.yaml --num_workers 3", "|litellm 3 spawn", id="litellm"),
        pytest.param("dagster-daemon run", "|dagster-daemon dagster-daemon is a program that is installed", id="dagster"),
        pytest.param("litestar run --host ::", "|application:app 1 single", id="litestar"),
        pytest.param("LITESTAR_APP=pkg.web:app litestar run -W 3", "|pkg.web:app 4 spawn", id="litestar-workers"),
        pytest.param("sanic pkg.web:app -w 3", "|pkg.web:app 4 spawn", id="sanic"),
        pytest.param("sanic wsgi.app --single-process", "|wsgi:app 1 single", id="sanic-single"),
        pytest.param("quart --app pkg/web.py run", "|pkg.web:app 1 single", id="quart"),
        pytest.param("faststream run wsgi:app --workers=2", "|wsgi:app 3 spawn", id="faststream"),
        pytest.param("functions-framework --source wsgi.py --target f", "|wsgi.py:f 1 single", id="functions-framework"),
        pytest.param("WORKERS=3 functions-framework --source wsgi.py --target f", "|wsgi.py:f 3 preload", id="functions-3"),
        pytest.param("procrastinate --app=pkg.web.app worker -c 9", "|pkg.web.app 1 single", id="procrastinate"),
        pytest.param("saq pkg.web.settings --workers 3", "|pkg.web.settings 3 fork", id="saq"),
        pytest.param("faust -A wsgi worker -l info", "|wsgi:app 1 single", id="faust"),
        pytest.param("kopf run --standalone pkg/web.py", "|pkg/web.py 1 single", id="kopf"),
        pytest.param("pserve site.ini http_port=80", "|my_pkg 1 single", id="pserve"),
        pytest.param("pserve gunicorn.ini", "|my_pkg 5 preload", id="pserve-gunicorn"),
        pytest.param("robyn wsgi.py --processes 2", "|wsgi.py 2 fork", id="robyn"),
        pytest.param("celery -A proj purge", "- it is not known how celery purge starts", id="celery-purge"),
        pytest.param("rq worker high", "- rq loads what the jobs of its queues name, which no file says", id="rq"),
        pytest.param("dramatiq pkg.tasks",
                     "|pkg.tasks dramatiq is given no --processes, and by default there is one for each "
                     "CPU of the host", id="dramatiq"),
        pytest.param("taskiq scheduler pkg:s", "|pkg:s 1 single", id="taskiq-scheduler"),
        pytest.param("streamlit run app/main.py --server.port 80", "|app/main.py 1 single", id="streamlit"),
        pytest.param("taipy run --no-debug app.py -H 0.0.0.0", "|app.py 1 single", id="taipy"),
        pytest.param("taipy run", "|main.py 1 single", id="taipy-without-a-script"),
        pytest.param("shiny run --host 0.0.0.0 pages.home:app", "|pages.home:app 1 single", id="shiny-module"),
        pytest.param("shiny run", "|app.py 1 single", id="shiny-without-a-script"),
        pytest.param("shiny run --reload --port 80 foo", "|foo 1 single", id="shiny-name"),
        pytest.param("shiny run --app-dir src foo.py", "src|foo.py 1 single", id="shiny-app-dir"),
        pytest.param("shiny run src/foo", "- shiny is given no script", id="shiny-no-module"),
        pytest.param("flet run --web --port 8000 app", "|app/main.py 1 single", id="flet-folder"),
        pytest.param("flet run --web -m pkg.web", "|-m pkg.web 1 single", id="flet-module"),
        pytest.param("flet run .", "|main.py 1 single", id="flet-here"),
        pytest.param("flet run --web", "|main.py 1 single", id="flet"),
        pytest.param("streamlit run --server.port 80 app", "- streamlit is given no script", id="streamlit-other-folder"),
        pytest.param("streamlit run", "|streamlit_app.py 1 single", id="streamlit-without-a-script"),
        pytest.param("solara run pkg.web --host 0.0.0.0", "|pkg.web 1 single", id="solara-module"),
        pytest.param("bokeh serve app --port 80", "|app/main.py 1 single", id="bokeh-folder"),
        pytest.param("chainlit run app", "- chainlit is given no script", id="chainlit-no-file"),
        pytest.param("fastmcp run -m pkg.web", "|-m pkg.web 1 single", id="fastmcp-module"),
        pytest.param("locust -f load", "- locust is given no script", id="locust-folder"),
        pytest.param("hypercorn app/main:app", "app|app/main:app 1 spawn", id="hypercorn-file"),
        pytest.param("hypercorn asgi:pkg.web:app", "|pkg.web:app 1 spawn", id="hypercorn-mode"),
        pytest.param("hypercorn pkg.web", "|pkg.web:app 1 spawn", id="hypercorn-default"),
        pytest.param("granian --interface asgi app/main.py:api", "app|app/main.py:api 1 fork", id="granian-file"),
        pytest.param("fastmcp run server.py:mcp", "|server.py 1 single", id="fastmcp"),
        pytest.param("python -m streamlit run main.py", "|main.py 1 single", id="streamlit-module"),
        pytest.param("chainlit run main.py -h", "|main.py 1 single", id="chainlit"),
        pytest.param("gradio main.py", "|main.py 1 single", id="gradio"),
        pytest.param("panel serve main.py --num-procs 3", "|main.py 3 fork", id="panel"),
        pytest.param("bokeh serve --num-procs=0 main.py",
                     "|main.py --num-procs is 0: one for each CPU of the host", id="bokeh"),
        pytest.param("voila x.ipynb", "|voila voila is a program that is installed", id="voila"),
        pytest.param("flask run", "|wsgi.py 1 single", id="flask"),
        pytest.param("flask --app pkg.web run --debug", "|pkg.web 2 spawn", id="flask-debug"),
        pytest.param("flask --app pkg/web.py db upgrade", "|pkg/web.py 1 single", id="flask-other"),
        pytest.param("python manage.py runserver 0:80", "|manage.py 2 spawn", id="runserver"),
        pytest.param("python manage.py runserver --noreload", "|manage.py 1 single", id="runserver-noreload"),
        pytest.param("./manage.py run_bot", "|./manage.py 1 single", id="manage"),
        pytest.param("python -um pkg.mod", "|-m pkg.mod 1 single", id="python-um"),
        pytest.param("python -X dev -W error a.py -m", "|a.py 1 single", id="python-options"),
        pytest.param("coverage run a.py", "|a.py 1 single", id="coverage"),
        pytest.param("honcho start", "|a:a 2 fork", id="honcho"),
        pytest.param("honcho start web", "|a:a 2 fork", id="honcho-one"),
        pytest.param("foreman start -f one/Procfile", "|a:a 2 fork", id="foreman"),
        pytest.param("supervisord", "|a:a 2 fork", id="supervisord"),
        pytest.param("supervisord -n -c /app/two.conf", "|a:a 1 fork", id="supervisord-2"),
        pytest.param("chaussette --fd 3 --backend meinheld a:a", "|a:a 1 single", id="chaussette"),
        pytest.param("hivemind one/Procfile", "|a:a 2 fork", id="hivemind"),
        pytest.param("goreman start web", "|a:a 2 fork", id="goreman"),
        pytest.param("torchrun --standalone --nproc_per_node=2 --rdzv-id x a.py --lr 3", "|a.py 2 spawn", id="torchrun"),
        pytest.param("python -m torch.distributed.run --nproc-per-node 3 -m pkg.mod", "|-m pkg.mod 3 spawn",
                     id="torchrun-module"),
        pytest.param("torchrun a.py", "|a.py 1 spawn", id="torchrun-one"),
        pytest.param("torchrun --nproc_per_node gpu a.py",
                     "|a.py torchrun starts one process for each GPU of the host, or as its settings say",
                     id="torchrun-gpu"),
        pytest.param("torchrun", "- torchrun is given no script", id="torchrun-nothing"),
        pytest.param("accelerate launch --cpu --num_processes 2 a.py", "|a.py 2 spawn", id="accelerate"),
        pytest.param("accelerate launch a.py",
                     "|a.py accelerate starts one process for each GPU of the host, or as its settings say",
                     id="accelerate-gpu"),
        pytest.param("accelerate config", "- it is not known how accelerate config starts", id="accelerate-config"),
        pytest.param("/srv/entrypoint.sh api", "- /srv/entrypoint.sh is not in the repository", id="script-away"),
        pytest.param("lambda-handler src/app.handler", "|src.app:handler 1 single", id="lambda"),
        pytest.param("gunicorn -w 0 a:a", "|a:a the number of workers is 0, and nobody serves", id="gunicorn-0"),
    ],
)  # fmt: skip
def test_a_command_is_told(command: str, answer: str) -> None:
    assert told(command) == answer


def test_litestar_looks_into_the_folder_of_an_app() -> None:
    files = {"app/main.py": b"app = Litestar([])\n", "app/models.py": b""}
    host = Host({}, files.get, names_in=lambda folder: [one.partition("/")[2] for one in files] if folder == "app" else [])
    assert told("litestar run", host) == "|app.main:app 1 single"
    files["app/__init__.py"] = b""
    assert told("litestar run", host) == "|app.main:app 1 single"
    files["app.py"] = b""
    assert told("litestar run", host) == "|app:app 1 single"
    assert told("litestar --app-dir app run", host).startswith("- it is given no app")


def test_flet_looks_where_the_settings_of_the_project_say() -> None:
    files = {"pyproject.toml": b"[tool.flet.app]\npath = 'src'\n", "src/main.py": b""}
    assert told("flet run --web", Host({}, files.get)) == "|src/main.py 1 single"


def test_each_app_of_a_server_of_apps_is_loaded() -> None:
    assert [one.module for one in parse("panel serve a.py pkg/web.py", HOST).loads] == ["pkg.web"]


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("supervisord", {"c/web.conf": "/etc/supervisor/conf.d/web.conf"}),
        ("/usr/bin/supervisord -n -c /etc/supervisor/supervisord.conf", {"c/web.conf": "/etc/supervisor/conf.d/web.conf"}),
        ("supervisord -n -c /etc/supervisor/supervisord.conf", {"c": "/etc/supervisor/conf.d"}),
        ("supervisord -c s.conf", {"c": "/srv/c"}),
    ],
)
def test_programs_of_supervisord_that_it_includes(command: str, files: dict[str, str]) -> None:
    held = {"c/web.conf": b"[program:web]\ncommand=gunicorn -w 3 a:a\n", "c/x.ini": b"[program:x]\ncommand=python x.py\n",
            "s.conf": b"[include]\nfiles = c/*.conf\n"}  # fmt: skip
    mounts = {place: source for source, place in files.items()}
    one = parse(
        command, Host({}, held.get, mounts=mounts, names_in=lambda path: ["web.conf", "x.ini"] if path == "c" else [])
    )
    assert one.entrypoint is not None
    assert (one.entrypoint.text, one.workers, one.beside) == ("a:a", 3, ())


def test_facts_of_gunicorn() -> None:
    files = {"gunicorn.conf.py": b"import os\n\npreload_app = True\nworkers = 2 * os.cpu_count() + 1\nthreads = 2\n"}
    one = parse("gunicorn a:a --max-requests 9 --reload --dirty-workers 2 --dirty-app m:A --pythonpath lib,../out,src",
                Host({"PYTHONPATH": "/app/p:/usr/lib:q"}, files.get, mounts={"/app": ""}))  # fmt: skip
    assert one.reason == "gunicorn.conf.py:4 computes workers: 2 * os.cpu_count() + 1"
    assert (one.workers, one.is_cpu_count, one.start, one.preload_source) == (None, True, "preload", "gunicorn.conf.py:3")
    assert (one.worker_class, one.threads, one.max_requests, one.max_requests_jitter) == ("gthread", 2, 9, 0)
    assert (one.reload, one.dirty_workers, one.dirty_apps) == (True, 2, ("m:A",))
    assert one.entrypoint is not None
    assert one.entrypoint.roots == ("src", "lib", "p", "q")
    assert parse("gunicorn a:a", Host({}, files.get, cpus=4)).workers == 9
    assert parse("gunicorn -w $(nproc) a:a", Host({}, cpus=2.0)).workers == 2
    assert parse("gunicorn --preload a:a", Host({})).preload_source == "command line"
    assert parse("gunicorn a:a", Host({"GUNICORN_CMD_ARGS": "--preload"})).preload_source == "GUNICORN_CMD_ARGS"


SUPERVISORD = b"""\
[supervisord]
nodaemon=true
[program:web]
command=gunicorn -w 3
    a:a ; serves
directory=/app/api
environment=WEB_CONCURRENCY="9",X="1"
[program:worker]
command=celery -A b worker -c %(ENV_N)s -n %(program_name)s%(process_num)02d@%%h --pidfile=%(here)s/w.pid
numprocs=2
[program:nginx]
command=nginx -g "daemon off;"
[program:later]
command=python c.py
autostart=no
[eventlistener:watch]
command=python e.py
events=TICK_5
"""
CIRCUS = b"""\
[watcher:web]
cmd = python
args = a.py
numprocesses = 2
working_dir = api
[socket:web]
port = 80
[watcher:x]
cmd = python x.py
autostart = 0
"""
PM2 = b"""{"apps": [
    {"script": "a.py", "args": "--x"}, {"script": "gunicorn", "interpreter": "none", "args": ["-w", "2", "b:b"]}
]}"""


@pytest.mark.parametrize(
    ("command", "started"),
    [
        pytest.param("supervisord -c s.conf", ["api a:a 3", " b 3", " b 3", " e.py 1"], id="supervisord"),
        pytest.param("honcho start", [" a:a 2", " w.py 1"], id="honcho"),
        pytest.param("honcho start -c worker=2", [" a:a 2", " w.py 1", " w.py 1"], id="honcho-copies"),
        pytest.param("foreman start -m all=0,worker=1", [" w.py 1"], id="foreman-formation"),
        pytest.param("circusd circus.ini", ["api a.py 1", "api a.py 1"], id="circus"),
        pytest.param("pm2-runtime start e.json", [" b:b 2", " a.py 1"], id="pm2"),
        pytest.param("pm2-runtime a.py", [" a.py 1"], id="pm2-script"),
        pytest.param("uwsgi daemon.ini", [" a:application 2", " ./w.py 1", " b 3"], id="uwsgi-daemons"),
    ],
)
def test_programs_that_run_several_commands(command: str, started: list[str]) -> None:
    files = {**FILES, "s.conf": SUPERVISORD, "circus.ini": CIRCUS, "e.json": PM2}
    one = parse(command, Host({"N": "3"}, files.get, mounts={"/app": ""}))
    found = (one, *one.beside)
    places = [f"{each.entrypoint.folder} {each.entrypoint.text}" if each.entrypoint is not None else "-" for each in found]
    assert [f"{place} {each.workers or 1}" for place, each in zip(places, found, strict=True)] == started


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        pytest.param("pm2-runtime start ecosystem.config.js",
                     "pm2-runtime runs the apps of ecosystem.config.js, which is not read", id="javascript"),
        pytest.param("supervisord -c more.conf", "more.conf includes /etc/x/*.conf, which is not read", id="include"),
    ],
)  # fmt: skip
def test_a_list_that_is_not_read_is_told(command: str, reason: str) -> None:
    assert parse(command, Host({}, {"more.conf": b"[include]\nfiles = /etc/x/*.conf\n"}.get)).reason == reason


def test_commands_that_multiply_are_bounded() -> None:
    files = {"Procfile": b"".join(b"p%d: honcho start\n" % number for number in range(30))}
    with at_most(3_000_000):
        assert parse("honcho start", Host({}, files.get)).workers is None


@pytest.mark.parametrize(
    ("files", "module", "attribute"),
    [
        pytest.param(("pkg/app.py",), "pkg.app", "celery", id="attribute"),
        pytest.param(("pkg/app.py", "pkg/app/celery.py"), "pkg.app.celery", "app", id="module"),
        pytest.param(("pkg/app/celery/__init__.py",), "pkg.app.celery", "app", id="package"),
        pytest.param((), "pkg.app.celery", "app", id="neither"),
    ],
)
def test_what_celery_takes_for_its_app(files: tuple[str, ...], module: str, attribute: str) -> None:
    one = parse("celery -A pkg.app.celery worker -c 1", Host({}, dict.fromkeys(files, b"").get))
    assert one.entrypoint is not None
    assert (one.entrypoint.module, one.entrypoint.attribute) == (module, attribute)


def test_ranges() -> None:
    one = parse("celery -A a worker --autoscale=8,2", HOST)
    assert (one.workers, one.fewest, one.reason) == (8, 2, "celery scales from 2 to 8 processes")
    assert parse("uwsgi uwsgi.ini", HOST).fewest == 1
    assert parse("celery -A a worker", Host({}, cpus=4)) == parse("celery -A a worker -c 4", Host({}))._replace(
        is_cpu_count=True
    )


def test_console_scripts_of_the_project() -> None:
    host = Host({"PYTHONPATH": "src"}, console_scripts={"bot": "pkg.cli:main"})
    assert parse("bot --port 80", host)._replace(variables=()) == StartCommand(
        EntryPoint("pkg.cli:main", "", "pkg.cli", "main", roots=("src",))
    )


def test_the_concurrency_of_the_platform_is_a_variable_of_the_shell() -> None:
    assert parse("gunicorn -w ${WEB_CONCURRENCY:-7} a:a", Host({}, concurrency=2)).workers == 2


@pytest.mark.parametrize(
    ("word", "words"),
    [
        pytest.param("a\"b $N\"'$N'", ["ab 3$N"], id="quotes"),
        pytest.param("$EMPTY", [], id="empty"),
        pytest.param('"$EMPTY"', [""], id="empty-quoted"),
        pytest.param("${EMPTY:-x}${EMPTY-y}${N:+z}${GONE+u}", ["xz"], id="operations"),
        pytest.param("x$TWO-y", ["xa", "b-y"], id="splits"),
        pytest.param("\\$N", ["$N"], id="escaped"),
        pytest.param("$GONE", ["$GONE"], id="unknown"),
        pytest.param("$((7 / -2))$(( (1+2)*3 ))", ["-39"], id="arithmetic"),
        pytest.param("$((1/0))", ["$((1/0))"], id="division-by-zero"),
    ],
)
def test_words_of_the_shell(word: str, words: list[str]) -> None:
    assert expand(word, {"N": "3", "EMPTY": "", "TWO": "a b"}) == words


HOSTILE = {
    "quotes": "gunicorn '" + "'" * 7001,
    "double-quotes": 'python "' + "$(" * 4000,
    "substitutions": "python " + "$(" * 4000,
    "quoted-substitutions": "python " + '"$(' * 2000 + ')"' * 2000,
    "defaults": "python " + "${A:-" * 1600 + "}" * 1600,
    "shells": "sh -c " * 1300 + "a",
    "wrappers": "env " * 2000 + "python a.py",
    "growth": "A=xxxxxxxx; " + "A=$A$A; " * 900 + "python $A",
    "many-words": "python " + "$B " * 2600,
    "operators": "&&" * 4000,
    "arithmetic": "python $((" + "9*" * 90 + "9))",
    "brackets": "python $((" + "(" * 4000 + "))",
    "comments": "#\n" * 4000,
    "options": "gunicorn " + "-R" * 4000,
    "flags": "gunicorn -" + "R" * 8000,
    "uwsgi": "uwsgi " + "--a " * 2000,
    "nul": "python \0.py",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_commands_take_bounded_work(name: str) -> None:
    with at_most(500_000):
        one = parse(HOSTILE[name], Host({"B": "b" * 9000}))
    assert one.workers is not None or one.reason


def test_nesting_is_bounded() -> None:
    files = {"a.sh": b"exec sh -c ./b.sh\n", "b.sh": b"exec bash -c ./a.sh\n", "Procfile": b"web: honcho start\n"}
    assert parse("./a.sh", Host({}, files.get)).reason == "a.sh calls itself"
    assert parse("honcho start", Host({}, files.get)).reason == "commands are nested more than 8 deep, or are more than 250"


@pytest.mark.parametrize(
    ("command", "script"),
    [
        pytest.param("python .", "__main__.py", id="here"),
        pytest.param("python bot/", "bot/__main__.py", id="below"),
        pytest.param("python /app/bot", "src/bot/__main__.py", id="absolute"),
        pytest.param("python other", "other", id="no-program"),
    ],
)
def test_a_folder_runs_its_main_module(command: str, script: str) -> None:
    files = {"__main__.py": b"", "bot/__main__.py": b"", "src/bot/__main__.py": b""}
    found = parse(command, Host({}, files.get, mounts={"/app": "src"})).entrypoint
    assert found is not None
    assert found.script == script


def test_a_script_that_is_given_a_command_runs_both() -> None:
    files = {
        "run.sh": b"case $1 in\n  dev) exec python watch.py --on src -- ./run.sh prod ;;\n"
        b"  prod) exec celery -A shop worker --concurrency 2 ;;\nesac\n",
        "watch.py": b"",
    }
    found = parse("./run.sh dev", Host({}, files.get))
    assert (found.program, found.workers, [one.entrypoint and one.entrypoint.script for one in found.beside]) == (
        "celery", 2, ["watch.py"],
    )  # fmt: skip
    assert parse("python watch.py -- --verbose", Host({}, files.get)).beside == ()


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ("gunicorn -c /etc/gunicorn.conf.py a:a", 1), ("gunicorn", 1), ("./run.sh", 1), ("python3.12 x.py", 1),
        ("sh -c 'exec gunicorn a:a'", 1), ("timeout 9 gunicorn a:a", 1), ("bin/serve", 1), ("src/x.py", 1), ("shop", 1),
        ("java -jar a.jar", 1), ("x.py", 0), ("config/a.yml", 0), ("--verbose", 0), ("eu-west-1", 0), ("", 0),
    ],
)  # fmt: skip
def test_a_command_that_a_script_is_given_is_judged_or_said(given: str, counted: int) -> None:
    files = {
        "x.py": b"", "src/x.py": b"", "config/a.yml": b"", "bin/serve": b"#!/usr/bin/env python\n",
        "run.sh": b'case "$M" in\na) gunicorn a:a;;\nesac\ngunicorn -w $N a:a\n',
    }  # fmt: skip
    found = parse(f"python watch.py -- {given}", Host({}, files.get, console_scripts={"shop": "shop.cli:main"}))
    assert len(found.beside) == counted
    assert (found.entrypoint is None) is given.startswith(("gunicorn", "bin/"))
    assert found.loads_first is not None
    assert "watch.py" in {one.entrypoint.text for one in (found, *found.beside) if one.entrypoint is not None}


def test_commands_behind_commands_are_followed_up_to_a_depth() -> None:
    assert parse("python a.py " + "-- python a.py " * 500, Host({})).loads_first is not None


@pytest.mark.parametrize("text", ["a 'b", 'a "b', "a `b", "a $(b", "a ${b"])
def test_what_is_not_closed_does_not_parse(text: str) -> None:
    reason = parse(text, Host({})).reason
    assert reason is not None
    assert reason.startswith("the command does not parse: No closing")


def test_operators_in_quotes_are_words() -> None:
    assert [token.text for token in split_words("a '&&' \"|\" b;c")] == ["a", "'&&'", '"|"', "b", ";", "c"]
    word = """$(sed "s/.*'([^']*)'.*/(/" "it's \\")" | head)"""
    assert [token.text for token in split_words(f"A={word}; b")] == [f"A={word}", ";", "b"]


@pytest.mark.parametrize(
    ("word", "bare", "commands"),
    [
        pytest.param('a\'b $x\'"c\\"$y"\\z', 'ab $xc"$yz', [], id="quotes"),
        pytest.param('a\\\nb"c\\\nd"', "abcd", [], id="lines"),
        pytest.param("a$(b 'c')`d`\"$(e)\"", "a$(b 'c')`d`$(e)", [("b 'c'", 3), ("d", 10)], id="commands"),
    ],
)
def test_a_word_without_quotes_and_the_commands_in_it(word: str, bare: str, commands: list[tuple[str, int]]) -> None:
    assert unquote(word) == bare
    assert [tuple(one) for one in substitutions(word)] == commands
