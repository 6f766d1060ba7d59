"""Judging what strangers send: content filters, greylisting, block lists, learning."""
