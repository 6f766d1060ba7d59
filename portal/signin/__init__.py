"""Logging in, with a password, a second factor or the university."""
