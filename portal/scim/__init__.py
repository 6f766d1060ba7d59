"""SCIM 2.0 for the university's identity system (RFC 7644)."""
