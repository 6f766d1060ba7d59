"""A connection without a network: what the client sends is fed in, what the server says is collected."""

import asyncio

from mailcore.domain import Identity
from mailcore.wire.framing import Event, Framer, Sink
from mailcore.wire.sasl import Channel


class TestWire:
    __test__ = False

    def __init__(self, *, secure: bool = True) -> None:
        self.peer, self.secure, self.is_known = "192.0.2.7", secure, False
        self.identity: Identity | None = None
        self.framer, self.said = Framer(), bytearray()
        self.channel = Channel()
        self.waiting, self._news, self._woken = asyncio.Event(), asyncio.Event(), False

    def write(self, octets: bytes) -> None:
        self.said += octets

    def flush(self) -> None:
        pass

    async def drain(self) -> None:
        pass

    async def event(self, *, or_wake: bool = False) -> Event | None:
        while True:
            event = self.framer.next_event()
            if event is not None:
                return event
            if or_wake and self._woken:
                self._woken = False
                return None
            self.waiting.set()
            self._news.clear()
            await self._news.wait()

    def wake(self) -> None:
        self._woken = True
        self._news.set()

    def send(self, octets: bytes) -> None:
        self.waiting.clear()
        self.framer.feed(octets)
        self._news.set()

    def accept(self, sink: Sink | None = None) -> None:
        self.framer.accept(sink)

    def refuse(self) -> None:
        self.framer.refuse()

    def head(self) -> bytes:
        return self.framer.head

    def held(self) -> int:
        return self.framer.held

    async def start_tls(self) -> None:
        self.secure = True

    def start_deflate(self) -> None:
        pass

    def heard(self) -> str:
        said, self.said = self.said.decode("utf-8", "backslashreplace"), bytearray()
        return said
