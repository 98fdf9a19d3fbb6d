"""A session of streamlit's, as a browser opens it: the script of an app runs for sessions alone.

A browser opens a WebSocket (RFC 6455) at `/_stcore/stream`, and asks for a run of the script by a message of protocol
buffers. Source: `BackMsg.proto` of streamlit 1.67.0, where `rerun_script` has had the number 11 since 1.12.
"""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

HEALTH, STREAM = "/_stcore/health", "/_stcore/stream"

RUN = b"\x5a\x00"
"""`BackMsg(rerun_script=ClientState())`."""

_BINARY, _MASKED = 0x82, 0x80
"""The head of a frame that is whole, and the mark of one that a client sends."""

SECONDS = 10
"""How long a server may take to open a session."""


@contextmanager
def session(host: str, port: int) -> Iterator[bool]:
    """Open a session, and keep it as long as the caller reads memory; yield whether it was opened."""
    try:
        connection = socket.create_connection((host, port), SECONDS)
    except OSError:
        yield False
        return
    with connection:
        is_open = False
        with suppress(OSError):
            connection.sendall(_handshake(host, port))
            if _head(connection).startswith(b"HTTP/1.1 101 "):
                connection.sendall(bytes((_BINARY, _MASKED | len(RUN), 0, 0, 0, 0)) + RUN)
                is_open = True
        if is_open:
            connection.settimeout(None)
            Thread(target=_read_all, args=(connection,), daemon=True).start()
        yield is_open
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _handshake(host: str, port: int) -> bytes:
    name = f"[{host}]" if ":" in host else host
    lines = (
        f"GET {STREAM} HTTP/1.1",
        f"Host: {name}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: streamlit",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _head(connection: socket.socket) -> bytes:
    """Return the head of the answer."""
    found = b""
    while b"\r\n\r\n" not in found and len(found) < 2**14:
        data = connection.recv(2**10)
        if not data:
            break
        found += data
    return found


def _read_all(connection: socket.socket) -> None:
    """Read what the server sends, as a browser does: it must not wait for us."""
    with suppress(OSError):
        while connection.recv(2**16):
            pass
