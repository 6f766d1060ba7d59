"""Attacks on a server that runs, surface by surface: each row names the flaw or the section of an RFC that it comes from."""
