"""Measure what models take that no formula was fitted to: random weights in the true architecture, a fresh process a row.

    python tools/measure_models.py FOLDER [--python PYTHON] [--cases LIST …] [--only WORD] [--no-limits]

PYTHON has faster-whisper, openai-whisper, sentence-transformers and torch installed. Each model is written to FOLDER, loaded
and used once without a limit, and then in control groups of each limit, where the kernel may kill it. A row that is in
FOLDER/rows.jsonl is not measured again, so that the command may be ended and started anew. The table that it prints compares
each row with the formulas of `memguard_hooks/models/memory.py`.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from memguard_hooks.host import cgroup
from memguard_hooks.models.memory import memory_of
from memguard_hooks.models.table import find, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MIB = 2**20
LIMITS = (512, 1024, 2048)
ROOM = 0.9


class Case(NamedTuple):
    """A model, the library that loads it, the type of numbers that the call asks for, and how the weights are stored.

    Empty strings are the library's own choice, and safetensors (`bin` is PyTorch's own format) as the table has it. `texts`
    are those of one batch, of 120 words each; the library's own size where it is 0.
    """

    library: str
    model: str
    asked: str = ""
    stored: str = ""
    texts: int = 0

    @property
    def label(self) -> str:
        """How its rows are called."""
        return "/".join(self[:4]) + (f"/{self.texts}" if self.texts else "")

    @property
    def options(self) -> dict[str, str]:
        """What its call gives the library."""
        asked = {OPTIONS[self.library]: self.asked} if self.asked else {}
        return {**asked, **({"batch_size": str(self.texts)} if self.texts else {})}


HELD_OUT = (
    Case("sentence-transformers", "sentence-transformers/all-MiniLM-L12-v2"),
    Case("sentence-transformers", "sentence-transformers/all-distilroberta-v1"),
    Case("sentence-transformers", "intfloat/multilingual-e5-base"),
    Case("sentence-transformers", "BAAI/bge-large-en-v1.5"),
    Case("transformers", "FacebookAI/roberta-large"),
    Case("transformers", "google/vit-large-patch16-224"),
    Case("transformers", "google/flan-t5-base"),
    Case("transformers", "google/flan-t5-base", "bfloat16"),
    Case("transformers", "google-t5/t5-base", "float16"),
    Case("transformers", "distilbert/distilgpt2", "float16"),
    Case("transformers", "google-bert/bert-large-uncased", "float16"),
    Case("faster-whisper", "tiny", "int8_float32"),
    Case("faster-whisper", "base", "int8_float32"),
    Case("faster-whisper", "base", "default"),
    Case("faster-whisper", "small", "default"),
    Case("faster-whisper", "distil-small.en", "int8"),
    Case("faster-whisper", "distil-small.en", "float32"),
    Case("faster-whisper", "distil-medium.en", "int8"),
    Case("faster-whisper", "distil-medium.en", "float32"),
    Case("openai-whisper", "medium"),
)
"""None of them is in `models/data/measured.tsv`, whose rows the formulas were fitted to."""

HELD_OUT_LATER = (
    Case("sentence-transformers", "sentence-transformers/paraphrase-MiniLM-L3-v2"),
    Case("sentence-transformers", "sentence-transformers/paraphrase-TinyBERT-L6-v2"),
    Case("sentence-transformers", "BAAI/bge-small-zh-v1.5"),
    Case("sentence-transformers", "BAAI/bge-base-zh-v1.5"),
    Case("sentence-transformers", "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"),
    Case("sentence-transformers", "sentence-transformers/all-roberta-large-v1"),
    Case("sentence-transformers", "sentence-transformers/LaBSE"),
    Case("transformers", "distilbert/distilbert-base-multilingual-cased"),
    Case("transformers", "google-bert/bert-base-multilingual-cased", "bfloat16"),
    Case("transformers", "openai-community/gpt2-large"),
    Case("transformers", "microsoft/DialoGPT-medium", "float16"),
    Case("transformers", "google/flan-t5-small", "float16"),
    Case("transformers", "google-t5/t5-large", "bfloat16"),
    Case("transformers", "google/vit-base-patch16-224"),
    Case("transformers", "meta-llama/Llama-3.2-1B"),
    Case("faster-whisper", "small.en", "int8_float32"),
    Case("faster-whisper", "distil-large-v3", "int8"),
    Case("faster-whisper", "medium", "float32"),
    Case("faster-whisper", "tiny.en", "int8"),
    Case("openai-whisper", "base.en"),
)
"""Written down whole before the first of them was measured, after a formula had changed while the first list was."""

HELD_OUT_LAST = (
    Case("sentence-transformers", "BAAI/bge-large-zh-v1.5"),
    Case("sentence-transformers", "sentence-transformers/multi-qa-distilbert-cos-v1"),
    Case("sentence-transformers", "sentence-transformers/distiluse-base-multilingual-cased-v2"),
    Case("sentence-transformers", "intfloat/multilingual-e5-large"),
    Case("transformers", "distilbert/distilroberta-base"),
    Case("transformers", "FacebookAI/xlm-roberta-base", "float16"),
    Case("transformers", "google-bert/bert-large-cased", "bfloat16"),
    Case("transformers", "microsoft/DialoGPT-small", "bfloat16"),
    Case("transformers", "openai-community/gpt2-medium", "float16"),
    Case("transformers", "google/flan-t5-large", "float16"),
    Case("transformers", "google-t5/t5-small", "bfloat16"),
    Case("transformers", "nateraw/vit-age-classifier", "bfloat16"),
    Case("transformers", "FacebookAI/roberta-base", "", "bin"),
    Case("transformers", "Qwen/Qwen2.5-0.5B-Instruct", "float16"),
    Case("faster-whisper", "base.en", "int8"),
    Case("faster-whisper", "distil-medium.en", "int8_float32"),
    Case("faster-whisper", "large-v2", "default"),
    Case("faster-whisper", "medium.en", "int8_float32"),
    Case("openai-whisper", "tiny.en"),
    Case("openai-whisper", "small.en"),
)
"""Written down whole before the first of them was measured.

