"""The marker for queues whose values of the same priority come in the order of their arrival."""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin


class FifoTies:
    """Marks a queue that is first in, first out where priorities are equal.

    `Annotated[RedisPriorityQueue[Job], FifoTies]`. Priorities are whole numbers there, from -2**31 to 2**31
    (`docs/queues.md`).
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "FifoTies()"


def is_fifo_marker(metadata: object) -> bool:
    """Tell whether a piece of field metadata is the marker, given as an instance or as the bare class."""
    if isinstance(metadata, type):
        return issubclass(metadata, FifoTies)
    return isinstance(metadata, FifoTies)


def asks_for_fifo(annotation: Any) -> bool:
    """Tell whether an annotation, or a member of a union, carries the marker."""
    origin = get_origin(annotation)
    if origin is Annotated:
        core, *metadata = get_args(annotation)
        return any(map(is_fifo_marker, metadata)) or asks_for_fifo(core)
    return origin in {Union, types.UnionType} and any(map(asks_for_fifo, get_args(annotation)))
