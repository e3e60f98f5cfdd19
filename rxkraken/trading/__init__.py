"""Orders: what may be asked, how it is asked, and what came of it."""
