"""The words without which nothing else is looked at: packages whose calls load models, and decorators that keep results."""

from __future__ import annotations

CACHES = frozenset({"cache", "lru_cache", "cache_resource", "cache_data", "experimental_singleton", "cached"})
"""Last names of decorators that keep what a function returns."""

LIBRARIES = frozenset(
    {
        "FlagEmbedding",
        "InstructorEmbedding",
        "RealtimeSTT",
        "TTS",
        "bark",
        "bertopic",
        "chromadb",
        "clip",
        "cloudpickle",
        "ctransformers",
        "ctranslate2",
        "deepface",
        "detoxify",
        "diffusers",
        "dill",
        "easyocr",
        "faiss",
        "fastembed",
        "faster_whisper",
        "fasttext",
        "flair",
        "flashrank",
        "gensim",
        "gliner",
        "gpt4all",
        "insightface",
        "joblib",
        "keybert",
        "kokoro",
        "lightgbm",
        "llama_cpp",
        "onnxruntime",
        "open_clip",
        "optimum",
        "paddleocr",
        "pickle",
        "piper",
        "presidio_analyzer",
        "pyannote",
        "qdrant_client",
        "rembg",
        "safetensors",
        "sentence_transformers",
        "setfit",
        "skops",
        "spacy",
        "speech_recognition",
        "stable_whisper",
        "stanza",
        "tensorflow",
        "tiktoken",
        "timm",
        "torch",
        "torchvision",
        "transformers",
        "txtai",
        "ultralytics",
        "vosk",
        "whisper",
        "whisper_timestamped",
        "whisperx",
        "xgboost",
    }
)

FAMILIES = ("langchain", "llama_index", "haystack", "keras")
"""What names begin with that many packages share."""

PIPELINES = ("_sm", "_md", "_lg")
"""How packages of spaCy's end."""


def is_library(top: str) -> bool:
    """Return whether a package may load a model, by its top name."""
    return top in LIBRARIES or top.startswith(FAMILIES) or top.endswith(PIPELINES)
