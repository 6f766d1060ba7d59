"""Octets thrown at the parsers (`make fuzz`)."""
