"""Every Kraken channel and order as an RxPY observable.

```python
import rxkraken as rk

async with rk.KrakenClient() as client:
    client.book("BTC/USD").subscribe(print)
```
"""

import logging

from rxkraken import books, errors, sync
from rxkraken._version import __version__
from rxkraken.books import Book, Level, Level3, OrderBook3, QueuePosition, RestingOrder
from rxkraken.client import KrakenClient
from rxkraken.client_v1 import KrakenV1Client
from rxkraken.credentials import Credentials
from rxkraken.errors import (
    ClientClosed,
    ConnectForbidden,
    ConnectRefused,
    ExchangeError,
    InvalidArgument,
    InvalidOrder,
    KrakenError,
    LinkLost,
    MissingCredentials,
    NotPlaced,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    Overflowed,
    PermissionRefused,
    RateLimited,
    RequestRejected,
    RequestTimeout,
    RetriesExhausted,
    SubscriberFailed,
    SubscriptionRejected,
    UnknownSymbol,
)
from rxkraken.models.market import Asset, Candle, Instrument, Instruments, Ticker, Trade
from rxkraken.models.market_v1 import Spread, TradeV1
from rxkraken.models.orders import (
    AddOrderResult,
    AmendOrderResult,
    BatchAddResult,
    BatchCancelResult,
    CancelAllAfterResult,
    CancelAllResult,
    CancelOrderResult,
    EditOrderResult,
)
from rxkraken.models.status import Gap, Message, Overflow, Status, Subscription, SystemStatus, Unknown
from rxkraken.models.trading import (
    Armed,
    Balance,
    Balances,
    Execution,
    Fee,
    LedgerChange,
    OpenOrders,
    Order,
    Tripped,
)
from rxkraken.rest import RestClient
from rxkraken.rest.limits import Limits
from rxkraken.settings import Endpoints, Settings
from rxkraken.simulator import Simulator
from rxkraken.streams.policies import Buffer, Conflate, Fail, Latest, buffer, conflate, fail, latest
from rxkraken.streams.stream import Stream, aiter  # noqa: A004 - the builtin's idea for any observable, used as rk.aiter
from rxkraken.trading.ticket import OrderTicket, Ticket

__all__ = [
    "AddOrderResult",
    "AmendOrderResult",
    "Armed",
    "Asset",
    "Balance",
    "Balances",
    "BatchAddResult",
    "BatchCancelResult",
    "Book",
    "Buffer",
    "CancelAllAfterResult",
    "CancelAllResult",
    "CancelOrderResult",
    "Candle",
    "ClientClosed",
    "Conflate",
    "ConnectForbidden",
    "ConnectRefused",
    "Credentials",
    "EditOrderResult",
    "Endpoints",
    "ExchangeError",
    "Execution",
    "Fail",
    "Fee",
    "Gap",
    "Instrument",
    "Instruments",
    "InvalidArgument",
    "InvalidOrder",
    "KrakenClient",
    "KrakenError",
    "KrakenV1Client",
    "Latest",
    "LedgerChange",
    "Level",
    "Level3",
    "Limits",
    "LinkLost",
    "Message",
    "MissingCredentials",
    "NotPlaced",
    "NotSent",
    "OpenOrders",
    "Order",
    "OrderBook3",
    "OrderRejected",
    "OrderTicket",
    "OutcomeUnknown",
    "Overflow",
    "Overflowed",
    "PermissionRefused",
    "QueuePosition",
    "RateLimited",
    "RequestRejected",
    "RequestTimeout",
    "RestClient",
    "RestingOrder",
    "RetriesExhausted",
    "Settings",
    "Simulator",
    "Spread",
    "Status",
    "Stream",
    "SubscriberFailed",
    "Subscription",
    "SubscriptionRejected",
    "SystemStatus",
    "Ticker",
    "Ticket",
    "Trade",
    "TradeV1",
    "Tripped",
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
    "sync",
]

# A library stays silent until its user configures logging.
logging.getLogger("rxkraken").addHandler(logging.NullHandler())
