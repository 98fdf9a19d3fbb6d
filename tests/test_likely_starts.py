"""What is judged where no file says what starts: the one app, or none where there are several."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from folders import write_dedented

from memguard_hooks.app.likely_starts import find_likely
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import Settings
from memguard_hooks.tree import WorkTree

DJANGO = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n"
API = "from fastapi import FastAPI\napp = FastAPI()\n"


@pytest.mark.parametrize(
    ("files", "commands"),
    [
        ({"streamlit_app.py": "import streamlit as st\nst.title('x')\n"}, ["streamlit run streamlit_app.py"]),
        ({"app.py": "import gradio as gr\ngr.Interface(str).launch()\n"}, ["python app.py"]),
        ({"bot.py": "import discord\nclient = discord.Client()\nclient.run('x')\n"}, ["python bot.py"]),
        ({"main.py": "from fastapi import FastAPI\napi: FastAPI = FastAPI()\n"}, ["uvicorn main:api"]),
        ({"app.py": "import flask\napp = flask.Flask(__name__)\n"}, ["gunicorn app:app"]),
        ({"wsgi.py": f"{DJANGO}from x import get_wsgi_application\napplication = get_wsgi_application()\n"},
         ["gunicorn wsgi:application"]),
        ({"manage.py": DJANGO, "site_/wsgi.py": ""}, ["gunicorn site_.wsgi"]),
        ({"manage.py": DJANGO.replace(".settings", ".settings.production"), "site_/wsgi.py": ""}, ["gunicorn site_.wsgi"]),
        ({"manage.py": DJANGO.replace("'site_.settings'", "\n    f'site_.settings.{stage}'\n"), "site_/wsgi.py": ""},
         ["gunicorn site_.wsgi"]),
        ({"manage.py": DJANGO}, []),
        ({"main.py": "import json\nprint(json)\n"}, []),
        ({"server.py": "from http.server import HTTPServer as S\nS(('', 1), None).serve_forever()\n"}, ["python server.py"]),
        ({"app.py": "import asyncio as a\nimport asyncio\nasyncio.start_server(print)\n"}, ["python app.py"]),
        ({"server.py": "from http.server import HTTPServer\nclass Server(HTTPServer): ...\n"}, []),
        ({"app.py": "import streamlit\n", "bot.py": "import telebot\ntelebot.TeleBot('x').infinity_polling()\n"},
         ["streamlit run app.py", "python bot.py"]),
        ({"README.md": "---\nsdk: gradio\napp_file: web/ui.py\n---\n# x\n", "web/ui.py": "", "app.py": "import streamlit\n"},
         ["python web/ui.py"]),
        ({"README.md": "---\nsdk: docker\n---\n", "app.py": "import streamlit\n"}, ["streamlit run app.py"]),
        ({"solubility-app.py": "import streamlit\n", "clean.py": "import pandas\n"}, ["streamlit run solubility-app.py"]),
        ({"rules_bot.py": "import telegram\ntelegram.x().run_polling()\n"}, ["python rules_bot.py"]),
        ({"a.py": "import streamlit\n", "b.py": "import streamlit\n"}, []),
        ({"a.py": "import streamlit\n", "main.py": "from flask import Flask\napp = Flask('a')\n"}, ["gunicorn main:app"]),
        ({"example_app.py": "import streamlit\n", "test_a.py": "import streamlit\n"}, []),
        ({"app/main.py": f"from app.core import x\n{API}", "app/core.py": "x = 1\n"}, ["uvicorn app.main:app"]),
        ({"app/__init__.py": "", "app/main.py": API, "run_it.py": "import streamlit\n"}, ["uvicorn app.main:app"]),
        ({"backend/main.py": f"from core import x\n{API}", "debug_api.py": API}, ["(backend) uvicorn main:app"]),
        ({"backend/manage.py": DJANGO, "backend/site_/wsgi.py": ""}, ["(backend) gunicorn site_.wsgi"]),
        ({"src/app.py": "import streamlit\n"}, ["(src) streamlit run app.py"]),
        ({"backend/app.py": API, "bot/main.py": "import telebot\ntelebot.TeleBot('x').infinity_polling()\n"},
         ["(backend) uvicorn app:app", "(bot) python main.py"]),
        ({"backend/app/main.py": f"from app.core import x\n{API}", "backend/requirements.txt": "fastapi\n"},
         ["(backend) uvicorn app.main:app"]),
        ({"backend/app/main.py": f"from backend.app.core import x\n{API}"}, ["uvicorn backend.app.main:app"]),
        ({"backend/api/app.py": API}, ["(backend/api) uvicorn app:app"]),
        ({"src/bot/main.py": "from .core import x\nimport telebot\ntelebot.TeleBot('x').infinity_polling()\n"},
         ["(src) python bot/main.py"]),
        ({"wsgi.py": "from shop import create_app\napp = create_app()\n"}, ["gunicorn wsgi:app"]),
        ({"app/main.py": "from fastapi import FastAPI\nimport app\ndef create_app(): return FastAPI()\n"
          "application = create_app()\n"}, ["uvicorn app.main:application"]),
        ({"main.py": API, "app/main.py": API}, ["uvicorn main:app"]),
        ({"app/main.py": f"from app import x\n{API}", "app/app.py": "x = 1\n"}, ["(app) uvicorn main:app"]),
        ({"debug_api.py": API}, []),
        ({"app.py": "import streamlit\n", "pyproject.toml": "[project]\nname = 'x'\nscripts = {x = 'app:main'}\n"}, []),
    ],
)  # fmt: skip
def test_what_is_likely_started(tmp_path: Path, files: dict[str, str], commands: list[str]) -> None:
    write_dedented(tmp_path, files)
    found = find_likely(Project(WorkTree(str(tmp_path)), Settings()))
    assert [f"({one.folder}) {one.command}" if one.folder else one.command for one in found] == commands


def budget(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "memguard_hooks.hooks.memory_budget"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_only_one_is_judged_and_the_line_to_write_is_given(tmp_path: Path) -> None:
    write_dedented(tmp_path, {"app.py": "import streamlit\nimport pandas\nprint(pandas)\n"})
    done = budget(tmp_path)
    assert done.stdout.startswith("app.py: ")
    assert "of 2765 MiB (streamlit-cloud community at most, 690 MB at least)" in done.stdout
    assert "it is judged as if a Procfile said `web: streamlit run app.py`" in done.stderr
    write_dedented(tmp_path, {"bot.py": "import discord\ndiscord.Client().run('x')\n"})
    done = budget(tmp_path)
    assert not done.stdout
    assert "a Procfile could say `web: streamlit run app.py` or `web: python bot.py`" in done.stderr
    write_dedented(tmp_path, {"Procfile": "web: python bot.py\n"})
    done = budget(tmp_path)
    assert done.stdout.startswith("web: ")
    assert "Procfile could" not in done.stderr


def test_the_line_to_write_goes_to_the_folder_that_the_app_is_started_from(tmp_path: Path) -> None:
    write_dedented(
        tmp_path, {"backend/app.py": f"from flask import Flask\nimport rag\n{API}", "backend/rag.py": "import pandas\n"}
    )
    done = budget(tmp_path)
    line = "cd backend && uvicorn app:app"
    assert f"it is judged as if a Procfile said `web: {line}`" in done.stderr
    write_dedented(tmp_path, {"Procfile": f"web: {line}\n"})
    assert budget(tmp_path).stdout.partition(": ")[2] == done.stdout.partition(": ")[2]


AT_LOAD = """
import pandas
from flask import Flask

