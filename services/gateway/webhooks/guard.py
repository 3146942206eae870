"""Where a webhook may lead: public addresses over https, decided on the address that is then connected to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

import httpcore

from shared.kernel.errors import Invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
# Ways into IPv4 through IPv6 (NAT64, 6to4, Teredo): what lies behind them is not for the address to tell.
_TUNNELS = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))


class AddressRefused(Exception):
    """A name leads where webhooks may not go."""


async def system_resolver(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(info[4][0]) for info in found]


class Guard:
    """Public unicast addresses, and the networks that the operator allows."""

    def __init__(
        self, *, allowed: Iterable[Network] = (), allow_http: bool = False, resolver: Resolver = system_resolver
    ) -> None:
        self._allowed = tuple(allowed)
        self._schemes = ("https", "http") if allow_http else ("https",)
        self._resolver = resolver

    def check_url(self, url: str) -> None:
        """What can be said before any name is resolved. Raises Invalid."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as err:
            raise Invalid.at("/url", f"This is no address: {err}.") from err
        if parts.scheme not in self._schemes:
            raise Invalid.at("/url", f"A webhook's address begins with {' or '.join(self._schemes)}.", code="scheme")
        if not host or parts.username is not None or parts.password is not None:
            raise Invalid.at("/url", "A webhook's address has a host, and no user or password.")
        literal = _literal(host)
        if literal is not None and not self.permits(literal):
            raise Invalid.at("/url", f"{host} is not a public address; webhooks do not go there.", code="not-public")

    def permits(self, address: Address) -> bool:
        plain = address.ipv4_mapped if isinstance(address, IPv6Address) and address.ipv4_mapped else address
        if any(plain in network for network in self._allowed if network.version == plain.version):
            return True
        tunnelled = any(plain in network for network in _TUNNELS if network.version == plain.version)
        return plain.is_global and not plain.is_multicast and not plain.is_reserved and not tunnelled

    async def address_of(self, host: str, port: int) -> str:
        """The one address to connect to. A name with any address that is not permitted is refused whole.

        Raises AddressRefused, OSError.
        """
        literal = _literal(host)
        found = (
            [literal] if literal is not None else [ip_address(text.split("%")[0]) for text in await self._resolver(host, port)]
        )
        for address in found:
            if not self.permits(address):
                raise AddressRefused(f"{host} leads to {address}, which is not a public address")
        if not found:
            raise OSError(f"{host} has no address")
        return str(found[0])


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


class PinnedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to the address that was checked and to no other: the name is not resolved a second time.

    TLS still asks for the name's certificate.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                address = await self._guard.address_of(host, port)
        except TimeoutError as err:
            raise httpcore.ConnectTimeout(f"{host} could not be resolved in time") from err
        except OSError as err:
            raise httpcore.ConnectError(f"{host} could not be resolved") from err
        return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)
