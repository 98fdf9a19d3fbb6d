"""Compare what the walk says that `import package` loads with what the interpreter loads, for many packages.

    python benchmarks/walk_accuracy.py CACHE [--only NAME ...] [--misses] [--lexical SECONDS]

Installs the packages below, at these versions, from the package index into a virtual environment in the folder
CACHE; what stands there already is used again. The truth is `sys.modules` of a fresh interpreter, less those modules
that are not Python files of the package; the walk begins at the package's own `__init__.py`. `--lexical` checks for so
many seconds that the fast lexical pass misses no import statement of the installed files.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import resource
import subprocess
import sys
import time
import venv
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from memguard_hooks.imports.facts import Facts
from memguard_hooks.imports.graph import walk
from memguard_hooks.imports.model import FileReading, Target
from memguard_hooks.imports.narrow import candidates
from memguard_hooks.imports.resolve import Resolver
from memguard_hooks.imports.sources import SourceFiles
from memguard_hooks.store import Store
from memguard_hooks.tree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKAGES = {
    "requests": "requests==2.34.2",
    "httpx": "httpx==0.28.1",
    "flask": "flask==3.1.3",
    "werkzeug": "werkzeug==3.1.9",
    "jinja2": "jinja2==3.1.6",
    "click": "click==8.5.1",
    "rich": "rich==15.0.0",
    "starlette": "starlette==1.10.0",
    "fastapi": "fastapi==0.165.0",
    "pydantic": "pydantic==2.14.3",
    "aiohttp": "aiohttp==3.14.5",
    "tornado": "tornado==6.6.1",
    "django": "django==5.2.19",
    "django.db": "django==5.2.19",
    "django.contrib.admin": "django==5.2.19",
    "sqlalchemy": "sqlalchemy==2.1.9",
    "sqlalchemy.orm": "sqlalchemy==2.1.9",
    "networkx": "networkx==3.6.1",
    "sympy": "sympy==1.14.0",
    "numpy": "numpy==2.4.6",
    "scipy": "scipy==1.17.1",
    "scipy.stats": "scipy==1.17.1",
    "pandas": "pandas==3.1.1",
    "sklearn": "scikit-learn==1.9.1",
    "sklearn.ensemble": "scikit-learn==1.9.1",
    "skimage": "scikit-image==0.26.0",
    "matplotlib": "matplotlib==3.11.2",
    "PIL": "pillow==13.0.0",
    "boto3": "boto3==1.44.5",
    "botocore": "botocore==1.44.5",
    "openai": "openai==2.54.0",
    "anthropic": "anthropic==2.12.0",
    "langchain_core": "langchain-core==1.7.2",
    "litellm": "litellm==1.106.2",
    "celery": "celery==5.7.0",
    "kombu": "kombu==5.7.0",
    "IPython": "ipython==9.18.1",
    "pytest": "pytest==9.2.0",
    "black": "black==26.10.1",
    "docutils": "docutils==0.22.4",
    "sphinx": "sphinx==9.0.4",
    "nltk": "nltk==3.10.4",
    "telegram": "python-telegram-bot==22.8",
    "discord": "discord.py==2.7.1",
    "lxml": "lxml==6.1.3",
    "uvicorn": "uvicorn==0.54.0",
    "gunicorn": "gunicorn==27.0.1",
}

LOADED = """
import importlib, json, os, re, sys, warnings
warnings.simplefilter("ignore")
package = importlib.import_module(sys.argv[1])
folder = os.path.realpath(os.path.dirname(package.__file__)) + os.sep
files = {os.path.realpath(getattr(m, "__file__", None) or "") for m in list(sys.modules.values())}
# A module that was compiled from the file beside it counts as that file.
files = {re.sub(r"\\.[^/]*\\.so$", ".py", f) for f in files}
json.dump(sorted(f for f in files if f.startswith(folder) and f.endswith(".py") and os.path.exists(f)), sys.stdout)
"""


class Row(NamedTuple):
    """What was found for one package: modules that are loaded and that the walk says, by file."""

    package: str
    loaded: frozenset[str]
    said: frozenset[str]
    seconds: float
    peak_mib: float

    @property
    def precision(self) -> float:
        """The share of what the walk says that is loaded."""
        return len(self.loaded & self.said) / (len(self.said) or 1)

    @property
    def recall(self) -> float:
        """The share of what is loaded that the walk says."""
        return len(self.loaded & self.said) / (len(self.loaded) or 1)


def install(cache: Path) -> Path:
    """Return the interpreter of the environment with all packages."""
    folder = cache / "venv"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    wanted = sorted(set(PACKAGES.values()))
    mark = cache / "installed.txt"
    if not mark.exists() or mark.read_text().split() != wanted:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        mark.write_text("\n".join(wanted))
    return python


def site_packages(python: Path) -> Path:
    """Return where an interpreter's packages are."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()).resolve()


