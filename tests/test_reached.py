"""Which functions run at start and which as the process serves: what frameworks register, and what those functions call."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from memguard_hooks.imports.choices import Chooser
from memguard_hooks.imports.facts import Facts
from memguard_hooks.imports.graph import Walk, walk
from memguard_hooks.imports.model import NOTHING_GIVEN, Given, Target
from memguard_hooks.imports.resolve import Resolver
from memguard_hooks.imports.sources import SourceFiles
from memguard_hooks.store import Store
from memguard_hooks.tree import WorkTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from memguard_hooks.imports.callbacks import Serves

HEAVY = ("torch", "pandas", "spacy", "litellm")


def walked(
    root: Path,
    files: dict[str, str],
    *,
    serves: Serves = "all",
    called: frozenset[str] = frozenset(),
    is_main: bool = False,
    settings_file: str = "",
    given: Given = NOTHING_GIVEN,
) -> Walk:
    """Write files, and walk from the first one."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip(), "utf-8")
    tree = WorkTree(str(root))
    entry = next(iter(files))
    module = None if is_main else entry.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    target = Target(called=called, is_main=is_main)
    store = Store(None)

    def follow() -> Walk:
        sources = SourceFiles(tree, Facts(store))
        resolver = Resolver(tree, ("",))
        return walk(
            sources.prove, resolver, entry, module, target,
            functions=sources, serves=serves, settings_file=settings_file, chooser=Chooser(sources, resolver, given),
        )  # fmt: skip

    found = follow()
    assert follow() == found, "the second walk is answered from what the first one has kept"
    return found


def moments(found: Walk) -> dict[str, str]:
    """Return when each heavy module is loaded."""
    return {one.names[0]: one.moment for one in found.externals if one.names[0] in HEAVY}


START_AND_SERVING = {
    "a route": """
        from fastapi import FastAPI
        app = FastAPI()
        @app.get("/")
        def index():
            import torch
        def unused():
            import pandas
    """,
    "startup and shutdown": """
        from fastapi import FastAPI
        app = FastAPI()
        @app.on_event("startup")
        async def load():
            import spacy
        @app.on_event("shutdown")
        async def unload():
            import torch
        def unused():
            import pandas
    """,
    "lifespan": """
        from contextlib import asynccontextmanager
        from fastapi import Depends, FastAPI
        @asynccontextmanager
        async def lifespan(app):
            import spacy
            yield
        def session():
            import torch
        app = FastAPI(lifespan=lifespan, dependencies=[Depends(session)])
        def unused():
            import pandas
    """,
    "an attribute of what a call returns": """
        from fastapi import FastAPI
        def load():
            import spacy
            return spacy
        NLP = load().data.first
        app = FastAPI()
        @app.get("/")
        def index():
            import torch
        def unused():
            import pandas
    """,
    "Starlette's lists": """
        from starlette.applications import Starlette
        from starlette.routing import Route
        def warm():
            import spacy
        class Page:
            async def get(self, request):
                return self.answer()
            def answer(self):
                import torch
        app = Starlette(routes=[Route("/", Page())], on_startup=[warm])
        def unused():
            import pandas
    """,
    "an app that a function makes": """
        from flask import Flask
        def create_app():
            app = Flask(__name__)
            load()
            @app.route("/")
            def index():
                import torch
            return app
        def load():
            import spacy
        app = create_app()
        def unused():
            import pandas
    """,
    "add_url_rule and a method view": """
        from flask import Flask
        from flask.views import MethodView
        class Page(MethodView):
            def get(self):
                import torch
        app = Flask(__name__)
        app.add_url_rule("/", view_func=Page.as_view("page"))
        @app.before_first_request
        def load():
            import spacy
        class Unused(MethodView):
            def get(self):
                import pandas
    """,
    "a class with a type": """
        from aiohttp import web
        class Model:
            def load(self):
                import spacy
            def predict(self):
                import torch
            def train(self):
                import pandas
        async def startup(app):
            app["model"] = Model()
            app["model"].load()
            model = Model()
            model.load()
        async def handle(request):
            request.app["model"].predict()
        app = web.Application()
        app.on_startup.append(startup)
        app.router.add_post("/", handle)
    """,
    "signals of a worker": """
        from celery import Celery
        from celery.signals import worker_process_init
        app = Celery("a")
        @worker_process_init.connect
        def warm(**kw):
            import spacy
        @app.task
        def work():
            import torch
        def unused():
            import pandas
    """,
    "Telegram": """
        from telegram.ext import Application, CommandHandler
        async def post_init(app):
            import spacy
        async def ask(update, context):
            import torch
        application = Application.builder().token("t").post_init(post_init).build()
        application.add_handler(CommandHandler("ask", ask))
        def unused():
            import pandas
    """,
    "aiogram": """
        from aiogram import Dispatcher, Router
        router = Router()
        dp = Dispatcher()
        @router.message()
        async def ask(message):
            import torch
        @dp.startup()
        async def start():
            import spacy
        def unused():
            import pandas
    """,
    "Discord": """
        import discord
        from discord.ext import commands
        class Bot(commands.Bot):
            async def setup_hook(self):
                import spacy
            async def on_message(self, message):
                import torch
        Bot("!").run("t")
        def unused():
            import pandas
    """,
    "a schedule, a thread": """
        import threading
        import schedule
        def work():
            import torch
        def poll():
            import spacy
        schedule.every().hour.do(work)
        threading.Thread(target=poll).start()
        def unused():
            import pandas
    """,
    "a registry of one's own": """
        import spacy
        HANDLERS = {}
        def handler(name):
            def register(function):
                HANDLERS[name] = function
                return function
            return register
        def timed(function):
            def wrapper(*args):
                return function(*args)
            return wrapper
        @handler("a")
        def answer():
            import torch
        @timed
        def unused():
            import pandas
    """,
    "what calls nothing": """
        import functools, click, pytest, spacy
        from flask import Flask
        app = Flask(__name__)
        @functools.lru_cache
        def cached():
            import pandas
        @click.command()
        def command():
            import pandas
        @app.cli.command("load")
        def load():
            import pandas
        @pytest.fixture
        def fixture():
            import pandas
        @app.route("/")
        def index(name=lambda: cached):
            import torch
    """,
}


