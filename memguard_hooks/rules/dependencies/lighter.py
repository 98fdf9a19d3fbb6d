"""What to do without a heavy package: the lighter way that is known, and where it is documented.

Figures of memory are not here: the catalog has those that were measured.
"""

from __future__ import annotations

from memguard_hooks.record import Record


class LighterWay(Record):
    """What to do instead, the page that says how, and what to do where the project itself imports the package."""

    advice: str
    source: str
    imported: str = ""


INSTEAD = {
    "torch": LighterWay(
        "call a hosted model, or run an exported one with onnxruntime",
        "https://docs.pytorch.org/docs/stable/onnx.html",
    ),
    "tensorflow": LighterWay(
        "call a hosted model, or run an exported one with onnxruntime",
        "https://onnxruntime.ai/docs/tutorials/tf-get-started.html",
    ),
    "transformers": LighterWay(
        "call a hosted model; for counting tokens tiktoken is enough",
        "https://github.com/openai/tiktoken",
    ),
    "tokenizers": LighterWay(
        "delete it: what needs it (litellm, transformers) brings it; for counting tokens tiktoken is enough",
        "https://github.com/openai/tiktoken",
        "for counting tokens tiktoken is enough",
    ),
    "huggingface-hub": LighterWay(
        "delete it: what needs it brings it; download models when the image is built",
        "https://huggingface.co/docs/huggingface_hub/guides/download",
        "download models when the image is built, and install it there alone",
    ),
    "grpcio": LighterWay(
        "delete it: what needs it brings it; clients of Google have REST transports",
        "https://googleapis.dev/python/google-api-core/latest/client_options.html",
        "clients of Google have REST transports, which do without it",
    ),
    "google-api-python-client": LighterWay(
        "use the client of the one service (gspread for Sheets), or its REST interface",
        "https://docs.gspread.org",
    ),
    "sentence-transformers": LighterWay(
        "use fastembed in place of sentence-transformers: it computes embeddings with onnxruntime, without torch",
        "https://qdrant.github.io/fastembed/",
    ),
    "openai-whisper": LighterWay(
        "use faster-whisper in place of openai-whisper: it transcribes without torch; or call a hosted model",
        "https://github.com/SYSTRAN/faster-whisper",
    ),
    "opencv-python": LighterWay(
        "declare opencv-python-headless in its place: it is the same without windows",
        "https://github.com/opencv/opencv-python",
    ),
    "opencv-contrib-python": LighterWay(
        "declare opencv-contrib-python-headless in its place: it is the same without windows",
        "https://github.com/opencv/opencv-python",
    ),
}
"""Package → what does without it, or with less of it."""

CPU_INDEX = "https://download.pytorch.org/whl/cpu"

LIGHTER_BUILD = {
    "torch": {
        "pip": f"--extra-index-url {CPU_INDEX}",
        "uv": f'torch = {{index = "cpu"}} in [tool.uv.sources], and [[tool.uv.index]] name = "cpu", url = "{CPU_INDEX}", '
        "explicit = true",
        "poetry": f'source = "cpu" in the table of torch, after `poetry source add --priority=explicit cpu {CPU_INDEX}`',
        "pdm": f'[[tool.pdm.source]] name = "cpu", url = "{CPU_INDEX}", include_packages = ["torch"]',
        "pipenv": 'index = "cpu" in the table of torch, and '
        f'[[source]] name = "cpu", url = "{CPU_INDEX}", verify_ssl = true',
        "conda": "- pytorch-cpu",
    },
}
"""Package → how each tool is told to take a build of the same that takes less.

Sources: https://pytorch.org/get-started/locally, https://docs.astral.sh/uv/guides/integration/pytorch,
https://python-poetry.org/docs/repositories, https://pdm-project.org/latest/usage/config,
https://pipenv.pypa.io/en/latest/indexes.html
"""
