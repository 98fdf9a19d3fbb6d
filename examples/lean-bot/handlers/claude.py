"""Answers from Claude."""

from __future__ import annotations

import os

MODEL = os.environ.get("CLAUDE_MODEL", "claude-haiku-4-5")


def answer(question: str, prompt: str) -> str:
    """Answer one question."""
    import anthropic

    message = anthropic.Anthropic().messages.create(
        model=MODEL,
        max_tokens=1024,
        system=prompt,
        messages=[{"role": "user", "content": question}],
    )
    return "".join(block.text for block in message.content if block.type == "text")
