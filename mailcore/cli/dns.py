"""`alumnimail dns`: the records that the domain needs, and which of them are missing or wrong."""

import sys

import click

from mailcore.cli.common import Site, json_option, pass_site, print_json, print_table
from mailcore.services.mailauth import dkim_keys
from mailcore.services.operations import dns_records


@click.command()
@click.option("--zone", is_flag=True, help="Print the records as a zone file, and nothing else.")
@json_option
@pass_site
def dns(site: Site, zone: bool, as_json: bool) -> None:
    """Compare the DNS records of the domain with those it needs; exit 1 if any is missing or wrong."""
    dkim_keys.ensure_keys(site.config)
    if zone:
        for record in dns_records.list_needed_records(site.config):
            click.echo(dns_records.format_zone_line(record))
        return
    findings = dns_records.compare_records(site.core)
    if as_json:
        print_json(
            [
                {
                    "name": f.record.name,
                    "type": f.record.kind,
                    "value": f.record.value,
                    "state": f.state,
                    "found": list(f.found),
                }
                for f in findings
            ]
        )
    else:
        print_table(
            ("STATE", "NAME", "TYPE", "SHOULD BE"),
            [(f.state, f.record.name, f.record.kind, _short(f.record.value)) for f in findings],
        )
    if any(finding.state != "right" for finding in findings):
        sys.exit(1)


def _short(text: str) -> str:
    return text if len(text) <= 72 else text[:69] + "..."
