"""What a model takes in a process, on top of importing its library.

Each formula is fitted to the rows of its library in `data/measured.tsv` (random weights in the true architecture, one fresh
process a row). What kills is the peak while loading: faster-whisper `small` as int8 rests at 336 MiB and is killed in 512.
Weights that are mapped from a file may be dropped by the kernel and read again: they make a process slow, and kill nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from memguard_hooks.models.table import BYTES, Model
from memguard_hooks.record import Record

MIB = 2**20

ERROR = 0.08
"""How far a total with a model in it may be off, of what was measured: the worst row of `tests/test_models_memory.py`."""

CONVERTED = frozenset({"int8", "int8_float32", "int8_float16", "int8_bfloat16", "auto"})
"""Compute types for which CTranslate2 keeps 8 bits a parameter on a CPU; `auto` takes the fastest, which is one of them."""

TOKEN = 385
"""Bytes that tiktoken takes for a token: 38.5 MiB for 100,256 and 73.5 for 199,998, 2026-11-28."""

MULTILINGUAL = 100_000
"""Tokens of a vocabulary of many languages; what the tokenizer of a smaller one takes is in the figures of its model."""

TOKENIZER, READING_TOKENIZER = 505, 180
"""Bytes that a tokenizer takes for a token, and more while it is read: 120 and 43 MiB for 250,002 (tokenizers 0.23 under
transformers 5.24, a unigram model, 2026-11-29)."""

BATCH, PER_WIDTH, ANY_WIDTH, TEXTS = 8 * MIB, MIB // 5, 768, 32
"""What 32 texts of 120 words take while they are encoded, for each number that a token becomes: 61 to 95 MiB for 384, 118 to
143 for 512, 137 to 170 for 768, 211 to 224 for 1,024, whatever the layers (sentence-transformers 6.2, 2026-11-29)."""

MAX_TEXTS = 1024
"""Texts of one batch that are counted: of 41 sizes of 100 or more, of batches of anything, that 154 public repositories
write out, 38 are 1,000 or less. Who writes more means all at once, and how many those are nobody knows."""

ONNX_BATCH, ONNX_TEXTS = 250 * MIB, 32
"""What onnxruntime keeps once so many texts of 256 tokens went through all-MiniLM-L6-v2, 2026-11-28."""

BETWEEN, PER_PIXEL_OF_SIDE, SIDES = 400 * MIB, int(0.96 * MIB), {"u2net": 320, "isnet": 1024}
"""What onnxruntime keeps between the layers of U-2-Net for a square picture of 320 pixels a side, and for each pixel more;
rembg makes each picture as large as its model takes it (onnxruntime 1.32.0, 365 to 437 and 1,073 MiB in two runs of
`tools/measure_rembg.py`, 2026-11-29)."""

COPIED = "quantize_dynamic"

BYTES_PACKED = {"load_in_4bit": 0.5, "load_in_8bit": 1, "quantization_config": 0.5, COPIED: 0.25}
"""Bytes of a parameter that is packed, at least; PyTorch leaves embeddings as they are, and some models whole."""

SPACY = int(57.1 * MIB)
"""What a pipeline of spaCy takes besides its word vectors: en_core_web_sm 3.8.0, 2026-11-28."""


class ModelMemory(Record):
    """Bytes on top of the import: at rest, the part that cannot be dropped, while loading, after the first use.

    `mapped` are weights that stay in a mapped file, of which use brings in up to all; `read` is what is mapped of a file
    while it is loaded, and resident then unless a limit has the kernel drop it; `left` is the part of it that stays so,
    because some weights of that file stay mapped. None of them is in the other figures.
    `more` is what it may take on top of them, of which nobody measured whether it does.
    """

    rest: int
    anonymous: int
    peak: int
    served: int
    mapped: int = 0
    more: int = 0
    read: int = 0
    left: int = 0


def memory_of(library: str, model: Model, major: int | None, options: Mapping[str, str]) -> ModelMemory:
    """Return what a model takes in a library of a major version (None for the newest), with the options of the call."""
    if model.dtype == "file":
        return _of_texts(memory_of_file("onnx", model.size), options)
    if options.get("packed"):
        return _packed(model, options["packed"])
    return _FORMULAS[library](model, major, options)


def _packed(model: Model, how: str) -> ModelMemory:
    """What packed weights take at least; PyTorch packs a copy of the model."""
    if how not in BYTES_PACKED:
        return ModelMemory(20 * MIB, 10 * MIB, 22 * MIB, 35 * MIB, mapped=model.weights())
    least = 20 * MIB + int(BYTES_PACKED[how] * model.size)
    peak = least if how != COPIED else max(least, model.weights("float32"))
    return ModelMemory(least, least - 10 * MIB, peak, least + 15 * MIB)


def _of_texts(found: ModelMemory, options: Mapping[str, str]) -> ModelMemory:
    """Return what a network takes that is given other than a batch of texts at once."""
    texts = min(texts_of(options) or ONNX_TEXTS, MAX_TEXTS)
    return found._replace(served=found.rest + ONNX_BATCH * texts // ONNX_TEXTS)


def texts_of(options: Mapping[str, str]) -> int:
    """Return how many texts a call has in a batch by its options, 0 where it leaves that to the library."""
    size = options.get("batch_size", "")
    return int(size) if size.isdecimal() else 0


def _whisper(model: Model, _major: int | None, _options: Mapping[str, str]) -> ModelMemory:
    """Weights in 32 bits on a CPU, beside the file while it is loaded."""
    weights = model.weights("float32")
    rest = weights + 20 * MIB
    return ModelMemory(rest, weights + 15 * MIB, rest + model.weights(), rest + 50 * MIB + weights // 8)


def _faster_whisper(model: Model, _major: int | None, options: Mapping[str, str]) -> ModelMemory:
    """CTranslate2 keeps the whole file while it converts; what a CPU has no half precision for becomes 32 bits."""
    kind = options.get("compute_type", "default")
    if kind in CONVERTED:
        rest = int(1.11 * model.weights("int8")) + 12 * MIB
        peak = model.weights() + 105 * MIB
    else:
        rest = model.weights("int16" if kind == "int16" else "float32") + 10 * MIB
        peak = rest + 5 * MIB
    served = rest + 45 * MIB + int(0.4 * model.weights("int8"))
    return ModelMemory(rest, rest - 10 * MIB, max(peak, rest), served)


def _transformers(model: Model, major: int | None, options: Mapping[str, str]) -> ModelMemory:
    """Safetensors are mapped as they are stored; another type of numbers is converted, one tensor after the other.

    What a model keeps in 32 bits stays in the mapped file, and with it all that was read: flan-t5-large as float16 is
    resident with 4,322 MiB at rest, of which 1,603 cannot be dropped, and answered in 2,048 (2026-11-30).
    The file is mapped beside that, which kills nothing: gpt2-medium as bfloat16 is resident with 2,371 MiB at its peak, has
    928 MiB that cannot be dropped, was killed in 900 MiB, and loaded and answered in 1,000 (transformers 5.24, 2026-11-29).
    Before version 5 a model is loaded in 32 bits unless the call says otherwise; what of its peak can be dropped nobody has
    measured.
    """
    stored, asked = model.dtype, _dtype(options)
    if options.get("framework") == "tensorflow":  # which nobody measured: read whole, and copied into variables
        weights = model.weights("float32")
        return ModelMemory(weights, weights, weights + model.weights(), weights, more=weights)
    if asked is None:
        asked = "float32" if major is not None and major < 5 and options.get("dtype") != "auto" else stored
    batch = 15 * MIB + _more_texts(model, options)
    found = _loaded(model, major, asked)
    then = options.get("converted") or asked
    if then == asked:
        return found._replace(served=found.rest + batch)
    weights = model.weights(then)
    rest = weights + 15 * MIB
    return ModelMemory(
        rest, weights + 8 * MIB, max(found.peak, rest + 10 * MIB), rest + batch, read=found.mapped or found.read
    )


def _loaded(model: Model, major: int | None, asked: str) -> ModelMemory:
    """Return what weights take that are loaded as a type of numbers, before they are used."""
    weights, file, is_copied = model.weights(asked), model.weights(), major is not None and major < 5
    exact = model.exact if asked == "float16" else 0  # of them `weights` has two of four bytes
    if asked == model.dtype:
        copied = 4 * exact
        return ModelMemory(20 * MIB + copied, 10 * MIB + copied, 22 * MIB + copied, 20 * MIB + copied, mapped=file)
    if is_copied or model.dtype != "float32":
        weights += 2 * exact
    else:
        weights -= 2 * exact
    rest = weights + 15 * MIB
    if is_copied:
        return ModelMemory(rest, weights + 8 * MIB, rest + file, rest)
    if not exact or model.dtype != "float32":
        return ModelMemory(rest, weights + 8 * MIB, rest + 10 * MIB, rest, read=file)
    read = file - 4 * exact
    return ModelMemory(rest, weights + 8 * MIB, rest + 10 * MIB, rest, mapped=4 * exact, read=read, left=read)


def _more_texts(model: Model, options: Mapping[str, str]) -> int:
    """Return what a batch takes beyond one of the usual size."""
    more = min(texts_of(options), MAX_TEXTS) - TEXTS
    return max(0, more) * PER_WIDTH * (model.width or ANY_WIDTH) // TEXTS


def _dtype(options: Mapping[str, str]) -> str | None:
    """Return the type of numbers that a call asks for, None where it leaves it to the library."""
    asked = options.get("dtype") or options.get("torch_dtype")
    if asked is None or asked == "auto":
        return None
    name = asked.rpartition(".")[2]
    return {"half": "float16", "float": "float32"}.get(name, name) if name in BYTES or name in ("half", "float") else None


def _sentence_transformers(model: Model, major: int | None, options: Mapping[str, str]) -> ModelMemory:
    """The same as transformers, with the tokenizer of many languages, and a batch of texts on top."""
    found = _transformers(model, major, options)
    if options.get("backend") == "onnx":
        return memory_of_file("onnx", model.weights("float32"))
    words = model.vocabulary if model.vocabulary >= MULTILINGUAL else 0
    tokenizer = words * TOKENIZER
    batch = BATCH + PER_WIDTH * (model.width or ANY_WIDTH) + _more_texts(model, options)
    return found._replace(
        rest=found.rest + 6 * MIB + tokenizer, anonymous=found.anonymous + tokenizer,
        peak=found.peak + 6 * MIB + tokenizer + words * READING_TOKENIZER, served=found.rest + batch + tokenizer,
    )  # fmt: skip


def _ultralytics(model: Model, _major: int | None, _options: Mapping[str, str]) -> ModelMemory:
    weights = model.weights("float32")
    rest = int(1.9 * weights) + 48 * MIB
    return ModelMemory(rest, rest - 12 * MIB, rest + model.weights(), rest + 25 * MIB + int(0.85 * weights))


def _spacy(model: Model, _major: int | None, _options: Mapping[str, str]) -> ModelMemory:
    """Word vectors with their keys; reading them takes some more for a moment."""
    rest = SPACY + model.size
    return ModelMemory(rest, rest - 2 * MIB, rest + (15 * MIB if model.size else 0), rest)


def _tiktoken(model: Model, _major: int | None, _options: Mapping[str, str]) -> ModelMemory:
    size = model.size * TOKEN
    return ModelMemory(size, size, size, size)


def _onnx(model: Model, _major: int | None, options: Mapping[str, str]) -> ModelMemory:
    """An export with the weights as they are trained."""
    return _of_texts(memory_of_file("onnx", model.weights("float32")), options)


def _rembg(model: Model, _major: int | None, _options: Mapping[str, str]) -> ModelMemory:
    """Weights are laid out anew for convolutions, beside the file; the arena keeps what the pictures between them take."""
    rest = int(2.33 * model.weights("float32")) + 10 * MIB
    in_use = BETWEEN + PER_PIXEL_OF_SIDE * (SIDES["isnet" if model.name.startswith("isnet") else "u2net"] - 320)
    return ModelMemory(rest, rest, rest + model.weights("float32") // 5, rest + in_use)


def _optimum(model: Model, major: int | None, options: Mapping[str, str]) -> ModelMemory:
    """An export, which is made at load of what PyTorch has loaded where the call asks for it: both are there for a while."""
    found = _onnx(model, major, options)
    if options.get("export") != "True":
        return found
    return found._replace(peak=found.peak + 2 * model.weights("float32"), more=model.weights("float32"))


def _converted(model: Model, _major: int | None, _options: Mapping[str, str]) -> ModelMemory:
    """A conversion, which is gone when it is written: the model in 32 bits, and its copy."""
    return ModelMemory(0, 0, 2 * model.weights("float32"), 0, more=model.weights("float32"))


def _torch(model: Model, _major: int | None, _options: Mapping[str, str]) -> ModelMemory:
    """A state dict that is read whole, and copied into the modules."""
    weights = model.weights("float32")
    return ModelMemory(weights, weights, weights + model.weights(), weights, more=weights)


_FORMULAS: dict[str, Callable[[Model, int | None, Mapping[str, str]], ModelMemory]] = {
    "openai-whisper": _whisper,
    "faster-whisper": _faster_whisper,
    "transformers": _transformers,
    "sentence-transformers": _sentence_transformers,
    "ultralytics": _ultralytics,
    "fastembed": _onnx,
    "optimum": _optimum,
    "ctranslate2": _converted,
    "chromadb": _onnx,
    "rembg": _rembg,
    "spacy": _spacy,
    "tiktoken": _tiktoken,
    "torch": _torch,
    "torchvision": _torch,
    "keras": _torch,
    "flashrank": _onnx,
    "detoxify": _torch,
}


# Files


class Format(Record):
    """What reading a file takes: bytes for each of its bytes, bytes besides, and what each may take on top."""

    rest: float
    peak: float
    besides: int = 0
    besides_at_peak: int = 0
    more: float = 1


FORMATS = {
    # Both exports of all-MiniLM-L6-v2, 86.1 and 21.7 MiB, onnxruntime 1.32.0.
    "onnx": Format(1.22, 1.5, 18 * MIB, 12 * MIB, more=0),
    # A state dict is read whole, and copied into the modules; halves may become 32 bits there.
    "torch": Format(1, 2),
    # Arrays are as large as in the file; objects are larger (53 MiB for 10 MB of dicts).
    "pickle": Format(1, 1, more=4.3),
    # Read as it is; that what is built beside it is no larger is a judgment.
    "index": Format(1, 1),
    # Weights are mapped, or read as they are; that their caches are no larger is a judgment.
    "weights": Format(1, 1),
}


def memory_of_file(kind: str, size: int) -> ModelMemory:
    """Return what reading a file of so many bytes takes, by its format."""
    known = FORMATS[kind]
    rest = int(known.rest * size) + known.besides
    served = rest + (ONNX_BATCH if kind == "onnx" else 0)
    return ModelMemory(rest, rest, int(known.peak * size) + known.besides_at_peak, served, more=int(known.more * size))
