"""An address for life, tried out: people, thieves and universities through decades on a clock that is moved (N43).

Everything goes through the services that portal, SMTP and the queue call; nothing is done by SQL.  `make lifetime` runs ten
thousand people through forty years; `test_lifetime.py` a few, in seconds, and shows that each invariant can be broken.
"""
