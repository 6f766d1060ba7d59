"""Ordering an account."""
