"""Counting what strangers and owners may do: tries, rates, mail that one causes."""
