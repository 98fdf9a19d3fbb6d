"""Which moment code runs at that no call names: overrides, properties, tables, modules by computed names, command lines.

Each case was run by the frameworks that it uses, with packages in place of the heavy ones that tell when they are imported.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from test_reached import moments, walked

from memguard_hooks.imports.model import Given

ROUTE = """
            from fastapi import Depends, FastAPI
            import code
            app = FastAPI()
            @app.get("/")
            def index({parameter}):
                return {value}
"""


def route(value: str, parameter: str = "") -> str:
    """Return an app whose one route evaluates an expression."""
    return ROUTE.format(value=value, parameter=parameter)


SERVED = {
    "an override of what is annotated": (
        route("store.find()", "store: code.Store = Depends(code.get_store)"),
        """
        from abc import ABC, abstractmethod
        class Store(ABC):
            @abstractmethod
            def find(self): ...
        class Frames(Store):
            def find(self):
                import torch
        class Unused(Store):
            def find(self):
                import pandas
        def get_store() -> Store:
            return Frames()
        """,
    ),
    "what a template method calls": (
        route("code.Report().execute()"),
        """
        class Job:
            def execute(self):
                self.run()
            def run(self): ...
        class Report(Job):
            def run(self):
                import torch
        class Unused(Job):
            def run(self):
                import pandas
        """,
    ),
    "what super() has": (
        route("code.Model().load()"),
        """
        class Base:
            def load(self):
                import torch
            def train(self):
                import pandas
        class Model(Base):
            def load(self):
                super().load()
        """,
    ),
    "a class that has what a protocol says": (
        route("service.go()").replace("app =", "service = code.Service(code.Frames())\n            app ="),
        """
        from typing import Protocol
        class Store(Protocol):
            def find(self) -> int: ...
        class Service:
            def __init__(self, store: Store):
                self.store = store
            def go(self):
                return self.store.find()
        class Frames:
            def find(self):
                import torch
            def rest(self):
                import pandas
        """,
    ),
    "a property in a text": (
        route("str(code.context.model)"),
        """
        from functools import cached_property
        class Context:
            @cached_property
            def model(self):
                import torch
            @property
            def other(self):
                import pandas
        context = Context()
        """,
    ),
    "a method by its name": (
        route("code.Consumer().take('order')"),
        """
        class Consumer:
            def take(self, kind):
                return getattr(self, f"on_{kind}")()
            def on_order(self):
                import torch
            def off_order(self):
                import pandas
        """,
    ),
    "a class of a table": (
        route("code.BACKENDS[name]().run()", "name: str"),
        """
        class Local:
            def run(self):
                import torch
            def stop(self):
                import pandas
        BACKENDS = {"local": Local}
        """,
    ),
    "what a container makes": (
        route("code.container.service().run()"),
        """
        from dependency_injector import containers, providers
        class Service:
            def run(self):
                import torch
            def stop(self):
                import pandas
        class Container(containers.DeclarativeContainer):
            service = providers.Factory(Service)
        container = Container()
        """,
    ),
    "what code has put into the app": (
        route("request.app.state.engine.answer()", "request: Request").replace(
            "app = FastAPI()",
            "from fastapi import Request\n            app = FastAPI()\n            app.state.engine = code.Engine()",
        ),
        """
        class Engine:
            def answer(self):
                import torch
            def train(self):
                import pandas
        """,
    ),
    "a wrapper of a decorator": (
        route("code.answer()"),
        """
        def needs(role):
            def outer(function):
                def inner(*given):
                    import torch
                    return function(*given)
                return inner
            return outer
        @needs("a")
        def answer(): ...
        def train():
            import pandas
        """,
    ),
    "the default of a field": (
        route("code.State().model"),
        """
        from dataclasses import dataclass, field
        def load():
            import torch
        def train():
            import pandas
        @dataclass
        class State:
            model: object = field(default_factory=load)
        """,
    ),
    "classes that their base notes": (
        route("code.HANDLERS[name]().handle()", "name: str"),
        """
        HANDLERS = {}
        class Handler:
            def __init_subclass__(cls, **given):
                HANDLERS[cls.__name__] = cls
            def handle(self): ...
        class Report(Handler):
            def handle(self):
                import torch
        class Other:
            def handle_not(self):
                import pandas
        """,
    ),
    "classes that somebody asks their base for": (
        route("[one().handle() for one in code.Handler.__subclasses__()]"),
        """
        class Handler:
            def handle(self): ...
        class Report(Handler):
            def handle(self):
                import torch
        class Other:
            def handle(self):
                import pandas
        """,
    ),
    "a cog whose methods are decorated": (
        "import code\n",
        """
        from discord.ext import commands
        class Talk(commands.Cog):
            @commands.command()
            async def ask(self, context):
                import torch
            def helper(self):
                import pandas
            async def cog_load(self):
                import spacy
        bot = commands.Bot("!")
        @bot.event
        async def on_ready():
            await bot.add_cog(Talk())
        """,
    ),
    "a command of flask's, of an app that is given": (
        "import code\napp = code.create()\n",
        """
        from flask import Flask
        def create():
            app = Flask(__name__)
            commands(app)
            @app.route("/")
            def index():
                import torch
            return app
        def commands(app):
            @app.cli.command("load")
            def load():
                import pandas
        """,
    ),
    "a job by its name": (
        "import code\n",
        """
        from apscheduler.schedulers.background import BackgroundScheduler
        scheduler = BackgroundScheduler()
        scheduler.add_job("code:work", "interval", hours=1)
        scheduler.start()
        def work():
            import torch
        def rest():
            import pandas
        """,
    ),
    "what arq calls as it starts": (
        "import code\n",
        """
        async def boot(context):
            import spacy
        async def work(context):
            import torch
        async def rest(context):
            import pandas
        class WorkerSettings:
            on_startup = boot
            functions = [work]
        """,
    ),
}


@pytest.mark.parametrize("files", SERVED.values(), ids=SERVED.keys())
def test_what_no_call_names_runs(tmp_path: Path, files: tuple[str, str]) -> None:
    found = moments(walked(tmp_path, {"app.py": files[0], "code.py": files[1]}))
    spacy = {"spacy": "start"} if "spacy" in files[1] else {}
    assert found == {"torch": "serving", "pandas": "all", **spacy}


def test_a_thread_of_the_project_runs_at_start(tmp_path: Path) -> None:
    source = """
        import threading
        class Poller(threading.Thread):
            def run(self):
                import torch
            def rest(self):
                import pandas
        Poller(daemon=True).start()
    """
    assert moments(walked(tmp_path, {"app.py": source})) == {"torch": "start", "pandas": "all"}


# Modules


PLUGINS = {
    "plugins/__init__.py": "",
    "plugins/one.py": "import spacy\ndef run(): ...\n",
    "plugins/two.py": "def run():\n    import torch\ndef rest():\n    import pandas\n",
}


@pytest.mark.parametrize(
    "loading",
    [
        "[importlib.import_module(f'plugins.{one.name}') for one in pkgutil.iter_modules(plugins.__path__)]",
        "[importlib.import_module(one.name) for one in pkgutil.walk_packages(plugins.__path__, 'plugins.')]",
        "[importlib.import_module('plugins.' + name) for name in NAMES]",
        "[importlib.import_module(TABLE[name]) for name in NAMES]",
        "[importlib.import_module(TABLE.get(name)) for name in NAMES]",
    ],
)
def test_modules_by_computed_names(tmp_path: Path, loading: str) -> None:
    source = f"""
