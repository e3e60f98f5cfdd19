"""The private calls that read: balances, orders, trades, positions, ledgers, the key itself (sections 7, 8.1, 8.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from rxkraken.models.account import (
    ApiKeyInfo,
    ExtendedBalance,
    LedgerEntry,
    LedgerPage,
    OrderAmends,
    OrderInfo,
    OrderPage,
    PositionInfo,
    TradeBalance,
    TradeInfo,
    TradePage,
    TradeVolume,
    WebSocketsToken,
)
from rxkraken.protocol.signing import Hidden
from rxkraken.rest.build import BadShape, as_decimal, as_mapping, build, build_map, build_rows, is_list
from rxkraken.rest.caller import Caller, names, pair_names

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from rxkraken.rest.call import RestCall
    from rxkraken.rest.wire import Params


class AccountCalls(Caller):
    """Reading the account. Each method returns a `RestCall`; all are signed, and all may be retried safely.

    `start` and `end` are Unix times or transaction ids (start exclusive, end inclusive), `ofs` skips so many entries.
    """

    def balance(self, *, extra: Params | None = None) -> RestCall[dict[str, Decimal]]:
        """`Balance`: what there is of each asset, by Kraken's asset id, orders not deducted."""
        return self._call("Balance", {}, _amounts, extra=extra)

    def balance_ex(self, *, extra: Params | None = None) -> RestCall[dict[str, ExtendedBalance]]:
        """`BalanceEx`: balances with what open orders hold and what credit there is; `available` is the difference."""
        return self._call("BalanceEx", {}, lambda result: build_map(ExtendedBalance, result, "asset"), extra=extra)

    def trade_balance(self, asset: str | None = None, *, extra: Params | None = None) -> RestCall[TradeBalance]:
        """`TradeBalance`: the margin account valued in one asset (Kraken's default is ZUSD)."""
        return self._call("TradeBalance", {"asset": asset}, lambda result: build(TradeBalance, result), extra=extra)

    def open_orders(
        self,
        *,
        trades: bool | None = None,
        userref: int | None = None,
        cl_ord_id: str | None = None,
        extra: Params | None = None,
    ) -> RestCall[dict[str, OrderInfo]]:
        """`OpenOrders`: all open orders by txid, or those with this `userref` or `cl_ord_id`."""
        params = {"trades": trades, "userref": userref, "cl_ord_id": cl_ord_id}
        return self._call("OpenOrders", params, lambda result: _orders(_member(result, "open")), extra=extra)

    def closed_orders(
        self,
        *,
        trades: bool | None = None,
        userref: int | None = None,
        cl_ord_id: str | None = None,
        start: int | str | Decimal | None = None,
        end: int | str | Decimal | None = None,
        ofs: int | None = None,
        closetime: Literal["open", "close", "both"] | None = None,
        consolidate_taker: bool | None = None,
        without_count: bool | None = None,
        extra: Params | None = None,
    ) -> RestCall[OrderPage]:
        """`ClosedOrders`: 50 at a time, newest first; `count` says how many there are in all."""
        params = {
            "trades": trades,
            "userref": userref,
            "cl_ord_id": cl_ord_id,
            "start": start,
            "end": end,
            "ofs": ofs,
            "closetime": closetime,
            "consolidate_taker": consolidate_taker,
            "without_count": without_count,
        }
        return self._call("ClosedOrders", params, _order_page, extra=extra)

    def query_orders(
        self,
        txid: str | Iterable[str],
        *,
        trades: bool | None = None,
        userref: int | None = None,
        consolidate_taker: bool | None = None,
        extra: Params | None = None,
    ) -> RestCall[dict[str, OrderInfo]]:
        """`QueryOrders`: these orders (at most 50), open or closed, by txid."""
        params = {
            "txid": names(txid, "txid"),
            "trades": trades,
            "userref": userref,
            "consolidate_taker": consolidate_taker,
        }
        return self._call("QueryOrders", params, _orders, extra=extra)

    def order_amends(self, order_id: str, *, extra: Params | None = None) -> RestCall[OrderAmends]:
        """`OrderAmends`: how an order was amended over time."""
        params = {"order_id": order_id}
        return self._call("OrderAmends", params, lambda result: build(OrderAmends, result), extra=extra)

    def trades_history(
        self,
        *,
        type: str | None = None,  # noqa: A002 - Kraken's name
        trades: bool | None = None,
        start: int | str | Decimal | None = None,
        end: int | str | Decimal | None = None,
        ofs: int | None = None,
        consolidate_taker: bool | None = None,
        ledgers: bool | None = None,
        without_count: bool | None = None,
        extra: Params | None = None,
    ) -> RestCall[TradePage]:
        """`TradesHistory`: own fills, 50 at a time, newest first; `type` is `all`, `no position`, ..."""
        params = {
            "type": type,
            "trades": trades,
            "start": start,
            "end": end,
            "ofs": ofs,
            "consolidate_taker": consolidate_taker,
            "ledgers": ledgers,
            "without_count": without_count,
        }
        return self._call("TradesHistory", params, _trade_page, extra=extra)

    def query_trades(
        self, txid: str | Iterable[str], *, trades: bool | None = None, extra: Params | None = None
    ) -> RestCall[dict[str, TradeInfo]]:
        """`QueryTrades`: these own fills (at most 20), by trade id."""
        params = {"txid": names(txid, "txid"), "trades": trades}
        return self._call("QueryTrades", params, lambda result: build_map(TradeInfo, result, "txid"), extra=extra)

    def open_positions(
        self, txid: str | Iterable[str] | None = None, *, docalcs: bool | None = None, extra: Params | None = None
    ) -> RestCall[dict[str, PositionInfo]]:
        """`OpenPositions`: open margin positions by id; `docalcs=True` adds their value and profit."""
        params = {"txid": names(txid, "txid"), "docalcs": docalcs}
        return self._call("OpenPositions", params, _positions, extra=extra)

    def ledgers(
        self,
        *,
        asset: str | Iterable[str] | None = None,
        aclass: str | None = None,
        type: str | None = None,  # noqa: A002 - Kraken's name
        start: int | str | Decimal | None = None,
        end: int | str | Decimal | None = None,
        ofs: int | None = None,
        without_count: bool | None = None,
        extra: Params | None = None,
    ) -> RestCall[LedgerPage]:
        """`Ledgers`: movements of money, 50 at a time, newest first. `type` is `all`, `deposit`, `trade`, ..."""
        params = {
            "asset": names(asset, "asset"),
            "aclass": aclass,
            "type": type,
            "start": start,
            "end": end,
            "ofs": ofs,
            "without_count": without_count,
        }
        return self._call("Ledgers", params, _ledger_page, extra=extra)

    def query_ledgers(
        self,
        id: str | Iterable[str],  # noqa: A002 - Kraken's name
        *,
        trades: bool | None = None,
        extra: Params | None = None,
    ) -> RestCall[dict[str, LedgerEntry]]:
        """`QueryLedgers`: these ledger entries (at most 20), by id."""
        params = {"id": names(id, "id"), "trades": trades}
        return self._call("QueryLedgers", params, lambda result: build_map(LedgerEntry, result, "id"), extra=extra)

    def trade_volume(
        self, pair: str | Iterable[str] | None = None, *, extra: Params | None = None
    ) -> RestCall[TradeVolume]:
        """`TradeVolume`: the volume of the last 30 days, and the fees of the pairs that are named."""
        params = {"pair": pair_names(pair)}
        return self._call("TradeVolume", params, lambda result: build(TradeVolume, result), extra=extra)

    def get_websockets_token(self, *, extra: Params | None = None) -> RestCall[WebSocketsToken]:
        """`GetWebSocketsToken`: a token for private channels, to be used within `expires` seconds (section 7).

        Raises `PermissionRefused` when the key lacks the permission "WebSocket interface".
        """
        return self._call("GetWebSocketsToken", {}, _token, extra=extra)

    def get_api_key_info(self, *, extra: Params | None = None) -> RestCall[ApiKeyInfo]:
        """`GetApiKeyInfo`: name, permissions and nonce window of the key that asks."""
        return self._call("GetApiKeyInfo", {}, lambda result: build(ApiKeyInfo, result), extra=extra)


