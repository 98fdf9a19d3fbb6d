"""What frameworks run by themselves: `flask run` and Django's `runserver`.

Facts: `flask.cli` of 3.1, `django.core.management` and `django.utils.autoreload` of 5.2.
"""

from __future__ import annotations

import re

from memguard_hooks.deployment.options import grammar, split_options, with_file, with_variables
from memguard_hooks.deployment.start import (
    SET_UP,
    EntryPoint,
    Host,
    Parse,
    RefusedError,
    StartCommand,
    UnknownStartError,
)

FLASK = grammar("--[no-]debug --version --help --env-file/-e= --app/-A=", "click", ends=True)

FLASK_RUN = grammar("""
    --[no-]debug --help --[no-]reload --[no-]debugger --with-threads --without-threads --env-file/-e= --host/-h=
    --port/-p=N --cert= --key= --extra-files= --exclude-patterns= --app/-A=
""", "click")  # fmt: skip


def read_flask(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `flask`: with its reloader the app is loaded in two processes."""
    before = split_options(words, FLASK)
    host = with_file(".flaskenv", with_file(before.values.get("--env-file"), host))
    before = with_variables(before, ("--app",), ("--debug",), "FLASK", host)
    if not before.positional or not before.positional[0]:
        raise RefusedError("it is told to do nothing")
    verb, *rest = before.positional
    after = split_options(rest if verb == "run" else [], FLASK_RUN)
    entrypoint = _flask_app(after.values.get("--app", before.values.get("--app")), host)
    if entrypoint is None:
        raise UnknownStartError("flask finds neither wsgi.py nor app.py, and is given no app")
    is_debug = "--debug" in after.flags or ("--debug" in before.flags and "--no-debug" not in after.flags)
    reload = verb == "run" and ("--reload" in after.flags or (is_debug and "--no-reload" not in after.flags))
    return _reloaded(StartCommand(entrypoint, server_modules=("flask",), program="flask"), reload=reload)


def _reloaded(start: StartCommand, *, reload: bool) -> StartCommand:
    """Return a server whose reloader loads the app as well, and starts a new process that serves."""
    return start._replace(workers=2, start="spawn", reload=True) if reload else start


def _flask_app(app: str | None, host: Host) -> EntryPoint | None:
    if not app:
        app = next((path for path in ("wsgi.py", "app.py") if host.read_text(path) is not None), None)
        if app is None:
            return None
    path, _, name = app.partition(":")
    found = host.module_of(path)
    if found is None:
        return None
    attribute = re.match(r"\s*(\w*)", name)
    module = f"{found[1]}:{(attribute and attribute[1]) or 'create_app'}"
    return host.entrypoint(module, folder=found[0])._replace(text=app)


def read_manage(start: StartCommand, words: list[str], host: Host, parse: Parse | None = None) -> StartCommand:
    """Read what stands behind `manage.py`, which is a script that loads the settings and the apps they install.

    `parse` reads what a command of the project starts.
    """
    verb = words[0] if words else ""
    start = start._replace(server_modules=(SET_UP,), program="django")
    if verb not in ("runserver", "runserver_plus", "testserver"):
        from memguard_hooks.deployment.servers import management

        return management.read(start, verb, words[1:], host, parse)
    return _reloaded(start, reload=not {"--noreload", "--no-reload"} & {*words} and verb != "testserver")


def read_django_admin(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `django-admin`: the settings are all that it loads of the project by name."""
    given = {word.partition("=")[0]: word.partition("=")[2] for word in words if word.startswith("--")}
    for at, word in enumerate(words[:-1]):
        if word in ("--settings", "--pythonpath"):
            given[word] = words[at + 1]
    settings = given.get("--settings") or host.variables.get("DJANGO_SETTINGS_MODULE")
    if not settings:
        raise UnknownStartError("django-admin is given no settings")
    paths = [given["--pythonpath"]] if given.get("--pythonpath") else []
    entrypoint = EntryPoint(settings, host.folder, module=settings, attribute="INSTALLED_APPS")
    return read_manage(StartCommand(entrypoint._replace(roots=host.source_roots(paths))), words, host)


READERS = {"flask": read_flask, "django-admin": read_django_admin}
"""Programs → what reads the words behind their names."""
