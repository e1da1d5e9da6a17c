"""Commands on the keys of fields that live beside their model's document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from rapyer.codec.replies import identity
from rapyer.commands.command import Command, Effect
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rapyer.commands.command import Arg

SPECIAL_FIELD_KEY_PREFIX = "__rapyer_special__"
"""What the keys of companions start with, so that no listing of a class's keys meets them."""

CREATING = Script("companion")
"""Runs a command that may create such a key."""


def creating(
    name: str,
    key: str,
    main: str,
    values: Sequence[Arg],
    *,
    options: Sequence[str] = (),
    only: Literal["", "stored", "lost"] = "",
    decode: Callable[[Any], Any] = identity,
    effect: Effect = Effect.IDEMPOTENT,
) -> Command[Any]:
    """Run a command that may create the key of a field, in a script that lets it end with its model.

    A key that would last longer than the model's gets the time that this one has left.

    Args:
        name: The command: SADD, ZADD, …; it must answer with a number.
        key: The key of the field.
        main: The key of the model.
        values: The arguments, of which the command takes any even number at a time.
        options: Words between the key and the values, such as NX.
        only: "stored" to do nothing where the model is not stored, for what is a part of changing it; "lost"
            to do it only there, instead of what is left under the key, for what is a part of storing it.
        decode: Turns the number, the sum of those of all calls that the values need, into the result.
        effect: What sending it twice would do.
    """
    args = (name, only, len(options), *options, *values)
    return Command(name, (key, main), args, decode, effect, script=CREATING)
