"""One connection to Kraken: the link, its retries, the conversation on it, and the way of each frame to its topic."""
