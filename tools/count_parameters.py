"""Count the parameters of published architectures, as `architecture` in the table of models names them.

    python tools/count_parameters.py "bert(30522,512,2,6,384,1536)"

Each function takes what the configuration of a model says, in the order of its own arguments: the vocabulary, positions,
layers, the width of the model and of its feed-forward layers. They agree to the last parameter with what transformers 5.24.0
counts on the meta device for 31 models.
"""

from __future__ import annotations

import ast
import sys


def _attention(width: int) -> int:
    """Queries, keys, values and the projection of their sum, with biases."""
    return 4 * (width * width + width)


def _feed_forward(width: int, inner: int) -> int:
    return 2 * width * inner + inner + width


def bert(
    vocabulary: int,
    positions: int,
    types: int,
    layers: int,
    width: int,
    inner: int,
    pooler: int = 1,
    head: int = 0,
    mid: int = 0,
) -> int:
    """BERT and its kin: a pooler or none, a dense layer before a head of some classes or none."""
    found = (vocabulary + positions + types) * width + 2 * width
    found += layers * (_attention(width) + _feed_forward(width, inner) + 4 * width)
    return found + (pooler + mid) * (width * width + width) + (width * head + head if head else 0)


def mpnet(vocabulary: int, positions: int, layers: int, width: int, inner: int) -> int:
    """BERT without types of tokens, with 32 relative distances for each of 12 heads."""
    return bert(vocabulary, positions, 0, layers, width, inner) + 32 * 12


def gpt2(vocabulary: int, positions: int, layers: int, width: int) -> int:
    """GPT-2, whose head is its table of tokens."""
    return (vocabulary + positions) * width + layers * (12 * width * width + 13 * width) + 2 * width


def _seq2seq(encoders: int, decoders: int, width: int, inner: int) -> int:
    encoder = _attention(width) + _feed_forward(width, inner) + 4 * width
    return encoders * encoder + decoders * (encoder + _attention(width) + 2 * width)


def bart(vocabulary: int, positions: int, encoders: int, decoders: int, width: int, inner: int, head: int = 0) -> int:
    """BART, with a head of some classes or none."""
    found = vocabulary * width + 2 * positions * width + 4 * width + _seq2seq(encoders, decoders, width, inner)
    return found + (width * width + width + width * head + head if head else 0)


def marian(vocabulary: int, positions: int, layers: int, width: int, inner: int) -> int:
    """MarianMT, whose positions are sinusoids that are stored."""
    return vocabulary * width + 2 * positions * width + _seq2seq(layers, layers, width, inner)


def mbartlike(vocabulary: int, positions: int, layers: int, width: int, inner: int, learned: int) -> int:
    """MBart where positions are learned, M2M100 and NLLB where they are not."""
    found = vocabulary * width + _seq2seq(layers, layers, width, inner) + 4 * width
    return found + learned * (2 * positions * width + 4 * width)


def t5(vocabulary: int, layers: int, width: int, keys: int, inner: int, heads: int, gated: int = 0, untied: int = 0) -> int:
    """T5; version 1.1 and FLAN have gated layers and a head of their own."""
    forward = (2 + gated) * width * inner
    encoder = 4 * width * keys + forward + 2 * width
    decoder = 8 * width * keys + forward + 3 * width
    return (1 + untied) * vocabulary * width + layers * (encoder + decoder) + 64 * heads + 2 * width


def llama(vocabulary: int, layers: int, width: int, inner: int, keys: int, tied: int = 1, bias: int = 0) -> int:
    """LLaMA, Mistral and, with biases, Qwen2; `keys` is the width of all keys together."""
    layer = 2 * width * width + 2 * width * keys + 3 * width * inner + 2 * width + bias * (width + 2 * keys)
    return vocabulary * width * (2 - tied) + layers * layer + width


def _vision(patches: int, patch: int, layers: int, width: int, inner: int) -> int:
    layer = _attention(width) + _feed_forward(width, inner) + 4 * width
    return 3 * patch * patch * width + width + (patches + 1) * width + layers * layer


def vit(size: int, patch: int, layers: int, width: int, inner: int, pooler: int = 0, head: int = 0) -> int:
    """A vision transformer, with a pooler or a head of some classes."""
    found = _vision((size // patch) ** 2, patch, layers, width, inner) + width + 2 * width
    return found + pooler * (width * width + width) + (width * head + head if head else 0)


def clip(
    size: int,
    patch: int,
    layers: int,
    width: int,
    inner: int,
    vocabulary: int,
    positions: int,
    text_layers: int,
    text_width: int,
    text_inner: int,
    projection: int,
) -> int:
    """CLIP: a vision transformer, a text transformer, their projections and the scale."""
    text = _attention(text_width) + _feed_forward(text_width, text_inner) + 4 * text_width
    found = _vision((size // patch) ** 2, patch, layers, width, inner) + 4 * width
    found += (vocabulary + positions) * text_width + text_layers * text + 2 * text_width
    return found + (width + text_width) * projection + 1


def whisper(vocabulary: int, bins: int, encoders: int, decoders: int, width: int, inner: int) -> int:
    """Whisper with 448 positions of text and 1,500 of sound; keys have no bias."""
    attention = 4 * width * width + 3 * width
    encoder = attention + _feed_forward(width, inner) + 4 * width
    decoder = 2 * attention + _feed_forward(width, inner) + 6 * width
    found = 3 * bins * width + width + 3 * width * width + width + 1500 * width + encoders * encoder + 2 * width
    return found + (vocabulary + 448) * width + decoders * decoder + 2 * width


def wav2vec2(layers: int, width: int, inner: int, vocabulary: int) -> int:
    """Wav2Vec2 with the convolutions of the base model and a head over letters."""
    convolutions = 512 * (10 + 512 * (3 * 4 + 2 * 2)) + 2 * 512
    projection = 2 * 512 + 512 * width + width
    positions = width * (width // 16) * 128 + width + 128
    layer = _attention(width) + _feed_forward(width, inner) + 4 * width
    return convolutions + projection + positions + 3 * width + layers * layer + width * vocabulary + vocabulary


FUNCTIONS = {
    one.__name__: one for one in (bert, mpnet, gpt2, bart, marian, mbartlike, t5, llama, vit, clip, whisper, wav2vec2)
}


def count(architecture: str) -> int:
    """Return the number that an architecture comes to: a function of this file, products and sums of numbers."""
    return _count(ast.parse(architecture, mode="eval").body)


def _count(node: ast.expr) -> int:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        named = {one.arg: _count(one.value) for one in node.keywords if one.arg is not None}
        return FUNCTIONS[node.func.id](*map(_count, node.args), **named)
    if isinstance(node, ast.BinOp):
        left, right = _count(node.left), _count(node.right)
        return (
            left * right if isinstance(node.op, ast.Mult) else left - right if isinstance(node.op, ast.Sub) else left + right
        )
    assert isinstance(node, ast.Constant)
    assert isinstance(node.value, int)
    return node.value


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(f"{count(argument):,}")