def read_loaded(python: Path, package: str, root: Path) -> frozenset[str]:
    """Ask a fresh interpreter which Python files of a package importing it loads."""
    done = subprocess.run(
        [python, "-I", "-c", LOADED, package], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    files = json.loads(done.stdout.splitlines()[-1])
    return frozenset(Path(file).relative_to(root).as_posix() for file in files)


def read_said(package: str, root: str, minor: int) -> tuple[frozenset[str], float, float]:
    """Walk from a package's `__init__.py`; return its files, the seconds and the peak of memory in MiB."""
    began = time.perf_counter()
    tree = WorkTree(root)
    sources = SourceFiles(tree, Facts(Store(None)))

    def read(path: str, target: Target) -> FileReading:
        # What a later call imports is of no interest, but that there is such an import may be.
        reading = sources.prove(path, target)
        sites = (one if one.when == "import" else one._replace(module="__future__", level=0, names=())
                 for one in reading.analysis.sites)  # fmt: skip
        return reading._replace(analysis=reading.analysis._replace(sites=tuple(sites)))

    folder = package.replace(".", "/")
    found = walk(read, Resolver(tree, ("",)), f"{folder}/__init__.py", package, Target((3, minor)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    inside = frozenset(file for file in found.files["start"] if file.startswith(f"{folder}/"))
    return inside, time.perf_counter() - began, peak


def measure(python: Path, packages: Sequence[str]) -> Iterator[Row]:
    """Compare both sides of each package, each walk in a process of its own."""
    root = site_packages(python)
    minor = int(root.parent.name.partition(".")[2])
    for package in packages:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            run = pool.submit(read_said, package, str(root), minor)
            yield Row(package, read_loaded(python, package, root), *run.result())


def imported(tree: ast.AST) -> set[str]:
    """Return what the import statements of a module name, as `candidates` writes them."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names.add(module)
            names.update(module + ("" if module.endswith(".") else ".") + alias.name for alias in node.names)
    return names


def check_lexical(root: Path, seconds: float) -> tuple[int, int, list[str]]:
    """Compare the lexical pass with Python's own parser; return the files, their bytes and those where it missed."""
    files = sorted(root.rglob("*.py"))
    random.Random(5).shuffle(files)  # noqa: S311 - a choice, no secret
    began = time.monotonic()
    count = size = 0
    missed = []
    for path in files:
        if time.monotonic() - began > seconds:
            break
        data = path.read_bytes()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = imported(ast.parse(data))
        except (SyntaxError, ValueError):
            continue
        found = candidates(data)
        if found is not None and not expected <= set(found):
            missed.append(path.relative_to(root).as_posix())
        count += 1
        size += len(data)
    return count, size, missed


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path, help="folder for the environment")
    parser.add_argument("--only", nargs="+", choices=sorted(PACKAGES), help="compare these packages alone")
    parser.add_argument("--misses", action="store_true", help="name the files on which both sides differ")
    parser.add_argument("--lexical", type=float, default=0.0, help="check the lexical pass for so many seconds")
    options = parser.parse_args(argv)
    options.cache.mkdir(parents=True, exist_ok=True)
    python = install(options.cache.resolve())
    print(f"{'package':<44}{'loaded':>8}{'said':>8}{'precision':>11}{'recall':>9}{'seconds':>9}{'peak MiB':>10}")
    rows = []
    for row in measure(python, options.only or list(PACKAGES)):
        rows.append(row)
        print(f"{row.package + ' (' + PACKAGES[row.package] + ')':<44}{len(row.loaded):>8}{len(row.said):>8}"
              f"{row.precision:>11.1%}{row.recall:>9.1%}{row.seconds:>9.1f}{row.peak_mib:>10.0f}", flush=True)  # fmt: skip
        for file in sorted(row.loaded ^ row.said) if options.misses else ():
            print(f"    {'missed' if file in row.loaded else 'false '} {file}")
    total = Row("all", frozenset().union(*(row.loaded for row in rows)), frozenset().union(*(row.said for row in rows)),
                sum(row.seconds for row in rows), max(row.peak_mib for row in rows))  # fmt: skip
    print(f"{total.package:<44}{len(total.loaded):>8}{len(total.said):>8}"
          f"{total.precision:>11.1%}{total.recall:>9.1%}{total.seconds:>9.1f}{total.peak_mib:>10.0f}")  # fmt: skip
    if options.lexical:
        count, size, missed = check_lexical(site_packages(python), options.lexical)
        print(f"lexical pass: {count} files, {size / 2**20:.0f} MiB, imports missed in {len(missed)}", *missed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
