"""The log of a voice bot that writes a line for each frame: 2,000 lines a call, of which 10 to 30 tell what happened."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterator

RESPONSES, FRAMES, CHECKS, TURNS = 12, 161, 24, 4
START = dt.datetime(2024, 1, 21, tzinfo=dt.timezone.utc)


def make_call(number: int, draw: random.Random) -> Iterator[str]:
    """Yield the messages of one call."""
    yield f"[CALL_START] call_sid=CA{number:08x}, business_id=456, direction=inbound"
    yield f"[DB] loaded the customer: name=Dana, visits={number % 7}"
    yield f"[REALTIME] connected in {draw.randrange(100, 400)}ms"
    yield "[GREETING] playing the greeting"
    for turn in range(RESPONSES):
        response = f"resp_{draw.randrange(16**8):08x}"
        yield f"[TX_RESPONSE] start response_id={response}..."
        for _ in range(FRAMES):
            yield f"[AUDIO_DELTA] response_id={response}, bytes=320"
        yield f"[TX_RESPONSE] end response_id={response}"
        if turn < TURNS:
            yield f"[RESPONSE_CREATED] response_id={response}"
            yield f'[TRANSCRIPT] customer: "I would like {draw.choice(("a table", "to cancel", "שלום"))}"'
    for check in range(CHECKS):
        yield f"[WHATSAPP_SESSION] Check #{check}: Found 0 stale sessions"
    yield f"[TOOL_CALL] free times: {START:%Y-%m-%d} 14:00"
    yield "[TOOL_RESULT] 3 free times"
    yield f"[CALL_END] duration={draw.randrange(20, 90)}s, reason=customer_hangup"


def make_calls(calls: int = 1_000_000) -> Iterator[str]:
    """Yield the lines of calls, each 20 ms after the one before."""
    draw = random.Random(2)  # noqa: S311 - nothing is to be kept secret
    at = START
    for number in range(calls):
        for message in make_call(number, draw):
            at += dt.timedelta(milliseconds=20)
            yield f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03} [INFO] {message}"


def as_json(line: str) -> str:
    """Return a line of text as one of JSON."""
    time, message = line[:23], line[24:].partition("] ")[2]
    return json.dumps({"time": time.replace(",", ".").replace(" ", "T") + "Z", "level": "info", "message": message})
