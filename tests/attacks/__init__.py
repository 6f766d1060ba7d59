"""Attacks, by their numbers in CWE."""
