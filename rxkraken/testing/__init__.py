"""Helpers to test streams and strategies: time that jumps instead of passing, and an exchange without sockets."""

from rxkraken.testing.exchange import ExchangeNetwork
from rxkraken.testing.http import ExchangeHttp
from rxkraken.testing.network import ScriptedLink, ScriptedNetwork, outside
from rxkraken.testing.time import VirtualLoop, run

__all__ = ["ExchangeHttp", "ExchangeNetwork", "ScriptedLink", "ScriptedNetwork", "VirtualLoop", "outside", "run"]