@pytest.mark.parametrize("source", START_AND_SERVING.values(), ids=START_AND_SERVING.keys())
def test_functions_run_at_start_and_as_it_serves(tmp_path: Path, source: str) -> None:
    found = moments(walked(tmp_path, {"app.py": source}))
    wanted = {"torch": "serving", "pandas": "all"}
    if "spacy" in source:
        wanted["spacy"] = "start"
    assert found == wanted


def test_handlers_are_followed_over_files(tmp_path: Path) -> None:
    files = {
        "main.py": """
            from fastapi import FastAPI
            from api import router
            app = FastAPI()
            app.include_router(router)
        """,
        "api/__init__.py": "from .routes import router\n",
        "api/routes.py": """
            from fastapi import APIRouter
            from services import engine
            from services.engine import Engine
            router = APIRouter()
            @router.post("/")
            def post(engine: Engine):
                engine.answer("x")
                from services import late
        """,
        "services/__init__.py": "",
        "services/engine.py": """
            from services.base import Base
            class Engine(Base):
                def answer(self, text):
                    return self.model(text)
        """,
        "services/base.py": """
            class Base:
                def model(self, text):
                    import torch
                def train(self):
                    import pandas
        """,
        "services/late.py": "import litellm\n",
    }
    found = walked(tmp_path, files)
    assert moments(found) == {"torch": "serving", "pandas": "all", "litellm": "serving"}
    (torch,) = [one for one in found.externals if one.names[0] == "torch"]
    assert torch.call == (
        "in function Base.model, called by Engine.answer at services/engine.py:4, "
        "called by post at api/routes.py:7, given to @router.post at api/routes.py:5"
    )
    (litellm,) = [one for one in found.externals if one.names[0] == "litellm"]
    assert litellm.call == "in function post, given to @router.post at api/routes.py:5"


BOTH = {
    "both.py": """
        from celery import shared_task
        from flask import Flask
        app = Flask(__name__)
        @shared_task
        def work():
            import torch
        @app.post("/")
        def post():
            import spacy
            work.delay()
    """
}


@pytest.mark.parametrize(
    ("serves", "wanted"),
    [
        ("requests", {"torch": "all", "spacy": "serving"}),
        ("tasks", {"torch": "serving", "spacy": "all"}),
        ("all", {"torch": "serving", "spacy": "serving"}),
    ],
)
def test_a_process_serves_its_kind_of_work(tmp_path: Path, serves: Serves, wanted: dict[str, str]) -> None:
    assert moments(walked(tmp_path, BOTH, serves=serves)) == wanted


def test_a_task_that_is_called_runs_where_it_is_called(tmp_path: Path) -> None:
    files = {"both.py": BOTH["both.py"].replace("work.delay()", "work()")}
    assert moments(walked(tmp_path, files, serves="requests")) == {"torch": "serving", "spacy": "serving"}


@pytest.mark.parametrize("asked", ["task = work.delay()\n    return task.id", "return work.s(1).apply_async().get()"])
def test_what_passing_on_returns_runs_no_task(tmp_path: Path, asked: str) -> None:
    files = {"both.py": dedent(BOTH["both.py"]).replace("work.delay()", asked)}
    assert moments(walked(tmp_path, files, serves="requests"))["torch"] == "all"


def test_a_function_may_load_all_modules_of_the_package_that_it_is_given(tmp_path: Path) -> None:
    load = """
        import importlib, pkgutil
        def load_all(package_name):
            package = importlib.import_module(package_name)
            for _, name, _ in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
                importlib.import_module(name)
        def tell(name):
            print(name)
    """
    files = {"app.py": "import routes, jobs", "tools.py": load, "routes/a.py": "import torch", "jobs/b.py": "import pandas"}
    files["routes/__init__.py"] = "from tools import load_all\nload_all(__name__)"
    files["jobs/__init__.py"] = "from tools import tell\ntell(__name__)"
    assert moments(walked(tmp_path, files)) == {"torch": "start"}


def test_a_package_that_is_a_root_too_is_a_package(tmp_path: Path) -> None:
    server = (
        "import flask\nfrom .work import Work\napp = flask.Flask(__name__)\n@app.route('/')\ndef go():\n    Work().run()\n"
    )
    work = "class Work:\n    def run(self):\n        from .heavy import run\n        run()\n"
    heavy = "def run():\n    import torch\n"
    files = {"src/__init__.py": "", "src/server.py": server, "src/work.py": work, "src/heavy.py": heavy}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    tree = WorkTree(str(tmp_path))
    sources, resolver = SourceFiles(tree, Facts(Store(None))), Resolver(tree, ("", "src"))
    chooser = Chooser(sources, resolver, NOTHING_GIVEN)
    found = walk(
        sources.prove, resolver, "src/server.py", "src.server", Target(), functions=sources, serves="all", chooser=chooser
    )
    assert moments(found)["torch"] == "serving"


