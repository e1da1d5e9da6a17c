"""What is stored under keys, each in one line: the class and its first fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, SecretBytes, SecretStr

from rapyer.codec.paths import ROOT
from rapyer.commands.json import get_values
from rapyer.errors import CorruptedModelError
from rapyer.model.companions import held_class
from rapyer.model.schema import spec_of
from rapyer.session.executor import execute
from rapyer.types import RedisDict, RedisList
from rapyer_nb.views.brief import ELLIPSIS, brief, clipped
from rapyer_nb.widgets.requests import wish_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.model.schema import FieldSpec
    from rapyer.session.clients import ClientSource

MOST_FIELDS: Final = 3
"""How many fields a summary has."""
LENGTH: Final = 100
"""How many characters it has at the most."""
_VALUE: Final = 40


async def summaries(source: ClientSource, cls: Any, keys: Sequence[str]) -> dict[str, str]:
    """Return a line for each document of a class that is stored, by key (JSON.MGET, in one round trip).

    Only the fields that are shown are read; no time to live starts anew.

    Args:
        source: The server.
        cls: The class.
        keys: The keys; those under which no document is are left out.
    """
    if not keys:
        return {}
    fields = _fields_of(cls)
    paths = [ROOT.child(spec.name) for spec in fields] or [ROOT.child("-")]  # what is there without fields
    columns = await execute(source, [get_values(keys, path) for path in paths])
    return {
        key: _line(cls, fields, row)
        for key, row in zip(keys, zip(*columns, strict=True), strict=True)
        if row[0] is not None
    }


def _fields_of(cls: Any) -> list[FieldSpec]:
    return [spec for spec in spec_of(cls).fields.values() if _is_short(spec)][:MOST_FIELDS]


def _is_short(spec: FieldSpec) -> bool:
    """Tell whether a field is no key, no secret, and has no parts."""
    if not spec.stored or spec.is_key or spec.special is not None or wish_of(spec.info) == "password":
        return False
    held, _ = held_class(spec.shape.annotation)
    parts = (RedisList, RedisDict, BaseModel, SecretStr, SecretBytes)
    return held is None or not issubclass(held, parts)


def _line(cls: Any, fields: Sequence[FieldSpec], row: Sequence[bytes | None]) -> str:
    values = [
        f"{spec.name}={_value(spec, raw[1:-1])}"
        for spec, raw in zip(fields, row, strict=False)
        if raw is not None and raw != b"[]"
    ]
    return clipped(f"{cls.__name__}({', '.join(values)})", LENGTH)


def _value(spec: FieldSpec, text: bytes) -> str:
    try:
        return brief(spec.load_stored(text), _VALUE)
    except (CorruptedModelError, ValueError, TypeError):
        return ELLIPSIS
