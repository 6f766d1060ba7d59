"""The PROXY protocol: whose connection a balancer's is."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.wire import proxy
from mailcore.wire.proxy import Proxied, ProxyProblem


def version_2(command: int, family: int, rest: bytes) -> bytes:
    return proxy.SIGNATURE + struct.pack("!BBH", 0x20 | command, family, len(rest)) + rest


V4 = bytes([192, 0, 2, 7, 10, 0, 0, 1]) + struct.pack("!HH", 1000, 25)
V6 = bytes.fromhex("20010db8" + "0" * 23 + "1" + "0" * 32) + struct.pack("!HH", 1000, 25)

GOOD = [
    (b"PROXY TCP4 192.0.2.7 10.0.0.1 1000 25\r\n", "192.0.2.7"),
    (b"PROXY TCP6 2001:db8::1 :: 1000 25\r\n", "2001:db8::1"),
    (b"PROXY UNKNOWN\r\n", ""), (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ""),
    (version_2(1, 0x11, V4), "192.0.2.7"), (version_2(1, 0x21, V6), "2001:db8::1"),
    (version_2(1, 0x11, V4 + b"\x04\0\x03abc"), "192.0.2.7"), (version_2(0, 0, b""), ""), (version_2(1, 0x31, b"x" * 216), ""),
]  # fmt: skip


@pytest.mark.parametrize(("header", "address"), GOOD)
def test_headers(header, address):
    assert proxy.read(header + b"EHLO") == Proxied(address, len(header))
    for cut in range(len(header)):
        assert proxy.read(header[:cut]) is None
        assert 0 < proxy.wanted(header[:cut]) <= len(header) - cut


@pytest.mark.parametrize("header", [
    b"EHLO x\r\n", b"PROXY TCP4 192.0.2.7 10.0.0.1 1000\r\n", b"PROXY TCP4 x 10.0.0.1 1 25\r\n",
    b"PROXY TCP4 2001:db8::1 10.0.0.1 1 25\r\n", b"PROXY TCP4 192.0.2.7 10.0.0.1 1 99999\r\n", b"PROXY " + b"x" * 120,
    version_2(2, 0x11, V4), version_2(1, 0x11, V4[:6]), b"\r\n\r\n\0\r\nQUIX\n", version_2(1, 0x11, b"x" * 5000),
    b"PROXY TCP4 192.0.2.7 10.0.0.1 a 25\r\n", b"PROXY UDP4 192.0.2.7 10.0.0.1 1 25\r\n",
])  # fmt: skip
def test_no_headers(header):
    with pytest.raises(ProxyProblem):
        proxy.read(header)


@given(st.binary(max_size=200))
def test_any_octets_are_a_header_or_not(octets):
    with contextlib.suppress(ProxyProblem):
        proxy.read(octets)
