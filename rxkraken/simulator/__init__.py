"""An exchange to practise on: real sockets or none, seeded markets, and every fault of the live one on demand."""

from rxkraken.simulator.connections import UpgradeRefused
from rxkraken.simulator.exchange import Exchange
from rxkraken.simulator.faults import FAULTS
from rxkraken.simulator.instruments import SymbolSpec
from rxkraken.simulator.server import Simulator

__all__ = ["FAULTS", "Exchange", "Simulator", "SymbolSpec", "UpgradeRefused"]
