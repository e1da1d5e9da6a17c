"""The one way in which commands run: now, or queued in the open pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from redis.exceptions import ExecAbortError, NoScriptError, ResponseError

from rapyer.commands.command import Command, Effect
from rapyer.session.faults import check_transaction, checked, translated
from rapyer.session.retry import send
from rapyer.session.scope import open_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.session.clients import ClientSource

R = TypeVar("R")

_EFFECTS = (Effect.READ, Effect.IDEMPOTENT, Effect.ONCE)


async def perform(source: ClientSource, *commands: Command[Any]) -> list[Any]:
    """Run commands as one atomic step, or queue them where a pipeline is open.

    One command is sent as it is, several in a transaction. Commands whose reply the caller needs at once
    (reads, pops) are never queued.

    Returns:
        The decoded replies; None for each command that was queued.
    """
    batch = open_batch()
    if batch is not None and not all(_runs_now(command) for command in commands):
        for command in commands:
            batch.add(source, command)
        return [None] * len(commands)
    if len(commands) == 1:
        return [await run(source, commands[0])]
    return await transact(source, commands)


async def run(source: ClientSource, command: Command[R]) -> R:
    """Send one command now and return its decoded reply."""
    client = source.client()
    if command.script is None:
        reply = (await send(client, [command.words()], command.effect))[0]
    else:
        # An unknown script has run nothing, so sending it again with its source is safe.
        by_name = ("EVALSHA", command.script.sha, len(command.keys), *command.keys, *command.args)
        reply = (await send(client, [by_name], command.effect))[0]
        if isinstance(reply, NoScriptError):
            reply = (await send(client, [command.words()], command.effect))[0]
    result: R = checked(command, reply)
    return result


async def execute(source: ClientSource, commands: Sequence[Command[Any]]) -> list[Any]:
    """Send commands in one round trip, without a transaction, and return their decoded replies."""
    if not commands:
        return []
    replies = await send(source.client(), [command.words() for command in commands], _effect(commands))
    return [checked(command, reply) for command, reply in zip(commands, replies, strict=True)]


async def transact(source: ClientSource, commands: Sequence[Command[Any]]) -> list[Any]:
    """Send commands as one MULTI/EXEC transaction and return their decoded replies.

    Scripts go with their source, so a server that has forgotten them runs them all the same, in order.

    Raises:
        TransactionError: Some commands failed; it says which, and what the others did.
        Exception: Each command failed, or the server refused the transaction: nothing took effect.
    """
    if not commands:
        return []
    requests = [("MULTI",), *(command.words() for command in commands), ("EXEC",)]
    _, *queued, outcome = await send(source.client(), requests, _effect(commands))
    if isinstance(outcome, ExecAbortError):
        for command, reply in zip(commands, queued, strict=True):
            if isinstance(reply, ResponseError):
                raise translated(command, reply) from reply
    if isinstance(outcome, ResponseError):
        raise outcome
    return check_transaction(commands, outcome)


def _runs_now(command: Command[Any]) -> bool:
    return command.immediate or command.effect is Effect.READ


def _effect(commands: Sequence[Command[Any]]) -> Effect:
    # A transaction of idempotent steps is idempotent as a whole only if repeating it gives the same end,
    # which holds because each of its steps overwrites what it overwrote before.
    return max((command.effect for command in commands), key=_EFFECTS.index)
