"""Programs that packages bring along and that are an app of their own.

Facts: datasette 0.65, flower 2.2, litellm 1.108 and mlflow 3.17 (`mlflow.server._run_server`), each started on 2026-11-30.
"""

from __future__ import annotations

from memguard_hooks.deployment.servers.scripts import value_of
from memguard_hooks.deployment.start import EntryPoint, Host, StartCommand, count_workers, unknown
from memguard_hooks.record import Record


class Serving(Record):
    """How a program serves: what each of its workers loads, and with which word it does; it does nothing else without any.

    `beside` are what its other processes load, and `jobs` those that run what is asked for. `others` are its words that
    serve nothing, `workers` the options and `variable` the one that number the workers, which are `default` without them,
    and `server` what runs these.
    """

    modules: tuple[str, ...]
    verbs: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    variable: str = ""
    default: int = 1
    server: str = ""


_SERVING = {
    "datasette": Serving(
        ("datasette.cli", "uvicorn"),
        others=("create-token", "inspect", "install", "package", "plugins", "publish", "uninstall"),
    ),
    "flower": Serving(("celery.bin.celery", "flower.app")),
    "litellm": Serving(
        ("litellm.proxy.proxy_server", "uvicorn"), workers=("--num_workers",), variable="NUM_WORKERS", server="uvicorn"
    ),
    "mlflow": Serving(
        ("mlflow.server.fastapi_app", "uvicorn"), ("server", "ui"), (), ("mlflow.cli",),
        ("mlflow.server",) * 8, ("--workers", "-w"), "MLFLOW_WORKERS", 4, "uvicorn",
    ),
}  # fmt: skip
"""Each program, with its measured modules; the jobs of mlflow are a runner, six queues and one for what is due."""

_UNREAD = ("--gunicorn-opts", "--waitress-opts", "--app-name", "--run_gunicorn", "--run_hypercorn", "--run_granian", "--dev")
"""Options that start another server, or another app in it."""


def read_installed(program: str, entrypoint: EntryPoint, words: list[str], host: Host) -> StartCommand:
    """Read what stands behind a program that is installed: how it starts where that was measured, else only its name."""
    serving = _SERVING.get(program)
    verb = next((word for word in words if not word.startswith("-")), "")
    is_other = serving is None or verb in serving.others or (serving.verbs and verb not in serving.verbs)
    if serving is None or is_other or any(word.partition("=")[0] in _UNREAD for word in words):
        return unknown(f"{program} is a program that is installed", entrypoint)
    count = count_workers(value_of(words, serving.workers) or host.variables.get(serving.variable), serving.default)
    more = (*serving.beside, *(serving.jobs if _runs_jobs(words, host) else ()))
    beside = tuple(StartCommand(EntryPoint(one, host.folder, module=one), server_modules=(one,)) for one in more)
    start = StartCommand(
        entrypoint, count.number, server_modules=serving.modules, reason=count.reason, program=program, beside=beside,
        is_cpu_count=count.is_cpu_count,
    )  # fmt: skip
    return start if count.number == 1 else start._replace(start="spawn", server=serving.server)


def _runs_jobs(words: list[str], host: Host) -> bool:
    """Return whether `mlflow server` starts processes for jobs: beside a database, unless it is told not to."""
    variables = host.variables
    if variables.get("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "").lower() in ("false", "0") or "--artifacts-only" in words:
        return False
    store = value_of(words, ("--backend-store-uri",)) or variables.get("MLFLOW_BACKEND_STORE_URI") or "sqlite://"
    return store.startswith("$") or ("://" in store and not store.startswith("file:"))
