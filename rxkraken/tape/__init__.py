"""Recorded traffic: reading it line by line, and proving that the pipeline understands it."""
