"""A Telegram bot that writes down what voice messages say, in 512 MiB."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from typing import TYPE_CHECKING

from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters

import memguard_runtime as memory

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

MODELS = [("small", 564), ("base", 242), ("tiny", 176)]
"""What loading or using each takes at most as int8, in MiB on top of the library; `memguard check` fills this in."""

logger = logging.getLogger("voice-bot")


async def listen(app: Application) -> None:
    """Load the largest model that fits beside all else, and watch the memory from then on."""
    from faster_whisper import WhisperModel

    memory.log_memory_usage("startup", logger.info)
    name = memory.choose(MODELS)
    if name is None:
        raise SystemExit("there is no room for any model")
    app.bot_data["model"] = await asyncio.to_thread(WhisperModel, name, device="cpu", compute_type="int8")
    app.bot_data["watch"] = memory.guard(every=2, log=logger.warning)
    app.bot_data["one_at_a_time"] = asyncio.Lock()
    memory.release()
    memory.log_memory_usage(f"with {name}", logger.info)


async def close(app: Application) -> None:
    """End the watch."""
    app.bot_data["watch"].close()


def transcribe(model: WhisperModel, path: str) -> str:
    """Return what a recording says."""
    segments, _ = model.transcribe(path, language=os.getenv("VOICE_LANGUAGE", "en"), beam_size=1, temperature=0)
    return " ".join(segment.text.strip() for segment in segments)


async def on_voice(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Answer a voice message with its text, or say that there is no room for it now."""
    data = context.bot_data
    async with data["one_at_a_time"]:
        if data["watch"].level == "stop":
            await update.message.reply_text("I am busy. Please send it again in a minute.")
            return
        with tempfile.NamedTemporaryFile(suffix=".oga") as file:
            await (await update.message.voice.get_file()).download_to_drive(file.name)
            text = await asyncio.to_thread(transcribe, data["model"], file.name)
    memory.log_memory_usage("after a message", logger.info)
    await update.message.reply_text(text or "I heard nothing.")


def main() -> None:
    """Ask Telegram for messages until the host stops the bot."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    for name in ("httpx", "httpx2"):  # they log each address, and the token is part of it
        logging.getLogger(name).setLevel(logging.WARNING)
    where = os.getenv("TELEGRAM_API", "https://api.telegram.org")
    builder = Application.builder().token(os.environ["TELEGRAM_TOKEN"])
    builder = builder.base_url(f"{where}/bot").base_file_url(f"{where}/file/bot")
    app = builder.post_init(listen).post_shutdown(close).build()
    app.add_handler(MessageHandler(filters.VOICE, on_voice))
    app.run_polling()


if __name__ == "__main__":
    main()
