"""Looks at the hosts of the endpoints: names, addresses, TLS. Nothing of Kraken's is spoken here."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from rxkraken.settings import Endpoints

Verdict = Literal["pass", "warn", "fail"]
_PORTS: Final = {"https": 443, "wss": 443, "http": 80, "ws": 80}
_ENCRYPTED: Final = ("https", "wss")
_DAY: Final = 86_400
_SOON: Final = 7


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: its name and subject, the verdict, what was seen, and what to do about it."""

    check: str
    verdict: Verdict
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """One host and port, and the roles of the endpoints that live there."""

    name: str
    port: int
    encrypted: bool
    roles: tuple[str, ...]


def hosts_of(endpoints: Endpoints) -> list[Host]:
    """Return every host of the endpoints once, in the order of the roles."""
    found: dict[tuple[str, int, bool], list[str]] = {}
    for role in ("public", "auth", "l3", "rest"):
        url: str | None = getattr(endpoints, role)
        if url is not None:
            parts = urlsplit(url)
            place = (parts.hostname or "", parts.port or _PORTS[parts.scheme], parts.scheme in _ENCRYPTED)
            found.setdefault(place, []).append(role)
    return [Host(*place, tuple(roles)) for place, roles in found.items()]


async def look_at(host: Host, trust: ssl.SSLContext | None, within: float) -> list[Finding]:
    """Resolve the name and open a connection, each within so many seconds; a failure ends it."""
    subject = f"dns {host.name}"
    try:
        async with asyncio.timeout(within):
            addresses = await _resolve(host)
    except TimeoutError:
        remedy = "check the network and the name server of this machine"
        return [Finding(subject, "fail", f"the name server did not answer within {within:g} s", remedy)]
    except OSError as error:
        remedy = f"check the spelling of the host ({', '.join(host.roles)}), the network, and the name server"
        return [Finding(subject, "fail", f"the name cannot be resolved: {error.strerror or error}", remedy)]
    named = Finding(subject, "pass", ", ".join(addresses))
    return [named, await _connect(host, addresses, trust, within)]


async def _resolve(host: Host) -> list[str]:
    """Ask for the addresses in a thread that nobody has to wait for: a dead name server answers after a minute."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(addresses: list[str] | None, error: OSError | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(addresses or [])

    def ask() -> None:
        told: tuple[list[str] | None, OSError | None]
        try:
            rows = socket.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
            told = list(dict.fromkeys(str(row[4][0]) for row in rows)), None
        except OSError as error:
            told = None, error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            loop.call_soon_threadsafe(settle, *told)

    thread = threading.Thread(target=ask, name="rxkraken doctor dns", daemon=True)
    thread.start()
    try:
        return await answer
    finally:
        if not answer.cancelled():
            thread.join()  # it has told its answer, which was the last thing it does


async def _connect(host: Host, addresses: list[str], trust: ssl.SSLContext | None, within: float) -> Finding:
    subject = f"{'tls' if host.encrypted else 'tcp'} {host.name}:{host.port}"
    context = (trust or ssl.create_default_context()) if host.encrypted else None
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(host.name, host.port, ssl=context)
    except TimeoutError:
        remedy = "check the network, the firewall, and whether the host and port are right"
        return Finding(subject, "fail", f"no connection within {within:g} s", remedy)
    except ssl.SSLCertVerificationError as error:
        remedy = "check the clock and the proxy of this machine: somebody may sit in between, or the host is wrong"
        return Finding(subject, "fail", f"the certificate does not hold: {error.verify_message}", remedy)
    except ssl.SSLError as error:
        remedy = "check whether the port speaks TLS, and that no proxy takes the name (SNI) out of the handshake"
        return Finding(subject, "fail", f"no TLS: {error.reason or error}", remedy)
    except OSError as error:
        remedy = "check whether the host and port are right, and whether a server runs there"
        return Finding(subject, "fail", f"no connection: {error.strerror or error}", remedy)
    seen: Any = writer.get_extra_info("ssl_object")
    try:
        return _plain(subject, addresses) if seen is None else _encrypted(subject, host, seen)
    finally:
        writer.transport.abort()


def _plain(subject: str, addresses: list[str]) -> Finding:
    if all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in addresses):
        return Finding(subject, "pass", "connected; no TLS, and on this machine none is needed")
    return Finding(
        subject, "warn", "connected without TLS: keys and tokens can be read on the way", "use wss and https"
    )


def _encrypted(subject: str, host: Host, seen: Any) -> Finding:
    certificate: dict[str, Any] = seen.getpeercert() or {}
    ends: str | None = certificate.get("notAfter")
    days = None if ends is None else int((ssl.cert_time_to_seconds(ends) - time.time()) // _DAY)
    text = f"{seen.version()} with SNI {host.name}" + ("" if days is None else f", certificate for {days} more days")
    if days is not None and days < _SOON:
        return Finding(subject, "warn", text, "the server needs a new certificate soon")
    return Finding(subject, "pass", text)
