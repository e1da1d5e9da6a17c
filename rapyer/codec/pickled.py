"""Values that the stored form holds as base64 of a pickle (reference-core §9), with or without a signature.

What a pickle may ask for when it is read stands in `rapyer.codec.unpickler`. Signing protects from whoever
can write to Redis but does not know the key; it binds a value to its field, so that it cannot be moved to
another one, and says nothing of its age.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import pickle  # noqa: S403 - the stored format; read only through rapyer.codec.unpickler
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapyer.codec.unpickler import (
    LIMIT,
    MIGHT_NAME,
    NamesSomething,
    load_literal,
    load_restricted,
    refused,
)
from rapyer.errors import CantSerializeRedisValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

PROTOCOL = 4
"""What every supported Python, and rapyer 1.3.6, writes by default."""

_SIGNED = "hmac-sha256:"
_SIGNATURE_HINT = "was it written without Meta.pickle_key, with another key, or for another field?"


@dataclass(frozen=True)
class PickleRules:
    """How the pickled values of one field are written and read.

    Attributes:
        place: The field, such as `User.data`; part of what is signed.
        names: The classes that may be loaded, by module and qualified name.
        trust: Whether everything may be loaded.
        key: What values are signed with, or None.
    """

    place: str
    names: Mapping[tuple[str, str], Any]
    trust: bool = False
    key: bytes | None = None

    def _signature(self, payload: bytes, key: bytes) -> str:
        mac = hmac.digest(key, self.place.encode() + b"\0" + payload, "sha256")
        return binascii.b2a_base64(mac, newline=False).decode()

    def write(self, value: Any) -> str:
        """Return the stored text of a value.

        Raises:
            CantSerializeRedisValueError: It cannot be pickled, or could not be loaded again.
        """
        try:
            payload = pickle.dumps(value, PROTOCOL)
        except Exception as error:  # whatever a class's own reduction raises
            raise CantSerializeRedisValueError(
                f"{self.place} holds a {type(value).__name__} that cannot be stored: {error}",
                field=self.place,
            ) from error
        if not self.trust:
            self._check_loads(value, payload)
        text = binascii.b2a_base64(payload, newline=False).decode()
        return text if self.key is None else f"{_SIGNED}{self._signature(payload, self.key)}:{text}"

    def _check_loads(self, value: Any, payload: bytes) -> None:
        # Refused now rather than when somebody wants the value back.
        if len(payload) > LIMIT:
            raise CantSerializeRedisValueError(
                f"{self.place} holds {len(payload)} bytes, more than the {LIMIT} that are loaded",
                field=self.place,
            )
        if MIGHT_NAME not in payload:
            return
        module = type(value).__module__, type(value).__qualname__
        if self.names.get(module) is type(value) and getattr(value, "__dict__", None) is None:
            return
        try:
            load_restricted(payload, self.names)
        except CantSerializeRedisValueError as error:
            raise CantSerializeRedisValueError(
                f"{self.place} holds a value that could not be loaded again: {error.message}",
                field=self.place,
                hint=error.hint,
            ) from error

    def read(self, text: str) -> Any:
        """Return the value of a stored text.

        Raises:
            CantSerializeRedisValueError: The text is no such value, or names what may not be loaded.
        """
        payload = self._payload(text)
        if self.trust:
            try:
                return pickle.loads(payload)  # noqa: S301 - Meta.trust_pickle asks for it by name
            except Exception as error:
                raise CantSerializeRedisValueError(f"the stored pickle cannot be read: {error}") from error
        return load_restricted(payload, self.names)

    def _payload(self, text: str) -> bytes:
        if not text.startswith(_SIGNED):
            if self.key is not None:
                raise CantSerializeRedisValueError("the stored pickle is not signed", hint=_SIGNATURE_HINT)
            return decoded(text)
        signature, _, encoded = text[len(_SIGNED) :].partition(":")
        if self.key is None:
            raise CantSerializeRedisValueError(
                "the stored pickle is signed", hint="set Meta.pickle_key to the key it was signed with"
            )
        payload = decoded(encoded)
        if not hmac.compare_digest(self._signature(payload, self.key).encode(), signature.encode()):
            raise CantSerializeRedisValueError(
                "the signature of the stored pickle is wrong", hint=_SIGNATURE_HINT
            )
        return payload


if sys.version_info >= (3, 11):

    def _from_base64(text: str) -> bytes:
        return binascii.a2b_base64(text, strict_mode=True)

else:

    def _from_base64(text: str) -> bytes:
        return base64.b64decode(text, validate=True)


def looks_pickled(text: str) -> bool:
    """Tell whether a stored text is a pickle by its first bytes: protocols 2 to 5, or a signature."""
    # Base64 of 0x80 and the protocol number.
    return (text.startswith("gA") and "I" <= text[2:3] <= "X") or text.startswith(_SIGNED)


def may_be_pickled(text: str) -> bool:
    """Tell whether a stored text can be a pickle of any protocol: base64 of what ends as all pickles do."""
    try:
        return decoded(text).endswith(pickle.STOP)
    except CantSerializeRedisValueError:
        return len(text) > LIMIT


def decoded(text: str) -> bytes:
    """Return the bytes that base64 text stands for.

    Raises:
        CantSerializeRedisValueError: It is no base64, or too long.
    """
    if len(text) > LIMIT // 3 * 4 + 4:
        raise CantSerializeRedisValueError(f"a stored pickle of {len(text)} characters is too long to load")
    try:
        return _from_base64(text)
    except ValueError as error:
        raise CantSerializeRedisValueError(f"a stored value cannot be decoded: {error}") from error


def dump_pickled(value: Any) -> str:
    """Return the stored text of a literal."""
    return binascii.b2a_base64(pickle.dumps(value, PROTOCOL), newline=False).decode()


def load_pickled_literal(text: str) -> Any:
    """Return the value of a stored text that holds only literals.

    Raises:
        CantSerializeRedisValueError: The text is no such pickle.
    """
    try:
        return load_literal(decoded(text))
    except NamesSomething as name:
        raise refused(str(name)) from None
