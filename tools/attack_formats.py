"""Projects whose manifests, locks, deployment files and scripts are written by an attacker, by the kind of the attack."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping

Files = Mapping[str, str | bytes]

MAIN = {"main.py": "import litellm\n"}
PROGRAM = {**MAIN, "Procfile": "web: gunicorn main:app\n"}


def times(text: str, number: int) -> str:
    """Return a text many times, each with its number in place of `{}` and the next one in place of `{+}`."""
    return "".join(text.replace("{}", str(one)).replace("{+}", str(one + 1)) for one in range(number))


def _compose(services: str) -> Files:
    return {**MAIN, "compose.yaml": services}


def _dockerfile(lines: str) -> Files:
    return {**MAIN, "Dockerfile": lines + 'CMD ["gunicorn", "main:app"]\n'}


def _script(text: str, **beside: str) -> Files:
    return {
        **MAIN,
        "Procfile": "web: sh start.sh\n",
        "start.sh": text,
        **{f"{name}.sh": one for name, one in beside.items()},
    }


def _locked(number: int) -> str:
    return times('[[package]]\nname = "p{}"\nversion = "1"\ndependencies = [{ name = "p{+}" }, { name = "p0" }]\n', number)


def _bomb() -> bytes:
    """Return an archive of zeros: 200 MiB in some 200 KiB."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__main__.py", bytes(200 * 2**20))
    return made.getvalue()


