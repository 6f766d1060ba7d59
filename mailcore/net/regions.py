"""Parts of the world by who gave out the network: the regional registry of the /8, as IANA lists them.

It is coarse on purpose, and nothing is asked of anybody.  Networks from before the registries (128 to 172, 192, 196 and 198)
and those that were split among all of them belong to no region: nothing is known of these.
"""

from functools import lru_cache
from ipaddress import IPv6Address

from mailcore.net.address import parse_address

UNKNOWN = ""
_IPV4 = {
    "apnic": "1 14 27 36 39 42-43 49 58-61 101 103 106 110-126 175 180 182-183 202-203 210-211 218-223",
    "ripe": "2 5 25 31 37 46 51 53 57 62 77-95 109 176 178 185 188 193-195 212-213 217",
    "arin": "3-4 6-9 11-13 15-24 26 28-30 32-35 38 40 44 47-48 50 52 54-56 63-76 96-99 104 107-108 173-174 184 199 204-209 216",
    "lacnic": "177 179 181 186-187 189-191 200-201",
    "afrinic": "41 102 105 197",
}
# first and last of the leading 16 bits
_IPV6 = (
    (0x2003, 0x2003, "ripe"),
    (0x2400, 0x241F, "apnic"),
    (0x2600, 0x263F, "arin"),
    (0x2800, 0x280F, "lacnic"),
    (0x2A00, 0x2A1F, "ripe"),
    (0x2C00, 0x2C0F, "afrinic"),
)


def _spread(numbers: str) -> list[int]:
    """Return the numbers of a list such as `1 3-5`."""
    found: list[int] = []
    for part in numbers.split():
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


_BY_NUMBER = {number: region for region, numbers in _IPV4.items() for number in _spread(numbers)}


@lru_cache(maxsize=4096)
def region_of(place: str) -> str:
    """Return the region of an address or an IPv6 network such as `2a01:799::/64`; UNKNOWN for what tells none."""
    ip = parse_address(place.partition("/")[0])
    if ip is None:
        return UNKNOWN
    if isinstance(ip, IPv6Address):
        leading = int(ip) >> 112
        return next((region for first, last, region in _IPV6 if first <= leading <= last), UNKNOWN)
    return UNKNOWN if ip.is_private else _BY_NUMBER.get(int(ip) >> 24, UNKNOWN)
