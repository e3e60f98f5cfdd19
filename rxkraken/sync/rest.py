"""The REST client for blocking code: every call of `rxkraken.RestClient`, returning its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rxkraken.rest import RestClient as Async
from rxkraken.sync.wrapping import blocking

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.rest.limits import LimitsState
    from rxkraken.rest.retry import Retry
    from rxkraken.sync.background import Background


class RestClient:
    """Every REST call of the spot API, blocking. It shares its client's key, rate counters, clock and lifetime.

    Each returns its result or raises what `rxkraken.RestClient` documents. Leaving the wait by Ctrl-C gives a reading
    call up; an order, once begun, runs to its end.
    """

    def __init__(self, background: Background, find: Callable[[], Async]) -> None:
        """`find` gives the asynchronous client, on the loop of `background`."""
        self._background = background
        self._target = find

    def but(self, *, timeout: float | None = None, retry: Retry | None = None) -> Self:
        """Return a view of the same client that is more or less patient; `timeout` is seconds for one attempt."""
        view = self._background.call(lambda: self._target().but(timeout=timeout, retry=retry))
        return type(self)(self._background, lambda: view)

    @property
    def limits(self) -> LimitsState:
        """Both rate counters as they are foreseen now."""
        return self._background.call(lambda: self._target().limits)

    # --- any call -----------------------------------------------------------------------------------------------------
    request = blocking(Async.request)
    answer = blocking(Async.answer)

    # --- the market ---------------------------------------------------------------------------------------------------
    time = blocking(Async.time)
    system_status = blocking(Async.system_status)
    assets = blocking(Async.assets)
    asset_pairs = blocking(Async.asset_pairs)
    ticker = blocking(Async.ticker)
    ohlc = blocking(Async.ohlc)
    depth = blocking(Async.depth)
    trades = blocking(Async.trades)
    spread = blocking(Async.spread)

    # --- the account --------------------------------------------------------------------------------------------------
    balance = blocking(Async.balance)
    balance_ex = blocking(Async.balance_ex)
    trade_balance = blocking(Async.trade_balance)
    open_orders = blocking(Async.open_orders)
    closed_orders = blocking(Async.closed_orders)
    query_orders = blocking(Async.query_orders)
    order_amends = blocking(Async.order_amends)
    trades_history = blocking(Async.trades_history)
    query_trades = blocking(Async.query_trades)
    open_positions = blocking(Async.open_positions)
    ledgers = blocking(Async.ledgers)
    query_ledgers = blocking(Async.query_ledgers)
    trade_volume = blocking(Async.trade_volume)
    get_websockets_token = blocking(Async.get_websockets_token)
    get_api_key_info = blocking(Async.get_api_key_info)

    # --- orders -------------------------------------------------------------------------------------------------------
    add_order = blocking(Async.add_order)
    add_order_batch = blocking(Async.add_order_batch)
    amend_order = blocking(Async.amend_order)
    edit_order = blocking(Async.edit_order)
    cancel_order = blocking(Async.cancel_order)
    cancel_order_batch = blocking(Async.cancel_order_batch)
    cancel_all = blocking(Async.cancel_all)
    cancel_all_orders_after = blocking(Async.cancel_all_orders_after)

    # --- funding ------------------------------------------------------------------------------------------------------
    deposit_methods = blocking(Async.deposit_methods)
    deposit_addresses = blocking(Async.deposit_addresses)
    deposit_status = blocking(Async.deposit_status)
    withdraw_methods = blocking(Async.withdraw_methods)
    withdraw_addresses = blocking(Async.withdraw_addresses)
    withdraw_info = blocking(Async.withdraw_info)
    withdraw = blocking(Async.withdraw)
    withdraw_status = blocking(Async.withdraw_status)
    withdraw_cancel = blocking(Async.withdraw_cancel)
    wallet_transfer = blocking(Async.wallet_transfer)
    earn_strategies = blocking(Async.earn_strategies)
    earn_allocations = blocking(Async.earn_allocations)
    earn_allocate = blocking(Async.earn_allocate)
    earn_deallocate = blocking(Async.earn_deallocate)
    earn_status = blocking(Async.earn_status)
    add_export = blocking(Async.add_export)
    export_status = blocking(Async.export_status)
    retrieve_export = blocking(Async.retrieve_export)
    remove_export = blocking(Async.remove_export)
    create_subaccount = blocking(Async.create_subaccount)
    account_transfer = blocking(Async.account_transfer)
