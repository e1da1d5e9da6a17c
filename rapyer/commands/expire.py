"""The command that lets the keys of models end together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer.commands.command import Command, Effect
from rapyer.commands.spread import Spread, added
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXPIRE = Script("expire")


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