import importlib, pkgutil, os
import plugins
from flask import Flask
app = Flask(__name__)
NAMES = os.listdir("plugins")
TABLE = {{"a": "plugins.one", "b": "plugins.two"}}
LOADED = {loading}
@app.route("/")
def index():
    for one in LOADED:
        one.run()
"""
    found = moments(walked(tmp_path, {"app.py": source, **PLUGINS}))
    assert found == {"spacy": "start", "torch": "serving", "pandas": "all"}


def test_a_module_that_a_handler_looks_up(tmp_path: Path) -> None:
    source = """
        import importlib
        from flask import Flask
        app = Flask(__name__)
        TABLE = {"a": "plugins.one", "b": "plugins.two"}
        def load(kind):
            return importlib.import_module(TABLE[kind])
        @app.route("/<kind>")
        def index(kind):
            return load(kind).run()
    """
    found = moments(walked(tmp_path, {"app.py": source, **PLUGINS}))
    assert found == {"spacy": "serving", "torch": "serving", "pandas": "all"}


LAZY = {
    "a table of names": """
        import importlib
        _LAZY = {"Frame": ".frames", "Agent": ".agents"}
        def __getattr__(name):
            return getattr(importlib.import_module(_LAZY[name], __name__), name)
    """,
    "a table of pairs": """
        import importlib
        _LAZY = {"Frame": ("core.frames", "Frame"), "Agent": ("core.agents", "Agent")}
        def __getattr__(name):
            module, attribute = _LAZY[name]
            return getattr(importlib.import_module(module), attribute)
    """,
    "a table of modules": """
        import importlib
        _STRUCTURE = {"frames": ["Frame"], "agents": ["Agent"]}
        def __getattr__(name):
            for module, names in _STRUCTURE.items():
                if name in names:
                    return getattr(importlib.import_module("." + module, __name__), name)
    """,
    "conditions": """
        def __getattr__(name):
            if name == "Frame":
                from .frames import Frame
                return Frame
            if name == "Agent":
                from .agents import Agent
                return Agent
            raise AttributeError(name)
    """,
}


@pytest.mark.parametrize("lazy", LAZY.values(), ids=LAZY.keys())
def test_a_lazy_module_loads_what_is_asked_for(tmp_path: Path, lazy: str) -> None:
    files = {
        "app.py": route("core.Frame().draw()").replace("import code", "import core"),
        "core/__init__.py": lazy,
        "core/frames.py": "import torch\nclass Frame:\n    def draw(self):\n        import litellm\n",
        "core/agents.py": "import pandas\nclass Agent: ...\n",
    }
    assert {"pandas": "all", **moments(walked(tmp_path, files))} == {
        "torch": "serving",
        "litellm": "serving",
        "pandas": "all",
    }


# Command lines


COMMANDS = {
    "argparse, functions": """
        import argparse
        def work(args):
            import torch
        def train(args):
            import pandas
        def main(argv=None):
            parser = argparse.ArgumentParser()
            commands = parser.add_subparsers(required=True)
            one = commands.add_parser("work")
            one.set_defaults(func=work)
            two = commands.add_parser("train")
            two.set_defaults(func=train)
            args = parser.parse_args(argv)
            args.func(args)
        if __name__ == "__main__":
            main()
    """,
    "argparse, conditions": """
        import argparse
        def parse():
            parser = argparse.ArgumentParser()
            commands = parser.add_subparsers(dest="command")
            commands.add_parser("work").add_argument("--fast", action="store_true")
            commands.add_parser("train")
            return parser.parse_args()
        def main():
            args = parse()
            if args.command == "train" or args.fast:
                import pandas
            elif args.command == "work":
                import torch
        if __name__ == "__main__":
            main()
    """,
    "argparse, a choice": """
        import argparse
        def make():
            parser = argparse.ArgumentParser()
            parser.add_argument("mode", choices=["work", "train"])
            return parser
        def main():
            args = make().parse_args()
            if args.mode == "work":
                import torch
            else:
                import pandas
        if __name__ == "__main__":
            main()
    """,
    "a word of the command line": """
        import sys
        def main():
            command = sys.argv[2]
            if command == "work":
                import torch
            elif command == "train":
                import pandas
        if __name__ == "__main__":
            sys.exit(main())
    """,
    "words of the command line": """
        import sys
        if "work" in sys.argv[1:]:
            import torch
        else:
            import pandas
    """,
    "click": """
        import click
        @click.group()
        def cli():
            import spacy
        @cli.command()
        def work():
            import torch
        @cli.command()
        def train():
            import pandas
        if __name__ == "__main__":
            cli()
    """,
    "typer": """
        import typer
        app = typer.Typer()
        @app.callback()
        def set_up():
            import spacy
        @app.command("work")
        def work_():
            import torch
        @app.command()
        def train():
            import pandas
        if __name__ == "__main__":
            app()
    """,
}


@pytest.mark.parametrize("source", COMMANDS.values(), ids=COMMANDS.keys())
def test_the_command_that_is_named_runs(tmp_path: Path, source: str) -> None:
    found = moments(walked(tmp_path, {"app.py": source}, is_main=True, given=Given(words=("--verbose", "work"))))
    assert found == {"torch": "start", "pandas": "all", **({"spacy": "start"} if "spacy" in source else {})}


@pytest.mark.parametrize("source", [COMMANDS["click"], COMMANDS["typer"], COMMANDS["argparse, functions"]])
def test_commands_of_what_a_server_loads_do_not_run(tmp_path: Path, source: str) -> None:
    found = moments(walked(tmp_path, {"app.py": source}, serves="requests"))
    assert "start" not in {found["torch"], found["pandas"]}


def test_the_only_command_needs_no_name(tmp_path: Path) -> None:
    source = COMMANDS["typer"].replace("@app.command()\n        def train", "def train")
    found = moments(walked(tmp_path, {"app.py": source}, is_main=True, given=Given(words=())))
    assert found == {"spacy": "start", "torch": "start", "pandas": "all"}


def test_a_word_that_nobody_can_place_chooses_nothing(tmp_path: Path) -> None:
    source = COMMANDS["argparse, a choice"]
    found = moments(walked(tmp_path, {"app.py": source}, is_main=True, given=Given(words=("$MODE",))))
    assert found == {"torch": "start", "pandas": "start"}


NAMED_ELSEWHERE = {
    "a list in another file": (
        """
        from settings import PLUGINS
        for one in PLUGINS:
            importlib.import_module(one)
        """,
        "PLUGINS = ['plugins.first', 'plugins.second']",
    ),
    "given to a function, of a variable that has a default": (
        """
        import settings
        def load_all(names):
            for one in names:
                __import__(one)
        load_all(settings.PLUGINS)
        """,
        """
        import os
        every = ['plugins.first', 'plugins.second']
        PLUGINS = os.environ.get('P', ','.join(every)).split(',')
        """,
    ),
    "classes by their dotted names": (
        """
        import settings
        def make(path):
            module, _, name = path.rpartition('.')
            return getattr(importlib.import_module(module), name)()
        for path in settings.BACKENDS.values():
            make(path)
        make(settings.OTHER)
        """,
        """
        BACKENDS = {'plugins.unused': 'plugins.first.Local'}
        OTHER = 'plugins.second:Local'
        """,
    ),
}


@pytest.mark.parametrize(("loading", "settings"), NAMED_ELSEWHERE.values(), ids=NAMED_ELSEWHERE.keys())
def test_modules_by_names_that_other_files_hold(tmp_path: Path, loading: str, settings: str) -> None:
    files = {
        "app.py": f"import importlib\n{dedent(loading)}",
        "settings.py": f"{dedent(settings)}\nLOGGERS = ['plugins.unused']\n",
        "plugins/__init__.py": "",
        "plugins/first.py": "class Local:\n    def __init__(self):\n        import torch\nLocal()\n",
        "plugins/second.py": "import spacy\nclass Local: ...\n",
        "plugins/unused.py": "import pandas\n",
    }
    assert moments(walked(tmp_path, files)) == {"torch": "start", "spacy": "start"}


def test_a_module_by_a_name_that_a_handler_is_given_is_loaded_with_requests(tmp_path: Path) -> None:
    files = {
        "app.py": route("importlib.import_module(NAMES[0])").replace(
            "import code", "import importlib, settings; NAMES = settings.NAMES"
        ),
        "settings.py": "NAMES = ['plugins.first']\n",
        "plugins/first.py": "import torch\n",
    }
    assert moments(walked(tmp_path, files)) == {"torch": "serving"}


def test_a_command_that_is_added_to_a_group_runs_where_it_is_named(tmp_path: Path) -> None:
    files = {
        "app.py": """
            import click
            from commands import train, work
            @click.group()
            def cli(): ...
            cli.add_command(train)
            cli.add_command(work)
            if __name__ == "__main__":
                cli()
        """,
        "commands.py": """
            import click
            @click.command()
            def work():
                import torch
            @click.command()
            def train():
                import pandas
        """,
    }
    found = moments(walked(tmp_path, files, is_main=True, given=Given(words=("work",))))
    assert found == {"torch": "start", "pandas": "all"}


def test_a_word_that_has_a_default_names_the_command(tmp_path: Path) -> None:
    source = """
        import sys
        def work():
            import torch
        def train():
            import pandas
        def main():
            command = sys.argv[1] if len(sys.argv) > 1 else "train"
            if command == "work":
                work()
            elif command == "train":
                train()
        if __name__ == "__main__":
            main()
    """
    found = [
        moments(walked(tmp_path, {"app.py": source}, is_main=True, given=Given(words=words))) for words in (("work",), ())
    ]
    assert found == [{"torch": "start", "pandas": "all"}, {"torch": "all", "pandas": "start"}]


RESCUED = """
    from fastapi import FastAPI
    try:
        from {first} import load
    except ImportError:
        from {second} import load
    app = FastAPI()
    @app.get("/")
    def index():
        return load()
"""
LOADED = {
    "code.py": "def load():\n    import torch\n",
    "pkg/code.py": "def load():\n    import torch\n",
    "pkg/__init__.py": "",
}


@pytest.mark.parametrize(
    ("path", "first", "second", "moment"),
    [
        pytest.param("main.py", ".code", "code", "serving", id="relative-in-the-root"),
        pytest.param("main.py", ".other", "code", "serving", id="under-another-name"),
        pytest.param("pkg/main.py", "main_of_none", ".code", "all", id="of-somebody-else-first"),
        pytest.param("pkg/main.py", "missing.code", ".missing.code", "serving", id="absolute-that-is-not-there"),
    ],
)
def test_the_import_that_does_not_fail_is_what_runs(tmp_path: Path, path: str, first: str, second: str, moment: str) -> None:
    files = {path: RESCUED.format(first=first, second=second), **LOADED, "pkg/missing/code.py": LOADED["code.py"]}
    assert moments(walked(tmp_path, files)) == {"torch": moment}
