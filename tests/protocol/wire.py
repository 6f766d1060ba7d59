"""A connection without a network: what the client sends is fed in, what the server says is collected."""

from mailcore.wire.framing import Event, Framer


class TestWire:
    __test__ = False

    def __init__(self, *, secure: bool = True) -> None:
        self.peer, self.secure, self.known = "192.0.2.7", secure, False
        self.framer, self.said = Framer(), bytearray()

    def write(self, octets: bytes) -> None:
        self.said += octets

    async def drain(self) -> None:
        pass

    async def event(self, *, or_wake: bool = False) -> Event | None:
        event = self.framer.next_event()
        if event is None:
            raise ConnectionResetError
        return event

    def wake(self) -> None:
        pass

    def accept(self) -> None:
        self.framer.accept()

    def refuse(self) -> None:
        self.framer.refuse()

    def head(self) -> bytes:
        return self.framer.head

    def held(self) -> int:
        return self.framer.held

    def reset(self) -> None:
        pass

    async def start_tls(self) -> None:
        self.secure = True

    def heard(self) -> str:
        said, self.said = self.said.decode("utf-8", "backslashreplace"), bytearray()
        return said
