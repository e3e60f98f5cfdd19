"""One client of the simulator on a real socket: a bounded outbox with a writer of its own, and the rude ways to end."""

from __future__ import annotations

import asyncio
import socket as sockets
import struct
from typing import TYPE_CHECKING

from aiohttp import WSCloseCode, WSMsgType, web

from rxkraken.simulator.connections import CUT, RESET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rxkraken.simulator.connections import Connection

_MOST_WAITING = 20_000


class Client:
    """One accepted socket: frames in, an outbox with a writer of its own, and the rude ways to end it."""

    def __init__(self, request: web.Request, *, closing: float) -> None:
        """Accept the upgrade; a closing handshake gets `closing` seconds."""
        # A half-open line answers no protocol ping either, so the pongs are ours to send.
        self.socket = web.WebSocketResponse(max_msg_size=0, timeout=closing, autoping=False)
        self.connection: Connection | None = None
        self._request = request
        self._outbox: asyncio.Queue[str | None] = asyncio.Queue()
        self._goodbye: tuple[int, bytes] = (WSCloseCode.OK, b"")

    def send(self, text: str) -> None:
        """Put a frame into the outbox; a client that has not read too many of them is cut."""
        if self._outbox.qsize() >= _MOST_WAITING:
            self._abort(reset=False)
        else:
            self._outbox.put_nowait(text)

    def close(self, code: int, reason: str) -> None:
        """Say goodbye after what is in the outbox; `CUT` and `RESET` end it at once."""
        if code in (CUT, RESET):
            self._abort(reset=code == RESET)
        else:
            self._goodbye = (code, reason.encode())
            self._outbox.put_nowait(None)

    async def frames(self) -> AsyncIterator[str]:
        """The text frames that come, until the client is gone."""
        await self.socket.prepare(self._request)
        writer = asyncio.get_running_loop().create_task(self._write(), name="simulator writer")
        try:
            async for message in self.socket:
                if message.type is WSMsgType.TEXT:
                    yield message.data
                elif message.type is WSMsgType.PING and not (self.connection and self.connection.silent):
                    await self.socket.pong(message.data)
        finally:
            writer.cancel()
            await asyncio.wait([writer])

    async def _write(self) -> None:
        try:
            while (text := await self._outbox.get()) is not None:
                await self.socket.send_str(text)
            code, reason = self._goodbye
            await self.socket.close(code=code, message=reason)
        except ConnectionError:
            return  # the client went away; its reader ends the connection

    def _abort(self, *, reset: bool) -> None:
        transport = self._request.transport
        if transport is None:
            return
        raw = transport.get_extra_info("socket")
        if reset and raw is not None:
            # Closing with a linger time of zero makes the kernel send RST instead of FIN.
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