def test_hooks_of_gunicorn(tmp_path: Path) -> None:
    files = {
        "app.py": "",
        "gunicorn.conf.py": """
            import spacy
            def post_fork(server, worker):
                import torch
            def pre_request(worker, request):
                import litellm
            def helper():
                import pandas
        """,
    }
    found = moments(walked(tmp_path, files, serves="requests", settings_file="gunicorn.conf.py"))
    assert found == {"spacy": "start", "torch": "start", "litellm": "serving", "pandas": "all"}


def test_a_file_that_names_itself_to_its_server_is_loaded_twice(tmp_path: Path) -> None:
    files = {
        "server.py": """
            import uvicorn
            if __name__ == "__main__":
                uvicorn.run("server:app")
        """
    }
    found = walked(tmp_path, files, is_main=True)
    assert [(one.path, one.line, one.module) for one in found.twice] == [("server.py", 3, "server")]
    assert walked(tmp_path, files).twice == ()


def test_an_app_that_is_named_to_its_server(tmp_path: Path) -> None:
    files = {
        "run.py": """
            import uvicorn
            def main():
                uvicorn.run("web.app:create", factory=True)
            if __name__ == "__main__":
                main()
        """,
        "web/app.py": """
            def create():
                import torch
            def unused():
                import pandas
        """,
    }
    assert moments(walked(tmp_path, files, is_main=True)) == {"torch": "start", "pandas": "all"}


@pytest.mark.parametrize(
    "loading",
    [
        "await bot.load_extension('cogs.plots')",
        "[await bot.load_extension(name) for name in ('cogs.plots',)]",
        "for name in NAMES:\n        await bot.load_extension(name)",
        "for name in os.listdir('cogs'):\n        await bot.load_extension(f'cogs.{name[:-3]}')",
    ],
)
def test_extensions_of_discord(tmp_path: Path, loading: str) -> None:
    source = f"""
import os
from discord.ext import commands
NAMES = ["cogs.plots"]
bot = commands.Bot("!")
@bot.event
async def on_ready():
    {loading}
bot.run("t")
"""
    files = {
        "bot.py": source,
        "cogs/plots.py": """
            import spacy
            from discord.ext import commands
            class Plots(commands.Cog):
                @commands.command()
                async def plot(self, ctx):
                    import torch
            async def setup(bot):
                import litellm
                await bot.add_cog(Plots(bot))
        """,
    }
    assert moments(walked(tmp_path, files)) == {"spacy": "start", "litellm": "start", "torch": "serving"}


@pytest.mark.parametrize(
    "files",
    [
        {
            "bot.py": "from names import NAMES\nfor name in NAMES:\n    bot.load_extension(name)",
            "names.py": "NAMES = ('cogs.plots',)",
        },
        {
            "bot.py": """
                for file in Path("cogs").glob("**/*.py"):
                    bot.load_extension(f"{'.'.join(file.parts[:-1])}.{file.stem}")
            """
        },
        {"bot.py": "for name in json.load(open('settings.json'))['cogs']:\n    bot.load_extension(name)"},
        {"bot.py": "def load(folder):\n    bot.load_extensions(*[f'{folder}.{name}' for name in NAMES])\nload('cogs')"},
    ],
)
def test_extensions_of_which_nobody_can_tell_the_names_are_all_that_there_are(tmp_path: Path, files: dict[str, str]) -> None:
    extensions = {
        "cogs/plots.py": "import spacy\nasync def setup(bot):\n    await bot.add_cog(Plots(bot))",
        "build.py": "import torch\ndef setup():\n    pass",
        "tests/cogs.py": "import litellm\ndef setup(bot):\n    bot.add_cog(1)",
    }
    assert moments(walked(tmp_path, {**files, **extensions})) == {"spacy": "start"}


@pytest.mark.parametrize(
    "given",
    ["plugins=dict(root='plugins')", "plugins={'root': 'plugins', 'exclude': ['x']}", "plugins=WHERE"],
)
def test_plugins_of_pyrogram(tmp_path: Path, given: str) -> None:
    files = {
        "bot.py": f"""
            from pyrogram import Client
            WHERE = {{"root": "plugins"}}
            app = Client("bot", {given})
            app.run()
        """,
        "plugins/plots.py": """
            import spacy
            from pyrogram import Client
            @Client.on_message()
            async def plot(client, message):
                import torch
        """,
    }
    assert moments(walked(tmp_path, files)) == {"spacy": "start", "torch": "serving"}


@pytest.mark.parametrize(
    "load",
    [
        "bot.load_extensions_from('./parts')",
        "bot.load_extensions('parts')",
        "nonebot.load_plugins('parts')",
        "saya.require('parts.plots')",
    ],
)
def test_what_bots_load_of_a_folder(tmp_path: Path, load: str) -> None:
    files = {"bot.py": f"import hikari, nonebot, saya\nbot = hikari.Bot()\n{load}\n", "parts/plots.py": "import spacy"}
    assert moments(walked(tmp_path, files)) == {"spacy": "start"}


def test_a_computed_name_may_be_a_package_and_what_stands_in_folders_that_are_none(tmp_path: Path) -> None:
    """Nothing but its computed name loads `plugins/play-back/stop.py`; what a package holds is left to the package."""
    files = {
        "bot.py": """
            import importlib
            from pathlib import Path
            for path in Path("plugins").rglob("*.py"):
                importlib.import_module(f"plugins.{'.'.join(path.with_suffix('').parts[1:])}")
        """,
        "plugins/__init__.py": "",
        "plugins/play-back/stop.py": "import spacy",
        "plugins/events/deeper/quiet.py": "import pandas",
        "plugins/charts/__init__.py": "import torch",
        "plugins/charts/later.py": "import litellm",
        "plugins/tests/stop.py": "import nltk",
    }
    found = walked(tmp_path, files)
    assert moments(found) == {"spacy": "start", "pandas": "start", "torch": "start"}
    assert (found.computed, found.skipped) == ((), ())
    many = {f"plugins/one_of_many_{number}/__init__.py": "" for number in range(200)}
    found = walked(tmp_path, files | many | {"plugins/plain.py": "import litellm"})
    assert moments(found) == {"litellm": "start"}
    assert found.computed == (("bot.py", 4),)


