"""The one way in which commands run: now, or queued in the open pipeline."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from redis.exceptions import ExecAbortError, NoScriptError, RedisError, ResponseError

from rapyer.commands import keys
from rapyer.commands.command import Command, Effect
from rapyer.errors import CrossSlotError, WrongTypeError
from rapyer.session.faults import check_transaction, checked, not_atomic, outcome_of, translated
from rapyer.session.once import guarded, needs_token
from rapyer.session.plan import cross_slot
from rapyer.session.retry import Step
from rapyer.session.scope import open_batch
from rapyer.session.stages import in_stages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rapyer.commands.command import Arg
    from rapyer.scripts.script import Script
    from rapyer.session.clients import ClientSource
    from rapyer.session.plan import Plan

R = TypeVar("R")

_EFFECTS = (Effect.READ, Effect.IDEMPOTENT, Effect.ONCE)


async def perform(
    source: ClientSource, *commands: Command[Any], renewal: Sequence[Command[Any]] = ()
) -> list[Any]:
    """Run commands as one atomic step, or queue them where a pipeline is open.

    One command is sent as it is, several in a transaction. Commands whose reply the caller needs at once
    (reads, pops) are never queued.

    Args:
        source: Where they go.
        commands: The commands.
        renewal: What starts a time to live anew. It is a part of the same transaction; where a pipeline is
            open, it is sent at the end of that one's.

    Returns:
        The decoded replies, without those of the renewal; None for each command that was queued.
    """
    batch = open_batch()
    if batch is not None:
        if not all(_runs_now(command) for command in commands):
            for command in commands:
                batch.add(source, command)
            batch.renew(source, renewal)
            return [None] * len(commands)
        if renewal and not batch.closed:
            replies = await perform_now(source, *commands)
            batch.renew(source, renewal)
            return replies
    return await perform_now(source, *commands, renewal=renewal)


async def perform_now(
    source: ClientSource, *commands: Command[Any], renewal: Sequence[Command[Any]] = ()
) -> list[Any]:
    """Run commands as `perform` does, also where a pipeline is open."""
    if len(commands) == 1 and not renewal:
        return [await run(source, commands[0])]
    replies = await transaction_replies(source, (*commands, *renewal))
    return check_transaction(commands, replies[: len(commands)])


async def read_each(
    source: ClientSource, commands: Sequence[Command[Any]], *, renewal: Sequence[Command[Any]] = ()
) -> list[Any]:
    """Send reads as one transaction, now, in a pipeline too.

    Args:
        source: Where they go.
        commands: The reads.
        renewal: What starts a time to live anew, as `perform` takes it.

    Returns:
        For each read its decoded reply, or the error that it ended in.
    """
    if len(commands) == 1 and not renewal:
        return [await run(source, commands[0])]
    batch = open_batch()
    later = renewal if batch is not None and not batch.closed else ()
    replies = await transaction_replies(source, commands if later else (*commands, *renewal))
    if batch is not None:
        batch.renew(source, later)
    return [outcome_of(command, reply) for command, reply in zip(commands, replies, strict=False)]


async def run(source: ClientSource, command: Command[R]) -> R:
    """Send one command now and return its decoded reply.

    Raises:
        CrossSlotError: Its keys live in several slots of a cluster, and it cannot be made of several.
    """
    if source.is_cluster and command.stages is not None:
        reply = (await transaction_replies(source, (command,)))[0]
    elif (plan := source.router.plan((command,))) is not None:
        reply = (await _planned(source, plan, atomic=False))[0]
    elif source.gives_tokens and command.effect is Effect.ONCE and command.keys:
        reply = await _under_token(source, (command,))
    elif command.script is not None:
        reply = await _by_name(source, (command,), command, command.script)
    else:
        reply = (await source.router.send(Step((command,), (command.words(),), command.effect)))[0]
    try:
        result: R = checked(command, reply)
    except WrongTypeError as error:
        await _tell_type(source, error)
        raise
    return result


async def execute(source: ClientSource, commands: Sequence[Command[Any]]) -> list[Any]:
    """Send commands in one round trip, without a transaction, and return their decoded replies.

    With `Meta.exactly_once` commands that must not run twice make a transaction of them.
    """
    if not commands:
        return []
    if source.gives_tokens and needs_token(commands):
        return await transact(source, commands)
    replies = await attempt(source, commands)
    return [checked(command, reply) for command, reply in zip(commands, replies, strict=True)]


async def attempt(source: ClientSource, commands: Sequence[Command[Any]]) -> list[Any]:
    """Send commands in one round trip and return their raw replies, errors of the server among them."""
    plan = source.router.plan(commands)
    if plan is None:
        return await source.router.send(_plain(commands))
    return await _planned(source, plan.one_by_one(), atomic=False)


async def transact(source: ClientSource, commands: Sequence[Command[Any]]) -> list[Any]:
    """Send commands as one MULTI/EXEC transaction and return their decoded replies.

    On a cluster it is one for each slot. Scripts go with their source, so a server that has forgotten them
    runs them all the same, in order. With
    `Meta.exactly_once` the transaction is one script instead, under a token.

    Raises:
        TransactionError: Some commands failed; it says which, and what the others did.
        PartlyAppliedError: On a cluster, some slots have taken over their changes and others have not.
        Exception: Each command failed, or the server refused the transaction: nothing took effect.
    """
    replies = await transaction_replies(source, commands)
    try:
        return check_transaction(commands, replies)
    except WrongTypeError as error:
        await _tell_type(source, error)
        raise


async def _tell_type(source: ClientSource, error: WrongTypeError) -> None:
    """Let an error name the type that the key holds (TYPE): the refusal of the server does not."""
    if error.key is not None:
        with suppress(RedisError):
            error.tell(await run(source, keys.type_of(error.key)))


async def transaction_replies(source: ClientSource, commands: Sequence[Command[Any]]) -> list[Any]:
    """Send commands as `transact` does and return their raw replies, errors among them.

    On a cluster, what a command does under keys that it finds only on its way follows the transaction.

    Raises:
        Exception: The server refused the transaction, or its outcome is not known.
    """
    if source.is_cluster and any(command.stages is not None for command in commands):
        return await in_stages(commands, partial(_together, source), partial(attempt, source))
    return await _together(source, commands)


async def _together(source: ClientSource, commands: Sequence[Command[Any]]) -> list[Any]:
    if not commands:
        return []
    plan = source.router.plan(commands)
    if plan is not None:
        return await _planned(source, plan, atomic=True)
    if source.gives_tokens and needs_token(commands):
        return _of_token(commands, await _under_token(source, commands))
    return _of_transaction(commands, await source.router.send(_transaction(commands)))


def is_one_step(source: ClientSource, commands: Sequence[Command[Any]]) -> bool:
    """Tell whether commands can be run as one atomic step: on a cluster, whether their keys share a slot."""
    try:
        return source.router.plan(commands) is None
    except CrossSlotError:
        return False


def require_one_step(source: ClientSource, commands: Sequence[Command[Any]], what: str) -> None:
    """Refuse commands that cannot be run as one atomic step, in a pipeline together with all it has.

    Args:
        source: Where they are to go.
        commands: The commands.
        what: What they are, for the message.

    Raises:
        CrossSlotError: On a cluster, they have keys in several slots.
    """
    batch = open_batch()
    if batch is not None:
        batch.atomic = True
    elif not is_one_step(source, commands):
        raise cross_slot(what, commands)


async def _planned(source: ClientSource, plan: Plan, *, atomic: bool) -> list[Any]:
    """Send a plan, each group as one atomic step, and return the raw replies of its commands."""
    groups = [tuple(part.command for part in group) for group in plan.groups]
    steps: list[Step] = []
    readers: list[Callable[[Sequence[Any]], list[Any]]] = []
    reader: Callable[[Sequence[Any]], list[Any]]
    for commands in groups:
        if source.gives_tokens and needs_token(commands):
            _, command = guarded(commands)
            step = Step(commands, (command.words(),), command.effect, token=command.keys[0])
            reader = partial(_of_token_step, commands)
        elif atomic and len(commands) > 1:
            step, reader = _transaction(commands), partial(_of_transaction, commands)
        else:
            step, reader = _plain(commands), list
        steps.append(step)
        readers.append(reader)
    outcomes = await plan.send(steps)
    return plan.replies([_read(*each) for each in zip(readers, outcomes, strict=True)])


def _read(
    reader: Callable[[Sequence[Any]], list[Any]], outcome: Sequence[Any] | Exception
) -> list[Any] | Exception:
    if isinstance(outcome, Exception):
        return outcome
    try:
        return reader(outcome)
    except Exception as error:
        return error


def _plain(commands: Sequence[Command[Any]]) -> Step:
    return Step(commands, [command.words() for command in commands], _effect(commands))


def _transaction(commands: Sequence[Command[Any]]) -> Step:
    return Step(commands, [("MULTI",), *_words(commands), ("EXEC",)], _effect(commands), atomic=True)


def _of_transaction(commands: Sequence[Command[Any]], replies: Sequence[Any]) -> list[Any]:
    opened, *queued, outcome = replies
    if isinstance(opened, ResponseError):
        raise not_atomic(opened, queued)
    if isinstance(outcome, ExecAbortError):
        for command, reply in zip(commands, queued, strict=True):
            if isinstance(reply, ResponseError):
                raise translated(command, reply) from reply
    if isinstance(outcome, ResponseError):
        raise translated(commands[0], outcome) from outcome
    results: list[Any] = outcome
    return results


def _of_token_step(commands: Sequence[Command[Any]], replies: Sequence[Any]) -> list[Any]:
    return _of_token(commands, replies[0])


def _of_token(commands: Sequence[Command[Any]], outcome: Any) -> list[Any]:
    if len(commands) == 1:
        return [outcome]
    if isinstance(outcome, ResponseError):
        raise translated(commands[0], outcome) from outcome
    replies: list[Any] = outcome
    return replies


async def _under_token(source: ClientSource, commands: Sequence[Command[Any]]) -> Any:
    script, command = guarded(commands)
    return await _by_name(source, commands, command, script, token=command.keys[0])


def _words(commands: Sequence[Command[Any]]) -> Iterator[tuple[Arg, ...]]:
    # A script's first use in a transaction teaches it to the server, so that later ones only name it.
    known: set[Script] = set()
    for command in commands:
        script = command.script
        if script is None or script not in known:
            yield command.words()
        else:
            yield ("EVALSHA", script.sha, len(command.keys), *command.keys, *command.args)
        if script is not None:
            known.add(script)


async def _by_name(
    source: ClientSource,
    commands: Sequence[Command[Any]],
    command: Command[Any],
    script: Script,
    token: str | None = None,
) -> Any:
    # An unknown script has run nothing, so sending it again with its source is safe.
    named = ("EVALSHA", script.sha, len(command.keys), *command.keys, *command.args)
    send = source.router.send
    reply = (await send(Step(commands, (named,), command.effect, token=token)))[0]
    if isinstance(reply, NoScriptError):
        reply = (await send(Step(commands, (command.words(),), command.effect, token=token)))[0]
    return reply


def _runs_now(command: Command[Any]) -> bool:
    return command.immediate or command.effect is Effect.READ


def _effect(commands: Sequence[Command[Any]]) -> Effect:
    # A transaction of idempotent steps is idempotent as a whole only if repeating it gives the same end,
    # which holds because each of its steps overwrites what it overwrote before.
    return max((command.effect for command in commands), key=_EFFECTS.index)
