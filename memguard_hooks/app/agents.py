"""What is imported though no statement of the project does: by agents that a start command loads, and by initializers."""

from __future__ import annotations

from collections.abc import Iterator

from memguard_hooks.app.entry_points import ServiceEntry
from memguard_hooks.finding import Step, Way
from memguard_hooks.imports.graph import External
from memguard_hooks.imports.model import ImportSite
from memguard_hooks.project.project import Project
from memguard_hooks.startup.table import integrations

WHY = "loaded before the app, by"
"""Says why an agent's modules are imported."""


def agents_of(project: Project, entry: ServiceEntry) -> Iterator[External]:
    """Yield what the agents of a start command import, as far as it is installed."""
    service = entry.service
    for agent in entry.command.agents:
        present = project.declared.beside(entry.path).present
        for one in integrations(agent):
            for name in one.modules if one.distribution in present else ():
                site = ImportSite(service.line, 1, service.line, name, 0, (), "import", WHY)
                found = External((name,), Way(Step(service.path, service.line, name)), "start", site, f"{WHY} {agent}")
                yield as_named(found)


def is_agents(external: External) -> bool:
    """Return whether an agent imports it, before the program starts that it watches."""
    return external.site is not None and external.site.why == WHY


def as_named(external: External) -> External:
    """Return an import of `module:Name` as that of the name, and of `module:call()` as that of the module with the call."""
    module, colon, name = external.names[0].partition(":")
    if not colon or external.site is None:
        return external
    called = name.removesuffix("()")
    site = external.site._replace(module=module, calls=(called,) if called != name else ())
    return external._replace(names=(module,) if called != name else (module, f"{module}.{name}"), site=site)
