"""JSON paths, with member names of any kind."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class JsonPath(str):
    """A path into a JSON document, such as `$.address.city` or `$.prices["EUR/USD"][0]`."""

    __slots__ = ()

    def child(self, name: str) -> JsonPath:
        """Return the path of a member.

        RedisJSON takes a quoted name literally and knows no escapes, so a name with a backslash, or with
        both kinds of quotes, has no path: see `addressable`.
        """
        if _PLAIN.match(name):
            return JsonPath(f"{self}.{name}")
        quote = "'" if '"' in name else '"'
        return JsonPath(f"{self}[{quote}{name}{quote}]")

    def item(self, index: int) -> JsonPath:
        """Return the path of an array element; negative positions count from the end."""
        return JsonPath(f"{self}[{index}]")


ROOT = JsonPath("$")


def addressable(name: str) -> bool:
    """Tell whether a member of this name can be named in a path."""
    return "\\" not in name and not ('"' in name and "'" in name)
