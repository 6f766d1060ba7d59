"""Debian's mail programs, driven through a day: `make interop`.  Not in CI: it takes a quarter of an hour and a screen."""