@pytest.mark.parametrize(("setting", "told"), [("SESSION_ENGINE", ()), ("PLUGIN", (("bot.py", 3),))])
def test_what_django_loads_by_its_settings_is_not_told_as_a_computed_name(
    tmp_path: Path, setting: str, told: tuple[tuple[str, int], ...]
) -> None:
    files = {
        "bot.py": f"""
            from importlib import import_module
            from django.conf import settings
            Store = import_module(settings.{setting}).SessionStore
        """
    }
    assert walked(tmp_path, files).computed == told


def test_a_statement_of_sql_names_no_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    below = Resolver.below

    def note(resolver: Resolver, package: str) -> tuple[list[str], bool]:
        asked.append(package)
        return below(resolver, package)

    monkeypatch.setattr(Resolver, "below", note)
    files = {
        "app.py": """
            from tables import TABLE
            def read_frame(text):
                return query(text)
            def load():
                statement = f"SELECT COUNT(*), a.b FROM {TABLE}"
                return read_frame(statement)
            load()
        """,
        "tables.py": "TABLE = input()",
    }
    walked(tmp_path, files)
    assert not [one for one in asked if " " in one]


def test_a_command_of_a_bot_that_loads_what_somebody_asks_for_loads_nothing(tmp_path: Path) -> None:
    files = {
        "bot.py": """
            from discord.ext import commands
            bot = commands.Bot("!")
            @bot.command()
            async def load(ctx, name):
                await bot.load_extension(name)
        """,
        "cogs/plots.py": "import spacy\nasync def setup(bot):\n    await bot.add_cog(Plots(bot))",
    }
    assert moments(walked(tmp_path, files)) == {}


@pytest.mark.parametrize(
    "files",
    [
        {
            "bot.py": """
                from fastapi import FastAPI
                from models import Chosen
                app = FastAPI()
                @app.get("/")
                def ask(model: Chosen):
                    return model.answer()
            """,
            "models.py": """
                from typing import Annotated
                from fastapi import Depends
                class Model:
                    def answer(self):
                        import torch
                Chosen = Annotated[Model, Depends()]
            """,
        },
        {
            "bot.py": """
                from fastapi import FastAPI
                from models import model_of
                app = FastAPI()
                @app.get("/")
                def ask(name: str):
                    return model_of(name).answer()
            """,
            "models.py": """
                class Model:
                    def answer(self):
                        import torch
                MODELS = {"one": Model, "two": Model}
                def model_of(name):
                    return MODELS[name]()
            """,
        },
        {
            "bot.py": """
                from fastapi import FastAPI
                from models import Model
                app = FastAPI()
                @app.get("/")
                def ask():
                    return Model.instance().answer()
            """,
            "models.py": """
                class Model:
                    made = None
                    @classmethod
                    def instance(cls):
                        if cls.made is None:
                            cls.made = cls()
                        return cls.made
                    def answer(self):
                        import torch
            """,
        },
        {
            "bot.py": """
                from fastapi import FastAPI
                from models import Model
                app = FastAPI()
                @app.get("/")
                def ask():
                    return Model.instance().answer()
            """,
            "models.py": """
                from single import Single
                class Model(Single):
                    def answer(self):
                        import torch
            """,
            "single.py": """
                class Single:
                    made = {}
                    @classmethod
                    def instance(cls):
                        if cls not in cls.made:
                            cls.made[cls] = cls()
                        return cls.made[cls]
            """,
        },
    ],
)
def test_methods_of_what_an_alias_a_table_or_a_class_keeps(tmp_path: Path, files: dict[str, str]) -> None:
    assert moments(walked(tmp_path, files)) == {"torch": "serving"}


@pytest.mark.parametrize(
    "source",
    [
        """
            from functools import partial
            from fastapi import FastAPI
            async def lifespan(settings, app):
                import torch
                yield
            app = FastAPI(lifespan=partial(lifespan, {}))
        """,
        """
            from threading import Thread as Base
            class Job(Base):
                def run(self):
                    import torch
            Job().start()
        """,
    ],
)
def test_what_runs_at_start_under_another_name(tmp_path: Path, source: str) -> None:
    assert moments(walked(tmp_path, {"bot.py": source})) == {"torch": "start"}


def test_what_a_function_names_before_its_file_is_loaded(tmp_path: Path) -> None:
    files = {
        "main.py": """
            from flask import Flask
            app = Flask(__name__)
            @app.get("/")
            def index():
                import late
                late.start()
        """,
        "late.py": "import uvicorn\ndef start():\n    uvicorn.run('other:app')\n",
        "other.py": "import torch\n",
    }
    assert moments(walked(tmp_path, files)) == {"torch": "serving"}


def test_functions_of_one_name_may_each_run(tmp_path: Path) -> None:
    files = {
        "main.py": """
            from flask import Flask
            app = Flask(__name__)
            if app.debug:
                def load():
                    import torch
            else:
                def load():
                    import pandas
            @app.get("/")
            def index():
                load()
        """
    }
    assert moments(walked(tmp_path, files)) == {"torch": "serving", "pandas": "serving"}


