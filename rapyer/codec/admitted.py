"""The names that a stored pickle may use in any field: plain value types of the standard library.

What would let a short pickle fill the memory or run for hours is admitted as a narrower stand-in.
"""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import fractions
import ipaddress
import pathlib
import types
import uuid
import zoneinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pydantic_core

if TYPE_CHECKING:
    from collections.abc import Mapping


def _bytearray(*content: Any) -> bytearray:
    """Stand in for `bytearray`, which would reserve as many bytes as a number says."""
    return bytearray(*content) if not content or isinstance(content[0], bytes | str) else _no(content)


def _bytes(*content: Any) -> bytes:
    """Stand in for `bytes`, for the same reason."""
    return bytes(*content) if not content or isinstance(content[0], bytes) else _no(content)


def _encoded(text: Any, encoding: Any = None) -> bytes:
    """Stand in for `_codecs.encode`, by which protocols 0 to 2 write bytes."""
    return text.encode("latin-1") if isinstance(text, str) and encoding == "latin1" else _no(encoding)


def _fraction(*parts: Any) -> fractions.Fraction:
    """Stand in for `Fraction`, which would compute 1e999999999."""
    for part in parts:
        if not isinstance(part, int) and not (isinstance(part, str) and set(part) <= set("-/0123456789")):
            _no(part)
    return fractions.Fraction(*parts)


def _type_of(*values: Any) -> Any:
    """Stand in for `type`, by which the type of None is written; it makes no classes."""
    if len(values) == 1 and values[0] in {None, ..., NotImplemented}:
        return type(values[0])
    return _no(values)


def _no(value: Any) -> Any:
    raise ValueError(f"a value of this kind is not made of {value!r:.50}")


_CLASSES: tuple[type, ...] = (
    *(bool, int, float, complex, str, list, dict, tuple, set, frozenset, range, slice, object),
    *(dt.datetime, dt.date, dt.time, dt.timedelta, dt.timezone, zoneinfo.ZoneInfo),
    *(decimal.Decimal, uuid.UUID, uuid.SafeUUID),
    *(pathlib.Path, pathlib.PosixPath, pathlib.WindowsPath),
    *(pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath),
    *(collections.OrderedDict, collections.defaultdict, collections.deque, collections.Counter),
    *(ipaddress.IPv4Address, ipaddress.IPv4Network, ipaddress.IPv4Interface),
    *(ipaddress.IPv6Address, ipaddress.IPv6Network, ipaddress.IPv6Interface),
    *(types.SimpleNamespace,),
    # What pydantic makes of time zones and URLs.
    *(pydantic_core.TzInfo, pydantic_core.Url, pydantic_core.MultiHostUrl),
)

_PATHS = {cls for cls in _CLASSES if cls.__name__.endswith("Path")}

STANDARD: Mapping[tuple[str, str], Any] = MappingProxyType(
    {(cls.__module__, cls.__qualname__): cls for cls in _CLASSES}
    # The classes of paths moved to a module of their own in Python 3.13, and back later.
    | {(module, cls.__name__): cls for module in ("pathlib", "pathlib._local") for cls in _PATHS}
    | {
        # As protocols 0 to 2 call them.
        ("builtins", "long"): int,
        ("builtins", "unicode"): str,
        ("builtins", "xrange"): range,
        ("builtins", "bytes"): _bytes,
        ("builtins", "bytearray"): _bytearray,
        ("builtins", "type"): _type_of,
        ("_codecs", "encode"): _encoded,
        ("fractions", "Fraction"): _fraction,
    }
)
"""What the names stand for, by module and qualified name."""
