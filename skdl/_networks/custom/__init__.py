"""Networks that a function of the user's builds: how it is called, and what it gives."""
