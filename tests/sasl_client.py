"""The connection of a client that authenticates, without a network."""

from dataclasses import dataclass

from mailcore.wire.sasl import Channel


@dataclass(frozen=True, slots=True)
class SaslClient:
    peer: str = "192.0.2.1"
    secure: bool = True
    channel: Channel = Channel()
