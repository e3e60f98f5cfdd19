"""Checks what is spoken with Kraken: clock, key, nonce, permissions, token, tier and sockets, each within a limit."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from rxkraken.cli.context import NO_KEY
from rxkraken.cli.doctor_hosts import Finding
from rxkraken.cli.orders_outcome import advice
from rxkraken.errors import (
    AuthRefused,
    ConnectRefused,
    KrakenError,
    NonceRejected,
    PermissionRefused,
    RateLimited,
    RestUnavailable,
    SubscriptionRejected,
)
from rxkraken.rest.retry import Retry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from rxkraken.client import KrakenClient
    from rxkraken.models.account import ApiKeyInfo

CLOCK_FINE: Final = 1.0
CLOCK_BAD: Final = 5.0
_HALF: Final = 0.5
_ANY_MARKET: Final = "BTC/USD"

# What a key is good for, by the permission as Kraken names it (rest reference section 2.6).
_USES: Final = {
    "query-funds": "balances",
    "query-open-orders": "open orders and executions",
    "query-closed-orders": "closed orders, trades, and orders whose outcome is unknown",
    "modify-orders": "placing and changing orders",
    "cancel-orders": "cancelling orders, and the dead man's switch",
    "websockets": "every account stream, and orders over WebSocket",
}
_IN_SETTINGS: Final = "give the key this permission in Kraken's API settings, or use another key"


async def clock(client: KrakenClient, within: float) -> Finding:
    """Compare this machine's clock with the exchange's, which tells whole seconds."""
    rest = client.rest.but(retry=Retry.never())
    before = time.time()
    try:
        told = await _within(rest.time(), within)
    except (KrakenError, TimeoutError) as error:
        return failed("clock", error, within)
    after = time.time()
    skew = (before + after) / 2 - (told.unixtime + _HALF)
    text = f"about {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} the exchange's"
    remedy = "set the clock by the network, with `timedatectl set-ntp true` or your system's settings"
    if abs(skew) <= CLOCK_FINE:
        return Finding(
            "clock", "pass", f"within {CLOCK_FINE:g} s of the exchange's; an answer took {after - before:.3f} s"
        )
    return Finding("clock", "warn" if abs(skew) <= CLOCK_BAD else "fail", text, remedy)


async def key(client: KrakenClient, within: float) -> AsyncIterator[Finding]:
    """Ask Kraken what it knows of the key: whether it signs, its nonces and its permissions."""
    rest = client.rest.but(retry=Retry.never())
    try:
        info = await _within(rest.get_api_key_info(), within)
    except NonceRejected as error:
        yield Finding("key", "pass", "Kraken knows it and its signature")
        yield failed("nonce", error, within)
        return
    except (KrakenError, TimeoutError) as error:
        yield failed("key", error, within)
        return
    named = f" {info.api_key_name!r}" if info.api_key_name else ""
    yield Finding("key", "pass", f"the key{named} signs as it should")
    yield _nonce(info)
    for finding in _permissions(info):
        yield finding


def _nonce(info: ApiKeyInfo) -> Finding:
    if info.nonce_window:
        return Finding("nonce", "pass", f"grows; the key has a nonce window of {info.nonce_window}")
    return Finding("nonce", "pass", "grows; without a nonce window a key is for one program at a time")


def _permissions(info: ApiKeyInfo) -> list[Finding]:
    has = {permission.replace("_", "-").casefold() for permission in info.permissions}
    if not has:
        return [Finding("permissions", "warn", "Kraken does not tell them", "look at the key in Kraken's API settings")]
    missing = [name for name in _USES if name not in has]
    found = [
        Finding(
            f"permission {name}", "fail" if name == "websockets" else "warn", f"missing: no {_USES[name]}", _IN_SETTINGS
        )
        for name in missing
    ]
    if "withdraw-funds" in has:
        remedy = "take this permission away: whoever steals the key could take the money too"
        found.append(Finding("permission withdraw-funds", "warn", "the key may withdraw", remedy))
    given = ", ".join(name for name in _USES if name in has) or "none that this library uses"
    return [Finding("permissions", "pass", given), *found]


async def token(client: KrakenClient, within: float) -> Finding:
    """Ask for a WebSocket token, and let go of it."""
    try:
        issued = await _within(client.rest.but(retry=Retry.never()).get_websockets_token(), within)
    except (KrakenError, TimeoutError) as error:
        return failed("token", error, within)
    return Finding("token", "pass", f"issued, to be used within {issued.expires} s")


async def public_socket(client: KrakenClient, within: float) -> Finding:
    """Ping over the public WebSocket."""
    try:
        seconds = await _within(client.ping(), within)
    except (KrakenError, TimeoutError) as error:
        return failed("public socket", error, within)
    system = client.system_status
    if system is not None and system.system != "online":
        remedy = "wait until it is online; https://status.kraken.com tells more"
        return Finding("public socket", "warn", f"connected, and the engine is {system.system}", remedy)
    return Finding("public socket", "pass", f"connected; a ping took {1000 * seconds:.0f} ms")


async def auth_socket(client: KrakenClient, within: float) -> AsyncIterator[Finding]:
    """Follow the account over the private WebSocket, which tells the rate tier as well."""
    try:
        orders = await _within(client.open_orders().first(), within)
    except SubscriptionRejected as error:
        remedy = "the socket works; without this permission orders cannot be followed"
        yield Finding("auth socket", "warn", str(error), remedy)
        return
    except (KrakenError, TimeoutError, LookupError) as error:
        yield failed("auth socket", error, within)
        return
    yield Finding("auth socket", "pass", f"connected; {len(orders)} open orders")
    tier = client.limits.tier
    counters = f"REST counter of {tier.rest_maximum:g}, trading counter of {tier.trading_threshold:g} a pair"
    yield Finding("rate tier", "pass", f"{tier.name}: {counters}")


async def l3_socket(client: KrakenClient, within: float) -> Finding:
    """Wait for a verified book of single orders."""
    if client.endpoints.l3 is None:
        return Finding(
            "l3 socket", "warn", "these endpoints have none", "level 3 books need another endpoint: live has one"
        )
    try:
        await _within(client.level3(_ANY_MARKET).first(), within)
    except (KrakenError, TimeoutError, LookupError) as error:
        return failed("l3 socket", error, within)
    return Finding("l3 socket", "pass", f"connected; a verified book of {_ANY_MARKET} came")


def without_key(check: str) -> Finding:
    """Say that a check needs a key."""
    return Finding(check, "warn", "not checked: no API key", NO_KEY)


def failed(check: str, error: Exception, within: float) -> Finding:
    """Return the finding that a failure is, with its remedy."""
    if isinstance(error, TimeoutError):
        return Finding(
            check, "fail", f"no answer within {within:g} s", "check the network, or give it longer: --within"
        )
    told = advice(error) if isinstance(error, KrakenError) else []
    return Finding(check, "fail", str(error), "; ".join(told) or _remedy(error))


def _remedy(error: Exception) -> str:
    match error:
        case AuthRefused():
            return "check that key and secret belong together, and to these endpoints"
        case PermissionRefused():
            return _IN_SETTINGS
        case ConnectRefused(status=status) if status in _TURNED_AWAY:
            return (
                "this address is turned away: too many connections, a block, or a proxy that takes the name (SNI) out"
            )
        case RateLimited():
            return "wait a minute, and let one program use the key"
        case RestUnavailable():
            return "wait; https://status.kraken.com tells more"
        case _:
            return "check the endpoint and the network; --verbose before the command tells more"


_TURNED_AWAY: Final = (403, 429)


async def _within(request: Awaitable[Any], seconds: float) -> Any:
    async with asyncio.timeout(seconds):
        return await request
