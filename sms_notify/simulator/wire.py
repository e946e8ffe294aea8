"""The connection under an answer: uvicorn's protocol with its transport in reach, so that it can be broken."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sms_notify.simulator.broken import chunks
from sms_notify.simulator.faults import End, FaultKind, SimulatedFault

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with a linger of 0: close() sends RST


class Wire:
    """One connection. `held` is whether a fault has it; then stopping the server cuts it off."""

    def __init__(self, transport: asyncio.Transport, flow: FlowControl) -> None:
        self._transport = transport
        self._flow = flow
        self._gone = asyncio.Event()
        self.held = False

    @property
    def open(self) -> bool:
        return not (self._gone.is_set() or self._transport.is_closing())

    def lost(self) -> None:
        self._gone.set()

    async def write(self, data: bytes) -> None:
        """Send `data`, no faster than the client takes it: an endless body must cost the server nothing."""
        if self.open and data:
            self._transport.write(data)
            await self._flow.drain()

    async def pause(self, seconds: float | None) -> None:
        """Wait, but not for a client that has left; None waits for that alone."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), seconds)

    async def end(self, end: End) -> None:
        """Close or reset the connection and wait until it is gone, as uvicorn asks for an answer before."""
        if end is End.RESET:
            self.reset()
        else:
            self._transport.close()
        await self._gone.wait()

    def reset(self) -> None:
        connection = self._transport.get_extra_info("socket")
        with contextlib.suppress(OSError):  # the client was faster
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()


class Protocol(HttpToolsProtocol):
    """Puts the wire into the ASGI scope, as `request.state.wire`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.wire = Wire(transport, self.flow)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["wire"] = self.wire

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.wire.lost()

    def shutdown(self) -> None:
        if self.wire.held:
            self.wire.reset()
        else:
            super().shutdown()


class BrokenAnswer(Response):
    """Answers past uvicorn, on the bare connection, and ends it."""

    def __init__(self, fault: SimulatedFault, answer: str) -> None:
        super().__init__()
        self._fault = fault
        self._answer = answer

    async def __call__(self, scope: Scope, _: Receive, __: Send) -> None:
        wire: Wire = scope["state"]["wire"]
        wire.held = True
        for piece in chunks(self._fault, self._answer):
            if not wire.open:
                break
            await wire.write(piece)
            if self._fault.kind is FaultKind.DRIP and len(piece) == 1:
                await wire.pause(self._fault.seconds)
        if self._fault.kind is FaultKind.HANG:
            await wire.pause(None)
        await wire.end(self._fault.end)