FORMATS: dict[str, Callable[[], Files]] = {
    "templates of Helm that repeat": lambda: {
        **MAIN,
        "c/Chart.yaml": "name: a\nversion: 1\n",
        "c/values.yaml": f"n: 1000000000\ns: {'a' * 900_000}\n",
        "c/templates/d.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: "
        "{containers: [{name: c, command: [gunicorn, 'main:app'], "
        'resources: {limits: {memory: {{ repeat 1000000000 "a" }}}}}]}}}\n'
        '{{ range until 1000000000 }}{{ range until 1000000000 }}{{ end }}{{ end }}{{ printf "%1000000000d" 1 }}\n'
        "{{ " + "(" * 5000 + ".Values.s" + ")" * 5000 + " | indent 100000000 }}" + "{{ if .Values.n }}" * 5000,
    },
    "scalars of YAML": lambda: _compose(
        "%YAML 99999999999.1\n---\nservices:\n  w:\n    command: gunicorn main:app -w 99999999999999999999\n"
        f"    mem_limit: 9e999999999g\n    scale: 0b{'1' * 90_000}\n    cpus: 1e999999999\n    ports: [{'1:' * 90_000}1]\n"
        f"    deploy: {{replicas: {'1:' * 90_000}1, resources: {{limits: {{memory: {'9' * 6000}}}}}}}\n"
        f"    environment: {{A: !!binary '{'AAAA' * 20_000}', B: !!python/object/apply:os.system [x], C: 0000-99-99}}\n"
    ),
    "words of a shell": lambda: {
        **MAIN,
        "Procfile": "web: gunicorn main:app -w $((9**9**9**9)) --threads $((1<<99999999999)) {1..1000000000} "
        + "$(" * 5000
        + "a"
        + ")" * 5000
        + "`" * 5001
        + f"\nw2: gunicorn main:app --workers {'9' * 500_000}\n"
        + "w3: "
        + "A=$A$A " * 20_000
        + "gunicorn main:app\nw4: "
        + "eval " * 2000
        + "gunicorn main:app\n",
    },
    "versions without end": lambda: {
        **PROGRAM,
        "requirements.txt": f"pandas==1.{'0' * 100_000}\nscipy{'[a]' * 50_000}\nflask; {'(' * 20_000}\n",
        "more.txt": f"litellm=={'1.' * 200_000}1\ntorch=={'9' * 100_000}!1\nnumpy>={'1' * 5000},<{'2' * 5000}\n",
    },
    "settings without end": lambda: {
        **PROGRAM,
        "memguard.toml": f'exclude = ["{"*a" * 2000}b", "[!", "{"**/" * 3000}x", "{"[" * 9000}"]\n'
        f'source-roots = ["{"./" * 20_000}"]\n[services."{"s" * 200_000}"]\nlimit = "1GiB"\n',
        f"{'a' * 250}.py": "import torch\n",
        f"{'aaaa/' * 40}m.py": "import torch\n",
    },
    "a matrix of workflows": lambda: {
        **PROGRAM,
        ".github/workflows/a.yml": "on: push\njobs:\n  a:\n    strategy:\n      matrix:\n"
        + "".join(f"        k{one}: [{','.join(map(str, range(100)))}]\n" for one in range(20))
        + "    steps:\n"
        + "    - run: python main.py ${{ matrix.k1 }}\n" * 3000,
    },
    "dotted keys of TOML": lambda: {**PROGRAM, "pyproject.toml": "a" + ".a" * 100_000 + " = 1\n"},
    "inline tables of TOML": lambda: {**PROGRAM, "pyproject.toml": "a = " + "{a = " * 50_000},
    "arrays of tables of TOML": lambda: {**PROGRAM, "poetry.lock": times("[[a.b{}.c]]\n", 60_000)},
    "numbers of TOML": lambda: {**PROGRAM, "pyproject.toml": f"a = {'1' * 900_000}\n[project]\nname = 'a'\n"},
    "merge keys of YAML": lambda: _compose(
        "x0: &x0 {a: b}\n"
        + times("x{+}: &x{+}\n  <<: [*x{}, *x{}, *x{}, *x{}]\n  k{+}: v\n", 200)
        + "services: {w: {<<: *x200, command: gunicorn main:app}}\n"
    ),
    "tags of YAML": lambda: _compose(
        "services:\n" + times("  w{}: !!python/object/apply:os.system ['touch pwned']\n", 5000) + "  v: !x {command: !y z}\n"
    ),
    "an alias of itself in YAML": lambda: _compose(
        "services: &s\n  w: {command: gunicorn main:app, environment: *s}\n  v: *s\n"
    ),
    "keys of YAML that are no texts": lambda: _compose(
        "services:\n  ? " + "[" * 400 + "]" * 400 + "\n  : {command: x}\n  ? {a: b}\n  : c\n"
    ),
    "documents of YAML": lambda: {**MAIN, "k8s/all.yaml": "kind: Deployment\n---\n" * 11_000},
    "a long text of YAML": lambda: _compose("services: {w: {command: >-\n" + " gunicorn main:app\n" * 12_000 + "}}\n"),
    "numbers of JSON": lambda: {**PROGRAM, "app.json": f'{{"a": {"1" * 900_000}, "b": 1e999999, "c": -Infinity}}'},
    "keys of JSON": lambda: {
        **PROGRAM,
        "Pipfile.lock": '{"default": {' + times('"litellm": {"version": "=={}"}, ', 30_000) + '"a": {}}}',
    },
    "half characters of JSON": lambda: {
        **MAIN,
        "railway.json": '{"deploy": {"startCommand": "gunicorn main:app -w \\ud800", "x\\udfff": "\\u001b[2J"}}',
        "app.json": '{"name": "\\ud83d", "env": {"A\\ud800": {"value": "\\udc00"}}}',
    },
    "nested objects of JSON": lambda: {**PROGRAM, "zappa_settings.json": '{"a":' * 100_000 + "1" + "}" * 100_000},
    "arguments of a Dockerfile that double": lambda: _dockerfile(
        "ARG A0=xxxxxxxxxxxxxxxx\n"
        + times("ARG A{+}=$A{}$A{}\n", 200)
        + "FROM python:$A200\nENV X=$A200\nRUN pip install $A200\n"
    ),
    "continuation lines of a Dockerfile": lambda: _dockerfile(
        "FROM python:3.12\nRUN pip install litellm" + " \\\n" * 500_000 + "\n"
    ),
    "stages of a Dockerfile in a circle": lambda: _dockerfile(
        times("FROM s{+} AS s{}\nCOPY --from=s{+} /a /a\n", 1500) + "FROM s0 AS s1500\n"
    ),
    "heredocs in heredocs": lambda: _dockerfile(
        "FROM python:3.12\n" + times("RUN <<E{} cat <<F{}\npip install a{}\n", 5000)
    ),
    "a Dockerfile of one word": lambda: _dockerfile(
        f"FROM python:3.12\nRUN pip install {'a' * 900_000}\nENV A={'$' * 100_000}\n"
    ),
    "scripts that source each other": lambda: _script(
        ". ./a.sh\n. ./b.sh\n" * 500 + "exec gunicorn main:app\n",
        a="source ./b.sh\n" * 200,
        b=". ./a.sh\nsource ./start.sh\n" * 200,
    ),
    "functions of a script that call themselves": lambda: _script(
        "f() { f; f; f; }\ng() { f; g; }\nf\ng\nexec gunicorn main:app\n"
    ),
    "defaults in defaults": lambda: _script(f"A={'${B:-' * 5000}x{'}' * 5000}\nexec gunicorn main:app -w $A\n"),
    "braces and patterns of a script": lambda: _script(
        "for i in {1..999999999}; do echo $i; done\nA=$(seq 1 999999999)\n"
        + times("case $X in *a*b*c*d*{}) A={};; esac\n", 2000)
        + "while true; do B=$B$B; done\nexec gunicorn main:app -w $((9**9**9**9)) $((1<<99999999))\n"
    ),
    "a script of ways": lambda: _script(
        times("if [ $A{} ]; then W={}; else W=x{}; fi\n", 1500) + "exec gunicorn main:app -w $W\n"
    ),
    "variables that double": lambda: {
        **MAIN,
        ".env": "A0=xxxxxxxxxxxxxxxx\n" + times("A{+}=${A{}}${A{}}\n", 2000),
        "compose.yaml": "services: {w: {command: 'gunicorn main:app -w ${A1999}', env_file: .env}}\n",
    },
    "services that extend each other": lambda: _compose(
        "services:\n"
        + times("  w{}: {extends: w{+}, command: gunicorn main:app}\n", 90)
        + "  w90: {extends: {service: w0, file: compose.yaml}}\n"
    ),
    "compose files that include each other": lambda: {
        **MAIN,
        **{
            f"{name}.yaml": "include: [compose.yaml, a.yaml, b.yaml, {path: [a.yaml, b.yaml]}]\n"
            f"services: {{{name}: {{extends: {{file: a.yaml, service: b}}, command: gunicorn main:app}}}}\n"
            for name in ("compose", "a", "b")
        },
    },
    "requirements in a circle": lambda: {
        **PROGRAM,
        "requirements.txt": "-r r0.txt\n-c r1.txt\n",
        **{f"r{one}.txt": times(f"-r r{{}}.txt\n-c r{{}}.txt\nlitellm>={one}\n", 40) for one in range(40)},
    },
    "long markers": lambda: {
        **PROGRAM,
        "requirements.txt": "litellm; python_version > '3'" + " and python_version > '3'" * 40_000 + "\n"
        f"torch; {'(' * 5000}python_version > '3'{')' * 5000}\n",
    },
    "hashes": lambda: {**PROGRAM, "requirements.txt": "litellm==1.0" + (" --hash=sha256:" + "a" * 64) * 40_000 + "\n"},
    "extras": lambda: {**PROGRAM, "requirements.txt": f"litellm[{times('a{},', 100_000)}z]==1.0\n"},
    "a lock of 100,000 packages in circles": lambda: {**PROGRAM, "uv.lock": "version = 1\n" + _locked(100_000)},
    "a poetry lock in circles": lambda: {
        **PROGRAM,
        "pyproject.toml": '[tool.poetry]\nname = "a"\n[tool.poetry.dependencies]\np0 = "*"\n',
        "poetry.lock": times(
            '[[package]]\nname = "p{}"\nversion = "1"\n[package.dependencies]\np{+} = "*"\np0 = "*"\n', 8000
        ),
    },
    "an archive that is a bomb": lambda: {
        **MAIN,
        "Procfile": "web: python app.pyz\n",
        "app.pyz": _bomb(),
        "requirements.txt": "./litellm-1.0-py3-none-any.whl\n",
        "litellm-1.0-py3-none-any.whl": _bomb(),
    },
    "arrays that are bombs": lambda: {
        **PROGRAM,
        "main.py": "import numpy, pandas, joblib\nX = numpy.load('a.npz')\n"
        "Y = pandas.read_csv('b.csv.gz')\nZ = joblib.load('c.pkl')\n",
        "a.npz": _bomb(),
        "b.csv.gz": _bomb(),
        "c.pkl": _bomb(),
    },
    "a notebook": lambda: {**PROGRAM, "a.ipynb": '{"cells": [' + times('{"source": ["import torch{}"]}, ', 20_000) + "{}]}"},
    "powers in setup.py": lambda: {
        **PROGRAM,
        "setup.py": "from setuptools import setup\nN = 10 ** 10 ** 10\nT = 'a' * 10 ** 10\nF = '%9999999999d' % 1\n"
        "setup(install_requires=['litellm'] * 10 ** 9 + [T, F, f'{N:>9999999999}', str(9 ** 9 ** 9)])\n",
    },
    "widths in what names a module": lambda: {
        **PROGRAM,
        "main.py": "import importlib, litellm\nN = 1 << 10 ** 9\nimportlib.import_module(f'{1:>999999999}')\n"
        "importlib.import_module('%999999999s' % 'a')\nimportlib.import_module('a' * 10 ** 9)\n"
        "importlib.import_module('{:>999999999}'.format(1))\nimportlib.import_module('a'.ljust(10 ** 9))\n"
        "importlib.import_module('a'.replace('a', 'a' * 10 ** 5).replace('a', 'a' * 10 ** 5))\n",
    },
    "classes in a lattice": lambda: {
        **PROGRAM,
        "main.py": "import importlib, litellm\nimportlib.import_module(x)\nclass A0: pass\nclass B0: pass\n"
        + times("class A{+}(A{}, B{}): pass\nclass B{+}(A{}, B{}): pass\n", 60)
        + "A60().run()\n",
    },
    "functions that return each other": lambda: {
        **PROGRAM,
        "main.py": "import os, litellm\n"
        + times("def f{}():\n    return f{+}() or f{+}() or f0()\n", 500)
        + "def f500():\n    return os.getenv('A')\nif f0() == 'a':\n    import torch\n",
    },
    "decorators and lambdas": lambda: {
        **PROGRAM,
        "main.py": "import litellm\n"
        + "@litellm.x\n" * 10_000
        + "def f(): pass\n"
        + "g = "
        + "lambda: " * 150
        + "litellm\n",
    },
    "processes": lambda: {**MAIN, "Procfile": times("w{}: gunicorn main:app\n", 35_000)},
    "a process of a long line": lambda: {
        **MAIN,
        "Procfile": f"web: {'A=1 ' * 200_000}gunicorn main:app {'-w 1 ' * 20_000}\n",
    },
    "includes of systemd": lambda: {
        **MAIN,
        "app.service": "[Service]\n"
        + times("Environment=A{}=%h%i$A{}\n", 4000)
        + "ExecStart=/bin/sh -c 'gunicorn \\\n" * 2000,
    },
    "locals of Terraform": lambda: {
        **MAIN,
        "main.tf": "locals {\n" + times("  a{} = local.a{+}\n", 2000) + "  a2000 = local.a0\n}\n"
        'resource "aws_ecs_task_definition" "w" {\n  for_each = local.a0\n  '
        "container_definitions = jsonencode([{ name = local.a0, command = [local.a1] }])\n}\n",
    },
    "nested blocks of Terraform": lambda: {**MAIN, "main.tf": 'resource "a" "b" {\n' + "a {\n" * 30_000},
    "templates that include themselves": lambda: {
        **MAIN,
        "chart/Chart.yaml": "apiVersion: v2\nname: a\nversion: 1\n",
        "chart/values.yaml": times("a{}: b\n", 4000),
        "chart/templates/_h.tpl": '{{ define "a" }}{{ include "a" . }}{{ include "b" . }}{{ end }}'
        '{{ define "b" }}{{ include "a" . }}{{ end }}',
        "chart/templates/d.yaml": "{{ range until 999999999 }}{{ range until 999999 }}"
        '{{ include "a" . }}{{ end }}{{ end }}\n'
        "kind: Deployment\nmetadata: {name: a}\n",
    },
    "kustomizations in a circle": lambda: {
        **MAIN,
        **{
            f"{name}/kustomization.yaml": "resources: [../a, ../b, ../c, d.yaml]\npatches: [{path: d.yaml}]\n"
            for name in ("a", "b", "c")
        },
        "a/d.yaml": "kind: Deployment\nmetadata: {name: w}\n"
        "spec: {template: {spec: {containers: [{name: c, command: [gunicorn, main:app]}]}}}\n",
    },
    "tasks that run themselves": lambda: {
        **MAIN,
        "Procfile": "web: make run\nworker: just run\nclock: task run\nother: poe run\n",
        "Makefile": "run: run a\n\tmake run\n\t$(MAKE) a\na: run\n\tmake run\n"
        + times("t{}: t{+}\n\tmake t{+}\n", 2000)
        + "A = $(A)$(A)\n",
        "justfile": "run: run\n  just run\n",
        "Taskfile.yml": "tasks: {run: {deps: [run], cmds: [task: run, task run]}}\n",
        "pyproject.toml": '[tool.poe.tasks]\nrun = "poe run"\n[tool.pdm.scripts]\nrun = "pdm run run"\n',
    },
    "programs of supervisord that include themselves": lambda: {
        **MAIN,
        "Procfile": "web: supervisord -c supervisord.conf\n",
        "supervisord.conf": "[include]\nfiles = *.conf ../*.conf /etc/*.conf\n"
        + times("[program:w{}]\ncommand=gunicorn main:app\n", 1500),
        "b.conf": "[include]\nfiles = supervisord.conf b.conf\n",
    },
    "settings": lambda: {
        **PROGRAM,
        "memguard.toml": f"exclude = ['{'**/' * 400}x', '{'[a-' * 400}', '{'*a' * 200}']\n"
        "source-roots = [" + times('"r{}", ', 3000) + "]\n"
        "entrypoints = ['main.py']\n",
        "memguard-baseline.json": '{"version": 1, "findings": ['
        + times('{"code": "MG201", "path": "a{}", "subject": []}, ', 30_000)
        + "[]]}",
        "memguard.lock": '{"a":' * 5000,
    },
    "numbers that no host has": lambda: {
        **MAIN,
        "Procfile": f"web: gunicorn main:app -w {'9' * 4000}\nother: gunicorn main:app -w 1e999 --threads {'9' * 4000}\n",
        "gunicorn.conf.py": "workers = 10**4000\nthreads = 10**10**10\ntimeout = 1e999\n",
        "compose.yaml": "services:\n"
        + times("  w{}: {command: gunicorn main:app, mem_limit: 1e{}99}\n", 50)
        + f"  x: {{command: gunicorn main:app, mem_limit: {'9' * 4000}g, deploy: {{replicas: {'9' * 4000}}}}}\n",
        "fly.toml": f"app = 'a'\n[processes]\nweb = 'gunicorn main:app'\n[[vm]]\nmemory = '{'9' * 4000}gb'\n",
        "k8s/a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a, command: "
        "[gunicorn, main:app], resources: {limits: {memory: 1e999Ei}}}]}\n",
    },
    "folders with many services each": lambda: {
        **MAIN,
        **{f"f{one}/Procfile": times("w{}: gunicorn main:app -w {}\n", 200) for one in range(100)},
        **{f"f{one}/main.py": "import litellm\n" for one in range(100)},
    },
    "scripts that start scripts": lambda: {
        **MAIN,
        "Procfile": "web: sh s0.sh\n",
        **{f"s{one}.sh": times(f"sh s{one + 1}.sh &\npython main.py {{}} &\n", 20) + "wait\n" for one in range(7)},
    },
    "programs in many files of supervisord": lambda: {
        **MAIN,
        "Procfile": "web: supervisord -c a.conf\n",
        "a.conf": "[include]\nfiles = " + "b/*.conf " * 500 + "\n",
        **{f"b/{one}.conf": times("[program:w{}]\ncommand=gunicorn main:app\nnumprocs=999\n", 300) for one in range(100)},
    },
    "requirements beside a lock of as many": lambda: {
        **PROGRAM,
        "pyproject.toml": "[project]\nname = 'a'\nversion = '1'\ndependencies = [" + times('"p{}>=1", ', 4900) + "]\n",
        "uv.lock": _locked(4900),
        "requirements.txt": times("p{}==2\n", 9000),
        "setup.cfg": "[options]\ninstall_requires =\n" + times("  p{}<3\n", 9000),
    },
    "lists that services share": lambda: {
        **MAIN,
        "compose.yaml": "x: &x {"
        + times("A{}: b, ", 999)
        + "}\nservices:\n"
        + times("  w{}: {command: gunicorn main:app, environment: {<<: *x, B: '{}'}}\n", 99),
    },
    "deep keys of each format": lambda: {
        **PROGRAM,
        "pyproject.toml": "a" + ".a" * 100_000 + " = 1\n",
        "fly.toml": "[" + "a." * 100_000 + "a]\n",
        "compose.yaml": "".join(f"{' ' * one}a:\n" for one in range(900)) + "services: {}\n",
        "app.json": '{"a":' * 100_000 + "1" + "}" * 100_000,
        "render.yaml": "? " * 50_000 + "a\n",
    },
    "numbers in what memguard itself has written": lambda: {
        **PROGRAM,
        "memguard-baseline.json": f'{{"version": {"9" * 5000}, "findings": [NaN, -Infinity, {{"code": {"9" * 5000}}}]}}',
        "memguard.lock": f'{{"schema": 1, "measured": {"9" * 5000}, "roots": {"[" * 5000}{"]" * 5000}}}',
    },
    "variables of a Makefile that double": lambda: {
        **MAIN,
        "Procfile": "web: make run\n",
        "Makefile": "A0 = x\n" + times("A{+} = $(A{})$(A{})\n", 60) + "run:\n\tgunicorn main:app -w $(A60)\n",
    },
    "placeholders of INI that double": lambda: {
        **MAIN,
        "Procfile": "web: uwsgi --ini uwsgi.ini\nb: supervisord -c b.conf\nc: circusd c.ini\n",
        "uwsgi.ini": "[uwsgi]\na0 = xx\n" + times("a{+} = %(a{})%(a{})\n", 60) + "module = %(a60)\nworkers = %(a60)\n",
        "b.conf": "[supervisord]\nenvironment=A0=x"
        + times(',A{+}="%(ENV_A{})s%(ENV_A{})s"', 60)
        + "\n[program:a]\ncommand=gunicorn main:app -w %(ENV_A60)s\n",
        "c.ini": "[env]\na0 = xx\n"
        + times("a{+} = $(circus.env.a{})$(circus.env.a{})\n", 60)
        + "[watcher:a]\ncmd = gunicorn main:app -w $(circus.env.a60)\n",
    },
    "weights whose headers lie": lambda: {
        **PROGRAM,
        "main.py": "import llama_cpp, numpy, safetensors.torch, torch, transformers\n"
        "a = safetensors.torch.load_file('a.safetensors')\nb = llama_cpp.Llama(model_path='b.gguf')\n"
        "c = numpy.load('c.npy')\nd = torch.load('d.pt')\ne = transformers.AutoModel.from_pretrained('./e')\n",
        "a.safetensors": (2**63 - 1).to_bytes(8, "little") + b"{" * 100_000,
        "e/model.safetensors": b"\xff" * 8 + b"{}",
        "e/config.json": '{"hidden_size": 1e308, "num_hidden_layers": ' + "9" * 5000 + "}",
        "e/model.safetensors.index.json": '{"metadata": {"total_size": -1}, "weight_map": {"a": "../../../etc/passwd"}}',
        "b.gguf": b"GGUF\x03\0\0\0" + b"\xff" * 100_000,
        "c.npy": b"\x93NUMPY\x02\0\xff\xff\xff\x7f{'shape': (" + b"9" * 10_000 + b",), 'descr': '" + b"<f8" * 10_000,
        "d.pt": b"PK\x05\x06" + b"\xff" * 18,
    },
    "a script that says what it needs": lambda: {
        **MAIN,
        "Procfile": "web: uv run main.py\n",
        "main.py": "# /// script\n# dependencies = [\n"
        + times("#   'p{}[a]>=1; extra == \"b\"',\n", 20_000)
        + "# ]\n# ///\n",
    },
    "a package.json that starts": lambda: {
        **MAIN,
        "package.json": json.dumps(
            {"scripts": {"start": "npm run a", "a": "npm run b && npm run a", "b": "npm run start; npm run b"}}
        ),
        "Procfile": "web: npm start\n",
    },
}
"""Kinds of attacks by name, and what makes the files of each."""
