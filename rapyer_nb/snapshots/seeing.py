"""Values of a document as Python sees them, where their stored form says nothing to a reader."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from rapyer.codec.pickled import looks_pickled
from rapyer.model.load import from_document, reading_of
from rapyer.model.registry import registry
from rapyer_nb.snapshots.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer_nb.snapshots.values import Part

_STEP: Final = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def as_seen(parts: Sequence[Part], key: str, before: bytes, after: bytes) -> list[Part]:
    """Return the parts that differ, with Python values where the stored ones are pickled.

    What cannot be read stays as it is stored.

    Args:
        parts: The parts.
        key: The key of the document.
        before: Its text before.
        after: Its text after.
    """
    if not any(_is_pickled(part.before) or _is_pickled(part.after) for part in parts):
        return list(parts)
    old, new = _instance(key, before), _instance(key, after)
    return [
        replace(part, before=_seen(part.before, old, part.path), after=_seen(part.after, new, part.path))
        for part in parts
    ]


def _is_pickled(value: Any) -> bool:
    return isinstance(value, str) and looks_pickled(value)


def _instance(key: str, document: bytes) -> Any:
    model = registry.owner_of(key)
    if model is None:
        return None
    try:
        reading = reading_of(model)
        return from_document(
            model, key, document if reading is None else reading.with_nothing_beside(document)
        )
    except Exception:  # of the user's validators too; the stored form is shown then
        return None


def _seen(stored: Any, instance: Any, path: str) -> Any:
    if instance is None or stored is MISSING or not _is_pickled(stored):
        return stored
    value = instance
    try:
        for index, name in _STEP.findall(path):
            if index:
                value = value[int(index)]
            else:
                value = value[name] if isinstance(value, dict) else getattr(value, name)
    except (AttributeError, LookupError, TypeError):
        return stored
    return value
