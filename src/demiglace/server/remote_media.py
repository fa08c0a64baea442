"""Files from remote URLs: the only code that opens outgoing connections, and only to public addresses.

A host name is resolved once, and the connection goes to the address that was checked. Redirects are followed here, one
by one, and each is checked like the first.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass

import httpx2

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

MOST_REDIRECTS = 5  # ours
MOST_SECONDS = 30.0  # ours, for one file with its redirects
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PORTS = {"http": 80, "https": 443}
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: IpAddress) -> bool:
    """Whether an address is on the public internet, including addresses embedded in it.

    An IPv6 address that embeds an IPv4 address is public only if that one is.
    """
    if isinstance(address, ipaddress.IPv6Address):
        carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in NAT64:
            carried.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if any(one is not None and not is_public(one) for one in carried):
            return False
        if address.ipv4_mapped is not None:
            return True
    return address.is_global and not address.is_multicast


@dataclass(frozen=True)
class RemoteMedia:
    """Fetches files of at most `max_bytes` from addresses that `is_allowed` accepts."""

    max_bytes: int
    is_allowed: Callable[[IpAddress], bool] = is_public

    async def fetch(self, url: str) -> bytes:
        """The bytes of a file; ValueError if it is not available, without any content of the response."""
        try:
            async with (
                asyncio.timeout(MOST_SECONDS),
                httpx2.AsyncClient(trust_env=False, timeout=MOST_SECONDS) as client,
            ):
                return await self._followed(client, httpx2.URL(url))
        except TimeoutError:
            raise ValueError(f"the address did not answer within {MOST_SECONDS:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            raise ValueError(f"the address cannot be fetched: {type(error).__name__}") from error

    async def _followed(self, client: httpx2.AsyncClient, url: httpx2.URL) -> bytes:
        for _ in range(MOST_REDIRECTS + 1):
            request = await self._request(client, url)
            response = await client.send(request, stream=True)
            try:
                if response.status_code not in REDIRECTS:
                    return await self._body(response)
                url = url.join(response.headers.get("location", ""))
            finally:
                await response.aclose()
        raise ValueError(f"the address was redirected more than {MOST_REDIRECTS} times")

    async def _request(self, client: httpx2.AsyncClient, url: httpx2.URL) -> httpx2.Request:
        """A request to the address that was checked, with the host name of the URL."""
        if url.scheme not in PORTS:
            raise ValueError(f"only http and https are fetched, got {url.scheme[:20]!r}")
        if url.userinfo:
            raise ValueError("an address must not contain a user name")
        port = url.port or PORTS[url.scheme]
        found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
        if not addresses or not all(map(self.is_allowed, addresses)):
            raise ValueError("the address is not public")
        headers = {"Host": url.netloc.decode(), "Accept-Encoding": "identity"}  # decompressed sizes are unknown
        pinned = url.copy_with(host=str(addresses[0]))
        return client.build_request("GET", pinned, headers=headers, extensions={"sni_hostname": url.host})

    async def _body(self, response: httpx2.Response) -> bytes:
        if response.status_code != 200:
            raise ValueError(f"the address answered with status {response.status_code}")
        data = bytearray()
        async for chunk in response.aiter_raw():
            data += chunk
            if len(data) > self.max_bytes:
                raise ValueError(f"the address has more than the {self.max_bytes} bytes allowed")
        if not data:
            raise ValueError("the address has no data")
        return bytes(data)
