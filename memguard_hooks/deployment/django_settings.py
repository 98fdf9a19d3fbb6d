"""Django's settings as a program of the project finds them: the module that the environment or its own code names."""

from __future__ import annotations

from memguard_hooks.deployment.calls_at_start import StartCalls
from memguard_hooks.deployment.start import Host
from memguard_hooks.deployment.values_in_code import value_of
from memguard_hooks.formats.python_folding import BoundNames

VARIABLE = "DJANGO_SETTINGS_MODULE"


def module_of(followed: StartCalls, host: Host) -> str:
    """Return the module of the settings: that of the environment, or the one that code sets by default."""
    if VARIABLE in host.variables:
        return host.variables[VARIABLE]
    for call in followed.calls:
        if call.source == "os.environ.setdefault" and len(call.node.args) == 2:
            name, module = (value_of(one, call.names, "settings") for one in call.node.args)
            if name == VARIABLE and isinstance(module, str):
                return module
    set_to = followed.names.attributes.get("os", {}).get(f"environ.{VARIABLE}")
    value = value_of(*set_to, "settings") if set_to is not None else None
    return value if isinstance(value, str) else ""


def names_of(followed: StartCalls, host: Host) -> BoundNames | None:
    """Return the names of the settings, None where they are not in the repository."""
    module = module_of(followed, host)
    return followed.names.around.load(module) if module else None
