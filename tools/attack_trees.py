"""Trees and repositories as an attacker makes them, by the kind of the attack."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

NAME = "a\n::error file=x::forged\n\x1b[2J\u202e"
"""A name of a file that steers a terminal and a runner."""

Change = Callable[[Path], None]


def _git(root: Path, *words: str, data: bytes = b"") -> str:
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "core.protectNTFS=false")
    run = subprocess.run(["git", *author, *words], cwd=root, input=data, check=True, capture_output=True)
    return run.stdout.decode().strip()


def _write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _link(root: Path, links: Mapping[str, str]) -> None:
    for name, target in links.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)


def _names_that_steer(root: Path) -> None:
    beside = {"requirements.txt": "litellm\n", "main.py": "import torch\n", "Procfile": "web: gunicorn main:app\n"}
    _write(root, {f"{NAME}/{name}": text for name, text in beside.items()})
    _write(root, {f"{NAME}.py": "import pandas\n", f"requirements-{NAME}.txt": "litellm\n", f"{NAME}/{NAME}.py": "x = (\n"})
    os.mkdir(os.fsencode(root) + b"/\xff\xfe")
    _write(root, {"\udcff\udcfe/main.py": "import litellm\n"})


def _names_that_are_options(root: Path) -> None:
    names = ("-h", "--help", "--version", "--fail-on=never", "--config=a.toml", "--output=html=b.py", "--", "-", "--select=")
    _write(root, dict.fromkeys(names, "import torch\n"))


def _repository_in_a_folder(root: Path) -> None:
    program = f"touch {root}/RAN; false"
    _write(root, {"HEAD": "ref: refs/heads/main\n", "objects/a": "", "refs/heads/a": ""})
    _write(
        root,
        {"config": f'[core]\n\tbare = false\n\tworktree = /\n\tfsmonitor = "{program}"\n[include]\n\tpath = /etc/passwd\n'},
    )
    (root / ".git").rename(root / "git")  # what lies in a folder of a repository has none of its own


def _links_in_circles(root: Path) -> None:
    _link(
        root,
        {"a.py": "b.py", "b.py": "a.py", "requirements.txt": "requirements.txt", "d/d": "..", "d/e": ".", "f": "d/d/d/f"},
    )
    _link(root, {f"l{one}": f"l{one + 1}" for one in range(200)})


def _links_that_lead_out(root: Path) -> None:
    places = {".env": "/proc/self/environ", "requirements.txt": "/dev/zero", "Dockerfile": "/etc/passwd", "k8s": "/etc"}
    _link(root, {**places, "compose.yaml": "../../../../etc/hostname", "app": "/", "b/c": "../..", "uv.lock": "/dev/stdin"})
    _link(root, {"memguard.toml": "/etc/memguard.toml", "pyproject.toml": "/proc/self/fd/0", "Chart.yaml": "~/x"})


def _queues(root: Path) -> None:
    for name in ("requirements.txt", "Dockerfile", "compose.yaml", ".env", "m.py"):
        os.mkfifo(root / name)


def _unmerged(root: Path) -> None:
    name = _git(root, "hash-object", "-w", "--stdin", data=b"import torch\n")
    rows = [f"100644 {name} {stage}\t{path}" for path in ("main.py", "requirements.txt", "Procfile") for stage in (1, 2, 3)]
    _git(root, "rm", "-q", "--cached", "main.py", "Procfile")
    _git(root, "update-index", "--index-info", data="\n".join(rows).encode() + b"\n")


def _sparse(root: Path) -> None:
    _write(root, {f"d{one}/m.py": "import torch\n" for one in range(50)})
    _git(root, "add", "-A")
    _git(root, "commit", "-qm", "more")
    _git(root, "sparse-checkout", "set", "--no-cone", "/*", "!/d*/")


def _replaced(root: Path) -> None:
    large = _git(root, "hash-object", "-w", "--stdin", data=b"import torch\n" * 400_000)
    for path in ("main.py", "Procfile"):
        _git(root, "replace", _git(root, "rev-parse", f"HEAD:{path}"), large)


def _alternates(root: Path) -> None:
    places = ["../../.git/objects", "/etc", "/proc/self/cwd/.git/objects", "../objects", str(root / ".git/objects"), "/dev"]
    _write(root, {".git/objects/info/alternates": "\n".join(places * 200) + "\n"})


def _includes(root: Path) -> None:
    includes = "".join(f"[include]\n\tpath = c{one}\n" for one in range(8))
    _write(
        root,
        {
            ".git/c8": "[core]\n\tfsmonitor = touch pwned\n",
            **{f".git/c{one}": f"[include]\n\tpath = c{one + 1}\n" for one in range(8)},
        },
    )
    with (root / ".git/config").open("a", encoding="utf-8") as stream:
        stream.write(includes + "[include]\n\tpath = /etc/passwd-\n[core]\n\tworktree = /etc\n")


def _config_in_a_circle(root: Path) -> None:
    with (root / ".git/config").open("a", encoding="utf-8") as stream:
        stream.write("[include]\n\tpath = config\n")


def _submodules(root: Path) -> None:
    head = _git(root, "rev-parse", "HEAD")
    for name in ("sub", "deep/sub"):
        _git(root, "update-index", "--add", "--cacheinfo", f"160000,{head},{name}")
        _write(
            root,
            {
                f"{name}/.git": "gitdir: /etc\n",
                f"{name}/main.py": "import torch\n",
                f"{name}/Procfile": "web: python main.py\n",
            },
        )
    _write(root, {".gitmodules": '[submodule "../../x"]\n\tpath = /etc\n\turl = ext::sh -c touch%20pwned\n' * 2000})


def _large_tree(root: Path) -> None:
    _write(root, {f"d/m{one}.py": "" for one in range(20_000)})
    _git(root, "add", "-A")


def _deep_tree(root: Path) -> None:
    _write(root, {"d/" * 700 + "m.py": "import torch\n"})


def _names_of_trees(root: Path) -> None:
    """Commit a tree whose names no work tree could have: git reads it, as whoever pushes it may write it."""
    blob = bytes.fromhex(_git(root, "rev-parse", "HEAD:main.py"))
    names = sorted([b"..", b".git", b"a/b", b"/etc/passwd", b"main.py", b"\x1b[2J", b"x\n::error::y", b"requirements.txt"])
    tree = b"".join(b"100644 " + name + b"\0" + blob for name in names)
    name = _git(root, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", data=tree)
    _git(root, "update-ref", "HEAD", _git(root, "commit-tree", name, "-m", "x"))


def _odd_modes(root: Path) -> None:
    """Commit a tree whose entries are not what their modes say."""
    blob = bytes.fromhex(_git(root, "rev-parse", "HEAD:main.py"))
    whole = bytes.fromhex(_git(root, "rev-parse", "HEAD^{tree}"))
    link = bytes.fromhex(_git(root, "hash-object", "-w", "--stdin", data=b"/etc/passwd"))
    rows = {
        b"000000 a.py": blob, b"040000 b": blob, b"100644 Procfile": whole, b"100664 main.py": blob,
        b"120000 compose.yaml": link, b"160000 requirements.txt": blob, b"177777 c.py": blob, b"40000 d": whole,
        b"99999999999999999999 e.py": blob,
    }  # fmt: skip
    tree = b"".join(row + b"\0" + rows[row] for row in sorted(rows, key=lambda row: row.split()[1]))
    name = _git(root, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", data=tree)
    _git(root, "update-ref", "HEAD", _git(root, "commit-tree", name, "-m", "x"))


def _index_of_ways_out(root: Path) -> None:
    """Write an index whose entries lead out, as `git add` never does."""
    blob = bytes.fromhex(_git(root, "rev-parse", "HEAD:main.py"))
    names = sorted(
        [b"../outside.py", b"/etc/passwd", b".git/config", b"a//b.py", b"x\n::error::y.py", b"main.py", b"\xe2\x80\xae.py"]
    )
    rows = b""
    for name in names:
        row = struct.pack(">10I20sH", *([0] * 6), 0o100644, 0, 0, 0, blob, len(name)) + name
        rows += row + b"\0" * (8 - len(row) % 8)
    data = b"DIRC" + struct.pack(">II", 2, len(names)) + rows
    (root / ".git/index").write_bytes(data + hashlib.sha1(data, usedforsecurity=False).digest())


def _tree_of_itself_again(root: Path) -> None:
    """Commit trees that hold the tree below them ten times: 10 ** 12 paths in twelve objects."""
    tree = _git(root, "rev-parse", "HEAD^{tree}")
    for _ in range(12):
        rows = "".join(f"040000 tree {tree}\td{one}\n" for one in range(10))
        tree = _git(root, "mktree", data=rows.encode())
    _git(root, "update-ref", "HEAD", _git(root, "commit-tree", tree, "-m", "x"))


def _broken(root: Path) -> None:
    for path in (root / ".git/objects").glob("??/*"):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")


def _index_of_garbage(root: Path) -> None:
    (root / ".git/index").write_bytes(b"DIRC\0\0\0\2\xff\xff\xff\xff" + b"a" * 100_000)


def _packed(root: Path) -> None:
    rows = "".join(f"{one:040x} refs/heads/b{one}\n" for one in range(100_000))
    _write(root, {".git/packed-refs": rows, ".git/HEAD": "ref: refs/heads/" + "../" * 50 + "etc/passwd\n"})


def _links_in_git(root: Path) -> None:
    _link(root, {".git/memguard": "../../outside", ".git/info/attributes": "/etc/passwd", ".gitattributes": "/etc/passwd"})


_CHANGES = """
import os, time
ends = time.monotonic() + 20
while time.monotonic() < ends and os.path.isdir(".git"):
    for name in ("main.py", "Procfile"):
        for make in (
            os.mkfifo, lambda to: os.symlink("/etc/passwd", to), lambda to: os.symlink("main.py", to),
            lambda to: open(to, "w").write("import torch\\n" * 20_000), lambda to: open(to, "w").write("web: x\\n"),
        ):
            make("x")
            os.replace("x", name)
            time.sleep(0.001)
