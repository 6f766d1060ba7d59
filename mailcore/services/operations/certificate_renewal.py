"""The certificate of the ACME server, ordered anew in time: after two thirds of its life, or when its names changed."""

from mailcore.config import Config
from mailcore.core import Core
from mailcore.log import log_for
from mailcore.services import certificates

log = log_for(__name__)


def is_renewal_due(core: Core) -> bool:
    """Say if the certificate that the settings ask for is missing, of other names, or in the last third of its life."""
    facts = certificates.read_acme_facts(core.config)
    if facts is None or set(facts.names) != set(core.config.certificate_names):
        return True
    return core.clock.now() >= facts.begins + (facts.ends - facts.begins) * 2 / 3


def renew_when_due(core: Core) -> None:
    """Order a certificate where one is due; a job.  Raises CertificateProblem, Busy."""
    if is_on(core.config) and is_renewal_due(core):
        renew(core)


def is_on(config: Config) -> bool:
    return bool(config.acme.directory)


def renew(core: Core) -> None:
    """Order a certificate now.  Raises CertificateProblem, Busy."""
    from mailcore.services.operations import acme_orders  # which is large, and needed every other month

    acme_orders.order_certificate(core)
    log.info("a certificate for %s was saved", ", ".join(core.config.certificate_names))
