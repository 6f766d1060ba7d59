"""Moving day: the way out of an address (N31)."""