def test_middleware_and_views_of_django(tmp_path: Path) -> None:
    files = {
        "settings.py": 'MIDDLEWARE = ["shop.slow.Slow"]\nROOT_URLCONF = "shop.urls"\n',
        "shop/__init__.py": "",
        "shop/slow.py": """
            class Slow:
                def __init__(self, get_response):
                    self.get_response = get_response
                def __call__(self, request):
                    import torch
        """,
        "shop/urls.py": """
            from django.urls import path
            from . import views
            urlpatterns = [path("", views.Page.as_view()), path("x", views.export)]
        """,
        "shop/views.py": """
            from django.views import View
            class Page(View):
                def get(self, request):
                    import spacy
            def export(request):
                import litellm
            def unused(request):
                import pandas
        """,
    }
    found = moments(walked(tmp_path, files, serves="requests"))
    assert found == {"torch": "serving", "spacy": "serving", "litellm": "serving", "pandas": "all"}
    # A worker answers no request: its URLconf is loaded by nobody knows what.
    assert moments(walked(tmp_path, files, serves="tasks"))["litellm"] == "all"


def test_names_for_names_end(tmp_path: Path) -> None:
    files = {
        "a.py": "from b import handler\nfrom flask import Flask\nFlask('a').route('/')(handler)\nx = y\ny = x\nx()\n",
        "b.py": "from a import handler\nfrom a import *\nclass C(C): pass\nC().x()\n",
    }
    assert moments(walked(tmp_path, files)) == {}


def test_a_module_that_is_not_there_gives_no_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memguard_hooks.imports.reached.MAX_STARRED", 20)
    settings = "from .base import *\n" + "".join(
        f"try:\n    from .{one} import *\nexcept ImportError:\n    pass\n" for one in ("local", "test", "dev", "secret")
    )
    files = {
        "a.py": "from settings import start\nstart()\n",
        "settings/__init__.py": f"{settings}local()\ntest()\nsecret.x()\n",
        "settings/base.py": "def start():\n    import pandas\n",
    }
    found = walked(tmp_path, files)
    assert moments(found) == {"pandas": "start"}
    assert not found.skipped


STARTING = """
    import os
    import settings
    from fastapi import FastAPI
    app = FastAPI()
    @app.on_event("startup")
    def start():
        choose()
    def choose():
"""
STORES = """
        if {} == "torch":
            import torch
        elif {} == "pandas":
            import pandas
        else:
            import spacy
"""
MATCHED = """
        match {}:
            case "torch" | "pytorch":
                import torch
            case "pandas":
                import pandas
            case _:
                import spacy
"""
GUARDED = """
        if {} == "torch":
            import torch
            return
        if {} == "pandas":
            import pandas
            return
        import spacy
"""


@pytest.mark.parametrize("ways", [STORES, MATCHED, GUARDED], ids=["if", "match", "guards"])
@pytest.mark.parametrize(
    ("value", "variables", "loaded"),
    [
        ("settings.STORE", {}, {"pandas"}),
        ("settings.BY_DEFAULT", {}, {"spacy"}),
        ("os.environ['STORE']", {"STORE": "torch"}, {"torch"}),
        ("os.getenv('STORE', 'pandas').lower()", {}, {"pandas"}),
        ("os.getenv('STORE', 'pandas')", {"STORE": "torch"}, {"torch"}),
        ("os.getenv('STORE')", {}, {"torch", "pandas", "spacy"}),
        ("os.getenv('STORE', '')", {}, {"torch", "pandas", "spacy"}),
        ("settings.CHANGED", {}, {"torch", "pandas", "spacy"}),
    ],
)
def test_a_known_value_chooses_the_branch(
    tmp_path: Path, ways: str, value: str, variables: dict[str, str], loaded: set[str]
) -> None:
    settings = """
        import os
        STORE = "pandas"
        BY_DEFAULT = os.environ.get("BY_DEFAULT", "faiss")
        CHANGED = "torch"
        def change():
            global CHANGED
            CHANGED = "pandas"
    """
    given = Given(tuple(variables.items()))
    found = walked(tmp_path, {"app.py": STARTING + ways.replace("{}", value), "settings.py": settings}, given=given)
    by_moment = moments(found)
    assert {name for name, moment in by_moment.items() if moment == "start"} == loaded
    assert set(by_moment) == {"torch", "pandas", "spacy"}, "what does not run here is still there for all that is deferred"
    assert bool(found.open) == (len(loaded) > 1)


