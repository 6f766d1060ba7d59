"""Sockets that systemd hands over belong to the setting whose address they have, by the rules of opening them ourselves."""

import contextlib
import dataclasses
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailcore.cli.serve import LISTENERS
from mailcore.config import Acme, Config, Listen
from mailcore.config_file import load_config, parse_config
from mailcore.errors import ConfigError
from mailcore.net.socket_activation import match_sockets, take_socket, take_sockets

DEPLOY = Path(__file__).parents[2] / "deploy"
OFF = {"smtp": "", "submission": "", "submissions": "", "imaps": "", "managesieve": "", "http": ""}


def listening(**settings: str) -> Config:
    """Settings that name these listeners and no others."""
    named: dict[str, Any] = OFF | settings  # Any: one field of Listen is no address
    return dataclasses.replace(parse_config(""), listen=Listen(**named))


@contextlib.contextmanager
def opened(*hosts: str) -> Iterator[list[socket.socket]]:
    """Listening sockets on one port, each on its host; `*` is IPv6 with IPv4."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6")
    with contextlib.ExitStack() as stack:
        made: list[socket.socket] = []
        for host in hosts:
            port = made[0].getsockname()[1] if made else 0
            family, both = socket.AF_INET6 if ":" in host or host == "*" else socket.AF_INET, host == "*"
            made.append(
                stack.enter_context(socket.create_server((host.strip("*"), port), family=family, dualstack_ipv6=both))
            )
        yield made


@pytest.mark.parametrize(
    ("setting", "address", "hosts", "belonging"),
    [
        ("smtp", "127.0.0.1:{}", ["127.0.0.1"], [0]),
        ("smtp", "localhost:{}", ["127.0.0.1"], [0]),
        ("smtp", "[::1]:{}", ["127.0.0.1", "::1"], [1]),
        ("smtp", "0.0.0.0:{}", ["127.0.0.1"], []),
        ("smtp", "127.0.0.1:{}", ["0.0.0.0"], []),
        ("smtp", "127.0.0.1:1", ["127.0.0.1"], []),
        ("smtp", ":{}", ["0.0.0.0", "::"], [0, 1]),
        ("smtp", ":{}", ["*"], [0]),
        ("smtp", "0.0.0.0:{}", ["0.0.0.0", "::"], [0]),
        ("smtp", "0.0.0.0:{}", ["*"], []),
        ("smtp", "[::]:{}", ["0.0.0.0", "::"], [1]),
        ("smtp", "[::]:{}", ["*"], []),
        ("http", ":{}", ["0.0.0.0", "::"], [0]),
        ("http", ":{}", ["*"], []),
        ("metrics", "[::1]:{}", ["::1"], [0]),
        ("metrics", "localhost:{}", ["::1", "127.0.0.1"], [1]),
    ],
)
def test_a_socket_belongs_to_the_setting_that_would_open_it(setting, address, hosts, belonging):
    with opened(*hosts) as sockets:
        handed, left = match_sockets(listening(**{setting: address.format(sockets[0].getsockname()[1])}), sockets)
        assert list(handed) == [sockets[number] for number in belonging]
        assert left == [sock for sock in sockets if sock not in handed]
        assert handed.find(setting) == tuple(handed)
        assert list(handed.select([setting])) == list(handed)
        assert list(handed.select(["imap"])) == []


def test_the_unit_of_systemd_opens_what_the_example_of_settings_names():
    """But metrics: whoever watches would start a service that was stopped."""
    listen = load_config(str(DEPLOY / "alumnimail.toml")).listen
    addresses = {getattr(listen, name) for process in LISTENERS.values() for name in process if name != "metrics"}
    unit = (DEPLOY / "alumnimail.socket").read_text()
    assert set(re.findall(r"(?m)^ListenStream=(.*)$", unit)) == addresses - {""}
    assert "\nBindIPv6Only=ipv6-only\n" in unit  # by default [::]:25 would take IPv4, too


def test_each_listener_belongs_to_one_kind_of_process():
    named = [name for process in LISTENERS.values() for name in process]
    assert sorted(named) == sorted(each.name for each in dataclasses.fields(Listen) if each.type is str)


def test_half_of_all_addresses_is_an_error():
    with opened("0.0.0.0") as [sock]:
        port = sock.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"listen.imaps: :{port} is all addresses, .* 0.0.0.0:{port} alone"):
            match_sockets(listening(imaps=f":{port}"), [sock])


def test_where_certificates_are_proved_is_an_error():
    with opened("127.0.0.1") as [sock]:
        config = listening()
        config = dataclasses.replace(config, acme=Acme(listen=f"127.0.0.1:{sock.getsockname()[1]}"))
        with pytest.raises(ConfigError, match=r"acme.listen: 127.0.0.1:\d+ is opened while an order waits"):
            match_sockets(config, [sock])


def test_only_listening_stream_sockets_are_taken_and_no_program_inherits_them(tmp_path):
    (tmp_path / "file").touch()
    with (
        opened("127.0.0.1") as [sock],
        socket.create_connection(sock.getsockname()) as connection,
        (tmp_path / "file").open() as file,
    ):
        sock.set_inheritable(True)
        taken = take_socket(sock.fileno())
        assert not sock.get_inheritable()
        taken.detach()
        with pytest.raises(ConfigError, match=r"127.0.0.1:\d+, which is no listening stream socket"):
            take_socket(os.dup(connection.fileno()))
        for number in (file.fileno(), 9999):
            with pytest.raises(ConfigError, match=f"descriptor {number}, which is no socket"):
                take_socket(number)


def variables(**changed: str) -> dict[str, str]:
    return {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0", "LISTEN_FDNAMES": "a:b", "HOME": "/"} | changed


@pytest.mark.parametrize(
    "environment", [{"HOME": "/"}, variables(), variables(LISTEN_PID="1", LISTEN_FDS="3"), variables(LISTEN_PID="x")]
)
def test_what_is_not_handed_to_this_process_is_not_taken_and_goes_on_to_none(environment):
    assert list(take_sockets(parse_config(""), environment)) == []
    assert environment == {"HOME": "/"}


@pytest.mark.parametrize("count", ["", "-1", "two", "²", "9" * 5000])
def test_a_count_that_is_none_is_named(count):
    with pytest.raises(ConfigError, match="LISTEN_FDS is"):
        take_sockets(parse_config(""), variables(LISTEN_FDS=count))
