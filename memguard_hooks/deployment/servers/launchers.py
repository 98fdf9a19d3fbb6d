"""Programs that start a script in several processes, each of which loads it by itself: torchrun and `accelerate launch`.

Facts: `torch.distributed.run` of 2.9 and `accelerate launch` of 1.11, where `-` and `_` in an option are the same. Where
nothing says how many, torchrun starts one, and accelerate what its settings file says, or one for each GPU.
"""

from __future__ import annotations

import shlex

from memguard_hooks.deployment.start import Host, Parse, StartCommand, UnknownStartError, count_workers

TORCHRUN, ACCELERATE = "torchrun", "accelerate"

_FLAGS = frozenset({"standalone", "run-path", "no-python", "module", "m", "quiet", "q", "cpu", "multi-gpu", "tpu", "use-xpu",
                    "use-deepspeed", "use-fsdp", "use-megatron-lm", "use-parallelism-config", "debug", "same-network",
                    "ipex", "tpu-cluster", "no-tpu-cluster", "tpu-use-sudo", "downcast-bf16", "enable-cpu-affinity",
                    "dynamo-use-fullgraph", "dynamo-use-dynamic", "dynamo-use-regional-compilation"})  # fmt: skip
"""Options of both that take no value."""

_NUMBER = {TORCHRUN: "nproc-per-node", ACCELERATE: "num-processes"}


def read_launcher(program: str, words: list[str], host: Host, parse: Parse) -> StartCommand:
    """Read what stands behind the name of such a program."""
    if program == ACCELERATE:
        if words[:1] != ["launch"]:
            raise UnknownStartError(f"it is not known how accelerate {' '.join(words[:1])} starts".rstrip())
        words = words[1:]
    given: dict[str, str] = {}
    while words and words[0].startswith("-"):
        name, has_value, value = words[0].lstrip("-").partition("=")
        name, words = name.replace("_", "-"), words[1:]
        if not has_value and name not in _FLAGS and words:
            value, words = words[0], words[1:]
        given[name] = value
    if not words:
        raise UnknownStartError(f"{program} is given no script")
    runs = [] if "no-python" in given else ["python", "-m"] if {"m", "module"} & given.keys() else ["python"]
    start = parse(shlex.join([*runs, *words]), host)
    number = given.get(_NUMBER[program], host.variables.get("PET_NPROC_PER_NODE") if program == TORCHRUN else None)
    if number in ("auto", "gpu", "cpu", "xpu") or (number is None and program == ACCELERATE and "cpu" not in given):
        reason = f"{program} starts one process for each GPU of the host, or as its settings say"
        return start._replace(workers=None, start="spawn", reason=reason, program=program)
    count = count_workers(number)
    return start.counted(count._replace(reason=start.reason or count.reason), "spawn")._replace(program=program)