@pytest.mark.parametrize(
    ("condition", "given", "loaded"),
    [
        ("settings.STORE == 'faiss'", Given(), {"torch"}),
        ("settings.STORE != 'faiss'", Given(), {"pandas"}),
        ("USE", Given(), {"pandas"}),
        ("not USE", Given(), {"torch"}),
        ("OWN.enabled", Given(), {"torch", "pandas"}),
        ("os.environ.get('STORE', 'faiss') == 'pgvector'", Given(), {"pandas"}),
        ("os.environ.get('STORE', 'faiss') == 'pgvector'", Given((("STORE", "pgvector"),)), {"torch"}),
        ("os.environ['STORE'] == 'pgvector'", Given(), {"torch", "pandas"}),
        ("'--os' in sys.argv", Given(words=("--server",)), {"pandas"}),
        ("'--os' in sys.argv", Given(words=("--os",)), {"torch"}),
        ("'--os' in sys.argv", Given(words=()), {"pandas"}),
        ("'--os' in sys.argv", Given(), {"torch", "pandas"}),
        ("arguments.gpu", Given(words=()), {"pandas"}),
        ("arguments.gpu", Given(words=("--gpu",)), {"torch"}),
        ("(settings.STORE\n    == 'faiss')", Given(), {"torch"}),
        ("('\u00e9' and settings.STORE) == 'pgvector'", Given(), {"pandas"}),
    ],
)
@pytest.mark.parametrize("form", ["top", "main", "function", "exit", "call"])
def test_a_known_condition_decides_what_the_statements_of_a_file_import(
    tmp_path: Path, condition: str, given: Given, loaded: set[str], form: str
) -> None:
    head = """
import argparse, os, sys
import elsewhere, settings
USE = False
OWN = settings.make()
parser = argparse.ArgumentParser()
parser.add_argument("--gpu", action="store_true")
arguments = parser.parse_args()
"""
    ways = {
        "top": "if {}:\n    import torch\nelse:\n    import pandas\n",
        "main": "if __name__ == '__main__':\n  if {}:\n    import torch\n  else:\n    import pandas\n",
        "function": "def start():\n  if {}:\n    import torch\n    return\n  import pandas\nstart()\n",
        "exit": "if {}:\n    import torch\n    sys.exit(0)\nimport pandas\n",
        "call": "if {}:\n    elsewhere.first()\nelse:\n    elsewhere.second()\n",
    }
    files = {
        "app.py": head + ways[form].replace("{}", condition),
        "settings.py": "STORE = 'faiss'\n",
        "elsewhere.py": "def first():\n    import torch\ndef second():\n    import pandas\n",
    }
    found = walked(tmp_path, files, given=given, is_main=True)
    assert {one.names[0] for one in found.externals if one.moment == "start"} & {"torch", "pandas"} == loaded


def test_a_name_that_is_bound_again_decides_by_what_it_is_then(tmp_path: Path) -> None:
    text = "USE = False\nif USE:\n    import torch\nUSE = True\nif USE:\n    import pandas\n"
    assert moments(walked(tmp_path, {"app.py": text})) == {"torch": "all", "pandas": "start"}


def test_what_the_target_decides_is_no_choice_of_the_project(tmp_path: Path) -> None:
    text = "import sys\nif sys.platform == 'win32':\n    import torch\nelse:\n    import pandas\n"
    found = walked(tmp_path, {"app.py": text})
    assert (moments(found), found.open) == ({"pandas": "start"}, ())


def test_a_call_under_a_condition_tells_of_it(tmp_path: Path) -> None:
    files = {
        "app.py": "import os\nimport startup\nif not os.path.exists('latest.json'):\n    startup.run()\n",
        "startup.py": "def run():\n    import pandas\n",
    }
    (found,) = [one for one in walked(tmp_path, files).externals if one.names[0] == "pandas"]
    assert found.moment == "start"
    assert found.site is not None
    assert found.site.why.endswith(", if not os.path.exists('latest.json') at app.py:3")


def test_a_branch_that_runs_is_named_with_its_condition(tmp_path: Path) -> None:
    files = {
        "app.py": STARTING + STORES.replace("{}", "settings.STORE"),
        "settings.py": "STORE = 'pandas'\n",
    }
    found = walked(tmp_path, files)
    (site,) = [one.site for one in found.externals if one.names[0] == "pandas"]
    assert site is not None
    assert site.why.startswith("in function choose, if settings.STORE == 'pandas' at app.py:12, called by start at app.py:7")


@pytest.mark.parametrize(
    "body",
    ["def start():\n    for kind in ('a', 'b'):", "def start():\n    kind = queue.get()"],
    ids=["loop", "message"],
)
def test_what_differs_from_call_to_call_chooses_nothing(tmp_path: Path, body: str) -> None:
    inner = "    " * (1 + body.count("for"))
    ways = "if kind == 'a':\n    import torch\nelse:\n    import pandas\n"
    text = "import queue\nfrom fastapi import FastAPI\napp = FastAPI()\n@app.on_event('startup')\n"
    found = walked(tmp_path, {"app.py": f"{text}{body}\n{indent(ways, inner)}"})
    assert moments(found) == {"torch": "start", "pandas": "start"}
    assert not found.open, "one run may take both"


@pytest.mark.parametrize(
    ("registered", "is_after_fork"),
    [
        ('@app.on_event("startup")', True),
        ("@worker_process_init.connect", True),
        ("@worker_init.connect", False),
        ("@celeryd_init.connect", False),
    ],
)
def test_what_each_worker_runs_at_start(tmp_path: Path, registered: str, *, is_after_fork: bool) -> None:
    text = f"""
    import os
    from celery.signals import celeryd_init, worker_init, worker_process_init
    from fastapi import FastAPI
    app = FastAPI()
    {registered}
    def prepare(**kwargs):
        load()
    def load():
        if os.getenv("STATE", "worker_init") == "worker_init":
            import pandas
    """
    (found,) = [one for one in walked(tmp_path, {"app.py": text}).externals if one.names[0] == "pandas"]
    assert (found.moment, found.is_after_fork) == ("start", is_after_fork)