"""


def _changing(root: Path) -> None:
    """Change files while they are read, for 20 seconds or until the folder is gone."""
    subprocess.Popen([sys.executable, "-c", _CHANGES], cwd=root, stderr=subprocess.DEVNULL)


def _files_of_holes(root: Path) -> None:
    """Write files of a terabyte that take nothing on the disk."""
    for name in ("main.py", "data.csv", "uv.lock", "model.pkl", ".python-version", "memguard.lock", "compose.yaml"):
        with (root / name).open("wb") as stream:
            stream.truncate(2**40)
    code = "import joblib, pandas\npandas.read_csv('data.csv')\njoblib.load('model.pkl')\n"
    _write(root, {"app.py": code, "Procfile": "web: gunicorn app:app\n"})


def _links_in_layers(root: Path) -> None:
    """Write folders whose ten links each lead to the next: 10 ** 11 ways to one file."""
    for one in range(12):
        (root / f"d{one}").mkdir()
        for link in range(10) if one < 11 else ():
            (root / f"d{one}" / f"l{link}").symlink_to(f"../d{one + 1}")
    _write(root, {"d11/requirements.txt": "litellm\n", "d11/m.py": "import torch\n"})


def _names_that_look_alike(root: Path) -> None:
    names = (
        "e\u0301",
        "\u00e9",
        "\ufb01x",
        "fix",
        "\u0130",
        "i\u0307",
        "MAIN",
        "con",
        "\u200b",
        "\U000e0001",
        "a\x7f",
        "a" * 250,
    )
    _write(root, dict.fromkeys((f"{name}.py" for name in names), "import torch\n"))
    _write(root, {"main.py": "import \u00e9, e\u0301, \ufb01x, \u2160\nfrom \U0001d41a import b\nimport \u0130\n"})
    for name in (b"\xff.py", b"\xed\xa0\x80.py", b"a\xc0\x80.py"):
        (root / os.fsdecode(name)).write_text("import torch\n", encoding="utf-8")


def _without_its_tree(root: Path) -> None:
    name = _git(root, "rev-parse", "HEAD^{tree}")
    (root / ".git/objects" / name[:2] / name[2:]).unlink()
    _write(root, {"main.py": "import torch\n"})


TREES: dict[str, Change] = {
    "files of holes": _files_of_holes,
    "links in layers": _links_in_layers,
    "names that look alike": _names_that_look_alike,
    "a commit without its tree": _without_its_tree,
    "names that steer": _names_that_steer,
    "names that are options": _names_that_are_options,
    "a repository in a folder": _repository_in_a_folder,
    "links in circles": _links_in_circles,
    "links that lead out": _links_that_lead_out,
    "files that are queues": _queues,
    "an index that is not merged": _unmerged,
    "a sparse checkout": _sparse,
    "objects that are replaced": _replaced,
    "objects elsewhere": _alternates,
    "settings of git that include others": _includes,
    "settings of git that include themselves": _config_in_a_circle,
    "submodules": _submodules,
    "a folder of many files": _large_tree,
    "a deep folder": _deep_tree,
    "a tree of names that lead out": _names_of_trees,
    "a tree of odd modes": _odd_modes,
    "an index of names that lead out": _index_of_ways_out,
    "a tree that holds itself again and again": _tree_of_itself_again,
    "objects that are broken": _broken,
    "an index of garbage": _index_of_garbage,
    "references without end": _packed,
    "links in the folder of git": _links_in_git,
    "files that change while they are read": _changing,
}
"""Kinds of attacks by name, and what changes a program that is committed."""