In place of small as int16, which CTranslate2 refuses on some CPUs, stands what the seed 16 drew of those in no list.
"""

CONVERSIONS = (
    Case("transformers", "distilbert/distilgpt2", "", "bin"),
    Case("transformers", "FacebookAI/roberta-large", "bfloat16", "bin"),
    Case("transformers", "google/vit-large-patch16-224", "float16"),
    Case("transformers", "TinyLlama/TinyLlama-1.1B-Chat-v1.0", "float16"),
)
"""Types of numbers that are not as stored, and weights that are not safetensors."""

BATCHES = (
    *(Case("sentence-transformers", "sentence-transformers/all-MiniLM-L6-v2", texts=texts) for texts in (8, 64, 128, 256)),
    *(Case("sentence-transformers", "BAAI/bge-base-en-v1.5", texts=texts) for texts in (8, 64, 128)),
    *(Case("sentence-transformers", "BAAI/bge-large-en-v1.5", texts=texts) for texts in (8, 64)),
    *(Case("transformers", "google-bert/bert-base-uncased", texts=texts) for texts in (8, 64, 128)),
)
"""Batches of other sizes than the 32 texts of the fit."""

CASES = {"held-out": HELD_OUT, "held-out-later": HELD_OUT_LATER, "held-out-last": HELD_OUT_LAST, "conversions": CONVERSIONS,
         "batches": BATCHES}  # fmt: skip

KINDS = {"faster-whisper": "whisper", "openai-whisper": "whisper", "transformers": "hub", "sentence-transformers": "hub"}
OPTIONS = {"faster-whisper": "compute_type", "openai-whisper": "dtype", "transformers": "dtype",
           "sentence-transformers": "dtype"}  # fmt: skip

SPECIAL = ("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>",
           "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>")  # fmt: skip


# Writing models: run by the interpreter that has the libraries, as `measure_models.py write ...`


def write(folder: Path, library: str, architecture: str, dtype: str, stored: str = "") -> None:
    """Write a model with random weights as its library finds it."""
    call = ast.parse(architecture.partition("-")[0], mode="eval").body
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Name)
    sizes = [ast.literal_eval(one) for one in call.args]
    named = {one.arg: ast.literal_eval(one.value) for one in call.keywords if one.arg}
    if library == "faster-whisper":
        write_ctranslate2(folder, *sizes)
    elif library == "openai-whisper":
        write_whisper(folder, *sizes)
    else:
        write_transformers(folder, call.func.id, sizes, named, dtype, with_tokenizer=library == "sentence-transformers")
        if stored == "bin":
            store_as_bin(folder)


def write_ctranslate2(
    folder: Path, vocabulary: int, bins: int, encoders: int, decoders: int, width: int, inner: int
) -> None:
    """Write what a conversion of Whisper to CTranslate2 holds, as float16."""
    import numpy as np
    from ctranslate2.specs import WhisperSpec

    generator = np.random.default_rng(0)

    def random(*shape: int) -> Any:
        return (generator.standard_normal(shape, dtype=np.float32) * 0.02).astype(np.float16)

    def linear(spec: Any, rows: int, columns: int) -> None:
        spec.weight, spec.bias = random(rows, columns), random(rows)

    def norm(spec: Any) -> None:
        spec.gamma, spec.beta = np.ones(width, np.float16), np.zeros(width, np.float16)

    def attention(spec: Any, *, is_own: bool) -> None:
        norm(spec.layer_norm)
        for one, rows in zip(spec.linear, (3, 1) if is_own else (1, 2, 1), strict=True):
            linear(one, rows * width, width)

    def forward(spec: Any) -> None:
        norm(spec.layer_norm)
        linear(spec.linear_0, inner, width)
        linear(spec.linear_1, width, inner)

    heads = width // 64
    spec = WhisperSpec(encoders, heads, decoders, heads)
    spec.encoder.conv1.weight, spec.encoder.conv1.bias = random(width, bins, 3), random(width)
    spec.encoder.conv2.weight, spec.encoder.conv2.bias = random(width, width, 3), random(width)
    spec.encoder.position_encodings.encodings = random(1500, width)
    spec.decoder.position_encodings.encodings = random(448, width)
    spec.decoder.embeddings.weight = random(vocabulary, width)
    spec.decoder.projection.weight = spec.decoder.embeddings.weight
    for layers in (spec.encoder, spec.decoder):
        norm(layers.layer_norm)
        for layer in layers.layer:
            attention(layer.self_attention, is_own=True)
            if layers is spec.decoder:
                attention(layer.attention, is_own=False)
            forward(layer.ffn)
    plain = [f"t{number}" for number in range(50257 - (vocabulary == 51864))]
    languages = vocabulary - len(plain) - 1501 - len(SPECIAL) + 1
    words = [*plain, *SPECIAL[:3], *(f"<|l{number}|>" for number in range(languages - 1)), *SPECIAL[3:]]
    words += [f"<|{number * 0.02:.2f}|>" for number in range(vocabulary - len(words))]
    spec.register_vocabulary(words)
    first = len(plain)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], [220, first]
    spec.config.lang_ids, spec.config.alignment_heads = [first + 2], [[0, 0]]
    spec.validate()
    spec.optimize(quantization="float16")
    folder.mkdir(parents=True)
    spec.save(str(folder))
    write_tokenizer(folder / "tokenizer.json", words, is_unigram=False)
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": bins}))


def write_tokenizer(path: Path, words: Sequence[str], *, is_unigram: bool) -> None:
    """Write a tokenizer of so many words, as transformers reads it."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    if is_unigram:
        tokenizer = Tokenizer(models.Unigram([(word, -float(number % 20)) for number, word in enumerate(words)], 3))
    else:
        tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, words[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = [word for word in words if word.startswith(("<", "["))]
    tokenizer.add_special_tokens(special[:2000])
    tokenizer.save(str(path))


def write_whisper(folder: Path, vocabulary: int, bins: int, encoders: int, decoders: int, width: int, inner: int) -> None:
    """Write a checkpoint of openai-whisper, as float16."""
    import torch
    from whisper.model import ModelDimensions, Whisper

    assert inner == 4 * width
    heads = width // 64
    size = ModelDimensions(bins, 1500, width, heads, encoders, vocabulary, 448, width, heads, decoders)
    model = Whisper(size).half()
    folder.mkdir(parents=True)
    torch.save({"dims": vars(size), "model_state_dict": model.state_dict()}, folder / "model.pt")


def write_transformers(
    folder: Path, kind: str, sizes: list[int], named: dict[str, int], dtype: str, *, with_tokenizer: bool
) -> None:
    """Write a folder that `from_pretrained` reads, and `SentenceTransformer` where there is a tokenizer."""
    import torch
    import transformers

    name, config = configure(kind, sizes, named)
    model = getattr(transformers, name)(config).to(getattr(torch, dtype))
    model.save_pretrained(folder, max_shard_size="100GB")
    (folder / "class").write_text(name)
    if not with_tokenizer:
        return
    special = ["<s>", "<pad>", "</s>", "<unk>", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"]
    words = [*special, *(f"w{number}" for number in range(sizes[0] - len(special)))]
    is_unigram = sizes[0] > 200_000
    write_tokenizer(folder / "plain.json", words, is_unigram=is_unigram)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "plain.json"), model_max_length=512,
        **{f"{name}_token": f"[{name.upper()}]" for name in ("pad", "cls", "sep", "unk", "mask")},
    )  # fmt: skip
    (folder / "plain.json").unlink()
    tokenizer.save_pretrained(folder)
    from sentence_transformers import SentenceTransformer, models

    transformer = models.Transformer(str(folder))
    pooling = models.Pooling(sizes[4])
    SentenceTransformer(modules=[transformer, pooling], device="cpu").save(str(folder / "whole"))


