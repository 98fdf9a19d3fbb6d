"""A bot that passes questions from Telegram and the web to the model of your choice."""

from __future__ import annotations

from hmac import compare_digest
from typing import Annotated, Any

from fastapi import BackgroundTasks, Depends, FastAPI, Header, HTTPException, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from telegram import Bot, Update

import config
import reports
from handlers import claude, gemini, gpt

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HANDLERS = {"gpt": gpt.answer, "claude": claude.answer, "gemini": gemini.answer}

app = FastAPI(title="Ask a model")


class Question(BaseModel):
    """What the web page sends."""

    text: str
    model: str = "gpt"


def ask_model(model: str, text: str) -> str:
    """Ask a model and write the exchange into the usage log."""
    answer = HANDLERS[model](text, config.system_prompt(model))
    config.log_usage(model, text, answer)
    return answer


def require_key(x_bot_key: Annotated[str, Header()] = "") -> None:
    """Let only those in who know the bot's key."""
    if not config.BOT_KEY or not compare_digest(x_bot_key, config.BOT_KEY):
        raise HTTPException(401, "The header X-Bot-Key is missing or wrong")


async def reply(payload: dict[str, Any]) -> None:
    """Answer a Telegram message: "/claude Why so blue?" asks Claude, other text asks GPT."""
    async with Bot(config.TELEGRAM_TOKEN) as bot:
        message = Update.de_json(payload, bot).message
        if message is None or not message.text:
            return
        command, _, rest = message.text.partition(" ")
        model = command.removeprefix("/")
        if not command.startswith("/") or model not in HANDLERS:
            model, rest = "gpt", message.text
        await message.reply_text(await run_in_threadpool(ask_model, model, rest))


@app.get("/health")
def health() -> dict[str, str]:
    """Say that the process is up."""
    return {"status": "ok"}


@app.post("/telegram")
def telegram(
    payload: dict[str, Any],
    tasks: BackgroundTasks,
    x_telegram_bot_api_secret_token: Annotated[str, Header()] = "",
) -> dict[str, bool]:
    """Take an update from Telegram and answer it after the response has gone out."""
    secret = config.TELEGRAM_SECRET
    if not secret or not compare_digest(x_telegram_bot_api_secret_token, secret):
        raise HTTPException(401, "This is not Telegram")
    tasks.add_task(reply, payload)
    return {"ok": True}


@app.post("/ask", dependencies=[Depends(require_key)])
def ask(question: Question) -> dict[str, str]:
    """Answer a question from the web page."""
    if question.model not in HANDLERS:
        raise HTTPException(422, f"Choose one of {', '.join(HANDLERS)}")
    return {"answer": ask_model(question.model, question.text)}


@app.get("/usage.xlsx", dependencies=[Depends(require_key)])
def usage() -> Response:
    """Download the usage log as an Excel workbook."""
    return Response(reports.usage_workbook(config.read_usage()), media_type=EXCEL)
