"""Mozilla's Marionette: scripts that run in the program itself.  A message is `LENGTH:[0, id, command, parameters]`."""

import json
import socket
from typing import Any

from tests.interop.programs.day import Failed
from tests.machine import until


class Marionette:
    def __init__(self, port: int) -> None:
        self._id = 0
        if not until(lambda: self._connected(port), 120):
            raise Failed("Marionette does not answer")
        self._file = self._socket.makefile("rb")
        self._read()  # who it is
        self.ask("WebDriver:NewSession", unhandledPromptBehavior="ignore")
        self.ask("Marionette:SetContext", value="chrome")
        self.ask("WebDriver:SetTimeouts", script=90_000)

    def _connected(self, port: int) -> bool:
        try:
            self._socket = socket.create_connection(("127.0.0.1", port), 120)
        except OSError:
            return False
        return True

    def _read(self) -> Any:  # Any: JSON
        length = b""
        while not length.endswith(b":"):
            octet = self._file.read(1)
            if not octet:
                raise Failed("Marionette has closed")
            length += octet
        return json.loads(self._file.read(int(length[:-1])))

    def ask(self, command: str, **parameters: object) -> Any:
        """Raises Failed with the program's own error."""
        self._id += 1
        text = json.dumps([0, self._id, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        _, _, problem, result = self._read()
        if problem is not None:
            raise Failed(f"{problem.get('error')}: {problem.get('message')}")
        return result.get("value") if isinstance(result, dict) else result

    def run(self, script: str, *arguments: object) -> Any:
        """The value of an async function's body; `arguments` are `a[0]`, `a[1]` in it."""
        body = (
            "const a = [...arguments]; const done = a.pop();"
            f"(async () => {{ {script} }})().then(value => done({{value}}), error => done({{error: String(error)}}));"
        )
        found = self.ask("WebDriver:ExecuteAsyncScript", script=body, args=list(arguments), newSandbox=False) or {}
        if "error" in found:
            raise Failed(found["error"])
        return found.get("value")

    def answer_dialog(self, *, accept: bool) -> str:
        """The text of the dialogue that stands open, once it is answered; nothing if there is none."""
        try:
            text = str(self.ask("WebDriver:GetAlertText"))
            self.ask("WebDriver:AcceptAlert" if accept else "WebDriver:DismissAlert")
        except Failed:
            return ""
        return text

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
