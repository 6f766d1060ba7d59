"""Cases at the help desk, for owners and for the desk."""
