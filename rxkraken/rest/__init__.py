"""Kraken's REST API over aiohttp: signed calls as data, exact answers, errors that say what to do."""

from rxkraken.rest.answer import RestAnswer
from rxkraken.rest.call import RestCall
from rxkraken.rest.client import RestClient
from rxkraken.rest.limits import CounterState, Limits, LimitsState, trading_cost
from rxkraken.rest.retry import Retry

__all__ = ["CounterState", "Limits", "LimitsState", "RestAnswer", "RestCall", "RestClient", "Retry", "trading_cost"]