def store_as_bin(folder: Path) -> None:
    """Store weights in PyTorch's own format instead of safetensors."""
    import torch
    from safetensors.torch import load_file

    plain = folder / "model.safetensors"
    torch.save(load_file(plain), folder / "pytorch_model.bin")
    plain.unlink()


def configure(kind: str, sizes: list[int], named: dict[str, int]) -> tuple[str, Any]:
    """Return the class of a model and its configuration, by a function of `count_parameters`."""
    import transformers as t

    if kind == "bert":
        vocabulary, positions, types, layers, width, inner = sizes
        if not types:
            return "DistilBertModel", t.DistilBertConfig(
                vocab_size=vocabulary, max_position_embeddings=positions, n_layers=layers, dim=width, hidden_dim=inner,
                n_heads=width // 64,
            )  # fmt: skip
        common = {"vocab_size": vocabulary, "max_position_embeddings": positions, "type_vocab_size": types,
                  "num_hidden_layers": layers, "hidden_size": width, "intermediate_size": inner,
                  "num_attention_heads": width // 32}  # fmt: skip
        if types == 1:
            return "XLMRobertaModel", t.XLMRobertaConfig(**common)
        return "BertModel", t.BertConfig(**common)
    if kind == "gpt2":
        vocabulary, positions, layers, width = sizes
        return "GPT2LMHeadModel", t.GPT2Config(
            vocab_size=vocabulary, n_positions=positions, n_layer=layers, n_embd=width, n_head=width // 64
        )
    if kind == "t5":
        vocabulary, layers, width, keys, inner, heads = sizes
        return "T5ForConditionalGeneration", t.T5Config(
            vocab_size=vocabulary, num_layers=layers, d_model=width, d_kv=keys // heads, d_ff=inner, num_heads=heads,
            feed_forward_proj="gated-gelu" if named.get("gated") else "relu", tie_word_embeddings=not named.get("untied"),
        )  # fmt: skip
    if kind == "llama":
        vocabulary, layers, width, inner, keys = sizes
        return "LlamaForCausalLM", t.LlamaConfig(
            vocab_size=vocabulary, num_hidden_layers=layers, hidden_size=width, intermediate_size=inner,
            num_attention_heads=width // 64, num_key_value_heads=keys // 64, tie_word_embeddings=bool(named.get("tied", 1)),
        )  # fmt: skip
    assert kind == "vit", kind
    size, patch, layers, width, inner = sizes
    return "ViTForImageClassification", t.ViTConfig(
        image_size=size, patch_size=patch, num_hidden_layers=layers, hidden_size=width, intermediate_size=inner,
        num_attention_heads=width // 64, num_labels=named["head"],
    )  # fmt: skip


# Loading them: one process a row

LOAD = """
import json, os, sys
folder, asked, texts = sys.argv[1], sys.argv[2], int(sys.argv[3])
stages = {}
def stage(name):
    found = {}
    with open("/proc/self/status") as file:
        for line in file:
            word, _, rest = line.partition(":")
            if word in ("VmRSS", "RssAnon", "VmHWM"):
                found[word] = int(rest.split()[0]) / 1024
    stages[name] = [found["VmRSS"], found["RssAnon"], found["VmHWM"]]
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
"""

USE = {
    "faster-whisper": """
import numpy as np
import faster_whisper
stage("import")
model = faster_whisper.WhisperModel(folder, device="cpu", compute_type=asked, cpu_threads=2)
stage("load")
sound = np.random.default_rng(0).standard_normal(480_000, dtype=np.float32) * 0.1
encoded = model.encode(model.feature_extractor(sound)[:, :3000])
find = model.hf_tokenizer.token_to_id
prompt = [find(word) for word in ("<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>")]
model.model.generate(encoded, [prompt], beam_size=5, max_length=60)
stage("use")
""",
    "openai-whisper": """
import torch, whisper
torch.set_num_threads(2)
stage("import")
model = whisper.load_model(folder + "/model.pt", device="cpu")
stage("load")
mel = whisper.log_mel_spectrogram(torch.randn(480_000) * 0.1, model.dims.n_mels)
whisper.decode(model, mel, whisper.DecodingOptions(language="en", fp16=False, sample_len=30))
stage("use")
""",
    "transformers": """
import torch, transformers
torch.set_num_threads(2)
name = open(folder + "/class").read()
kind = getattr(transformers, name)
stage("import")
model = kind.from_pretrained(folder, **({"dtype": getattr(torch, asked)} if asked else {})).eval()
stage("load")
with torch.inference_mode():
    if "ViT" in name:
        size = model.config.image_size
        model(torch.randn(1, 3, size, size, dtype=model.dtype))
    elif "T5" in name:
        model.generate(torch.randint(10, 1000, (1, 64)), max_new_tokens=16, decoder_start_token_id=0)
    elif name.endswith(("LMHeadModel", "CausalLM")):
        model.generate(torch.randint(10, 1000, (1, 64)), max_new_tokens=16)
    elif texts:
        model(torch.randint(10, 1000, (texts, 122)))
    else:
        model(torch.randint(10, 1000, (1, 64)))
stage("use")
""",
    "sentence-transformers": """
import torch, sentence_transformers
torch.set_num_threads(2)
stage("import")
model = sentence_transformers.SentenceTransformer(folder + "/whole", device="cpu")
stage("load")
given = [" ".join(f"w{10 + (7 * text + word) % 900}" for word in range(120)) for text in range(texts or 32)]
model.encode(given, batch_size=len(given))
stage("use")
""",
}

END = "\nprint(json.dumps(stages))\n"


def load(python: str, folder: Path, case: Case, limit: int | None) -> dict[str, Any]:
    """Load and use a model once; return the exit status and the stages, MiB resident, anonymous and at the peak."""
    for path in folder.rglob("*"):  # what lies in the cache of the kernel belongs to the group that read it
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    command = [python, "-W", "ignore", "-c", LOAD + USE[case.library] + END, str(folder), case.asked, str(case.texts)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2", "TOKENIZERS_PARALLELISM": "false"}
    if limit is None:
        return _run(command, environment)
    with cgroup.limited(limit * MIB) as group:
        if isinstance(group, str):
            raise SystemExit(group)
        return _run(group.enter(command), environment)


def _run(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, -9):
        raise SystemExit(done.stderr[-2000:])
    return {"status": done.returncode, "stages": json.loads(done.stdout.splitlines()[-1]) if not done.returncode else {}}


def measure(case: Case, folder: Path, python: str, limits: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a model that are not there yet, and write them down."""
    if all(fate(case, folder, limit) is not None for limit in (None, *limits)):
        return
    model = find(KINDS[case.library], case.model)
    assert model is not None
    place = folder / "model"
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    architecture = next(
        row[4] for row in read_rows("models.tsv") if row[0] == KINDS[case.library] and case.model in row[1].split(" ")
    )
    command = [python, "-W", "ignore", __file__, "write", str(place), case.library, architecture, model.dtype,
               case.stored]  # fmt: skip
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)})
    try:
        middle = len(limits) // 2
        for limit in (None, *limits[middle:], *limits[:middle]):
            if fate(case, folder, limit) is not None:
                continue
            row = {"case": case.label, "limit": limit, **load(python, place, case, limit)}
            with (folder / "rows.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")
            yield row
    finally:
        shutil.rmtree(place, ignore_errors=True)


def read(folder: Path) -> list[dict[str, Any]]:
    """Return the rows that were measured."""
    path = folder / "rows.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def fate(case: Case, folder: Path, limit: int | None) -> bool | None:
    """Return whether a case was killed in a limit, None where no run tells.

    What lives in less lives in more as well. Of a run without a limit, what never had so much resident lives, with a tenth
    of room for what the kernel keeps for it; what had more that is no page of a file is killed.
    """
    for row in read(folder):
        if row["case"] != case.label:
            continue
        was_killed, other = bool(row["status"]), row["limit"]
        if other == limit:
            return was_killed
        if limit is not None and other is not None and (other > limit) == was_killed:
            return was_killed
        if limit is not None and other is None:
            stages = row["stages"].values()
            if max(one[2] for one in stages) < ROOM * limit:
                return False
            if max(one[1] for one in stages) > limit:
                return True
    return None


# Compared with the formulas


def compare(cases: Sequence[Case], folder: Path, limits: Sequence[int]) -> Iterator[str]:
    """Yield the lines of the table, and what they come to."""
    rows = {(row["case"], row["limit"]): row for row in read(folder)}
    head = ("model", "type", "import", "rest", "formula", "off", "peak", "formula", "off", "used", "in use",
            "formula", "off", *(f"in {limit}" for limit in limits))  # fmt: skip
    yield f"| {' | '.join(head)} |"
    yield f"| --- | --- |{' ---: |' * (len(head) - 2)}"
    right = {"rest": 0, "peak": 0, "killed": 0, "batch": 0}
    told = batches = 0
    for case in cases:
        row = rows.get((case.label, None))
        model = find(KINDS[case.library], case.model)
        if row is None or model is None:
            continue
        told += 1
        stages = row["stages"]
        base = stages["import"][0]
        memory = memory_of(case.library, model, None, case.options)
        sizes = (memory.rest + memory.left, memory.peak, memory.served + memory.left)
        rest, peak, served = (base + size / MIB for size in sizes)
        kept = max(memory.peak, memory.served) - (memory.rest - memory.anonymous)  # what no limit makes the kernel drop
        resident = peak + memory.read / MIB
        off, off_peak = rest / stages["load"][0] - 1, resident / stages["load"][2] - 1
        right["rest"] += abs(off) <= 0.07
        right["peak"] += abs(off_peak) <= 0.10
        off_use = (served + memory.mapped / MIB) / stages["use"][2] - 1
        batches += bool(case.texts)
        right["batch"] += bool(case.texts) and abs(off_use) <= 0.10
        fates = []
        for limit in limits:
            found = fate(case, folder, limit)
            if found is not None:
                expected = stages["import"][1] + kept / MIB > limit
                fates.append((("killed" if found else "lives") + ("" if expected == found else " (!)"), expected == found))
        right["killed"] += all(fine for _, fine in fates)
        kind = " ".join(filter(None, (case.asked or "as stored", case.stored, f"{case.texts} texts" if case.texts else "")))
        cells = (f"{case.library} {case.model.rpartition('/')[2]}", kind, f"{base:.0f}",
                 f"{stages['load'][0]:.0f}", f"{rest:.0f}", f"{off:+.1%}", f"{stages['load'][2]:.0f}", f"{resident:.0f}",
                 f"{off_peak:+.1%}", f"{stages['use'][0]:.0f}",
                 f"{stages['use'][2]:.0f}", f"{served + memory.mapped / MIB:.0f}", f"{off_use:+.1%}",
                 *(fate for fate, _ in fates))  # fmt: skip
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield (f"of {told}: at rest within 7 % {right['rest']}, at the peak within 10 % {right['peak']}, "
           f"fate right in all of {len(limits)} limits {right['killed']}")  # fmt: skip
    if batches:
        yield f"of {batches} with a batch: the peak in use within 10 % {right['batch']}"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is missing, and print the table."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["write"]:
        write(Path(arguments[1]), *arguments[2:])
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where models are written and rows are kept")
    parser.add_argument("--python", default=sys.executable, help="interpreter with the libraries")
    parser.add_argument("--cases", choices=CASES, nargs="+", default=list(CASES), help="which lists, all by default")
    parser.add_argument("--only", default="", metavar="WORD", help="models whose library, name or type has it")
    parser.add_argument("--no-limits", action="store_true", help="measure without control groups alone")
    options = parser.parse_args(arguments)
    cases = [case for name in options.cases for case in CASES[name] if options.only in case.label]
    limits = () if options.no_limits else LIMITS
    for case in cases:
        for row in measure(case, options.folder, options.python, limits):
            print(row["case"], row["limit"], row["status"], row["stages"], file=sys.stderr, flush=True)
    print("\n".join(compare(cases, options.folder, limits)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
