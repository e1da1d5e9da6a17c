"""The command that lets the keys of models end together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rapyer.commands.command import Command, Effect
from rapyer.commands.spread import Parts, Spread, added
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXPIRE = Script("expire")
_EXTEND = Script("extend")


def expire_models(models: Sequence[Sequence[str]], seconds: int, *, missing: bool = False) -> Command[int]:
    """Let the keys of models of one class end after so many seconds, in a script; how many keys there were.

    Where the first key of a model holds something else than a document, none of its keys is touched.

    Args:
        models: The keys of each model, that of its document first.
        seconds: The time to live.
        missing: Whether to leave keys alone that have a time to live.
    """
    flat, each = tuple(key for keys in models for key in keys), len(models[0])
    args = (each, seconds, "missing" if missing else "")

    def some(at: Sequence[int]) -> Command[int]:
        # What lives beside a document lives in its slot.
        chosen = [models[position // each] for position in at if position % each == 0]
        return expire_models(chosen, seconds, missing=missing)

    spread = Spread(some, added)
    return Command("EVALSHA", flat, args, int, Effect.IDEMPOTENT, script=_EXPIRE, spread=spread)


class Missing(NamedTuple):
    """How many keys of models are not there: documents, and others."""

    documents: int
    beside: int


def extend_models(models: Sequence[Sequence[str]], seconds: int) -> Command[Missing]:
    """Let the keys of models of one class live at least so many seconds, in a script (EXPIRE).

    Args:
        models: The keys of each model, that of its document first.
        seconds: The time to live; 0 to leave them as they are.
    """
    flat, each = tuple(key for keys in models for key in keys), len(models[0])

    def some(at: Sequence[int]) -> Command[Missing]:
        # What lives beside a document lives in its slot.
        return extend_models([models[position // each] for position in at if position % each == 0], seconds)

    spread = Spread(some, _all_missing)
    return Command(
        "EVALSHA", flat, (each, seconds), _missing, Effect.IDEMPOTENT, script=_EXTEND, spread=spread
    )


def _missing(reply: Any) -> Missing:
    return Missing(*map(int, reply))


def _all_missing(parts: Parts) -> list[int]:
    return [sum(int(reply[at]) for _, reply in parts) for at in range(2)]
