"""Answers from OpenAI, or from another provider when OpenAI is out of quota."""

from __future__ import annotations

import os

MODEL = os.environ.get("GPT_MODEL", "gpt-4o-mini")
FALLBACK_MODEL = os.environ.get("GPT_FALLBACK_MODEL", "groq/llama-3.1-8b-instant")


def answer(question: str, prompt: str) -> str:
    """Answer one question."""
    import openai

    messages = [{"role": "system", "content": prompt}, {"role": "user", "content": question}]
    try:
        reply = openai.OpenAI().chat.completions.create(model=MODEL, messages=messages)
    except openai.RateLimitError:
        import litellm

        reply = litellm.completion(model=FALLBACK_MODEL, messages=messages)
    return reply.choices[0].message.content or ""
