"""Values that the stored form holds as base64 of a pickle (reference-core §9).

Text in Redis is never run: the unpickler here refuses every name that a pickle may ask to import.
"""

from __future__ import annotations

import base64
import binascii
import io
import pickle  # noqa: S403 - the stored format; read only by the unpickler below, which imports nothing
from typing import Any, NoReturn

from rapyer.errors import CantSerializeRedisValueError


class _LiteralUnpickler(pickle.Unpickler):
    """Reads numbers, text, bytes and plain containers, and nothing that names a class or function."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise CantSerializeRedisValueError(
            f"a stored value names {module}.{name}, which is not loaded from Redis"
        )


def dump_pickled(value: Any) -> str:
    """Return the stored text of a value."""
    return base64.b64encode(pickle.dumps(value)).decode()


def load_pickled_literal(text: str) -> Any:
    """Return the value of a stored text that holds only literals.

    Raises:
        CantSerializeRedisValueError: The text is no such pickle.
    """
    try:
        return _LiteralUnpickler(io.BytesIO(base64.b64decode(text, validate=True))).load()
    except (
        binascii.Error,
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        IndexError,
        KeyError,
        AttributeError,
    ) as error:
        raise CantSerializeRedisValueError(f"a stored value cannot be decoded: {error}") from error
