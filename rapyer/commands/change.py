"""The command that changes documents only as far as they are still what the caller wants to change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from rapyer.commands.command import Command, Effect
from rapyer.commands.companion import CREATING, script_steps
from rapyer.commands.search import parameter_words
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rapyer.commands.command import Arg

_CHANGE = Script("change_matching")


class Changed(NamedTuple):
    """Which documents were changed, and how many keys were removed with that."""

    keys: tuple[str, ...]
    removed: int


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a document at the moment of the change.

    Attributes:
        index: The index in which it must match; empty where it need not.
        query: The query.
        parameters: The values that the query has names for.
    """

    index: str = ""
    query: str = ""
    parameters: Mapping[str, Arg] = field(default_factory=dict)

    def words(self) -> tuple[Arg, ...]:
        """Return what FT.SEARCH takes beside the query."""
        return (*parameter_words(self.parameters), "DIALECT", 2)


def removing(each: int) -> tuple[Arg, ...]:
    """Return the steps that remove all keys of a model.

    Args:
        each: How many it has.
    """
    return tuple(word for at in range(each) for word in (at, "", 1, "DEL"))


def steps_of(commands: Sequence[Command[Any]], keys: Sequence[str]) -> tuple[Arg, ...]:
    """Return the steps that do the same to each document as commands would do to one.

    Args:
        commands: JSON.SET, DEL, and what `creating` gives.
        keys: The keys of that one, its document's first.
    """
    steps: list[Arg] = []
    for command in commands:
        at, creates = keys.index(command.keys[0]), command.script is CREATING
        for words in script_steps(command):
            name, _, *values = words[1:] if creates else words
            steps += (at, "creating" if creates else "", 1 + len(values), name, *values)
    return tuple(steps)


def change_matching(
    models: Sequence[Sequence[str]],
    condition: Condition,
    steps: tuple[Arg, ...],
    *,
    seen: bytes | None = None,
    seconds: int | None = None,
    effect: Effect = Effect.IDEMPOTENT,
) -> Command[Changed]:
    """Check documents and change those for which the condition holds, in one script.

    Args:
        models: The keys of each, its document's first.
        condition: What must hold.
        steps: What to do to each (`removing`, `steps_of`).
        seen: The text that the document must have, where there is only one.
        seconds: The time to live that those get that are changed.
        effect: What sending it twice would do.
    """
    flat, words = tuple(key for keys in models for key in keys), condition.words()
    digest = "" if seen is None else hashlib.sha1(seen, usedforsecurity=False).hexdigest()
    head = (len(models[0]), "" if seconds is None else seconds, condition.index, condition.query, digest)
    args = (*head, len(words), *words, *steps)

    def decode(reply: Any) -> Changed:
        removed, *positions = map(int, reply)
        return Changed(tuple(models[position - 1][0] for position in positions), removed)

    return Command("EVALSHA", flat, args, decode, effect, script=_CHANGE)
