"""`alumnimail certificate`: the certificate in use, and a new one from the ACME server."""

import click

from mailcore.cli.common import Site, json_option, pass_site, print_json, print_table
from mailcore.errors import ConfigError
from mailcore.services import certificates
from mailcore.services.operations import certificate_renewal


@click.group()
def certificate() -> None:
    """Show the certificate, or renew it by ACME."""


@certificate.command()
@json_option
@pass_site
def show(site: Site, as_json: bool) -> None:
    """Show names, issuer and times of the certificate in use."""
    facts = certificates.read_facts(site.config)
    if facts is None:
        raise ConfigError(f"tls: {site.config.certificate_path} cannot be read as a certificate")
    rows = [
        ("names", ", ".join(facts.names)),
        ("issuer", facts.issuer),
        ("begins", facts.begins.isoformat()),
        ("ends", facts.ends.isoformat()),
        ("file", str(facts.path)),
    ]
    if as_json:
        print_json(dict(rows) | {"names": list(facts.names)})
    else:
        print_table(("", ""), rows)


@certificate.command()
@pass_site
def renew(site: Site) -> None:
    """Order a certificate now, whether it is due or not."""
    if not certificate_renewal.is_on(site.config):
        raise ConfigError("acme.directory is not set: nobody to order a certificate from")
    click.echo(f"ordering a certificate for {', '.join(site.config.certificate_names)} ...", err=True)
    certificate_renewal.renew(site.core)
    facts = certificates.read_facts(site.config)
    click.echo(f"{site.config.certificate_path}: valid until {facts.ends.isoformat() if facts else 'unknown'}")
