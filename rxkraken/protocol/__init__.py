"""Kraken's dialects, sans I/O: text to typed frames and back. No loop, no socket, no clock."""
