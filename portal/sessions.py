"""Flask's session kept in the database.  The cookie holds a random token and nothing else."""

import json
import logging
from typing import Any

from flask import Flask, Request, Response, request
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.datastructures import CallbackDict

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import Busy
from mailcore.services import web_sessions

COOKIE = "alumnimail_session"
log = logging.getLogger(__name__)


class WebSession(CallbackDict[str, Any], SessionMixin):  # Any: Flask's own interface
    """`account` is set by `log_in` alone and stored beside the data, not in it."""

    def __init__(
        self, data: dict[str, Any] | None = None, token: str = "", account: AccountId | None = None, *, source: str = "",
        ended: bool = False,
    ) -> None:  # fmt: skip
        def changed(session: "WebSession") -> None:
            session.modified = True

        super().__init__(data or {}, changed)
        self.token, self.account = token, account
        self.source, self.ended = source, ended
        self.modified = False
        self.old_token = ""

    def renew(self, account: AccountId | None, *, source: str = "", ended: bool = False) -> None:
        """A new id and nothing but the language from before: what was planted in the old session is worth nothing."""
        language = self.get("language")
        self.old_token, self.token, self.account = self.old_token or self.token, "", account
        self.source, self.ended = source, ended
        self.clear()
        if language:
            self["language"] = language
        self.modified = True


class DatabaseSessions(SessionInterface):
    def __init__(self, core: Core) -> None:
        self._core = core

    def open_session(self, app: Flask, request: Request) -> WebSession:
        token = request.cookies.get(COOKIE, "")
        if not token or request.endpoint == "static":
            return WebSession()
        try:
            found = web_sessions.load(self._core, token)
        except Busy:  # public pages are shown without a database
            log.warning("sessions cannot be read")
            return WebSession()
        if found is None:
            return WebSession()
        ended = found.ended_at is not None
        return WebSession(json.loads(found.data), token, found.account, source=found.source, ended=ended)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not isinstance(session, WebSession):
            raise TypeError("sessions are made by open_session")
        response.vary.add("Cookie")
        try:
            self._store(session, response)
        except Busy:
            if session.account is not None or session.old_token:  # a log-in or log-out must not seem to work
                raise
            log.warning("sessions cannot be written")

    def _store(self, session: WebSession, response: Response) -> None:
        if session.old_token:
            web_sessions.end(self._core, session.old_token)
        if not session.modified:
            return
        data = json.dumps(dict(session))
        if session.token:
            web_sessions.keep(self._core, session.token, session.account, data)
        elif session or session.account is not None:
            session.token = web_sessions.new_token()
            web_sessions.begin(
                self._core, session.token, session.account, data, source=session.source, ended=session.ended,
                peer=request.remote_addr or "", agent=request.user_agent.string,
            )  # fmt: skip
        else:
            response.delete_cookie(COOKIE)
            return
        response.set_cookie(
            COOKIE, session.token, httponly=True, samesite="Lax", secure=self._core.config.url.startswith("https:")
        )
