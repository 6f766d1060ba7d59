"""Listening sockets that systemd opened and hands over: socket activation (sd_listen_fds(3)).

Each belongs to the setting of `[listen]` whose address it has.  All processes that listen there share it, and nobody binds
it anew: systemd keeps it, too, so whoever connects while we are restarted waits instead of being refused, and no right to
ports below 1024 is needed.
"""

import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field

from mailcore.config import Config, host_and_port
from mailcore.errors import ConfigError
from mailcore.log import log_for

log = log_for(__name__)
FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START
VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")
IPV4_ALONE = {"http", "metrics"}  # but for an address of IPv6; listeners of mail have both without a host

Place = tuple[tuple[object, ...], bool]  # of getsockname, and if a socket of IPv6 takes connections of IPv4


@dataclass(frozen=True, slots=True)
class HandedSockets:
    """Listening sockets by the setting of `[listen]` that they belong to."""

    by_setting: Mapping[str, tuple[socket.socket, ...]] = field(default_factory=dict)

    def find(self, setting: str) -> tuple[socket.socket, ...]:
        return self.by_setting.get(setting, ())

    def select(self, settings: Iterable[str]) -> "HandedSockets":
        """Return those of some settings, for a process that listens on no others."""
        return HandedSockets({name: self.by_setting[name] for name in settings if name in self.by_setting})

    def __iter__(self) -> Iterator[socket.socket]:
        for sockets in self.by_setting.values():
            yield from sockets


NONE_HANDED = HandedSockets()


def take_sockets(config: Config, environment: MutableMapping[str, str] = os.environ) -> HandedSockets:
    """Take what systemd hands over to this process, and remove the variables that say so: no child is meant by them.

    Raises:
        ConfigError: something is no listening stream socket, or is not all that a setting says.
    """
    pid, count = environment.get("LISTEN_PID"), environment.get("LISTEN_FDS")
    for name in VARIABLES:
        environment.pop(name, None)
    if pid != str(os.getpid()) or count is None:
        return NONE_HANDED
    if not re.fullmatch("[0-9]{1,5}", count):
        raise ConfigError(f"LISTEN_FDS is {count!r}, which is no number of sockets")
    numbers = range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count))
    handed, left = match_sockets(config, [take_socket(number) for number in numbers])
    for sock in left:
        log.warning(
            "systemd hands over %s, which no setting of [listen] names: nobody answers there; take it out of the socket unit",
            _describe(sock),
        )
        sock.close()
    return handed


def match_sockets(config: Config, sockets: Iterable[socket.socket]) -> tuple[HandedSockets, list[socket.socket]]:
    """Find the setting that each socket belongs to; those of none are returned beside.

    Raises:
        ConfigError: a setting says all addresses, and these are only those of IPv4 or IPv6; or nobody would answer an order
            of a certificate, as `acme.listen` is opened while one waits and systemd has it.
    """
    left, by_setting = list(sockets), {}
    for setting, address in config.listen.by_setting().items():
        places = _find_places(setting, address)
        if matching := tuple(sock for sock in left if _place_of(sock) in places):
            _check_whole(setting, address, matching)
            by_setting[setting] = matching
            left = [sock for sock in left if sock not in matching]
    if (address := config.acme.listen) and any(_place_of(sock) in _find_places("acme", address) for sock in left):
        raise ConfigError(
            f"acme.listen: {address} is opened while an order waits; take it out of the socket unit of systemd"
        )
    return HandedSockets(by_setting), left


def take_socket(number: int) -> socket.socket:
    """Take one descriptor.  Raises ConfigError: it is no listening stream socket."""
    try:
        os.set_inheritable(number, False)
        sock = socket.socket(fileno=number)
    except OSError:
        raise ConfigError(f"systemd hands over descriptor {number}, which is no socket") from None
    if sock.type != socket.SOCK_STREAM or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        name = _describe(sock)
        sock.close()
        raise ConfigError(
            f"systemd hands over {name}, which is no listening stream socket; "
            "the socket unit needs ListenStream= and Accept=no"
        )
    return sock


def _find_places(setting: str, address: str) -> set[Place]:
    """Find where `create_server` would listen for a setting."""
    host, port = host_and_port(address)
    family = socket.AF_INET if setting in IPV4_ALONE and ":" not in host else socket.AF_UNSPEC
    try:
        resolved = socket.getaddrinfo(host or None, port, family, socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:  # it is said where the setting is used
        return set()
    places: set[Place] = {(place, False) for *_, place in resolved}
    return places if host or setting in IPV4_ALONE else places | {(("::", port, 0, 0), True)}


def _place_of(sock: socket.socket) -> Place:
    name = sock.getsockname()
    return name if isinstance(name, tuple) else (name,), _takes_ipv4_too(sock)


def _takes_ipv4_too(sock: socket.socket) -> bool:
    """Say if connections of IPv4 come to a socket of IPv6, which no setting asks for that names an address."""
    return (
        sock.family == socket.AF_INET6
        and sock.getsockname()[0] == "::"
        and not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    )


def _check_whole(setting: str, address: str, sockets: tuple[socket.socket, ...]) -> None:
    """Raises ConfigError."""
    if host_and_port(address)[0] or setting in IPV4_ALONE or not socket.has_dualstack_ipv6():
        return
    if not any(map(_takes_ipv4_too, sockets)) and len({sock.family for sock in sockets}) == 1:
        raise ConfigError(
            f"listen.{setting}: {address} is all addresses, and systemd hands over {_describe(sockets[0])} alone; "
            "add the other to the socket unit, or name the address"
        )


def _describe(sock: socket.socket) -> str:
    name = sock.getsockname()
    if sock.family == socket.AF_INET:
        return f"{name[0]}:{name[1]}"
    if sock.family == socket.AF_INET6:
        return f"[{name[0]}]:{name[1]}" + (" for IPv4, too" if _takes_ipv4_too(sock) else "")
    return f"the socket {name!r}"
