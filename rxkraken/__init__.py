"""Every Kraken channel and order as an RxPY observable.

```python
import rxkraken as rk

async with rk.KrakenClient() as client:
    client.book("BTC/USD").subscribe(print)
```
"""

import logging

from rxkraken import books, errors
from rxkraken._version import __version__
from rxkraken.books import Book, Level
from rxkraken.client import KrakenClient
from rxkraken.credentials import Credentials
from rxkraken.errors import (
    ClientClosed,
    ConnectForbidden,
    ConnectRefused,
    ExchangeError,
    InvalidArgument,
    KrakenError,
    LinkLost,
    Overflowed,
    RequestRejected,
    RequestTimeout,
    RetriesExhausted,
    SubscriberFailed,
    SubscriptionRejected,
    UnknownSymbol,
)
from rxkraken.models.market import Asset, Candle, Instrument, Instruments, Ticker, Trade
from rxkraken.models.status import Gap, Message, Overflow, Status, Subscription, SystemStatus, Unknown
from rxkraken.settings import Endpoints, Settings
from rxkraken.simulator import Simulator
from rxkraken.streams.policies import Buffer, Conflate, Fail, Latest, buffer, conflate, fail, latest
from rxkraken.streams.stream import Stream, aiter  # noqa: A004 - the builtin's idea for any observable, used as rk.aiter

__all__ = [
    "Asset",
    "Book",
    "Buffer",
    "Candle",
    "ClientClosed",
    "Conflate",
    "ConnectForbidden",
    "ConnectRefused",
    "Credentials",
    "Endpoints",
    "ExchangeError",
    "Fail",
    "Gap",
    "Instrument",
    "Instruments",
    "InvalidArgument",
    "KrakenClient",
    "KrakenError",
    "Latest",
    "Level",
    "LinkLost",
    "Message",
    "Overflow",
    "Overflowed",
    "RequestRejected",
    "RequestTimeout",
    "RetriesExhausted",
    "Settings",
    "Simulator",
    "Status",
    "Stream",
    "SubscriberFailed",
    "Subscription",
    "SubscriptionRejected",
    "SystemStatus",
    "Ticker",
    "Trade",
    "Unknown",
    "UnknownSymbol",
    "__version__",
    "aiter",
    "books",
    "buffer",
    "conflate",
    "errors",
    "fail",
    "latest",
]

# A library stays silent until its user configures logging.
logging.getLogger("rxkraken").addHandler(logging.NullHandler())
