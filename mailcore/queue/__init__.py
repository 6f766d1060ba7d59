"""Outgoing mail: leases, retries, routes, bounces."""
