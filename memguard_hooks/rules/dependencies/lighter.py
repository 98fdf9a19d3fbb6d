"""What to do without a heavy package: the lighter way that is known, and where it is documented.

Figures of memory are not here: the catalog has those that were measured.
"""

from __future__ import annotations

from memguard_hooks.record import Record


class Way(Record):
    """What to do instead, and the page that says how."""

    advice: str
    source: str


INSTEAD = {
    "torch": Way(
        "call a hosted model, or run an exported one with onnxruntime",
        "https://docs.pytorch.org/docs/stable/onnx.html",
    ),
    "tensorflow": Way(
        "call a hosted model, or run an exported one with onnxruntime",
        "https://onnxruntime.ai/docs/tutorials/tf-get-started.html",
    ),
    "transformers": Way(
        "call a hosted model; for counting tokens tiktoken is enough",
        "https://github.com/openai/tiktoken",
    ),
    "tokenizers": Way(
        "delete it: what needs it (litellm, transformers) brings it; for counting tokens tiktoken is enough",
        "https://github.com/openai/tiktoken",
    ),
    "huggingface-hub": Way(
        "delete it: what needs it brings it; download models when the image is built",
        "https://huggingface.co/docs/huggingface_hub/guides/download",
    ),
    "grpcio": Way(
        "delete it: what needs it brings it; clients of Google have REST transports",
        "https://googleapis.dev/python/google-api-core/latest/client_options.html",
    ),
    "google-api-python-client": Way(
        "use the client of the one service (gspread for Sheets), or its REST interface",
        "https://docs.gspread.org",
    ),
    "sentence-transformers": Way(
        "fastembed computes embeddings with onnxruntime, without torch", "https://qdrant.github.io/fastembed/"
    ),
    "openai-whisper": Way(
        "faster-whisper transcribes without torch, or call a hosted model", "https://github.com/SYSTRAN/faster-whisper"
    ),
    "opencv-python": Way(
        "opencv-python-headless is the same without windows, for servers", "https://github.com/opencv/opencv-python"
    ),
    "opencv-contrib-python": Way(
        "opencv-contrib-python-headless is the same without windows, for servers",
        "https://github.com/opencv/opencv-python",
    ),
}
"""Package → what does without it, or with less of it."""

LIGHTER_BUILD = {
    "torch": Way(
        "take its wheel for CPUs: --index-url https://download.pytorch.org/whl/cpu",
        "https://pytorch.org/get-started/locally",
    ),
}
"""Package → a build of the same that takes less."""
