"""Commands that a cluster can run only as several: one for each slot, or one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from rapyer.commands.command import Command

Parts: TypeAlias = "Sequence[tuple[Sequence[int], Any]]"
"""The raw replies of the parts of a command, none of them an error, each with the positions of its keys."""

Stages: TypeAlias = "Generator[Sequence[Command[Any]], Sequence[Any], Any]"
"""The way of a command whose later keys follow from what is found under the earlier ones.

It yields commands, is sent what each gave, decoded, or the error that it ended in, and returns the raw reply
that the whole command would have.
"""


@dataclass(frozen=True, slots=True)
class Spread:
    """How a command on many keys is made of several commands on some of them.

    Attributes:
        some: Returns the command for the keys at the given positions alone.
        join: Makes the raw reply that the whole command would have of those of its parts.
    """

    some: Callable[[Sequence[int]], Command[Any]]
    join: Callable[[Parts], Any]


def in_place(parts: Parts) -> list[Any]:
    """Join replies that have one element for each key."""
    placed = {at: item for positions, reply in parts for at, item in zip(positions, reply, strict=True)}
    return [placed[at] for at in sorted(placed)]


def added(parts: Parts) -> int:
    """Join replies that are numbers."""
    return sum(int(reply) for _, reply in parts)
