"""Data of the installation itself."""
