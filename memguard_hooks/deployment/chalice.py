"""`.chalice/config.json`: the functions of AWS Lambda that AWS Chalice makes of one app.

Source of the format: aws.github.io/chalice, "Configuration File" (2026-11). All handlers lie in `app.py`, which each
function imports: the one that answers requests stands for all. A function has 128 MB where no `lambda_memory_size` says
more.
"""

from __future__ import annotations

import re

from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.serverless import AWS_LAMBDA, COMMAND
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace
from memguard_hooks.finding import MIB
from memguard_hooks.formats import json_document
from memguard_hooks.formats.typed import table, value
from memguard_hooks.tree import parent

DEFAULT_MB = 128

_STAGES = ("production", "prod", "live", "main")
"""Names of the stage that counts; else it is the first."""


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the app of a file. Raises MemguardError for JSON that does not parse, with the place."""
    document = json_document.parse(data, path)
    stages = table(document.data, "stages")
    stage = next((name for name in _STAGES if name in stages), next(iter(stages), ""))
    places = (("stages", stage, "lambda_memory_size"), ("lambda_memory_size",))
    keys = next((one for one in places if value(document.data, *one) is not None), None)
    size = str(value(document.data, *keys)) if keys is not None else str(DEFAULT_MB)
    place = ServicePlace(path, *document.place(keys or ()))
    variables = {**table(document.data, "environment_variables"), **table(stages, stage, "environment_variables")}
    folder = parent(parent(path))
    service = Service(
        "api_handler",
        *place,
        f"{COMMAND} app.app",
        kind="function",
        platform=AWS_LAMBDA,
        plan=size,
        limit=int(size) * MIB if re.fullmatch(r"[1-9]\d{1,4}", size) else None,
        limit_source=f"{path}:{place.line} {'' if keys else 'default '}lambda_memory_size {size}",
        limit_label=f"aws-lambda lambda_memory_size {size}" if keys else f"aws-lambda {size} MB by default",
        environment={name: one for name, one in variables.items() if isinstance(one, str)},
        folder=folder,
        replicas=None,
        builds=default_builds("aws-sam", folder, place, read_file),
    )
    return Deployment((service,))
