"""Commands that are sent again without being run again: one script, under a token (`Meta.exactly_once`)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from rapyer.commands.command import Arg, Command, Effect
from rapyer.commands.slots import tagged
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

REMEMBERED_SECONDS = 600
"""How long the server knows a token; it must outlast every attempt to send the command again."""


@dataclass(frozen=True)
class OnceScript(Script):
    """The script that runs commands under a token, with the text of the scripts among them.

    A script cannot call another one, so theirs become functions of this one.
    """

    parts: tuple[Script, ...] = ()

    @cached_property
    def source(self) -> str:
        """The script's text."""
        functions = "".join(f"function(KEYS, ARGV)\n{part.source}\nend,\n" for part in self.parts)
        return f"local scripts = {{\n{functions}}}\n{super().source}"


def needs_token(commands: Sequence[Command[Any]]) -> bool:
    """Tell whether commands change documents in a way that must not happen twice."""
    return any(command.effect is Effect.ONCE and command.keys for command in commands)


@lru_cache(maxsize=256)
def _script_with(parts: tuple[Script, ...]) -> OnceScript:
    return OnceScript("once", parts)


def guarded(commands: Sequence[Command[Any]]) -> tuple[Script, Command[Any]]:
    """Return the one command that runs others under a new token, atomically, and its script.

    The token's key lives in the slot of the first document's.
    """
    parts = tuple(dict.fromkeys(command.script for command in commands if command.script is not None))
    args: list[Arg] = [REMEMBERED_SECONDS * 1000]
    for command in commands:
        args += [command.name] if command.script is None else ["", parts.index(command.script) + 1]
        args += (len(command.keys), len(command.args), *command.args)
    keys = tuple(key for command in commands for key in command.keys)
    script = _script_with(parts)
    return script, Command(
        "EVALSHA",
        (f"__rapyer_once__:{tagged(keys[0])}:{os.urandom(12).hex()}", *keys),
        tuple(args),
        effect=Effect.IDEMPOTENT,
        script=script,
    )
