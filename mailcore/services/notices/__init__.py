"""Messages of the service itself, in the language of who gets them."""
