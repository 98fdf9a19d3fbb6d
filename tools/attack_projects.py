"""Projects as an attacker writes them, by the kind of the attack."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

Files = Mapping[str, str | bytes]

PROGRAM = {"Procfile": "web: gunicorn main:app\n", "main.py": "import litellm\n"}
DJANGO = {
    "Procfile": "web: gunicorn shop.wsgi\n",
    "shop/__init__.py": "",
    "shop/wsgi.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n',
}
SETTINGS = 'INSTALLED_APPS = ["django.contrib.admin"]\n'
ESCAPES = "\x1b]0;PWNED\x07\x1b[2J\u202e"
YAML_ESCAPES = r"\e]0;PWNED\a\e[2J\u202e\n::error file=a.py::forged"

_SERVICE = "- {type: web, name: %s, runtime: python, plan: free, startCommand: %s}\n"


def _settings(line: str) -> Files:
    return {**DJANGO, "shop/settings.py": SETTINGS + line}


def _python(line: str) -> Files:
    return {**PROGRAM, "main.py": f"import litellm\n{line}\n"}


def _conditions(above: str, number: int, test: Callable[[int], str], **beside: str) -> Files:
    """Return a program that imports under conditions, below some lines."""
    asked = "".join(f"if {test(one)}:\n    import litellm\n" for one in range(number))
    modules = {f"{name}.py": text for name, text in beside.items()}
    return {**PROGRAM, "main.py": f"import enum, environ, importlib, os\n{above}{asked}", **modules}


def _times(text: str, number: int) -> str:
    """Return a text many times, each with its number in place of `{}`."""
    return "".join(text.replace("{}", str(one)) for one in range(number))


def _statements(number: int) -> str:
    return _times("    x{} = {}\n", number)


def _loading(text: str) -> Files:
    return {**PROGRAM, "main.py": f"from transformers import AutoModel\n{text}"}


WITHOUT_END = {
    "digits of a number": "x = " + "9" * 900_000, "hexadecimal digits": "x = 0x" + "f" * 900_000,
    "decorators": "@d\n" * 100_000 + "def f(): pass", "globals": "global " + "a, " * 100_000 + "b",
    "handlers": "try: pass\n" + "except A: pass\n" * 50_000, "texts beside each other": "x = (" + "'a' " * 200_000 + ")",
    "bases of a class": "class A(" + "B, " * 200_000 + "): pass",
    "keywords": f"f({', '.join(f'a{one}=1' for one in range(100_000))})",
    "brackets in an annotation": "x: '" + "A[" * 300 + "]" * 300 + "' = 1",
    "patterns": "match x:\n case " + "[" * 190 + "]" * 190 + ": pass",
    "patterns of mappings": "match x:\n case " + "{1: " * 20 + "a" + "}" * 20 + ": pass",
    "names for all": "__all__ = []\n" + "__all__ += ['a']\n" * 50_000,
    "lambdas": "x = " + "lambda: " * 5000 + "0", "negations": "x = " + "not " * 100_000 + "0",
    "signs": "x = " + "-" * 100_000 + "0",
    "conditions of a value": "x = " + "a if b else " * 50_000 + "0", "waiting": "x = " + "await " * 50_000 + "0",
    "walruses": "x = " + "a:=" * 20_000 + "0", "keys of keys": "x = a" + "[0]" * 100_000,
    "calls of calls": "x = a" + "()" * 100_000,
    "loops in a list": "x = [0 " + "for a in b " * 20_000 + "]", "parameters of a type": "type X" + "[T]" * 9000 + " = 1",
    "dots of an import": "from " + "." * 100_000 + " import a", "contexts": "with " + "a as b, " * 50_000 + "c: pass",
    "what is deleted": "del " + "a, " * 200_000 + "b", "targets": "a = b = " * 50_000 + "c",
}  # fmt: skip
"""Statements that repeat one thing that Python lets repeat."""

MODULES = "'m.x', " * 12_000
HEAVY = ("litellm", "torch", "pandas", "numpy", "scipy", "sklearn", "transformers", "openai", "anthropic", "boto3",
         "matplotlib", "plotly", "django", "flask", "fastapi", "pydantic", "sqlalchemy", "celery", "redis", "requests",
         "httpx", "aiohttp", "lxml", "PIL", "cv2", "spacy", "nltk", "gensim", "xgboost", "lightgbm")  # fmt: skip

PROJECTS: dict[str, Callable[[], Files]] = {
    **{f"{name} without end": functools.partial(_python, line) for name, line in WITHOUT_END.items()},
    "devices and what is no file": lambda: _python(
        "import json, joblib, numpy, os, pandas, runpy, sys\npandas.read_csv('/dev/zero')\nos.chdir('/')\n"
        "sys.path += ['/']\njson.load(open('/proc/kcore'))\njoblib.load('/dev/random')\nnumpy.load('../../../dev/zero')\n"
        "runpy.run_path('/proc/self/mem')\nexec(open('/etc/passwd').read())\nimport etc.passwd"
    ),
    "values of an import, the last one first": lambda: _python(
        "import litellm as x0\n"
        + "".join(f"x{one + 1} = x{one}\n" for one in reversed(range(10_000)))
        + "def f():\n return x9\n"
    ),
    "values of an import that is held": lambda: _python(
        "import litellm as x0\nx0.f()\n" + "".join(f"x{one + 1} = x{one}\n" for one in reversed(range(10_000)))
    ),
    "ways of one choice": lambda: _python(
        "import sys\nif sys.argv[1]: import litellm\n" + "".join(f"elif x == {one}: import pandas\n" for one in range(2_500))
    ),
    "costly lines of one file": lambda: _python(
        "import logging\n" + "".join(f"def f{one}():\n logging.debug(f'{{a.to_dict()}}')\n" for one in range(3_000))
    ),
    "a dotted import in settings": lambda: _settings("import a" + ".a" * 40_000),
    "a dotted import": lambda: _python("import a" + ".a" * 40_000),
    "a dotted import in setup.py": lambda: {**PROGRAM, "setup.py": "import setuptools, a" + ".a" * 40_000},
    "a dotted import in gunicorn.conf.py": lambda: {**PROGRAM, "gunicorn.conf.py": "import a" + ".a" * 40_000},
    "a dotted import without end": lambda: _python("import a" + ".a" * 400_000),
    "heavy imports that a comment allows": lambda: {
        **PROGRAM,
        "main.py": "".join(f"import litellm  # memguard: allow[MG201] {one}\n" for one in range(5000)),
    },
    "fields of an f-string": lambda: _settings('x = f"' + "{a}" * 100_000 + '"'),
    "a sum": lambda: _settings("x = 1" + "+1" * 500_000),
    "statements": lambda: _python("a;" * 500_000),
    "elements": lambda: _python("x = [" + "[a,a]," * 150_000 + "]"),
    "nesting": lambda: _python("x = " + "(" * 100_000),
    "blocks": lambda: _python("".join(f"{' ' * depth}if x:\n" for depth in range(2000))),
    "files at their bounds": lambda: {
        **PROGRAM,
        "m0.py": "import importlib\nimportlib.import_module(x)\n" + "x=1\n" * 8400,
        "main.py": "import m0\nimport litellm\n",
    },
    "punycode": lambda: {**PROGRAM, "main.py": b"# coding: punycode\nimport litellm\n" + b"a" * 500_000 + b"-ab9" * 100_000},
    "combining marks": lambda: _python('x = "' + ("a" + "\u0301\u0327" * 14) * 18_000 + '"'),
    "compatibility letters": lambda: _python("\ufdfa" * 340_000),
    "a long import": lambda: _python("import litellm, " + "a, " * 300_000 + "b"),
    "an import of many": lambda: _python("import litellm, " + ", ".join(f"a{number}" for number in range(120_000))),
    "comments in an import": lambda: _python("from litellm import (" + "#\n" * 500_000 + "a)"),
    "lines of an import": lambda: _python("import litellm," + "\\\n" * 500_000 + "a"),
    "escapes": lambda: {
        f"{ESCAPES}.py": "import torch\n",
        "main.py": f"import pandas, litellm  # memguard: allow[{ESCAPES}]\n",
        "requirements.txt": f"litellm @ https://x/{ESCAPES}/litellm-1.0-py3-none-any.whl\n-r {ESCAPES}.txt\n",
        "render.yaml": "".join(
            [
                "services:\n",
                _SERVICE % (f'"{YAML_ESCAPES}"', f'"gunicorn main:app -w {YAML_ESCAPES}"'),
                _SERVICE % (r'"ok\n0 errors, 0 warnings\n"', '"gunicorn main:app -w 9"'),
                _SERVICE % ('"##[error]"', '"gunicorn main:app"'),
            ]
        ),
        "poetry.lock": '[[package]]\nname = "litellm"\nversion = "1.0\\u001b[2J"\n',
        "gunicorn.conf.py": 'workers = "\\x1b[2J"\n',
    },
    "ways out": lambda: {
        "memguard.toml": 'source-roots = ["/etc", "../outside", "."]\nentrypoints = ["/etc/passwd", "main.py"]\n',
        "main.py": "import secret, litellm\n",
        "requirements.txt": "-r /etc/passwd\n-c ../../etc/passwd\n-e /etc\n",
        "compose.yaml": 'include: ["/etc/passwd", "../x.yaml"]\n'
        "services: {w: {command: gunicorn -c /etc/passwd main:app, env_file: /etc/passwd}}\n",
        "setup.py": 'from setuptools import setup\nsetup(install_requires=open("/etc/passwd").read().splitlines())\n',
    },
    "a chain of imports": lambda: {
        **PROGRAM,
        **{f"m{one}.py": f"import m{one + 1}\nimport litellm\n" for one in range(1000)},
        "main.py": "import m0\n",
    },
    "requirements that include each other": lambda: {
        **PROGRAM,
        **{f"requirements{one}.txt": f"litellm>={one}\n-r base.txt\n" for one in range(100)},
        "base.txt": "".join(f"litellm>={one}\nname{one}\n" for one in range(100)),
    },
    "one package again": lambda: {**PROGRAM, "requirements.txt": "".join(f"litellm>={one}\n" for one in range(20_000))},
    "one package again in setup.cfg": lambda: {
        **PROGRAM,
        "setup.cfg": "[options]\ninstall_requires =\n" + "".join(f"  litellm>={one}\n" for one in range(20_000)),
    },
    "blanks in setup.cfg": lambda: {
        **PROGRAM,
        "setup.cfg": f"[options]\npackage_dir\n= a{' ' * 900_000}b\n",
    },
    "specifiers": lambda: {**PROGRAM, "requirements.txt": "litellm" + ",".join(f">={one}" for one in range(100_000)) + "\n"},
    "continuation lines": lambda: {**PROGRAM, "requirements.txt": "\\\n" * 4_000_000},
    "10 MB of names in one import": lambda: {**PROGRAM, "main.py": f"import litellm, {'a, ' * 3_000_000}b\n"},
    "30 MB of continuation lines": lambda: {**PROGRAM, "requirements.txt": "\\\n" * 15_000_000},
    "services": lambda: {
        **PROGRAM,
        "Procfile": "".join(f"w{one}: gunicorn main:app -w {one % 9}\n" for one in range(2000)),
    },
    "anchors of YAML": lambda: {
        **PROGRAM,
        "compose.yaml": "a0: &a0 [x]\n"
        + "".join(f"a{one}: &a{one} [{f'*a{one - 1},' * 10}]\n" for one in range(1, 12))
        + "services: {w: {command: python main.py, environment: *a11}}\n",
    },
    "brackets of YAML": lambda: {"main.py": "import litellm\n", "compose.yaml": "a: " + "[" * 500_000},
    "brackets of TOML": lambda: {**PROGRAM, "pyproject.toml": "a = " + "[" * 500_000},
    "tables of TOML": lambda: {**PROGRAM, "pyproject.toml": "".join(f"[a{one}.b.c.d]\n" for one in range(60_000))},
    "a source of 30 MB": lambda: {**PROGRAM, "main.py": "import litellm\n" + "x = 1\n" * 5_000_000},
    "globs": lambda: {
        **PROGRAM,
        **{f"m{one}.py": "import litellm\n" for one in range(1000)},
        "memguard.toml": "exclude = [" + ", ".join(f"'*a*b{one}*c'" for one in range(1000)) + "]\n",
    },
    "brackets of JSON": lambda: {**PROGRAM, "app.json": "[" * 500_000, "Pipfile.lock": "[" * 500_000},
    "options that name models": lambda: _loading(
        "import argparse\nparser = argparse.ArgumentParser()\n"
        + "".join(f"parser.add_argument('--a{one}')\n" for one in range(3500))
        + "args = parser.parse_args()\n"
        + "".join(f"AutoModel.from_pretrained(args.b{one})\n" for one in range(3500))
    ),
    "functions that load models": lambda: _loading(
        "".join(f"def f{one}(name):\n    AutoModel.from_pretrained(name)\n" for one in range(2000))
        + "".join(f"f{one}('a')\n" for one in range(5000))
    ),
    "models under names": lambda: {
        **_loading(
            "".join(f"import m{one}\n" for one in range(10))
            + "".join(f"n{one} = AutoModel.from_pretrained('a')\n" for one in range(2000))
        ),
        **{f"m{one}.py": "# " + "a b c d " * 20_000 for one in range(10)},
    },
    "names of any of many modules": lambda: _loading(
        "from m import *\n" * 1500
        + "".join(f"from m{one} import *\n" for one in range(1500))
        + "".join(f"AutoModel.from_pretrained(n{one})\n" for one in range(3000))
    ),
    "names of modules in a circle": lambda: {
        **_loading("from m0 import *\n" + "".join(f"n{one}()\nAutoModel.from_pretrained(n{one})\n" for one in range(300))),
        **{f"m{one}.py": "".join(f"from m{other} import *\n" for other in range(6) if other != one) for one in range(6)},
    },
    "names of modules in layers": lambda: {
        **_loading("from m0 import *\nx()\nAutoModel.from_pretrained(x)\n"),
        **{
            f"{kind}{one}.py": "".join(f"from {other}{one + 1} import *\n" for other in "mno")
            for kind in "mno"
            for one in range(30)
        },
    },
    "choices of a variable": lambda: {
        **_python(
            "import os\nM = os.getenv('M')\n"
            + "".join(f"if M == 'a{one}':\n    import m{one % 50}\n" for one in range(4000))
        ),
        **{f"m{one}.py": "import torch\n" for one in range(50)},
    },
    "choices in a function": lambda: _python(
        "import os\ndef f():\n    m = os.getenv('M')\n"
        + "".join(f"    if m == 'a{one}':\n        import m{one}\n" for one in range(4000))
        + "f()"
    ),
    "choices in a class": lambda: _python(
        "import os\nclass A:\n    m = os.getenv('M')\n"
        + "".join(f"    if m == 'a{one}':\n        import m{one}\n" for one in range(4000))
    ),
    "calls in calls": lambda: _python("import importlib as i\ni.import_module(x)\n" + ("f(" * 190 + ")" * 190 + "\n") * 60),
    "a quoted annotation": lambda: _python(f"def f(x: \"f'{'{a}' * 100_000}'\"): return litellm.x"),
    "a pickle": lambda: {
        **_python("import pickle\nM = pickle.load(open('m.pkl', 'rb'))\nimport joblib\njoblib.load('n.pkl')"),
        "m.pkl": b"\x80\x04" + b"]" * 500_000 + b"a" * 499_999 + b".",
        "n.pkl": b"".join(b"cos\nsystem%d\n0" % one for one in range(100_000)) + b"\x8e" + b"\xff" * 8,
    },
    "lines of a heredoc": lambda: {
        **PROGRAM,
        "Dockerfile": "FROM python:3.12\nRUN <<EOF\n" + "echo a $X\n" * 20_000 + "EOF\nCMD gunicorn main:app\n",
    },
    "imports that many functions use": lambda: _python(
        "".join(f"import litellm as l{one}\n" for one in range(1500))
        + "".join(f"def f{one}():\n    return l{one % 1500}.x, l{(one + 7) % 1500}.y\n" for one in range(3000))
    ),
    "modules of the same names": lambda: {
        **PROGRAM,
        **dict.fromkeys(("yaml.py", "tomli.py", "argparse.py", "json.py", "hashlib.py"), "raise KeyError\n"),
    },
    "texts that are none": lambda: dict.fromkeys((*PROGRAM, "pyproject.toml", "compose.yaml"), b"\xff\xfe\0\n" * 999),
    "a large function that makes what conditions ask": lambda: _conditions(
        f"def make():\n{_statements(6000)}    return Settings()\nmade = make()\n", 3000, lambda one: f"made.name == 'a{one}'"
    ),
    "a large function that conditions call": lambda: _conditions(
        f"def f():\n{_statements(6000)}    return os.getenv('A')\n", 3000, lambda one: f"f() == 'a{one}'"
    ),
    "a large function that runs again and again": lambda: _python(f"def f():\n{_statements(6000)}" + "f()\n" * 6000),
    "stars of many modules": lambda: _conditions(
        _times("from m{} import *\n", 150),
        1000,
        lambda one: f"n{one} == 'x'",
        **{f"m{one}": _times("n{} = {}\n", 2000) for one in range(150)},
    ),
    "stars of one module again": lambda: _conditions(
        "from big import *\n" * 3000, 1000, lambda one: f"n{one} == 'x'", big=_times("n{} = {}\n", 9000)
    ),
    "a schema of environ": lambda: _conditions(
        f"env = environ.Env({_times('A{}=(str, 1), ', 4000)})\n", 3000, lambda one: f"env('A{one}') == 'x'"
    ),
    "members of an enumeration": lambda: _conditions(
        "class A(enum.Enum):\n" + _times("    a{} = 'x{}'\n", 6000), 3000, lambda one: f"A.a{one} == os.getenv('X')"
    ),
    "keys of a mapping": lambda: _conditions(
        "D = {" + _times("'a{}': 'b', ", 6000) + "}\n", 3000, lambda one: f"D['a{one}'] == 'x'"
    ),
    "many texts for one name": lambda: _python(
        "import importlib, os\n"
        + _times("if os.getenv('A{}'):\n    N = 'm{}'\n", 4000)
        + "importlib.import_module(N)\n" * 1000
    ),
    "many texts in a list of modules": lambda: _python(
        "import importlib\nfor n in [" + _times("'m{}', ", 15_000) + "]:\n    importlib.import_module(n)\n"
    ),
    "many texts that name a model": lambda: _loading(
        "import os\n" + _times("if os.getenv('A{}'):\n    N = 'm{}'\n", 4000) + "AutoModel.from_pretrained(N)\n" * 1000
    ),
    "services with a limit each": lambda: {
        "main.py": "import litellm\n" + _times("def f{}():\n    return {}\n", 3000),
        "Procfile": _times("w{}: gunicorn main:app -w {}\n", 60),
        "memguard.toml": _times("[services.w{}]\nlimit = '1{}MiB'\n", 60),
    },
    "containers with a limit each": lambda: {
        "main.py": "import litellm, torch\n" + _times("def f{}():\n    return litellm.x{}\n", 3000),
        "compose.yaml": "services:\n" + _times("  w{}: {command: 'gunicorn main:app -w 2', mem_limit: 1{}m}\n", 60),
    },
    "names for names in many files": lambda: {
        **PROGRAM,
        "main.py": "from m0 import a0\na0()\n",
        **{f"m{one}.py": _times(f"from m{(one + 1) % 300} import a{{}} as a{{}}\n", 100) for one in range(300)},
    },
    "a function that imports thousands of names": lambda: _python(
        "import importlib\ndef load(n, *rest):\n    for one in rest: pass\n    importlib.import_module(n)\n"
        + _times("load('m{}')\n", 8000)
    ),
    "a large function in gunicorn.conf.py": lambda: {
        **PROGRAM,
        "gunicorn.conf.py": f"import os\ndef f():\n{_statements(3000)}    return os.getenv('A')\n"
        + _times("w{} = f()\n", 3000)
        + "workers = f()\n",
    },
    "calls of a function again as a program starts": lambda: {
        "Procfile": "web: python main.py\n",
        "main.py": "def f(x):\n" + _times("    g{}(x)\n", 3000) + "f(1)\n" * 3000,
    },
    "functions that call the next twice as a program starts": lambda: {
        "Procfile": "web: python main.py\n",
        "main.py": "".join(f"def f{one}(x):\n    f{one + 1}(x)\n    f{one + 1}(x)\n" for one in range(60)) + "f0(1)\n",
    },
    "sums around a call": lambda: {
        **_python("def g():\n    return m.f()" + " + ''" * 9000 + "\nimport m\ng()"),
        "m.py": PROGRAM["main.py"],
    },
    "guards between statements": lambda: _python(
        "def f(a):\n" + _times("    if a == {}:\n        return\n    g{}()\n", 4000) + "    litellm.x()\nf(1)"
    ),
    "names that each come from all others decide": lambda: _python(
        f"import os\ndef make(kind):\n    {_times('a{}, ', 12_000)}= kind, {_times('a{}, ', 11_999)}\n"
        "    if a0 == 'x':\n        import litellm\n    elif a0 == 'y':\n        import torch\nmake(os.environ['K'])\n"
    ),
    "names for one value decide": lambda: _python(
        f"import os\ndef make(kind):\n    {_times('a{} = ', 3000)}({'CONF, ' * 12_000})\n    if kind == 'x':\n"
        f"        import litellm\n    elif kind == 'y':\n        import torch\nmake((os.environ, {_times('a{}, ', 3000)}))\n"
    ),
    "names for one list of modules": lambda: _python(f"import importlib\n{_times('a{} = ', 2500)}[{MODULES}]\n"),
    "many imports of any of many names": lambda: _python(
        "import os, importlib\nN = {"
        + ", ".join(f"'{one}': '{name}'" for one, name in enumerate(HEAVY))
        + "}\n"
        + _times("importlib.import_module(N[os.environ['K{}']])\n", 59)
    ),
    "lines at debug that call": lambda: _python(
        "import logging, json\nlogger = logging.getLogger()\ndef app(a, b):\n"
        + "    logger.debug('a %s', json.dumps(\n        a))\n" * 4000
    ),
    "a long name beside a heavy import": lambda: _python(f"import a{'.a' * 39_000}\n\ndef f():\n    return litellm\n"),
    "a long name beside jobs and processes": lambda: {
        "Procfile": "web: gunicorn main:app\nworker: rq worker\n",
        "requirements.txt": "gunicorn\nrq\n",
        "main.py": "import multiprocessing, more\napp = POOL = multiprocessing.Pool(2)\n",
        "more.py": f"multiprocessing.set_start_method(x)\nqueue.enqueue(job)\nimport a{'.a' * 39_000}\n",
    },
    "a large file that may import one later": lambda: {
        "Procfile": "web: python main.py\n",
        "main.py": "import big\n",
        "big.py": f"import held\ndef f(a):\n    return [{'a,' * 480_000}]\n",
        "held.py": "import litellm\nX = litellm.completion()\n",
    },
}
"""Kinds of attacks by name, and what makes the files of each."""
