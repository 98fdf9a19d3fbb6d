"""Whether a project installs anything for which the Python, the libc or the machine of its host matters.

Most projects that start a hook do not, so this loads none of the rules that would then judge what is installed.
"""

from __future__ import annotations

from memguard_hooks.dependencies import wheel_table
from memguard_hooks.project.project import Project

OPTIONAL = frozenset({
    "charset-normalizer", "coverage", "lazy-object-proxy", "markupsafe", "msgpack", "mypy", "protobuf", "pyyaml",
    "simplejson", "sqlalchemy", "tornado", "websockets", "wrapt", "zope-interface", "pyrsistent", "toolz", "black",
    "tomli", "aiohappyeyeballs", "fonttools", "pyzstd", "immutables", "jaraco-classes", "setproctitle", "hiredis",
})  # fmt: skip
"""Packages whose source builds without a compiler: the compiled part is left out, or takes seconds."""

WITH_LIBRARIES = frozenset({
    "psycopg2", "mysqlclient", "python-ldap", "pygraphviz", "pyaudio", "pycairo", "opencv-python", "python-magic",
    "weasyprint", "cairosvg",
})  # fmt: skip
"""Packages that need libraries of the system; `system_libraries.NEEDS` says which."""


def concerns(project: Project) -> bool:
    """Return whether rules on what is installed may find anything: something may be compiled, brought, or withdrawn."""
    for path in project.declared.lock_paths:
        if path.endswith("Pipfile.lock") or b"linux" in (project.read_file(path) or b""):
            return True
    names = wheel_table.names() | {name for name, _ in wheel_table.brought()} | WITH_LIBRARIES
    return any(one.name in names for manifest in project.declared.manifests(names) for one in manifest.requirements)


def has_compiled(project: Project) -> bool:
    """Return whether the project installs anything for which the Python of the host matters."""
    locks = (
        project.read_file(path) or b"" for path in project.declared.lock_paths if project.declared.deployed.counts(path)
    )
    if any(b"manylinux" in data for data in locks):
        return True
    names = wheel_table.names() - OPTIONAL
    declared = (one for manifest in project.declared.manifests(names) for one in manifest.requirements)
    return any(one.name in names and project.declared.is_installed(one) for one in declared)
