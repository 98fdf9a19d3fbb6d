"""What the tests take from the machine: where packages come from, and nothing else.

pip and uv also take constraints, options and ages of packages from files and variables of a machine. With these a test
passes on one machine and fails on another.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import tomli

PIP_KEYS = ("cert", "client-cert", "default-timeout", "extra-index-url", "find-links", "index-url", "no-index", "proxy",
            "retries", "timeout", "trusted-host")  # fmt: skip
UV_PREFIXES = ("UV_CACHE_DIR", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_HTTP_", "UV_INDEX",
               "UV_INSECURE_HOST", "UV_KEYRING_PROVIDER", "UV_NATIVE_TLS", "UV_OFFLINE", "UV_SYSTEM_CERTS")  # fmt: skip
UV_LISTS = {"allow-insecure-host": ("UV_INSECURE_HOST", " "), "extra-index-url": ("UV_EXTRA_INDEX_URL", " "),
            "find-links": ("UV_FIND_LINKS", ",")}  # fmt: skip
UV_VALUES = {"index-url": "UV_INDEX_URL", "native-tls": "UV_NATIVE_TLS", "system-certs": "UV_SYSTEM_CERTS"}


def pip_variables() -> dict[str, str]:
    """Return the variables with which pip finds packages where this machine says, and reads none of its files."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    found = {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for section in ("global", "install", ":env:"):  # the last one wins, as it does for `pip install`
        for line in listed.stdout.splitlines():
            place, _, value = line.partition("=")
            where, _, key = place.rpartition(".")
            if where == section and key in PIP_KEYS:
                found[f"PIP_{key.upper().replace('-', '_')}"] = ast.literal_eval(value)
    return found


def uv_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the same for uv, which has no command that lists what its files say."""
    found: dict[str, str] = {}
    for path in _uv_files(environment):
        if path.is_file():
            settings = tomli.loads(path.read_text(encoding="utf-8"))
            found = {**_as_variables(settings), **_as_variables(settings.get("pip", {})), **found}
    found.update({name: value for name, value in environment.items() if name.startswith(UV_PREFIXES)})
    return {**found, "UV_NO_CONFIG": "1"}


def _uv_files(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files that uv reads, the first one before the others."""
    if environment.get("UV_CONFIG_FILE"):
        yield Path(environment["UV_CONFIG_FILE"])
        return
    home = environment.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    for folder in (home, *(environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep), "/etc"):
        yield Path(folder, "uv", "uv.toml")


def _as_variables(settings: Mapping[str, Any]) -> dict[str, str]:
    found = {UV_VALUES[key]: str(value).lower() if value in {True, False} else value
             for key, value in settings.items() if key in UV_VALUES}  # fmt: skip
    for key, (variable, separator) in UV_LISTS.items():
        if key in settings:
            found[variable] = separator.join(settings[key])
    indexes = [one for one in settings.get("index", ()) if not one.get("default")]
    if indexes:
        found["UV_INDEX"] = " ".join(f"{one['name']}={one['url']}" if "name" in one else one["url"] for one in indexes)
    for one in settings.get("index", ()):
        if one.get("default"):
            found["UV_DEFAULT_INDEX"] = one["url"]
    return found


def copy_files(checkout: Path, root: Path) -> None:
    """Copy the files of a checkout that git does not ignore, as they stand."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=checkout, capture_output=True, encoding="utf-8", check=True).stdout
    for name in listed.split("\0"):
        if name and (checkout / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(checkout / name, root / name)


def installed_versions() -> str:
    """Return constraints that hold what a test installs to the versions with which the tests run."""
    found = {one.metadata["Name"]: one.version for one in distributions()}
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items()) if name != "memguard-hooks")
