"""Tell what `python-runtime` adds to a run of all hooks, in milliseconds of CPU: with nothing compiled, and with.

    python benchmarks/python_rule_cost.py [--rounds 15]

Each round is a process of its own with bytecode, which runs the other hooks over a small app first: what they have loaded
and read costs nothing more. `wheels` is what it takes to look for packages without wheels, withdrawn ones, sizes and
missing libraries, with the modules that only this loads; `rest` is which Python each host runs, and whether two files
disagree. Prints the median and the least of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

APP = {
    "app.py": "from flask import Flask\n\napp = Flask(__name__)\n",
    "Procfile": "web: gunicorn app:app\n",
    "runtime.txt": "python-3.12.4\n",
}
APPS = {
    "nothing compiled": {**APP, "requirements.txt": "flask==3.0.3\ngunicorn==22.0.0\nrequests==2.32.3\n"},
    "compiled": {**APP, "requirements.txt": "flask==3.0.3\ngunicorn==22.0.0\npandas==2.2.3\nnumpy==2.1.0\nlxml==5.3.0\n"},
}


def main() -> None:
    """Run each app some rounds, and print the table."""
    parser = argparse.ArgumentParser(description="tell what python-runtime adds to a run of all hooks")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside is not None:
        print(json.dumps(measure(asked.inside)))
        return
    print("| app | wheels ms, median | least | rest ms, median | least |")
    print("| --- | --: | --: | --: | --: |")
    for name, files in APPS.items():
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                    file.write(text)
            command = [sys.executable, __file__, "--inside", folder]
            known = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
            environment = {**known, "PYTHONPYCACHEPREFIX": os.path.join(folder, ".bytecode")}
            rounds = [json.loads(subprocess.check_output(command, env=environment)) for _ in range(asked.rounds + 1)][1:]
        columns = [sorted(1000 * one[part] for one in rounds) for part in ("wheels", "rest")]
        cells = [f"{statistics.median(one):.1f} | {one[0]:.1f}" for one in columns]
        print(f"| {name} | {' | '.join(cells)} |")


def measure(folder: str) -> dict[str, float]:
    """Return the seconds of CPU that each part takes, once the other hooks have run."""
    from memguard_hooks.hooks import all_hooks, python_runtime
    from memguard_hooks.project.project import Project
    from memguard_hooks.project.settings import load
    from memguard_hooks.tree import WorkTree

    os.chdir(folder)
    tree = WorkTree(folder)
    project = Project(tree, load(tree)[0])
    for hook, check in all_hooks.HOOKS.items():
        if hook != python_runtime.HOOK:
            check(project)
    start = time.process_time()
    found, hosts = python_runtime.of_hosts(project)
    middle = time.process_time()
    python_runtime.of_packages(project, hosts)
    end = time.process_time()
    assert not found
    return {"rest": middle - start, "wheels": end - middle}


if __name__ == "__main__":
    main()
