"""Order a certificate from an ACME server (RFC 8555), such as Let's Encrypt or the service that universities share.

The `acme` library of certbot speaks the protocol; here are our names, keys and answers.  Its import costs as much as the rest of
a process, so that only certificate_renewal imports this module, when there is something to order.
"""

import datetime
import hashlib
from contextlib import AbstractContextManager
from typing import Any

import requests
from acme import challenges, client, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from josepy import errors as jose_errors
from josepy.jwa import ES256
from josepy.jwk import JWK, JWKEC

from mailcore.config import Acme
from mailcore.core import Core
from mailcore.errors import CertificateProblem
from mailcore.services import certificates
from mailcore.services.operations import acme_challenges, shared_files

ORDER_SECONDS = 120
SERVER_SECONDS = 30  # for one answer of the server
NONCES = 10  # that are tried for one request (RFC 8555 section 6.5)
AGENT = "Alumnimail"


@challenges.ChallengeResponse.register
class TlsAlpn01Response(challenges.KeyAuthorizationChallengeResponse):
    typ = "tls-alpn-01"


@challenges.Challenge.register
class TlsAlpn01(challenges.KeyAuthorizationChallenge):
    """RFC 8737, which the library does not have."""

    response_cls = TlsAlpn01Response
    typ = response_cls.typ

    def validation(self, account_key: JWK, **_: object) -> bytes:
        return hashlib.sha256(self.key_authorization(account_key).encode()).digest()


def order_certificate(core: Core) -> None:
    """Order a certificate for the names of the settings, and save it where the service takes it from; takes up to minutes.

    Raises:
        CertificateProblem: the server refused, could not reach us, or did not answer.
        Busy: `acme.listen` cannot be had.
    """
    settings = core.config.acme
    try:
        key = ec.generate_private_key(ec.SECP256R1())
        chain = _order(core, settings, _make_request(core.config.certificate_names, key))
    except errors.ValidationError as problem:
        raise CertificateProblem(_explain(problem)) from None
    except messages.Error as problem:
        raise CertificateProblem(f"{settings.directory}: {problem.detail or problem.typ}") from None
    except (errors.Error, jose_errors.Error, requests.RequestException, ValueError, KeyError) as problem:
        raise CertificateProblem(f"{settings.directory}: {str(problem) or type(problem).__name__}") from None
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with shared_files.changing(core, replace=True):
        certificates.save_acme_certificate(core.config, chain.encode(), secret)


class _Network(client.ClientNetwork):
    """The library's, which asks twice where a server refuses a nonce; several nodes of a server refuse more in a row."""

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:  # Any: as in the library
        for _ in range(NONCES // 2 - 1):
            try:
                return super().post(*args, **kwargs)
            except messages.Error as problem:
                if problem.code != "badNonce":
                    raise
        return super().post(*args, **kwargs)


def _order(core: Core, settings: Acme, request: bytes) -> str:
    """Return the chain in PEM."""
    key = JWKEC(key=_load_account_key(core))
    network = _Network(key, alg=ES256, user_agent=AGENT, timeout=SERVER_SECONDS)
    if settings.ca:
        network.verify_ssl = settings.ca  # type: ignore[assignment]  # requests takes a path as well
    server = client.ClientV2(client.ClientV2.get_directory(settings.directory, network), network)
    _open_account(server, key, settings)
    order = server.new_order(request)
    pending = [one for one in order.authorizations if one.body.status == messages.STATUS_PENDING]
    chosen = [(one.body.identifier.value, _choose(one, settings.challenge)) for one in pending]
    answers = {name: challenge.chall.key_authorization(key) for name, challenge in chosen}
    tokens = {challenge.chall.encode("token"): answers[name] for name, challenge in chosen}
    with _answering(core, settings, answers, tokens):
        for _, challenge in chosen:
            server.answer_challenge(challenge, challenge.chall.response(key))
        # the library compares with times that have no zone
        ends = datetime.datetime.now() + datetime.timedelta(seconds=ORDER_SECONDS)  # noqa: DTZ005, TID251
        done = server.finalize_order(server.poll_authorizations(order, ends), ends)
    return str(done.fullchain_pem)


def _answering(
    core: Core, settings: Acme, answers: dict[str, str], tokens: dict[str, str]
) -> AbstractContextManager[None]:
    if settings.challenge == TlsAlpn01.typ and answers:
        return acme_challenges.answering_by_tls(settings.listen, answers)
    if settings.listen and settings.challenge != TlsAlpn01.typ:
        return acme_challenges.answering_by_http(settings.listen, tokens)
    return acme_challenges.answering_by_portal(core, tokens)


def _choose(authorization: messages.AuthorizationResource, kind: str) -> messages.ChallengeBody:
    for challenge in authorization.body.challenges:
        if challenge.chall.typ == kind:
            return challenge
    raise errors.Error(f"the server offers no {kind} for {authorization.body.identifier.value}")


def _open_account(server: client.ClientV2, key: JWKEC, settings: Acme) -> None:
    binding = None
    if settings.eab_key_id:
        binding = messages.ExternalAccountBinding.from_data(
            key.public_key(), settings.eab_key_id, settings.eab_hmac_key, server.directory
        )
    elif server.external_account_required():
        raise errors.Error("it wants an account that it knows: set acme.eab_key_id and acme.eab_hmac_key")
    wanted = messages.NewRegistration.from_data(
        email=settings.email or None, terms_of_service_agreed=True, external_account_binding=binding
    )
    try:
        server.new_account(wanted)
    except errors.ConflictError as known:
        server.net.account = messages.RegistrationResource(body=messages.Registration(), uri=known.location)


def _load_account_key(core: Core) -> ec.EllipticCurvePrivateKey:
    """Load the key that is our account at the server; the first order makes it."""
    path = core.config.acme_account_path
    with shared_files.changing(core):
        certificates.ensure_account_key(core.config)
    loaded = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise CertificateProblem(f"{path} is no key of an elliptic curve")
    return loaded


def _make_request(names: tuple[str, ...], key: ec.EllipticCurvePrivateKey) -> bytes:
    listed = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(listed, critical=False)
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _explain(problem: errors.ValidationError) -> str:
    """Say for each name why the server does not believe that it is ours."""
    reasons = [
        f"{failed.body.identifier.value}: {challenge.error.detail}"
        for failed in problem.failed_authzrs
        for challenge in failed.body.challenges
        if challenge.error is not None
    ]
    return "; ".join(reasons)
