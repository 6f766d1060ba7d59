"""The web: pages for people.  Everything works without JavaScript; HTMX only makes it smoother.

Views read a form, call one service of mailcore and answer with a page.  No SQL, no mail formats here.
"""

from urllib.parse import quote, urlencode

from flask import Flask, Response, g, redirect, request, session
from flask.globals import request_ctx
from flask_babel import Babel
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as BaseResponse

from mailcore.config import SMALL_BODY
from mailcore.core import Core
from mailcore.errors import Busy
from mailcore.process import budget
from mailcore.services.accounts import accounts
from mailcore.services.signin import web_sessions
from mailcore.services.webmail.live import Hub
from portal import (
    access,
    addresses,
    assets,
    bodies,
    current,
    errors,
    formats,
    hosts,
    i18n,
    in_place,
    kept_forms,
    large_answers,
    navigation,
    newsletters,
    request_values,
    shares,
    surroundings,
    timing,
)
from portal.account import addresses as _addresses  # noqa: F401 - more pages of the account
from portal.account import events
from portal.account import security as _second_steps  # noqa: F401 - more pages of the account
from portal.account.views import blueprint as account
from portal.addresses import url_for
from portal.admin import blueprint as admin
from portal.carddav.views import blueprint as carddav
from portal.desk import addresses as _asked_for  # noqa: F401 - more pages of the desk
from portal.desk import recovery as _recovery  # noqa: F401 - more pages of the desk
from portal.desk import sunset as _sunset  # noqa: F401 - and of the desk
from portal.desk.views import blueprint as desk
from portal.filters.views import blueprint as filters
from portal.forwarding.target import blueprint as forwarding_target
from portal.forwarding.views import blueprint as forwarding
from portal.front.views import blueprint as front
from portal.help.views import blueprint as help_pages
from portal.imports.views import blueprint as imports
from portal.moving.views import blueprint as moving
from portal.orders.views import blueprint as orders
from portal.quota.views import blueprint as quota
from portal.scim import counts as _counts  # noqa: F401 - more for programs
from portal.scim.views import blueprint as scim
from portal.sessions import DatabaseSessions
from portal.setup.views import blueprint as setup
from portal.signin import forgotten as _forgotten  # noqa: F401 - more pages of log-in
from portal.signin import oidc as _oidc  # noqa: F401 - and of log-in elsewhere
from portal.signin import presence as _presence  # noqa: F401 - and of letters to owners without a sign
from portal.signin import stop as _stop  # noqa: F401 - and of notices of a new log-in
from portal.signin.views import blueprint as signin
from portal.spoken import SpokenEnvironment
from portal.stylesheet import blueprint as site
from portal.sunset.views import blueprint as sunset
from portal.takeout.views import blueprint as takeout
from portal.tickets.views import blueprint as tickets
from portal.trace.views import blueprint as trace
from portal.vacation.views import blueprint as vacation
from portal.webmail import blueprint as webmail

BLUEPRINTS = (
    site,
    front,
    signin,
    orders,
    forwarding,
    forwarding_target,
    vacation,
    filters,
    quota,
    trace,
    takeout,
    moving,
    imports,
    webmail,
    carddav,
    scim,
    account,
    help_pages,
    setup,
    tickets,
    sunset,
    desk,
    admin,
    newsletters.blueprint,
)

MAX_QUERY = 2000  # octets that links to a page's other languages keep
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self';"
        " manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Portal(Flask):
    """Flask's application whose requests have a budget of processor time."""

    def full_dispatch_request(self) -> Response:
        seconds = self.extensions["core"].config.limits.work_seconds
        try:
            with budget.limit(seconds):
                return budget.spend(seconds, super().full_dispatch_request)
        except Busy as problem:
            return self.finalize_request(self.handle_user_exception(problem))


