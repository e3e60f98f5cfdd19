"""Every Kraken channel and order as an RxPY observable."""

from rxkraken._version import __version__

__all__ = ["__version__"]
