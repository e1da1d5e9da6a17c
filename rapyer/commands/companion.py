"""Commands on the keys of fields that live beside their model's document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from rapyer.codec.replies import identity
from rapyer.commands.command import Command, Effect
from rapyer.commands.slots import untagged
from rapyer.scripts.script import BesideScript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rapyer.commands.command import Arg

SPECIAL_FIELD_KEY_PREFIX = "__rapyer_special__"
"""What the keys of companions start with, so that no listing of a class's keys meets them."""

CREATING = BesideScript("companion")
"""Runs a command that may create such a key."""

_SAVE = BesideScript("save_stored")

MOST_WORDS = 5000
"""How many words of one command a script can handle; an even number, for those that take pairs."""


def main_of(key: str) -> str | None:
    """Return the key of the model that a companion's key belongs to; None where it is no companion's.

    The name of a field holds no colon, so the last one is where the model's key ends.
    """
    head = f"{SPECIAL_FIELD_KEY_PREFIX}:"
    if not key.startswith(head):
        return None
    return untagged(key.removeprefix(head).rpartition(":")[0])


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


def save_stored(main: str, commands: Sequence[Command[Any]]) -> Command[bool]:
    """Run commands that save a model in a script, if the model is stored; whether it was.

    Args:
        main: The key of the model.
        commands: JSON.SET, DEL, SREM, and what `creating` gives.
    """
    beside = dict.fromkeys(key for command in commands for key in command.keys if key != main)
    args: list[Arg] = []
    for words in (words for command in commands for words in script_steps(command)):
        args += (len(words), *words)
    return Command("EVALSHA", (main, *beside), tuple(args), bool, Effect.IDEMPOTENT, script=_SAVE)


def script_steps(command: Command[Any]) -> Iterator[tuple[Arg, ...]]:
    """Return a command as the words of some that a script can run.

    Words that begin with "" ask it to do the part of `creating`, too, as a script cannot run another one.
    """
    if command.script is CREATING:
        name, _, options, *rest = command.args
        head = ("", name, command.keys[0], *rest[: int(options)])
        values = rest[int(options) :]
    elif command.name == "SREM":
        head, values = (command.name, *command.keys), list(command.args)
    else:
        yield command.words()
        return
    for start in range(0, len(values), MOST_WORDS):
        yield (*head, *values[start : start + MOST_WORDS])
