"""Addresses of the address book for programs: `/dav/` leads to `/dav/NAME/`, where `contacts/` holds a card each.

Programs log in with each request (RFC 7617), by an app password for contacts or by the alumni password.  Deep copies, locks and
other collections are not offered: the five methods that phones use are.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import quote, unquote, urlsplit
from xml.etree.ElementTree import Element

from flask import Blueprint, Response, abort, redirect, request
from werkzeug.datastructures import ETags
from werkzeug.wrappers import Response as BaseResponse

from mailcore import errors
from mailcore.domain import Scope
from mailcore.errors import MailError
from mailcore.mail.moving import whole_cards
from mailcore.services.webmail import address_cards as service
from mailcore.services.webmail.address_cards import ANY, CardRef, StoredCard
from portal import current
from portal.access import program_only, public, same_for_all
from portal.addresses import url_for
from portal.carddav import filters, xml
from portal.carddav.xml import Properties, Wish, card, dav, element, href, server, text
from portal.errors import answer

blueprint = Blueprint("carddav", __name__)
VCARD = "text/vcard; charset=utf-8"
CHANGES = "urn:x-alumnimail:changes:"  # begins the name of a state of the book (RFC 6578 section 4)
METHODS = ["GET", "HEAD", "OPTIONS", "PROPFIND", "PROPPATCH", "REPORT", "PUT", "DELETE"]
MAX_RESULTS = 5000  # of one query; programs ask for less
MAX_CHARACTERS = 32 * 2**20  # of the cards in one answer, which is put together in memory
SOME = 20  # cards that are read at once


@blueprint.route("/.well-known/carddav", methods=["GET", "PROPFIND"])
@same_for_all
@public
def well_known() -> BaseResponse:
    """Lead programs that know the host only to the address book (RFC 6764 section 5)."""
    return redirect(url_for("carddav.root"), 301)


@blueprint.route("/dav/", methods=["GET", "OPTIONS", "PROPFIND", "REPORT"], provide_automatic_options=False)
@program_only(Scope.CONTACTS)
def root() -> Response:
    return _answer_collection(url_for("carddav.root"), _root_properties(), lambda _: [(_home(), _home_properties())])


@blueprint.route(
    "/dav/<name>/", methods=["GET", "OPTIONS", "PROPFIND", "PROPPATCH", "REPORT"], provide_automatic_options=False
)
@program_only(Scope.CONTACTS)
def home(name: str) -> Response:
    _check_owner(name)
    return _answer_collection(_home(), _home_properties(), lambda _: [(_book(), _book_properties())])


@blueprint.route(
    "/dav/<name>/contacts/",
    methods=["GET", "OPTIONS", "PROPFIND", "PROPPATCH", "REPORT", "DELETE"],
    provide_automatic_options=False,
)
@program_only(Scope.CONTACTS)
def book(name: str) -> Response:
    _check_owner(name)
    if request.method == "REPORT":
        return _report()
    if request.method == "DELETE":
        abort(403)

    def inside(wish: Wish) -> list[tuple[str, Properties]]:
        refs = service.list_refs(current.core(), current.program().id)
        cards = _texts([ref.name for ref in refs]) if card("address-data") in wish.names else {}
        return [(_path(ref.name), _card_properties(ref, cards.get(ref.name))) for ref in refs]

    return _answer_collection(_book(), _book_properties(), inside)


@blueprint.route("/dav/<name>/contacts/<resource>", methods=METHODS, provide_automatic_options=False)
@program_only(Scope.CONTACTS)
def one_card(name: str, resource: str) -> BaseResponse:
    _check_owner(name)
    core, owner = current.core(), current.program()
    match request.method:
        case "OPTIONS":
            return _options(METHODS)
        case "PUT":
            return _put(resource)
        case "DELETE":
            service.delete_card(core, owner.id, resource, if_match=_etags(request.if_match))
            return Response(status=204)
        case "PROPFIND":
            found = service.get_card(core, owner.id, resource)
            return _multistatus([xml.response(_path(resource), _card_properties(_ref(found), found), _wish())])
        case "PROPPATCH":
            return _refuse_changes(_path(resource))
        case "REPORT":
            abort(403)
    found = service.get_card(core, owner.id, resource)
    sent = Response(found.text, content_type=VCARD)
    sent.set_etag(found.etag)
    return sent.make_conditional(request)


def _put(resource: str) -> Response:
    """Save a card; its ETag is told only where the octets are saved as they came (RFC 6352 section 6.3.2.3)."""
    kind = request.mimetype.lower()
    if kind not in ("", "text/vcard", "text/x-vcard", "text/directory"):
        return _error(415, element(card("supported-address-data")))
    octets = request.get_data(cache=False)
    if len(octets) > whole_cards.MAX_OCTETS:
        return _error(403, element(card("max-resource-size")))
    try:
        saved, is_new = service.put_card(
            current.core(),
            current.program().id,
            resource,
            octets,
            if_match=_etags(request.if_match),
            if_none_match=_etags(request.if_none_match),
        )
    except errors.CardInvalid:
        return _error(403, element(card("valid-address-data")))
    except errors.CardTaken as problem:
        return _error(409, element(card("no-uid-conflict"), href(_path(str(problem.args[0])))))
    sent = Response(status=201 if is_new else 204)
    if saved.text.encode() == octets:
        sent.set_etag(saved.etag)
    return sent


# Reports


def _report() -> Response:
    body = _body()
    report = None if body is None else REPORTS.get(body.tag)
    if body is None or report is None:
        return _error(403, element(dav("supported-report")))
    return report(body)


def _multiget(body: Element) -> Response:
    paths = [(one.text or "").strip() for one in body.findall(dav("href"))]
    names = {path: _resource_of(path) for path in paths}
    asked = [name for name in dict.fromkeys(names.values()) if name]
    cards, wish = _texts(asked), Wish.parse(body)
    answers = [
        xml.response(_path(found.name), _card_properties(_ref(found), found, body), wish) for found in cards.values()
    ]
    left = (
        {ref.name for ref in service.list_refs(current.core(), current.program().id)} if len(cards) < len(asked) else ()
    )
    for path, name in names.items():
        if name not in cards:
            answers.append(xml.format_full(path) if name in left else xml.format_gone(path))
    return _multistatus(answers)


def _query(body: Element) -> Response:
    try:
        matches = filters.parse_filter(body.find(card("filter")))
    except filters.UnsupportedFilter:
        return _error(403, element(card("supported-filter")))
    wish, most = Wish.parse(body), _limit(body, card)
    answers: list[str] = []
    size = 0
    for one in _walk([ref.name for ref in service.list_refs(current.core(), current.program().id)]):
        if not matches(one.text):
            continue
        if len(answers) == most or size > MAX_CHARACTERS:  # section 8.6.2
            return _multistatus(answers, xml.format_full(_book()))
        answers.append(xml.response(_path(one.name), _card_properties(_ref(one), one, body), wish))
        size += len(answers[-1])
    return _multistatus(answers)


def _sync(body: Element) -> Response:
    """Answer what changed since a token (RFC 6578)."""
    asked = (body.findtext(dav("sync-token")) or "").strip()
    since = 0 if not asked else _since(asked)
    if since is None:
        return _error(403, element(dav("valid-sync-token")))
    wish = Wish.parse(body)
    try:
        changes = service.list_changes(current.core(), current.program().id, since, _limit(body, dav))
    except errors.ChangesForgotten:
        return _error(403, element(dav("valid-sync-token")))
    answers: list[str] = []
    size, seq, more = 0, changes.seq, changes.more
    for at, (ref, found) in enumerate(_read_changed(changes.cards, with_texts=card("address-data") in wish.names)):
        if size > MAX_CHARACTERS:
            seq, more = changes.seqs[at - 1], True
            break
        if ref.etag:
            answers.append(xml.response(_path(ref.name), _card_properties(ref, found, body), wish))
            size += len(answers[-1])
        elif asked:
            answers.append(xml.format_gone(_path(ref.name)))
    if more:  # section 3.6
        answers.append(xml.format_full(_book()))
    return _multistatus(answers, element(dav("sync-token"), f"{CHANGES}{seq}"))


REPORTS: dict[str, Callable[[Element], Response]] = {
    card("addressbook-multiget"): _multiget,
    card("addressbook-query"): _query,
    dav("sync-collection"): _sync,
}


def _since(token: str) -> int | None:
    digits = token.removeprefix(CHANGES)
    return (
        int(digits)
        if token.startswith(CHANGES) and digits.isascii() and digits.isdigit() and len(digits) < 18
        else None
    )


def _limit(body: Element, of: Callable[[str], str]) -> int:
    asked = (body.findtext(f"{of('limit')}/{of('nresults')}") or "").strip()
    return (
        max(1, min(MAX_RESULTS, int(asked))) if asked.isascii() and asked.isdigit() and len(asked) < 10 else MAX_RESULTS
    )


def _walk(names: Sequence[str]) -> Iterator[StoredCard]:
    """Read whole cards, a few at a time: a book may be larger than what a process should hold."""
    for start in range(0, len(names), SOME):
        yield from service.list_cards(current.core(), current.program().id, names[start : start + SOME])


def _read_changed(refs: Sequence[CardRef], *, with_texts: bool) -> Iterator[tuple[CardRef, StoredCard | None]]:
    """Give cards that changed in their order, with what they are now if that is asked for, a few read at a time."""
    for start in range(0, len(refs), SOME):
        some = refs[start : start + SOME]
        cards = {one.name: one for one in _walk([ref.name for ref in some if ref.etag])} if with_texts else {}
        yield from ((ref, cards.get(ref.name)) for ref in some)


def _texts(names: Sequence[str]) -> dict[str, StoredCard]:
    """Read whole cards, as many as one answer has room for; programs ask for the others again."""
    cards: dict[str, StoredCard] = {}
    size = 0
    for one in _walk(names):
        cards[one.name] = one
        size += len(one.text)
        if size > MAX_CHARACTERS:
            break
    return cards


# Properties of the four kinds of resources


def _principal() -> str:
    return href(_home())


def _root_properties() -> Properties:
    return {
        dav("resourcetype"): lambda: element(dav("collection")),
        dav("current-user-principal"): _principal,
        dav("principal-collection-set"): lambda: href(url_for("carddav.root")),
    }


def _home_properties() -> Properties:
    owner = current.program()
    return {
        dav("resourcetype"): lambda: element(dav("collection")) + element(dav("principal")),
        dav("displayname"): lambda: text(owner.display_name or owner.name),
        dav("current-user-principal"): _principal,
        dav("principal-URL"): _principal,
        dav("owner"): _principal,
        card("addressbook-home-set"): _principal,
        dav("current-user-privilege-set"): lambda: _privileges("read"),
    }


def _book_properties() -> Properties:
    core, owner = current.core(), current.program()

    def state() -> str:
        return f"{CHANGES}{service.count_changes(core, owner.id)}"

    return {
        dav("resourcetype"): lambda: element(dav("collection")) + element(card("addressbook")),
        dav("displayname"): lambda: "Alumnimail",
        dav("current-user-principal"): _principal,
        dav("owner"): _principal,
        dav("current-user-privilege-set"): lambda: _privileges("read", "write", "write-content", "bind", "unbind"),
        dav("supported-report-set"): lambda: "".join(
            element(dav("supported-report"), element(dav("report"), element(name))) for name in REPORTS
        ),
        dav("sync-token"): state,
        server("getctag"): state,
        card("addressbook-description"): lambda: text(owner.address(core.config.domain)),
        card("max-resource-size"): lambda: str(whole_cards.MAX_OCTETS),
        card("supported-address-data"): lambda: "".join(
            f'<C:address-data-type content-type="text/vcard" version="{version}"/>' for version in ("3.0", "4.0")
        ),
    }


def _card_properties(ref: CardRef, found: StoredCard | None = None, body: Element | None = None) -> Properties:
    properties: dict[str, Callable[[], str]] = {
        dav("resourcetype"): lambda: "",
        dav("getetag"): lambda: text(f'"{ref.etag}"'),
        dav("getcontenttype"): lambda: VCARD,
    }
    if found is not None:
        properties[dav("getcontentlength")] = lambda: str(len(found.text.encode()))
        properties[card("address-data")] = lambda: text(whole_cards.select_properties(found.text, _chosen(body)))
    return properties


def _chosen(body: Element | None) -> set[str]:
    """Return the properties of cards that a report asks for; none means all (section 10.4)."""
    if body is None:
        return set()
    return {one.get("name", "").upper() for one in body.findall(f"{dav('prop')}/{card('address-data')}/{card('prop')}")}


def _privileges(*names: str) -> str:
    return "".join(element(dav("privilege"), element(dav(name))) for name in names)


# What all of them share


def _answer_collection(
    path: str, properties: Properties, inside: Callable[[Wish], Iterable[tuple[str, Properties]]]
) -> Response:
    """Answer for a collection: itself, and at depth 1 what is inside."""
    match request.method:
        case "OPTIONS":
            return _options(["OPTIONS", "PROPFIND", "REPORT"])
        case "REPORT":
            return _error(403, element(dav("supported-report")))
        case "PROPPATCH":
            return _refuse_changes(path)
        case "PROPFIND":
            depth, wish = request.headers.get("Depth", "infinity").strip().lower(), _wish()
            if depth not in ("0", "1"):  # RFC 4918 section 9.1
                return _error(403, element(dav("propfind-finite-depth")))
            here = [(path, properties), *(inside(wish) if depth == "1" else ())]
            return _multistatus(_cut(path, (xml.response(each, of_it, wish) for each, of_it in here)))
        case _:
            return Response("An address book for programs (CardDAV).\n", content_type="text/plain; charset=utf-8")


def _refuse_changes(path: str) -> Response:
    body = _body()
    names = [] if body is None else [one.tag for one in body.findall(f"*/{dav('prop')}/*")]
    return _multistatus([xml.refuse(path, xml.cut_names(names))])


def _options(methods: Sequence[str]) -> Response:
    return Response(status=200, headers={"Allow": ", ".join(methods), "DAV": "1, 3, addressbook"})


def _cut(path: str, answers: Iterable[str]) -> Iterator[str]:
    """Yield as much as one answer has room for, and say of `path` that there was more."""
    size = 0
    for one in answers:
        if size > MAX_CHARACTERS:
            yield xml.format_full(path)
            return
        yield one
        size += len(one)


def _multistatus(answers: Iterable[str], *more: str) -> Response:
    return Response(xml.document(dav("multistatus"), *answers, *more), 207, content_type=xml.TYPE)


def _error(code: int, *conditions: str) -> Response:
    return Response(xml.document(dav("error"), *conditions), code, content_type=xml.TYPE)


def _body() -> Element | None:
    """Aborts with 400 for what is no XML."""
    try:
        return xml.parse_body(request.get_data(cache=True))
    except xml.BadXml:
        abort(400)


def _wish() -> Wish:
    return Wish.parse(_body())


def _etags(condition: ETags) -> frozenset[str]:
    """Return the ETags of a condition, ANY for `*`, none without a condition."""
    return frozenset([ANY]) if condition.star_tag else frozenset(condition.as_set(include_weak=True))


def _check_owner(name: str) -> None:
    """Aborts with 404: nobody hears whether there is another's address book."""
    if name.lower() != current.program().name:
        abort(404)


def _home() -> str:
    return url_for("carddav.home", name=current.program().name)


def _book() -> str:
    return url_for("carddav.book", name=current.program().name)


def _path(name: str) -> str:
    return _book() + quote(name, safe="")


def _resource_of(path: str) -> str:
    """Return the name of a card by its address, whole or a path; "" for what is none of this book's."""
    try:
        here = unquote(urlsplit(path).path)
    except ValueError:
        return ""
    name = here.removeprefix(unquote(_book()))
    return name if name != here and "/" not in name else ""


def _ref(found: StoredCard) -> CardRef:
    return CardRef(found.name, found.etag)


@blueprint.errorhandler(MailError)
def _tell(problem: MailError) -> Response:
    code, words = answer(problem)
    code = 507 if isinstance(problem, errors.TooMany) and request.method == "PUT" else code
    return Response(f"{words}\n", code, content_type="text/plain; charset=utf-8")
