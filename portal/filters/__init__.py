"""Filters and scripts."""
