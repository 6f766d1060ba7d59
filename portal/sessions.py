"""Flask's session, saved in the database.  The cookie holds a random token and nothing else.

A stranger about whom nothing is known but a language and what protects forms (CSRF) has no row: both stand in a signed
cookie, so that looking at pages, as crawlers do all day, writes nothing.
"""

import json
import logging
from typing import Any

from flask import Flask, Request, Response, request
from flask.sessions import SessionInterface, SessionMixin
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.datastructures import CallbackDict

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import Busy
from mailcore.services.signin import web_sessions

COOKIE = "alumnimail_session"
FORMS = "alumnimail_forms"  # of strangers
LOOSE = frozenset({"csrf_token", "language"})  # what may stand in it
FORMS_SECONDS = 7 * 86_400
log = logging.getLogger(__name__)


def cookie_name(name: str, *, secure: bool) -> str:
    """`__Host-` before it keeps other hosts of the domain from planting it (draft-ietf-httpbis-rfc6265bis)."""
    return f"__Host-{name}" if secure else name


class WebSession(CallbackDict[str, Any], SessionMixin):  # Any: Flask's own interface
    """A session; `account` is set by `renew` alone and stored beside the data, not in it."""

    def __init__(
        self,
        data: dict[str, Any] | None = None,
        token: str = "",
        account: AccountId | None = None,
        *,
        source: str = "",
        ended: bool = False,
    ) -> None:
        def changed(session: "WebSession") -> None:
            session.modified = True

        super().__init__(data or {}, changed)
        self.token, self.account = token, account
        self.source, self.ended = source, ended
        self.modified = False
        self.old_token = ""
        self.epoch: int | None = None

    def renew(
        self, account: AccountId | None, *, source: str = "", ended: bool = False, epoch: int | None = None
    ) -> None:
        """Give it a new id, and nothing but the language from before: what was planted in the old one is worth nothing.

        Args:
            epoch: the account's when the person was proved; where it has changed since, the session never begins.
        """
        language = self.get("language")
        self.old_token, self.token, self.account = self.old_token or self.token, "", account
        self.source, self.ended, self.epoch = source, ended, epoch
        self.clear()
        if language:
            self["language"] = language
        self.modified = True


class DatabaseSessions(SessionInterface):
    def __init__(self, core: Core) -> None:
        self._core = core
        self._secure = core.config.url.startswith("https:")
        self._forms = cookie_name(FORMS, secure=self._secure)
        self._cookie = cookie_name(COOKIE, secure=self._secure)

    def open_session(self, app: Flask, request: Request) -> WebSession:
        if request.endpoint == "static":
            return WebSession()
        return self._stored(request.cookies.get(self._cookie, "")) or WebSession(self._loose(app, request))

    def _loose(self, app: Flask, request: Request) -> dict[str, Any]:
        try:
            data = self._signer(app).loads(request.cookies.get(self._forms, ""), max_age=FORMS_SECONDS)
        except BadData:
            return {}
        return {name: value for name, value in data.items() if name in LOOSE}

    def _signer(self, app: Flask) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(app.secret_key or "", salt="forms of strangers")

    def _stored(self, token: str) -> WebSession | None:
        if not token:
            return None
        try:
            found = web_sessions.load_session(self._core, token)
        except Busy:  # public pages are shown without a database
            log.warning("sessions cannot be read")
            return None
        if found is None:
            return None
        ended = found.ended_at is not None
        return WebSession(json.loads(found.data), token, found.account, source=found.source, ended=ended)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not isinstance(session, WebSession):
            raise TypeError("sessions are made by open_session")
        response.vary.add("Cookie")
        try:
            self._store(app, session, response)
        except Busy:
            if session.account is not None or session.old_token:  # a log-in or log-out must not seem to work
                raise
            log.warning("sessions cannot be written")

    def _store(self, app: Flask, session: WebSession, response: Response) -> None:
        if session.old_token:
            web_sessions.end_session(self._core, session.old_token)
        if not session.modified:
            return
        if session.account is None and session.keys() <= LOOSE:
            self._set(response, self._forms, str(self._signer(app).dumps(dict(session))))
            if session.token:  # what was to be remembered has been told
                web_sessions.end_session(self._core, session.token)
            if self._cookie in request.cookies:
                response.delete_cookie(self._cookie, secure=self._secure)
            return
        data = json.dumps(dict(session))
        if session.token:
            web_sessions.save_session(self._core, session.token, session.account, data)
        else:
            session.token = web_sessions.create_token()
            web_sessions.begin_session(
                self._core,
                session.token,
                session.account,
                data,
                source=session.source,
                ended=session.ended,
                epoch=session.epoch,
                peer=request.remote_addr or "",
                agent=request.user_agent.string,
            )
        self._set(response, self._cookie, session.token)
        if self._forms in request.cookies:
            response.delete_cookie(self._forms, secure=self._secure)

    def _set(self, response: Response, name: str, value: str) -> None:
        response.set_cookie(name, value, httponly=True, samesite="Lax", secure=self._secure)
