"""Changes of a document that are made only where it is still what somebody has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rapyer.codec.replies import raw_json, text
from rapyer.commands.command import Command
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.commands.command import Arg

_RUN_IF = Script("run_if")

Guard: TypeAlias = "tuple[str, bytes]"
"""A path, and the text that JSON.GET gave for it: an array of the matches."""


@dataclass(frozen=True, slots=True)
class RunIfResult:
    """What became of a guarded change.

    Attributes:
        status: "written", "changed" (somebody else wrote, nothing was done) or "gone" (no such document).
        current: Where it was written, the text of what was to be told; else what the first guard that did
            not hold found.
        reply: What the last command replied.
    """

    status: Literal["written", "changed", "gone"]
    current: bytes | None = None
    reply: Any = None


def run_if(
    key: str, guards: Sequence[Guard], commands: Sequence[Command[Any]], *, tell: str = ""
) -> Command[RunIfResult]:
    """Run commands on a document in a script, only if parts of it are still what the caller saw.

    Args:
        key: The document.
        guards: The parts.
        commands: JSON commands on it that are no scripts.
        tell: The path of what the result tells after them.
    """
    args: list[Arg] = [len(guards)]
    for path, seen in guards:
        args += (path, seen)
    args.append(tell)
    for command in commands:
        args += (len(command.args) + 1, command.name, *command.args)
    place = guards[0][0] if guards else ""
    return Command("EVALSHA", (key,), tuple(args), _result, script=_RUN_IF, place=place)


def _result(reply: Any) -> RunIfResult:
    status = text(reply[0])
    if status == "gone":
        return RunIfResult("gone")
    current = raw_json(reply[1]) if len(reply) > 1 else None
    if status == "changed":
        return RunIfResult("changed", current or b"[]")
    return RunIfResult("written", current, reply[2] if len(reply) > 2 else None)
