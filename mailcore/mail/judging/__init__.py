"""Judging of mail: signs of spam in a message, and what they add up to.  No I/O, and bounded for any input."""
