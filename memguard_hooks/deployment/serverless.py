"""Functions of AWS Lambda, as the Serverless Framework (`serverless.yml`) and AWS SAM (`template.yaml`) declare them.

Sources of the formats: serverless/serverless, docs providers/aws/guide/functions.md, and aws/serverless-application-model,
globals (2026-11). A function has the memory that its file states: 1024 MB by default with the one, 128 with the other.
Its command is `lambda-handler app.handler`: the Lambda runtime imports `app` and calls `handler`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.service import Deployment, Read, Service, Variables
from memguard_hooks.deployment.yaml_values import each_once, is_template, of_mapping
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.formats.yaml_nodes import compose, get, items, pairs, place, scalar
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import join, parent

AWS_LAMBDA = "aws-lambda"

COMMAND = "lambda-handler"
"""Stands for the program of the Lambda runtime, which no file names."""

_RUNTIME = late_pattern(r"python(3\.\d{1,2})")

_HANDLER = late_pattern(r"[\w./-]+\.\w+")


class _Keys(Record):
    """How a format calls what it says of a function, and what counts where it says nothing."""

    handler: str
    runtime: str
    memory: str
    default_mib: int


_FRAMEWORK = _Keys("handler", "runtime", "memorySize", 1024)
_SAM = _Keys("Handler", "Runtime", "MemorySize", 128)


class _Handler(Record):
    """One function: the node with its keys, and that with the keys of all functions."""

    name: str
    node: yaml.Node
    shared: yaml.Node | None


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the Python functions of a file; a CloudFormation template without SAM declares none.

    Raises MemguardError for YAML that does not parse, with the place.
    """
    return Deployment.of(_read(data, path, read_file))


def _read(data: bytes, path: str, read_file: Read) -> Iterator[Service | Skipped]:
    root = compose(data, path)
    is_sam = get(root, "Resources") is not None
    builds = is_sam or any(scalar(one) == "serverless-python-requirements" for one in items(get(root, "plugins")))
    for function in _sam_functions(root) if is_sam else _framework_functions(root):
        folder: str | None = parent(path)
        if is_sam:
            code = scalar(function.node, "CodeUri") or scalar(function.shared, "CodeUri") or "."
            folder = join(parent(path), code) if "://" not in code else None
        found = _service(function, _SAM if is_sam else _FRAMEWORK, path, folder, read_file)
        if isinstance(found, Service) and builds:
            found = found._replace(builds=default_builds("aws-sam", found.folder, found.place, read_file))
        if found is not None:
            yield found


def _framework_functions(root: yaml.Node | None) -> Iterator[_Handler]:
    provider = get(root, "provider")
    if (scalar(provider) or scalar(provider, "name")) != "aws":
        return
    node = get(root, "functions")
    for group in each_once([node, *items(node)] if node is not None else []):
        for key, value in pairs(group):
            yield _Handler(key.value, value, provider)


def _sam_functions(root: yaml.Node | None) -> Iterator[_Handler]:
    shared = get(root, "Globals", "Function")
    for key, value in pairs(get(root, "Resources")):
        properties = get(value, "Properties")
        if scalar(value, "Type") == "AWS::Serverless::Function" and properties is not None:
            yield _Handler(key.value, properties, shared)


def _service(function: _Handler, keys: _Keys, path: str, folder: str | None, read_file: Read) -> Service | Skipped | None:
    name, node, shared = function
    handler = get(node, keys.handler) or get(shared, keys.handler)
    runtime = scalar(node, keys.runtime) or scalar(shared, keys.runtime) or ""
    line = place(node)[0]
    if get(node, "image") is not None or scalar(node, "PackageType") == "Image":
        return Skipped(path, line, "it runs an image, whose handler is not read", service=name)
    text = scalar(handler)
    if not runtime.startswith("python") and not _is_python_file(text, runtime, folder, read_file):
        return None
    if handler is None or text is None or _HANDLER.fullmatch(text) is None:
        return Skipped(path, line, "it has no handler that can be read", service=name)
    if folder is None:
        return Skipped(path, line, "its code lies outside of the repository", service=name)
    version = _RUNTIME.fullmatch(runtime)
    variables = _variables(node, path).over(_variables(shared, path))
    service = Service(
        name,
        path,
        *place(handler),
        f"{COMMAND} {text.replace('/', '.').lstrip('.')}",
        kind="function",
        platform=AWS_LAMBDA,
        environment={**({"PYTHON_VERSION": version[1]} if version else {}), **variables.values},
        variables=variables.places,
        folder=folder,
        replicas=None,
    )
    return _with_memory(service, function, keys)


def _is_python_file(handler: str | None, runtime: str, folder: str | None, read_file: Read) -> bool:
    """Return whether a handler whose runtime is not written as it is lies in a Python file of the repository."""
    if handler is None or folder is None or (runtime and not is_template(runtime)):
        return False
    file = join(folder, handler.rpartition(".")[0] + ".py")
    return file is not None and read_file(file) is not None


def _with_memory(service: Service, function: _Handler, keys: _Keys) -> Service:
    node = get(function.node, keys.memory) or get(function.shared, keys.memory)
    if node is None:
        size = str(keys.default_mib)
        source, label = f"{service.path}:{service.line} default {keys.memory} {size}", f"aws-lambda {size} MB by default"
    else:
        size = scalar(node) or ""
        source, label = f"{service.path}:{place(node)[0]} {keys.memory} {size}", f"aws-lambda {keys.memory} {size}"
    limit = int(size) * MIB if re.fullmatch(r"[1-9]\d{0,5}", size) else None
    return service._replace(plan=size, limit=limit, limit_source=source, limit_label=label)


def _variables(node: yaml.Node | None, path: str) -> Variables:
    """Read what a function sets, or all of them; SAM has the names one level deeper."""
    return of_mapping(get(node, "Environment", "Variables") or get(node, "environment"), path)
