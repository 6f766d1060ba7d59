"""Signing in beyond a password: OpenID Connect, SASL, second factors, recovery, sessions of the web."""
