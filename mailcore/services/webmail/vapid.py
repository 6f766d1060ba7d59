"""VAPID (RFC 8292) names this site to push services: by one P-256 key, which browsers subscribe with.

The key comes of the secret `push` beside the database, so every node has the same, and it stands nowhere else.
"""

import base64
import hashlib
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from mailcore.config import Config
from mailcore.core import Core
from mailcore.services.limits import keys

LIFE_SECONDS = 12 * 3600  # of a token; RFC 8292 section 2 allows a day
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


def find_public_key(config: Config) -> str:
    """Return the uncompressed point in base64url: what a browser calls `applicationServerKey`."""
    point = _load_key(config).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


def sign_request(core: Core, url: str) -> str:
    """Return the Authorization field of a request to a push service (RFC 8292 section 3)."""
    parts = urlsplit(url)
    claims = {
        "aud": f"https://{parts.netloc}",
        "exp": core.clock.seconds() + LIFE_SECONDS,
        "sub": f"mailto:postmaster@{core.config.domain}",
    }
    key = ECKey.import_key(_load_key(core.config))
    return f"vapid t={jwt.encode({'alg': 'ES256'}, claims, key)}, k={find_public_key(core.config)}"


def _load_key(config: Config) -> ec.EllipticCurvePrivateKey:
    """Twice as many bits as the order has, so that no scalar is likelier than another."""
    wide = int.from_bytes(hashlib.sha512(b"vapid " + keys.load_key(config, "push")).digest())
    return ec.derive_private_key(wide % (_ORDER - 1) + 1, ec.SECP256R1())
