"""The command that lets the keys of models end together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer.commands.command import Command, Effect
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
    flat = tuple(key for keys in models for key in keys)
    args = (len(models[0]), seconds, "missing" if missing else "")
    return Command("EVALSHA", flat, args, int, Effect.IDEMPOTENT, script=_EXPIRE)
