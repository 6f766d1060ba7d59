"""A TCP proxy on loopback that a test may slow down, cut off, or let spoil what passes."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable


class TcpProxy:
    """Pass connections on to a port of loopback, or to a socket with a path.

    `delay` seconds go by before what one side sent reaches the other.  While it is `away`, connections are refused, and those
    that stood are cut.  `spoil` changes what the server says, `spoil_sent` what the client says.
    """

    def __init__(self, target: int | str, spoil: Callable[[bytes], bytes] = lambda octets: octets) -> None:
        self._target, self.spoil, self.delay = target, spoil, 0.0
        self.spoil_sent: Callable[[bytes], bytes] = lambda octets: octets
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.port = 0
        self.come_back()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def come_back(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(100)
        self.port, self._listener = listener.getsockname()[1], listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def go_away(self) -> None:
        if self._listener is not None:
            # a thread in accept() holds the listener open until it is woken
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    close = go_away

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = self._connect()
            except OSError:
                near.close()
                continue
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {near, far}
            done = threading.Barrier(2)
            for source, target, spoil in ((near, far, "spoil_sent"), (far, near, "spoil")):
                threading.Thread(target=self._pass, args=(source, target, spoil, done), daemon=True).start()

    def _connect(self) -> socket.socket:
        if isinstance(self._target, str):
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            return far
        far = socket.create_connection(("127.0.0.1", self._target))
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return far

    def _pass(
        self,
        source: socket.socket,
        target: socket.socket,
        spoil: str,
        done: threading.Barrier,
    ) -> None:
        with contextlib.suppress(OSError):
            while octets := source.recv(2**17):
                if self.delay:
                    time.sleep(self.delay)
                target.sendall(getattr(self, spoil)(octets))
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        if done.wait() == 0:
            with self._lock:
                self._open -= {source, target}
            source.close()
            target.close()
