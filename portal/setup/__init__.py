"""Settings for mail programs, for people and for the programs."""
