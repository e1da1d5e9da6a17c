"""JSON paths, with member names of any kind."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class JsonPath(str):
    """A path into a JSON document, such as `$.address.city` or `$.prices["EUR/USD"][0]`."""

    __slots__ = ()

    def child(self, name: str) -> JsonPath:
        """Return the path of a member.

        RedisJSON takes a quoted name literally where it writes, knows no escapes there, and skips leading
        spaces. So a name with a backslash, with both kinds of quotes, or with a space in front has no path:
        what this gives for it has a backslash, and is only for messages (see `usable`).
        """
        if _PLAIN.match(name):
            return JsonPath(f"{self}.{name}")
        if not addressable(name):
            return JsonPath(self + "[" + re.sub(r'\A |[\\"]', r"\\\g<0>", name).join('""') + "]")
        quote = "'" if '"' in name else '"'
        return JsonPath(f"{self}[{quote}{name}{quote}]")

    @property
    def usable(self) -> bool:
        """Whether commands can use the path."""
        return "\\" not in self

    def item(self, index: int) -> JsonPath:
        """Return the path of an array element; negative positions count from the end."""
        return JsonPath(f"{self}[{index}]")

    def range(self, start: int | None, stop: int | None) -> JsonPath:
        """Return the path of some array elements; the bounds as in Python's slices."""
        return JsonPath(f"{self}[{'' if start is None else start}:{'' if stop is None else stop}]")

    def at_most(self, index: int) -> JsonPath:
        """Return the path of an element, which names none where the array is shorter."""
        # A negative position would be clamped there; a range is empty.
        return self.item(index) if index >= 0 else self.range(index, index + 1 or None)


ROOT = JsonPath("$")


def addressable(name: str) -> bool:
    """Tell whether a member of this name can be named in a path."""
    return "\\" not in name and not ('"' in name and "'" in name) and not name.startswith(" ")
