"""What could not be read of a value (`SafeLoad`): kept beside it, and put back into what is written of it.

Values that lack something have a `_rapyer_unread`: models the stored values of their fields by name, lists,
dicts and sets (`rapyer.types.partial`) those of their elements, each with its position or name. Whatever
holds such a value has one, too, if only an empty one, so that it is found from above.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from rapyer.codec.context import Unread
from rapyer.types.base import Linkable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer.codec.context import Tolerant
    from rapyer.codec.paths import JsonPath
    from rapyer.types.shape import Shape

logger = logging.getLogger("rapyer")

_SHOWN = 5


def unread_of(value: Any) -> Any:
    """Return what is kept beside a value; None where all of it could be read."""
    return getattr(value, "_rapyer_unread", None)


def report(where: str, context: Tolerant) -> None:
    """Log once what was left out of what was read."""
    reasons = list(dict.fromkeys(context.reasons))
    more = f" and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    shown = "; ".join(reasons[:_SHOWN])
    logger.warning("%s: left out what cannot be read, and stays in Redis: %s%s", where, shown, more)


def attached(shape: Shape, value: Any, raw: Any, unread: Unread, name: str, context: Tolerant) -> Any:
    """Return a value as one that keeps what could not be read; the value itself where all could.

    Args:
        shape: The plan of its place.
        value: The value, just read.
        raw: What it was read from, as JSON values.
        unread: What could not be read of the instance that it belongs to.
        name: The name of the field there.
        context: What could not be read at all.
    """
    if shape.whole:
        return value
    if isinstance(value, Linkable):
        value._rapyer_attach(raw, context)  # type: ignore[attr-defined]  # only models are linkable
        return value
    kind = getattr(shape.wrappers.get(type(value)), "_rapyer_partial", None)
    if kind is None or not isinstance(raw, list | dict):
        return value
    dropped = {to_json(element) for element in unread.dropped.get(name, ())}
    pairs = list(raw.items()) if isinstance(raw, dict) else list(enumerate(raw))
    missing = [pair for pair in pairs if to_json(pair[1]) in dropped] if dropped else []
    if isinstance(value, set):
        return kind._rapyer_made(value, missing) if missing else value
    present = [element for _, element in pairs if not dropped or to_json(element) not in dropped]
    if len(present) != len(value):
        return value  # something else makes the value differ from what is stored
    inner = shape.members if isinstance(value, dict) else shape.elements
    held = value.values() if isinstance(value, dict) else value
    elements = [attached(inner, *both, unread, name, context) for both in zip(held, present, strict=True)]
    if not missing and all(unread_of(element) is None for element in elements):
        return value
    plain = dict(zip(value, elements, strict=True)) if isinstance(value, dict) else elements
    return kind._rapyer_made(plain, missing)


def carried(before: Any, after: Any, context: Tolerant) -> None:
    """Let what could not be read of a value count for the one that was made of it, as is every model in it.

    Args:
        before: The value, just read.
        after: What pydantic made of it.
        context: What could not be read.
    """
    if isinstance(before, Linkable) and type(after) is type(before):
        unread, values = context.of(before.__dict__), after.__dict__
        context.unread[id(values)] = Unread(values, unread.fields, unread.dropped)
        carried(before.__dict__, values, context)
    elif isinstance(before, dict) and isinstance(after, dict):
        for name, member in before.items():
            carried(member, after.get(name), context)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for both in zip(before, after, strict=True):
            carried(*both, context)


def restored(value: Any, dumped: Any) -> Any:
    """Return what is written of a value with what could not be read put back.

    Args:
        value: The value.
        dumped: Its stored form, as JSON values.
    """
    unread = unread_of(value)
    if unread is None or not isinstance(dumped, list | dict):
        return dumped
    if isinstance(value, Linkable):
        return value._rapyer_restored(dumped)  # type: ignore[attr-defined]  # only models are linkable
    if isinstance(value, set):
        return sorted({*dumped, *(text for _, text in unread)})
    if len(value) != len(dumped):
        return dumped  # a part that was asked for
    if isinstance(value, dict) and isinstance(dumped, dict):
        pairs = zip(value.values(), dumped.items(), strict=True)
        return dict(unread) | {name: restored(member, text) for member, (name, text) in pairs}
    elements = [restored(element, text) for element, text in zip(value, dumped, strict=True)]
    for position, text in unread:
        elements.insert(position, text)
    return elements


def restored_text(value: Any, text: bytes) -> bytes:
    """Return the JSON text of a value with what could not be read put back."""
    return to_json(restored(value, from_json(text)))


def failed_in(value: Any, path: JsonPath) -> Iterator[str]:
    """Return the dotted names of the fields in a value that are None because they could not be read.

    Args:
        value: The value.
        path: Its path.
    """
    if unread_of(value) is None:
        return
    if isinstance(value, Linkable):
        yield from value._rapyer_failed(path)  # type: ignore[attr-defined]  # only models are linkable
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from failed_in(member, path.child(str(key)))
    elif isinstance(value, list):
        for position, element in enumerate(value):
            yield from failed_in(element, path.item(position))


def take_over(value: Any, fresh: Any) -> None:
    """Keep beside a value what could not be read of what it was just refreshed with."""
    unread = unread_of(fresh)
    if unread is None and unread_of(value) is None:
        return
    value._rapyer_keep_unread(unread)
    if unread is not None:
        flag_above(value)


def flag_above(value: Any) -> None:
    """Let whatever holds a value that lacks something know that it does."""
    owner = getattr(value, "_rapyer_owner", None)
    while owner is not None:
        if unread_of(owner) is None:
            owner._rapyer_keep_unread(())
        owner = getattr(owner, "_rapyer_owner", None)