def create_app(core: Core) -> Flask:
    app = Portal(__name__)
    app.jinja_environment = SpokenEnvironment
    app.extensions["core"] = core
    app.secret_key = web_sessions.load_signing_key(core)
    app.config.update(
        MAX_CONTENT_LENGTH=SMALL_BODY,
        WTF_CSRF_TIME_LIMIT=None,  # the token lives as long as the session
        WTF_CSRF_SSL_STRICT=False,  # we ask browsers for no Referer across sites
        WTF_I18N_ENABLED=False,  # our forms bring their own words
    )
    if core.config.web.proxies:
        count = core.config.web.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count)  # type: ignore[method-assign]  # as documented
    app.wsgi_app = errors.with_last_page(app.wsgi_app)  # type: ignore[method-assign,assignment]  # as documented
    app.session_interface = DatabaseSessions(core)
    Htmx(app)
    app.request_class = request_values.PortalRequest
    request_values.converters(app.url_map)
    names = hosts.Hosts(core.config)
    Babel(app, default_locale="nb", default_timezone=core.config.timezone, locale_selector=i18n.choose_language)
    i18n.register(app)
    domain = i18n.PoDomain()
    csrf = CSRFProtect(app)
    csrf.exempt(setup)  # programs ask there, and nothing is changed
    csrf.exempt(carddav)  # programs log in with each request, and no cookie counts
    csrf.exempt(newsletters.leave)  # mail programs press it for their owner; its link is the proof
    csrf.exempt(scim)  # by a token
    errors.register(app)
    large_answers.register(app)
    assets.register(app)
    addresses.register(app)
    in_place.register(app)
    bodies.register(app)
    shares.register(app)

    def before() -> BaseResponse | None:
        domain.as_default()
        names.check()
        terms = access.terms_here()
        if terms.same_for_all:
            g.account = None
            if not terms.any_host:  # a balancer asks
                shares.enter(core)
            return None
        current.load_account()
        shares.enter(core)
        bodies.admit(core)  # before the form is read
        surroundings.count_visit()
        if g.account and current.web_session().ended and not terms.ended:
            return redirect(url_for("signin.choose"))
        _change_language(core)
        return None

    # before CSRF protection, so that its pages have a language too
    app.before_request_funcs.setdefault(None, []).insert(0, before)
    app.after_request(_protect)
    app.context_processor(_context)
    app.jinja_env.filters["size"] = formats.size
    app.jinja_env.filters["protocol"] = formats.protocol
    app.jinja_env.filters["program"] = formats.program
    app.jinja_env.globals["events"] = events
    app.jinja_env.filters["day"] = formats.day
    app.jinja_env.filters["moment"] = formats.moment
    app.jinja_env.filters["mailbox_title"] = formats.mailbox_title
    app.jinja_env.filters["translate"] = i18n.translate
    app.jinja_env.filters["paragraphs"] = formats.paragraphs
    app.jinja_env.filters["mailbox_icon"] = navigation.mailbox_icon
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    access.public(access.same_for_all(app.view_functions["static"]))
    timing.register(app, core)
    access.check_all(app)
    kept_forms.register(app)
    return app


def _change_language(core: Core) -> None:
    """`?lang=` counts from now on, in letters too; a search form that is sent by a language button has no such query."""
    wanted = request.args.get("lang") or request.args.get(kept_forms.SWITCH, "").partition(" ")[0]
    if wanted in i18n.LANGUAGES and session.get("language") != wanted:
        session["language"] = wanted
        i18n.choose_again()
        if g.account and g.account.language != wanted:
            accounts.set_language(core, g.account.id, wanted)


def end_streams(app: Flask) -> None:
    """Pages that are held open for news are told to come back later, so that the server can stop."""
    hub: Hub | None = app.extensions.get("mail_live")
    if hub is not None:
        hub.close()


def _protect(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Content-Language", i18n.language())
    return response


def _languages() -> list[tuple[str, str, str]]:
    """Code, name, and this page in that language, or the front page where a page takes forms only."""
    rule = request.url_rule
    query = [(name, value) for name, value in request.args.items(multi=True) if name not in ("lang", kept_forms.SWITCH)]
    here = request.root_path + quote(request.path, safe="/!$&'()*+,:;=@")
    if rule is None or "GET" not in (rule.methods or ()):
        here, query = _page_above(), []
    if len(request.query_string) > MAX_QUERY:  # it would stand in the page six times
        query = []
    return [(code, name, f"{here}?{urlencode([*query, ('lang', code)])}") for code, name in i18n.LANGUAGES.items()]


def _page_above() -> str:
    """Return the page that a form's own address belongs to: the nearest one above it, or the front page."""
    above, adapter = request.path, request_ctx.url_adapter
    while adapter is not None and (above := above.rpartition("/")[0]):
        if adapter.test(above, "GET"):
            return request.root_path + quote(above, safe="/!$&'()*+,:;=@")
    return url_for("front.index")


def _context() -> dict[str, object]:
    here = i18n.language()
    return {
        "account": g.get("account"),
        "language": here,
        "languages": _languages(),
        "quota_text": formats.quota_text(g.account) if g.get("account") else "",
        "quota_words": formats.quota_text,
        "domain": current.core().config.domain,
        "main_menu": navigation.main_menu(),
        "footer_menu": navigation.entries((*navigation.HELP, *navigation.ABOUT)),
        "side_menu": navigation.side_menu,
        "incidents": surroundings.incidents,
        "page_facts": surroundings.page_facts,
        "leaving_banner": surroundings.leaving_banner,
        "sunset": surroundings.ending,
    }