def _amounts(result: Any) -> dict[str, Decimal]:
    try:
        return {asset: as_decimal(amount) for asset, amount in as_mapping(result, "Balance").items()}
    except BadShape:
        raise
    except ValueError as error:
        raise BadShape(f"a balance {error}") from None


def _member(result: Any, name: str) -> Any:
    members = as_mapping(result, "the answer")
    if name not in members:
        raise BadShape(f"the answer has no member {name}")
    return members[name]


def _count(result: Any) -> Any:
    return as_mapping(result, "the answer").get("count")


def _orders(rows: Any) -> dict[str, OrderInfo]:
    return {txid: _order(txid, row) for txid, row in as_mapping(rows, "the orders").items()}


def _order(txid: str, row: Any) -> OrderInfo:
    order = build(OrderInfo, row, txid=txid)
    # An unset refid comes as null, and in some answers as the text "None" (section 8.2).
    return replace(order, refid=None) if order.refid == "None" else order


def _order_page(result: Any) -> OrderPage:
    page = build(OrderPage, {"orders": {}, "count": _count(result)})
    return replace(page, orders=_orders(_member(result, "closed")))


def _trade_page(result: Any) -> TradePage:
    page = build(TradePage, {"trades": {}, "count": _count(result)})
    return replace(page, trades=build_map(TradeInfo, _member(result, "trades"), "txid"))


def _ledger_page(result: Any) -> LedgerPage:
    page = build(LedgerPage, {"ledger": {}, "count": _count(result)})
    return replace(page, ledger=build_map(LedgerEntry, _member(result, "ledger"), "id"))


def _positions(result: Any) -> dict[str, PositionInfo]:
    # With `consolidation=market` there is one row per pair and no id.
    if is_list(result):
        return {position.pair: position for position in build_rows(PositionInfo, result)}
    return build_map(PositionInfo, result, "txid")


def _token(result: Any) -> WebSocketsToken:
    given = build(WebSocketsToken, result)
    return replace(given, token=Hidden(given.token))
