"""Secrets from the environment; prompts and the usage log from a Google Sheet."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from functools import cache

import gspread

BOT_KEY = os.environ.get("BOT_KEY", "")
TELEGRAM_TOKEN = os.environ.get("TELEGRAM_TOKEN", "")
TELEGRAM_SECRET = os.environ.get("TELEGRAM_SECRET", "")
SHEET_ID = os.environ.get("SHEET_ID", "")
DEFAULT_PROMPT = "Answer briefly and in the language of the question."


@cache
def open_sheet() -> gspread.Spreadsheet:
    """Open the bot's spreadsheet with the service account from the environment."""
    account = json.loads(os.environ["GOOGLE_SERVICE_ACCOUNT"])
    return gspread.service_account_from_dict(account).open_by_key(SHEET_ID)


@cache
def system_prompt(model: str) -> str:
    """Return the prompt that the tab "prompts" (columns: model, prompt) has for a model."""
    if not SHEET_ID:
        return DEFAULT_PROMPT
    for row in open_sheet().worksheet("prompts").get_all_records():
        if row["model"] == model:
            return str(row["prompt"])
    return DEFAULT_PROMPT


def log_usage(model: str, question: str, answer: str) -> None:
    """Add a line to the tab "log" (columns: time, model, question, answer; the lengths only)."""
    if SHEET_ID:
        time = datetime.now(timezone.utc).isoformat(timespec="seconds")
        open_sheet().worksheet("log").append_row([time, model, len(question), len(answer)])


def read_usage() -> list[dict[str, int | float | str]]:
    """Return the lines of the tab "log"."""
    return open_sheet().worksheet("log").get_all_records() if SHEET_ID else []