FACTORIES = {
    "a route in a factory": {
        "app.py": """
            from quart import Quart
            def create_app():
                app = Quart(__name__)
                @app.get("/")
                async def index():
                    import torch
                return app
        """,
    },
    "an app that is passed on": {
        "app.py": """
            from flask import Flask
            from routes import register
            def create_app(app=None):
                app = app or Flask(__name__)
                register(app)
                return app
        """,
        "routes.py": """
            def register(app):
                @app.route("/")
                def index():
                    import torch
        """,
    },
    "a blueprint that is passed on": {
        "app.py": """
            from quart import Blueprint, Quart
            from routes import add
            def create_app():
                app, pages = Quart(__name__), Blueprint("pages", __name__)
                add(pages)
                app.register_blueprint(pages)
                return app
        """,
        "routes.py": """
            def add(pages):
                pages.add_url_rule("/", view_func=index)
            def index():
                import torch
        """,
    },
    "a router that a function returns": {
        "app.py": """
            from fastapi import FastAPI
            from routes import routes
            def create_app():
                app = FastAPI()
                app.include_router(routes())
                return app
        """,
        "routes.py": """
            from fastapi import APIRouter
            def routes():
                router = APIRouter()
                @router.post("/")
                async def post():
                    import torch
                return router
        """,
    },
    "a route that a method registers": {
        "app.py": """
            from flask import Flask
            class Server:
                def __init__(self):
                    self.app = Flask(__name__)
                    self.add()
                def add(self):
                    @self.app.route("/")
                    def index():
                        import torch
            def create_app():
                return Server().app
        """,
    },
}


@pytest.mark.parametrize("files", FACTORIES.values(), ids=FACTORIES)
def test_what_a_factory_registers_serves(tmp_path: Path, files: dict[str, str]) -> None:
    found = walked(tmp_path, files, called=frozenset({"create_app"}), serves="requests")
    assert moments(found) == {"torch": "serving"}


def test_files_on_one_way_share_it(tmp_path: Path) -> None:
    files = {"app.py": "import m0\n", **{f"m{n}.py": f"import m{n + 1}, torch\n" for n in range(9)}}
    ways = walked(tmp_path, files).ways
    assert [ways[f"m{number}.py"] is ways[f"m{number + 1}.py"].before for number in range(8)] == [True] * 8  # type: ignore[union-attr]


def test_of_a_long_way_its_beginning_and_its_end_are_told(tmp_path: Path) -> None:
    files = {f"m{number}.py": f"import m{number + 1}\n" for number in range(99)}
    found = walked(tmp_path, {**files, "m99.py": "import torch\n"})
    (chain,) = [one.chain for one in found.externals if one.names == ("torch",)]
    assert [step.path for step in chain] == [f"m{number}.py" for number in (*range(20), *range(80, 100))]
    assert [chain[18].module, chain[19].module, chain[-1].module] == ["m19", "(60 more)", "torch"]


SETTINGS = """
    import os
    from enum import Enum, StrEnum
    class Store(Enum):
        TORCH = "torch"
        PANDAS = "pandas"
        SPACY = "spacy"
    class Word(str, Enum):
        TORCH = "torch"
        PANDAS = "pandas"
    class Made(Enum):
        TORCH = make()
        PANDAS = make()
    NAMES = {"a": "torch", "b": "pandas"}
    def read(name, default=None, required=False):
        value = os.getenv(name)
        if value is None:
            if default is None and required:
                raise ValueError(f"{name} is not set")
            return default
        return value
    def read_or_raise(name, default):
        try:
            return os.environ[name]
        except KeyError:
            return default
    def is_on(name):
        return os.getenv(name) == "1"
    def read_word(name, default):
        return read(name, default).lower()
    def looped(name, default):
        for one in (name, default):
            return one
    STORE = Store(read("STORE", Store.PANDAS.value))
"""
BY_MEMBER = """
        if {} == settings.{}.TORCH:
            import torch
        elif {} == settings.{}.PANDAS:
            import pandas
        else:
            import spacy
"""
MATCHED_MEMBERS = """
        match {}:
            case settings.{}.TORCH:
                import torch
            case settings.{}.PANDAS:
                import pandas
            case _:
                import spacy
"""


@pytest.mark.parametrize(
    ("value", "kind", "variables", "loaded"),
    [
        ("settings.STORE", "Store", {}, {"pandas"}),
        ("settings.STORE", "Store", {"STORE": "torch"}, {"torch"}),
        ("settings.STORE", "Store", {"STORE": "elsewhere"}, {"torch", "pandas", "spacy"}),  # the app stops
        ("settings.Store(settings.read_word('STORE', 'PANDAS'))", "Store", {}, {"pandas"}),
        ("settings.Store(settings.read_or_raise('STORE', 'torch'))", "Store", {}, {"torch"}),
        ("settings.Store(settings.read('STORE'))", "Store", {}, {"torch", "pandas", "spacy"}),
        ("settings.read('STORE', 'pandas')", "Store", {}, {"spacy"}),  # a text is no member
        ("settings.read('STORE', 'pandas')", "Word", {}, {"pandas"}),
        ("settings.Store['PANDAS']", "Store", {}, {"pandas"}),
        ("settings.Store(settings.NAMES[os.getenv('STORE', 'a')])", "Store", {}, {"torch"}),
        ("settings.Store(settings.NAMES.get(os.getenv('STORE', 'c'), 'pandas'))", "Store", {}, {"pandas"}),
        ("settings.looped('STORE', 'torch')", "Word", {}, {"torch", "pandas", "spacy"}),
        ("settings.Made.PANDAS", "Made", {}, {"pandas"}),  # whatever its value is, it is this member
        ("settings.Made('x')", "Made", {}, {"torch", "pandas", "spacy"}),
        ("settings.is_on('STORE') and settings.Store.TORCH", "Store", {}, {"torch", "pandas", "spacy"}),
        ("settings.is_on('STORE') and settings.Store.TORCH", "Store", {"STORE": "1"}, {"torch"}),
    ],
)
@pytest.mark.parametrize("ways", [BY_MEMBER, MATCHED_MEMBERS], ids=["if", "match"])
def test_members_of_enumerations_and_wrappers_of_getenv_choose(
    tmp_path: Path, ways: str, value: str, kind: str, variables: dict[str, str], loaded: set[str]
) -> None:
    parts = (value, kind) * 2 if ways is BY_MEMBER else (value, kind, kind)
    files = {"app.py": STARTING + ways.format(*parts), "settings.py": SETTINGS}
    by_moment = moments(walked(tmp_path, files, given=Given(tuple(variables.items()))))
    assert {name for name, moment in by_moment.items() if moment == "start"} == loaded


