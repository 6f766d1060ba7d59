"""Forwarding to an outside address: consent, health, bounces, the digest of what was not forwarded, copies that expire."""
