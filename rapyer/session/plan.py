"""Commands sorted by where they go, and their replies put back in order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from rapyer.commands.command import Effect
from rapyer.commands.slots import slot_of
from rapyer.errors import CrossSlotError, PartlyAppliedError, UnknownOutcomeError
from rapyer.session.faults import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from rapyer.commands.command import Command
    from rapyer.session.retry import Step


@dataclass(frozen=True, slots=True)
class Part:
    """One command of a plan.

    Attributes:
        command: The command.
        number: Which of the planned commands it is, or is a part of.
        positions: Which keys of that one it has; None where it is the whole command.
    """

    command: Command[Any]
    number: int
    positions: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Commands for several slots of a cluster, a group for each slot.

    Attributes:
        commands: What was planned.
        groups: The parts, in the order of the commands; each group is one atomic step.
        send: Sends a step for each group, and returns the replies of each, or its error.
    """

    commands: tuple[Command[Any], ...]
    groups: tuple[tuple[Part, ...], ...]
    send: Callable[[Sequence[Step]], Coroutine[Any, Any, list[list[Any] | Exception]]]

    def one_by_one(self) -> Plan:
        """Return the same with a group for each part; of several a redirection may concern some."""
        return replace(self, groups=tuple((part,) for group in self.groups for part in group))

    def replies(self, outcomes: Sequence[Sequence[Any] | Exception]) -> list[Any]:
        """Return the raw replies of the commands, errors among them.

        Args:
            outcomes: For each group the raw replies of its parts, or why there are none.

        Raises:
            PartlyAppliedError: Some groups took effect and others failed.
            Exception: No group took effect, or all of them only read: the first error.
        """
        pieces: list[list[tuple[Part, Any]]] = [[] for _ in self.commands]
        for group, outcome in zip(self.groups, outcomes, strict=True):
            given = [outcome] * len(group) if isinstance(outcome, Exception) else outcome
            for part, reply in zip(group, given, strict=True):
                pieces[part.number].append((part, reply))
        whole = all(not isinstance(outcome, Exception) for outcome in outcomes)
        if not whole or any(map(_is_torn, pieces)):
            raise self._failure(pieces)
        return [_joined(command, found) for command, found in zip(self.commands, pieces, strict=True)]

    def _failure(self, pieces: Sequence[Sequence[tuple[Part, Any]]]) -> Exception:
        every = [piece for found in pieces for piece in found]
        failed = [(part, reply) for part, reply in every if isinstance(reply, Exception)]
        applied = [part for part, reply in every if not isinstance(reply, Exception) and _writes(part)]
        # Of several errors the one that leaves the most open is told: no reply rather than a refusal.
        part, error = min(
            failed, key=lambda one: (not isinstance(one[1], UnknownOutcomeError), _is_reply(one[1]))
        )
        if isinstance(error, ResponseError):
            error = translated(part.command, error)
        if not applied:
            return error
        return _partly(self.commands, part, error, applied, [part for part, _ in failed])


def planned(
    commands: Sequence[Command[Any]],
    send: Callable[[Sequence[Step]], Coroutine[Any, Any, list[list[Any] | Exception]]],
) -> Plan | None:
    """Sort commands by the slots of their keys; None where they are one step as they are.

    Args:
        commands: The commands.
        send: What sends the steps of the plan.

    Raises:
        CrossSlotError: A command that cannot be made of several has keys in several slots.
    """
    parts = [part for number, command in enumerate(commands) for part in _parts(number, command)]
    groups: dict[Any, list[Part]] = {}
    for at, part in enumerate(parts):
        # Commands without keys may go anywhere, each for itself.
        where = slot_of(part.command.keys[0]) if part.command.keys else (at,)
        groups.setdefault(where, []).append(part)
    if len(groups) <= 1:
        return None
    return Plan(tuple(commands), tuple(map(tuple, groups.values())), send)


def cross_slot(what: str, commands: Sequence[Command[Any]]) -> CrossSlotError:
    """Return the error for commands that were to be one step, with keys in several slots."""
    by_slot: dict[int, str] = {}
    for command in commands:
        for key in command.keys:
            by_slot.setdefault(slot_of(key), key)
    keys = tuple(by_slot.values())
    shown = ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")
    return CrossSlotError(
        f"{what} cannot be one step: its keys live in {len(keys)} slots of the cluster ({shown})",
        keys=keys,
        hint="give keys that belong together one hash tag, such as Order:{7}:a and Order:{7}:b",
    )


def _parts(number: int, command: Command[Any]) -> list[Part]:
    if len(command.keys) <= 1:
        return [Part(command, number)]
    by_slot: dict[int, list[int]] = {}
    for position, key in enumerate(command.keys):
        by_slot.setdefault(slot_of(key), []).append(position)
    if len(by_slot) == 1:
        return [Part(command, number)]
    if command.spread is None:
        raise cross_slot(command.operation, [command])
    some = command.spread.some
    return [Part(some(positions), number, tuple(positions)) for positions in by_slot.values()]


def _is_torn(found: Sequence[tuple[Part, Any]]) -> bool:
    """Tell whether parts of one command that writes ended differently."""
    errors = sum(isinstance(reply, Exception) for _, reply in found)
    return 0 < errors < len(found) and _writes(found[0][0])


def _joined(command: Command[Any], found: Sequence[tuple[Part, Any]]) -> Any:
    for _, reply in found:
        if isinstance(reply, Exception):
            return reply
    if found[0][0].positions is None or command.spread is None:
        return found[0][1]
    return command.spread.join([(part.positions or (), reply) for part, reply in found])


def _is_reply(error: Exception) -> bool:
    return isinstance(error, ResponseError)


def _writes(part: Part) -> bool:
    return part.command.effect is not Effect.READ


def _partly(
    commands: Sequence[Command[Any]],
    part: Part,
    error: Exception,
    applied: Sequence[Part],
    failed: Sequence[Part],
) -> PartlyAppliedError:
    failing = {other.number for other in failed}
    raised = PartlyAppliedError(
        f"the cluster applied the changes of {_told(applied)}, but not those of {_told(failed)}: {error}",
        position=part.number,
        applied=len({other.number for other in applied} - failing),
        applied_keys=_keys(applied),
        failed_keys=_keys(failed),
        command=commands[part.number].operation,
        hint="what lives in different slots is not changed in one step; repeat what failed",
    )
    raised.__cause__ = error
    return raised


def _keys(parts: Sequence[Part]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for part in parts for key in part.command.keys))


def _told(parts: Sequence[Part]) -> str:
    keys = _keys(parts)
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
