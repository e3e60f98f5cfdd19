"""Frozen values that streams emit. No JSON, no I/O, no clock."""
