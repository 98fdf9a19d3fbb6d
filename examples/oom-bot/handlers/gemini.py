"""Answers from Gemini."""

from __future__ import annotations

import os

import google.generativeai as genai

MODEL = os.environ.get("GEMINI_MODEL", "gemini-2.5-flash")


def answer(question: str, prompt: str) -> str:
    """Answer one question."""
    genai.configure(api_key=os.environ["GEMINI_API_KEY"])
    model = genai.GenerativeModel(MODEL, system_instruction=prompt)
    return model.generate_content(question).text
