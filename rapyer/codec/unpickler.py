"""Reading pickles that anybody may have written.

A pickle is a program: it names functions and calls them. Only names that are looked up in a table given by
the caller, and those of a few plain value types, are handed to it, and only as what they are needed for.
"""

from __future__ import annotations

import enum
import io
import pickle  # noqa: S403 - subclassed to restrict it
import re
import types
import zoneinfo
from typing import TYPE_CHECKING, Any, NoReturn

from rapyer.codec.admitted import STANDARD
from rapyer.errors import CantSerializeRedisValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT = 64 * 1024 * 1024
"""The most bytes of one pickle that are read."""

MIGHT_NAME = b"\x93"
"""Without this opcode a pickle of protocol 4 names no class."""

_HINT = "list it in Meta.pickle_allow, or set Meta.trust_pickle = True if nobody else can write to this Redis"
_OLD_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg"}

# Opcodes that make the C unpickler allocate what the pickle asks for (PUT, LONG_BINPUT), or take objects
# from a table of the process (EXT1, EXT2, EXT4): a pickle that may hold one is left to the Python unpickler.
_RISKY = re.compile(rb"[pr\x82\x83\x84]")
_BYTES, _TEXT, _MEMOIZED = 0x43, 0x8C, b"\x94."


class NamesSomething(Exception):  # noqa: N818 - a signal, not an error
    """The pickle wants to import something."""


class _LiteralUnpickler(pickle.Unpickler):
    """Reads numbers, text, bytes and plain containers, and nothing that names a class or function."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise NamesSomething(f"{module}.{name}")


_PythonUnpickler: Any = pickle._Unpickler


class _RestrictedUnpickler(_PythonUnpickler):  # type: ignore[misc]  # typeshed lacks it
    """Reads values of the classes in a table.

    It is the Python implementation, because the C one does not let its opcodes be narrowed: BUILD sets
    attributes, which on a class or an enum member would change the running program.
    """

    dispatch = dict(_PythonUnpickler.dispatch)

    def __init__(self, payload: bytes, names: Mapping[tuple[str, str], Any]) -> None:
        super().__init__(io.BytesIO(payload))
        self._names = names

    def find_class(self, module: str, name: str) -> Any:
        return _found(module, name, self._names)

    def _build(self) -> None:
        if isinstance(self.stack[-2], type | enum.Enum | types.FunctionType | types.ModuleType):
            raise refused("attributes of a class")
        super().load_build()

    def _extension(self) -> NoReturn:
        raise refused("the registry of pickle extensions")

    dispatch[pickle.BUILD[0]] = _build
    dispatch[pickle.EXT1[0]] = dispatch[pickle.EXT2[0]] = dispatch[pickle.EXT4[0]] = _extension


class _FastUnpickler(pickle.Unpickler):
    """The same for a pickle that has no byte which could be one of the opcodes in question."""

    def __init__(self, payload: bytes, names: Mapping[tuple[str, str], Any]) -> None:
        super().__init__(io.BytesIO(payload))
        self._names = names

    def find_class(self, module: str, name: str) -> Any:
        return _found(module, name, self._names)


def _found(module: str, name: str, names: Mapping[tuple[str, str], Any]) -> Any:
    asked = (_OLD_MODULES.get(module, module), name)
    found = names.get(asked)
    if found is None:
        found = _attribute if asked == ("builtins", "getattr") else STANDARD.get(asked)
    if found is None:
        raise refused(f"{module}.{name}")
    return found


def refused(name: str) -> CantSerializeRedisValueError:
    """Return the error for a name that a stored pickle may not use."""
    return CantSerializeRedisValueError(f"the stored pickle names {name}, which is not loaded", hint=_HINT)


def load_restricted(payload: bytes, names: Mapping[tuple[str, str], Any]) -> Any:
    """Return the value of a pickle that may name the given classes and plain standard-library values.

    Args:
        payload: The pickle.
        names: Classes by module and qualified name.

    Raises:
        CantSerializeRedisValueError: It names something else, is broken or too long.
    """
    try:
        if b"b" not in payload and _RISKY.search(payload) is None:
            return _FastUnpickler(payload, names).load()
        return load_literal(payload)
    except CantSerializeRedisValueError:
        raise
    except NamesSomething:
        pass
    except Exception as error:
        raise _broken(error) from error
    try:
        return _RestrictedUnpickler(payload, names).load()
    except CantSerializeRedisValueError:
        raise
    except Exception as error:  # a broken pickle may make any class fail in any way
        raise _broken(error) from error


def load_literal(payload: bytes) -> Any:
    """Return the value of a pickle that holds only literals.

    Raises:
        NamesSomething: It wants to import something, which stays undone.
        CantSerializeRedisValueError: It is no pickle.
    """
    if len(payload) > LIMIT:
        raise CantSerializeRedisValueError(f"a stored pickle of {len(payload)} bytes is too long to load")
    simple = _text_or_bytes(payload)
    if simple is not None:
        return simple
    try:
        if _RISKY.search(payload) is None:
            return _LiteralUnpickler(io.BytesIO(payload)).load()
        return _RestrictedLiterals(payload, {}).load()
    except (CantSerializeRedisValueError, NamesSomething):
        raise
    except Exception as error:
        raise _broken(error) from error


class _RestrictedLiterals(_RestrictedUnpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise NamesSomething(f"{module}.{name}")


def _text_or_bytes(payload: bytes) -> str | bytes | None:
    # 80 04 95 <8 bytes: length of the rest> <opcode> <1 byte: length> <content> 94 2e
    if payload[:3] != b"\x80\x04\x95" or len(payload) < 15:
        return None
    end = 13 + payload[12]
    if payload[end:] != _MEMOIZED or payload[11] not in {_BYTES, _TEXT}:
        return None
    content = payload[13:end]
    try:
        return content if payload[11] == _BYTES else content.decode()
    except UnicodeDecodeError:
        return None


def _broken(error: Exception) -> CantSerializeRedisValueError:
    return CantSerializeRedisValueError(f"a stored value cannot be decoded: {error}")


def _attribute(owner: Any, name: str) -> Any:
    """Stand in for `getattr`, which some versions of Python use to pickle enum members and time zones."""
    if isinstance(owner, enum.EnumMeta) and name in owner.__members__:
        return owner.__members__[name]
    if owner is zoneinfo.ZoneInfo and name == "_unpickle":
        return zoneinfo.ZoneInfo._unpickle  # type: ignore[attr-defined]  # typeshed lacks it
    raise refused("builtins.getattr")
