"""Tests; docs/architecture.md says which folder is for what."""
