"""Faults of machine and network under traffic, round after round (`make crash`): every 250 is kept, once, after each of them."""
