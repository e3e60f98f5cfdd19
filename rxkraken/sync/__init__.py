"""The client for blocking code: streams to iterate, requests as plain calls, an event loop in a thread behind it."""

from rxkraken.sync.client import KrakenClient, Tickets
from rxkraken.sync.client_v1 import KrakenV1Client, TicketsV1
from rxkraken.sync.delivering import Subscription
from rxkraken.sync.pulling import Pull
from rxkraken.sync.rest import RestClient
from rxkraken.sync.simulator import Simulator
from rxkraken.sync.stream import DeadMansSwitch, Stream
from rxkraken.sync.ticket import OrderTicket, Ticket

__all__ = [
    "DeadMansSwitch",
    "KrakenClient",
    "KrakenV1Client",
    "OrderTicket",
    "Pull",
    "RestClient",
    "Simulator",
    "Stream",
    "Subscription",
    "Ticket",
    "Tickets",
    "TicketsV1",
]
