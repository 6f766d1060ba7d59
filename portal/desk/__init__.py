"""Pages of the help desk: accounts, orders, quota, recovery."""