GIVEN = """
    import os
    from enum import Enum
    class Store(Enum):
        TORCH = "torch"
        PANDAS = "pandas"
    def build(kind, name=""):
        if kind == Store.TORCH:
            import torch
        elif kind == Store.PANDAS:
            import pandas
        else:
            raise ValueError(kind)
"""


@pytest.mark.parametrize(
    ("calls", "loaded"),
    [
        ("store = build(Store(os.getenv('STORE', 'torch')))", {"torch"}),
        ("store = build(name='x', kind=Store.PANDAS)", {"pandas"}),
        ("store = build(Store.PANDAS)\nother = build(Store.TORCH)", {"torch", "pandas"}),
        ("store = build(Store(os.getenv('STORE')))", {"torch", "pandas"}),
        ("store = build(*[Store.TORCH])", {"torch", "pandas"}),
        ("store = build(Store.TORCH)\nadd = print(build)", {"torch", "pandas"}),
        ("class Config:\n    store = build(Store.TORCH)", {"torch"}),
    ],
)
def test_what_the_calls_of_a_file_give_chooses(tmp_path: Path, calls: str, loaded: set[str]) -> None:
    by_moment = moments(walked(tmp_path, {"app.py": GIVEN + indent(calls, "    ") + "\n"}))
    assert {name for name, moment in by_moment.items() if moment == "start"} == loaded
    assert set(by_moment) == {"torch", "pandas"}


@pytest.mark.parametrize("call", ["other.build(other.Store.PANDAS)", "run(other.build)"])
def test_what_another_file_gives_chooses_nothing(tmp_path: Path, call: str) -> None:
    files = {
        "app.py": f"from flask import Flask\nimport other\napp = Flask('x')\n@app.get('/')\ndef page():\n    {call}\n",
        "other.py": GIVEN + "    store = build(Store.TORCH)\n",
    }
    assert moments(walked(tmp_path, files)) == {"torch": "start", "pandas": "serving"}


@pytest.mark.parametrize(
    "text",
    [
        (
            "class Config:\n    store = os.getenv('STORE', 'torch')\n    if store == 'torch':\n        import torch\n"
            "    else:\n        import pandas\n"
        ),
        (
            "match os.getenv('STORE', 'torch'):\n    case ('torch'):\n        import torch\n    case 'b' | 'c':\n"
            "        import pandas\n    case _:\n        import pandas\n"
        ),
        (
            "class Config:\n    match os.getenv('STORE', 'torch'):\n        case 'torch':\n            import torch\n"
            "        case _:\n            import pandas\n"
        ),
    ],
    ids=["class", "match", "match in class"],
)
def test_conditions_in_classes_and_cases_of_a_file_are_known(tmp_path: Path, text: str) -> None:
    files = {"app.py": f"import os\nstore = 'b'\n{text}"}
    assert moments(walked(tmp_path, files)) == {"torch": "start", "pandas": "all"}
    unknown = {"app.py": files["app.py"].replace(", 'torch')", ")")}
    assert moments(walked(tmp_path, unknown)) == {"torch": "start", "pandas": "start"}


@pytest.mark.parametrize("test", ["TYPE_CHECKING is True", "typing.TYPE_CHECKING == True", "TYPE_CHECKING is not False"])
def test_what_is_compared_with_true_is_only_read_by_checkers(tmp_path: Path, test: str) -> None:
    text = f"import typing\nfrom typing import TYPE_CHECKING\nif {test}:\n    import torch\nimport pandas\n"
    by_moment = moments(walked(tmp_path, {"app.py": text}))
    assert by_moment["pandas"] == "start"
    assert (by_moment.get("torch") == "start") is ("not" in test)  # what is not read is taken for what may run


@pytest.mark.parametrize(("store", "moment"), [("faiss", "all"), ("pgvector", "start")])
def test_a_guard_of_a_constant_holds_for_what_other_files_have(tmp_path: Path, store: str, moment: str) -> None:
    files = {
        "app.py": "from prepare import prepare\nprepare()\n",
        "prepare.py": """
            import settings
            from load import load
            def prepare():
                if settings.STORE != "pgvector":
                    return
                load()
        """,
        "settings.py": f"STORE = '{store}'\n",
        "load.py": "def load():\n    import torch\n",
    }
    assert moments(walked(tmp_path, files)) == {"torch": moment}


@pytest.mark.parametrize(
    "again",
    ["self.rows = self.rows.only('a')", "self.rows = self.rows['a']", "rows = self.rows\n            rows = rows.only('a')"],
)
def test_a_name_that_is_made_of_itself_is_no_endless_chain(again: str, tmp_path: Path) -> None:
    found = walked(
        tmp_path,
        {
            "main.py": f"""
    from flask import Flask
    from rows import Base
    app = Flask("a")
    class Rows(Base):
        def __init__(self):
            {again}
        def load(self):
            import torch
    @app.get("/")
    def index():
        rows = Rows()
        rows.load()
        return rows.rows.all()
    """,
            "rows.py": "class Base:\n    def all(self):\n        import pandas\n",
        },
    )
    assert not found.unread
    assert found.skipped == ()
    assert moments(found)["torch"] == "serving"
