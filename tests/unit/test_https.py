"""Connections by TLS to servers of others: none is left open, whatever becomes of it."""

import contextlib
import select
import socket
import ssl
import struct
import threading
from typing import Any

import pytest

from mailcore.net import https


class Late(ssl.SSLContext):
    """Wraps a socket that is connected when its other side is gone again."""

    def wrap_socket(self, sock: socket.socket, *words: Any, **more: Any) -> ssl.SSLSocket:  # Any: as its base has it
        with contextlib.suppress(OSError):
            sock.getpeername()
            select.select([sock], [], [], 30)
        return super().wrap_socket(sock, *words, **more)


def test_a_server_that_resets_at_once_leaves_no_socket_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def reset() -> None:
            connection, _ = listener.accept()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        thread = threading.Thread(target=reset)
        thread.start()
        # what is left open is a ResourceWarning, which is an error (pyproject.toml)
        with (
            pytest.raises(ConnectionError),
            https.connect(
                Late(ssl.PROTOCOL_TLS_CLIENT), "127.0.0.1", listener.getsockname()[1], "x.example", 30
            ) as sock,
        ):
            sock.do_handshake()
        thread.join()


def test_where_nobody_listens_no_socket_is_left_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        https.connect(ssl.create_default_context(), "127.0.0.1", port, "x.example", 30)
