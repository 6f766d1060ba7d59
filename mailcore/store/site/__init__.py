"""What belongs to the installation."""