app = Flask(__name__)

def read():
    return pandas.DataFrame()

TABLE = read()
"""


def check(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "memguard_hooks", "check", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_imports_are_judged_from_the_only_likely_start_as_from_a_declared_one(tmp_path: Path) -> None:
    write_dedented(tmp_path, {"app.py": AT_LOAD, "report.py": "import torch\nprint(torch)\n"})
    assumed = check(tmp_path, "--select", "MG2")
    write_dedented(tmp_path, {"Procfile": "web: gunicorn app:app\n"})
    declared = check(tmp_path, "--select", "MG2")
    assert "call that function later: now it runs at start" in assumed.stdout
    assert "report.py" not in assumed.stdout
    assert "may fix" not in assumed.stderr
    assert assumed.stdout == declared.stdout


def test_what_streamlit_brings_itself_is_not_promised_to_be_saved(tmp_path: Path) -> None:
    files = {"app.py": "import pandas as pd\nimport streamlit as st\n\ndef show():\n    st.write(pd.DataFrame())\n"}
    write_dedented(tmp_path, {**files, "requirements.txt": "streamlit==0.71.0\npandas==1.1.3\n"})
    done = check(tmp_path)
    assert done.returncode == 0
    assert "MG201 pandas" in done.stdout
    assert "MiB by itself: other imports load what it brings" in done.stdout
    assert done.stderr.endswith("0 errors, 1 warning\n")


def test_where_several_may_start_each_file_is_judged_by_itself(tmp_path: Path) -> None:
    write_dedented(tmp_path, {"app.py": AT_LOAD, "bot.py": "import discord\ndiscord.Client().run('x')\n"})
    assert "app.py:1:1: MG201 pandas is loaded at start" in check(tmp_path, "--select", "MG2").stdout


def test_streamlit_beside_a_file_that_deploys_it_has_the_memory_of_that_host(tmp_path: Path) -> None:
    write_dedented(tmp_path, {"Procfile": "web: streamlit run app.py\n", "app.py": "import streamlit\n"})
    assert "of 512 MiB (default)" in budget(tmp_path).stdout


def test_a_space_has_the_memory_of_its_host(tmp_path: Path) -> None:
    write_dedented(tmp_path, {"README.md": "---\nsdk: streamlit\n---\n", "app.py": "import streamlit\n"})
    assert "of 16384 MiB (hugging-face cpu-basic by default)" in budget(tmp_path).stdout
