"""Which calls load a model, and which of their arguments names it.

`data/loaders.tsv` lists them. A file without the name of any of these libraries is passed over by its bytes.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache

from memguard_hooks.models.table import Model, find, read_rows
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped

MARKS = late_pattern(
    rb"\b(?:whisper\w*|stable_whisper|speech_recognition|faster_whisper|RealtimeSTT|WhisperModel|sentence_transformers|"
    rb"SentenceTransformer|CrossEncoder|InstructorEmbedding|keybert|bertopic|FlagEmbedding|HuggingFace\w*|"
    rb"SentenceTransformer\w+|FastEmbed\w*|llama_index\w*|chromadb|haystack\w*|txtai|transformers|optimum|setfit|gliner|fastembed|"
    rb"qdrant_client|spacy|\w+_core_\w+_(?:sm|md|lg|trf)|\w+_(?:ent|sent)_\w+_sm|ultralytics|YOLO|open_clip|clip|tiktoken|easyocr|"
    rb"paddleocr|TTS|kokoro|bark|diffusers|pyannote|flair|stanza|rembg|insightface|gensim|timm|torch|safetensors|joblib|pickle|"
    rb"cloudpickle|dill|skops|onnxruntime|faiss|fasttext|keras\w*|tensorflow|tensorflow_hub|llama_cpp|(?:Chat)?LlamaC\w+|(?i:gpt4all|ctransformers)|vosk|xgboost|lightgbm|piper|presidio_analyzer|deepface|flashrank|torchvision|ctranslate2|detoxify|"
    rb"argostranslate|audiocraft|auto_gptq|awq|demucs|docling\w*|doctr|easynmt|facenet_pytorch|funasr|"
    rb"kokoro_onnx|laion_clap|marker|melo|model2vec|modelscope|nemo|paddlenlp|parler_tts|peft|ragatouille|"
    rb"resemblyzer|rfdetr|sahi|sherpa_onnx|silero_vad|simpletransformers|span_marker|speechbrain|surya|"
    rb"unsloth|vllm|yolov5|"
    rb"query_texts?|documents(?= ?=))\b"
)
"""A name of a library, of a class or of what has an object of theirs load one, without which a file loads no model; tests
hold it equal to the table."""

NO_MODEL = late_pattern(r"Tokenizer|Processor|Config|FeatureExtractor")
"""Classes of transformers whose `from_pretrained` loads no weights."""

OPTIONS = ("compute_type", "dtype", "torch_dtype", "backend", "device", "num_workers", "batch_size", "lazy_load", "export")
"""Keywords that change what a model takes."""

AUTO = frozenset({"auto", "default"})
"""What code calls a model that it chooses itself."""

BY_FUNCTION, LOCAL = "(name)", "local:"
"""What the table has for a default where the function bears the name of its model, and where names begin so."""

COMPUTE_TYPE = 3
"""Where `WhisperModel` takes its compute type by position."""

_TOKENS_OF = (("gpt-4o", "o200k_base"), ("gpt-4.1", "o200k_base"), ("gpt-5", "o200k_base"), ("o1", "o200k_base"),
              ("o3", "o200k_base"), ("o4", "o200k_base"), ("chatgpt-4o", "o200k_base"), ("gpt-4", "cl100k_base"),
              ("gpt-3.5", "cl100k_base"), ("text-embedding", "cl100k_base"), ("text-davinci-00", "p50k_base"))  # fmt: skip
"""What names of models begin with, and their encoding (tiktoken's tiktoken/model.py)."""


NUMBERED = ("transformers", "sentence-transformers")
"""Libraries whose models say by name how many parameters they have."""

_NUMBER = late_pattern(r"(?<![A-Za-z0-9.])(\d{1,4}(?:\.\d{1,2})?)([BbMm])(?![A-Za-z0-9])")
"""Parameters in a name: 0 to 19 % less than the 22 such models of the table have, 4 % in the mean."""

_PACKED = late_pattern(r"(?i)awq|gptq|gguf|ggml|bnb|mlx|exl2|fp8|nf4|[248][-_]?bit|int[48]|w[48]a")
"""What names of models have whose weights take fewer bits."""


class Loader(Record):
    """A call that loads a model: which argument names it, what no name means, and what the call imports besides.

    `given` are arguments of which one has to be given, and behind a `!` those with which it loads none.
    """

    function: str
    library: str
    kind: str
    position: int
    keywords: tuple[str, ...]
    default: str
    imports: tuple[str, ...]
    given: tuple[str, ...] = ()

    @property
    def file_format(self) -> str:
        """The format of the file that it reads; the empty string where it takes a name."""
        return self.kind.partition("file:")[2]


def may_load(data: bytes) -> bool:
    """Return whether a source may load a model, by its bytes."""
    return MARKS.search(data) is not None


@cache
def loaders() -> tuple[Loader, ...]:
    """All calls that load a model."""
    found: list[Loader] = []
    for function, library, kind, position, keywords, default, imports, given in read_rows("loaders.tsv"):
        names, brought, wanted = (tuple(filter(None, one.split(","))) for one in (keywords, imports, given))
        found.append(Loader(function, library, kind, int(position), names, default, brought, wanted))
    return tuple(found)


def loader_of(name: str) -> Loader | None:
    """Return what a function of that dotted name loads first, None where it is none that loads a model."""
    return next(iter(loaders_of(name)), None)


@cache
def loaders_of(name: str) -> tuple[Loader, ...]:
    """Return what a function of that dotted name loads: more than one model where several rows are of that function."""
    found: list[Loader] = []
    for loader in _of_last(name.rpartition(".")[2]):
        if (found and loader.function != found[0].function) or not _matches(loader.function, name):
            continue
        if loader.library == "transformers" and NO_MODEL.search(name.rpartition(".")[0].rpartition(".")[2]):
            break
        last = name.rpartition(".")[2]
        if loader.function.startswith("*_*_*"):
            found.append(loader._replace(default=name.partition(".")[0]))
        elif loader.default != BY_FUNCTION:
            found.append(loader)
        elif find(loader.kind, last) is not None:
            found.append(loader._replace(default=last))
    return tuple(found)


def _of_last(last: str) -> list[Loader]:
    """Return the calls whose last name may be that, in order: a project has thousands of names, and few load a model."""
    by = _by_last()
    return [loaders()[number] for number in sorted((*by.get(last, ()), *by.get("*", ())))]


@cache
def _by_last() -> dict[str, list[int]]:
    """The numbers of all calls by their last names; those with a pattern there stand below `*`."""
    names = (re.split("[.:]", loader.function)[-1] for loader in loaders())
    return grouped(("*" if any(one in last for one in "*?[") else last, number) for number, last in enumerate(names))


def _matches(function: str, name: str) -> bool:
    """Return whether a dotted name is that of a function, or of one anywhere below the module before a colon."""
    module, colon, tail = function.partition(":")
    if not colon:
        return fnmatchcase(name, function) and name.count(".") == function.count(".")
    top, _, rest = name.partition(".")
    parts = rest.split(".")[-1 - tail.count(".") :]
    return fnmatchcase(top, module) and fnmatchcase(".".join(parts), tail) and len(parts) == tail.count(".") + 1


@cache
def tasks() -> dict[str, str]:
    """The model that `transformers.pipeline` loads for each task without a name."""
    return dict(read_rows("tasks.tsv"))


def model_of(loader: Loader, name: str) -> Model | None:
    """Return the model that a loader loads by a name, None for one that is not in the table."""
    kind = "hub" if loader.kind == "task" else loader.kind
    if kind == "tokens-of":
        kind, name = "tiktoken", next((encoding for prefix, encoding in _TOKENS_OF if name.startswith(prefix)), "")
    found = find(kind, re.sub(r"/+$", "", name))
    return _by_number(name) if found is None and kind == "hub" and loader.library in NUMBERED else found


def _by_number(name: str) -> Model | None:
    """Return a model of as many parameters as its name says, which is what it has at least: `Phi-3-7B-Instruct`."""
    last = name.rpartition("/")[2]
    match = _NUMBER.search(last)
    if match is None or _PACKED.search(last) is not None:
        return None
    size = int(float(match[1]) * (1_000_000_000 if match[2] in "bB" else 1_000_000))
    return Model(name, "hub", size, "bfloat16", "", "its name")
