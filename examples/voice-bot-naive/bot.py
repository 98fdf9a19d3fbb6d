"""The same bot as it is mostly written: its model is named in the code, and is the largest that rests well in 512 MiB."""

from __future__ import annotations

import logging
import os
import tempfile

from faster_whisper import WhisperModel
from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters

model = WhisperModel("small", device="cpu", compute_type="int8")


async def on_voice(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Answer a voice message with its text."""
    with tempfile.NamedTemporaryFile(suffix=".oga") as file:
        await (await update.message.voice.get_file()).download_to_drive(file.name)
        segments, _ = model.transcribe(file.name, language=os.getenv("VOICE_LANGUAGE", "en"), beam_size=1, temperature=0)
        text = " ".join(segment.text.strip() for segment in segments)
    await update.message.reply_text(text or "I heard nothing.")


def main() -> None:
    """Ask Telegram for messages until the host stops the bot."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    where = os.getenv("TELEGRAM_API", "https://api.telegram.org")
    builder = Application.builder().token(os.environ["TELEGRAM_TOKEN"])
    app = builder.base_url(f"{where}/bot").base_file_url(f"{where}/file/bot").build()
    app.add_handler(MessageHandler(filters.VOICE, on_voice))
    app.run_polling()


if __name__ == "__main__":
    main()
