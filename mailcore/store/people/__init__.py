"""Accounts and what belongs to people."""
