"""Secrets and personal data in a line, by the forms in which they are written."""

from __future__ import annotations

import re

KINDS = {
    "telegram_token": ("Telegram bot token", r"\bbot\d{8,10}:[\w-]{30,}"),
    "api_key": ("API key", r"\b(?:sk|pk|rk)[-_][\w-]{16,}|\bgh[pousr]_\w{30,}|\bAKIA[A-Z\d]{16}\b|\bxox[abprs]-[\w-]{10,}"),
    "jwt": ("JSON web token", r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"),
    "bearer": ("authorization header", r"(?i:\b(?:bearer|authorization[\"']?\s*[=:]\s*[\"']?basic)\s+[\w.~+/=-]{12,})"),
    "password": (
        "password or secret",
        r"(?i:\b[\w-]{0,40}(?:passw(?:or)?d|secret(?:_?access)?(?:_?key)?|api_?key|access_?token|auth_?token)[\"']?\s*[=:]\s*[\"']?[^\s,;\"'&*<]{4,})",
    ),
    "url_password": ("password in a URL", r"://[^\s/:@]+:[^\s/@]+@"),
    "email": ("e-mail address", r"\b[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+\b"),
    "phone": ("phone number", r"(?<![\w.])\+\d(?:[\d -]{7,16})\d\b"),
}
PERSONAL = ("email", "phone")

MAX_LETTERS = 4000
"""Letters that are looked at: what repeats the start of a form takes time by the square of its length."""

_ANY = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, (_, pattern) in KINDS.items()))


_HINTS = (
    *("@", "+", "bot", "k-", "k_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "akia", "xox", "eyj", "bearer", "basic", "passw"),
    *("secret", "key", "token"),
)
"""Small letters of which each form has some: most lines have none, and need no expression."""


def find(text: str) -> set[str]:
    """Return the kinds of secrets and personal data that a line holds in its first letters."""
    small = text[:MAX_LETTERS].lower()
    if not any(hint in small for hint in _HINTS):
        return set()
    return {found.lastgroup or "" for found in _ANY.finditer(text, 0, MAX_LETTERS)}


def hide(text: str) -> str:
    """Return a line in which each secret is replaced by what it is."""
    return _ANY.sub(lambda found: f"<{KINDS[found.lastgroup or ''][0]}>", text)
