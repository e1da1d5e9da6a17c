"""Errors of the server in the words of the library."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from redis.exceptions import (
    AskError,
    ClusterCrossSlotError,
    NoPermissionError,
    ReadOnlyError,
    ResponseError,
)

from rapyer.commands.companion import SPECIAL_FIELD_KEY_PREFIX
from rapyer.errors import (
    ConfigError,
    ElementIndexError,
    KeyNotFound,
    MissingModuleError,
    NumberDomainError,
    NumberRangeError,
    TransactionError,
    WrongTypeError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.commands.command import Command

_NO_DOCUMENT = (
    "key that doesn't exist",
    "must be created at the root",
    "could not perform this operation on a key",
    "' does not exist",
)
_OTHER_TYPE = ("wrong Redis type", "WRONGTYPE")

_LINE_OF_SCRIPT = re.compile(r" script: \w+, on @\S+$")

# What the library's scripts, and the JSON commands, refuse: the words, and the error that says so.
_REFUSALS: dict[str, type[ElementIndexError | NumberDomainError | NumberRangeError]] = {
    "rapyer overflow: ": NumberRangeError,
    "rapyer domain: ": NumberDomainError,
    "rapyer index: ": ElementIndexError,
    "result is not a number": NumberRangeError,
    "result is not a finite number": NumberRangeError,
    "array index out of range": ElementIndexError,
}

# Errors of redis-py that keep their class, because callers know it, and get a hint.
_HINTS: dict[type[ResponseError], str] = {
    ReadOnlyError: "this server is a replica: connect to its primary",
    NoPermissionError: "let the server's administrator extend this user's ACL",
}


def translated(command: Command[Any], error: ResponseError) -> Exception:
    """Return the library's error for one of the server, or that error itself where it is told well enough."""
    said = str(error)
    key = command.keys[0] if command.keys else None
    if any(words in said for words in _NO_DOCUMENT):
        return missing(command)
    if any(words in said for words in _OTHER_TYPE):
        # A script with many keys tells which, or names one of which another may be a part.
        named = max((each for each in command.keys if each in said), key=len, default=key)
        key = said.partition("rapyer key: ")[2] or named
        beside = key is not None and key.startswith(SPECIAL_FIELD_KEY_PREFIX)
        expected = "the field that it is for" if beside else "a JSON document"
        return WrongTypeError(
            f"{key} holds another Redis type than {expected}",
            key=key,
            command=command.name,
            hint="use another key",
        )
    if "unknown command" in said and command.name.startswith(("JSON.", "FT.")):
        module = "RedisJSON" if command.name.startswith("JSON.") else "RediSearch"
        return MissingModuleError(
            f"the server does not know {command.name}",
            command=command.name,
            hint=f"use a server with the {module} module, such as Redis 8 or Redis Stack",
        )
    if isinstance(error, AskError | ClusterCrossSlotError):
        return ConfigError(
            f"{command.operation}: the server is a node of a cluster ({said})",
            key=key,
            command=command.name,
            hint="give a client for clusters: redis.asyncio.RedisCluster",
        )
    for words, refusal in _REFUSALS.items():
        if words in said:
            what = said.partition(words)[2] if words.endswith(": ") else said
            return refusal(
                f"{key} {command.place}: {what}", key=key, field=command.place, command=command.name
            )
    if said.startswith("ACL failure in script"):  # for which redis-py has no class
        error, said = NoPermissionError(said), _LINE_OF_SCRIPT.sub("", said)
    for kind, hint in _HINTS.items():
        if isinstance(error, kind):
            return kind(f"{command.operation}: {said}; {hint}")
    return error


def not_atomic(refusal: ResponseError, replies: Sequence[Any]) -> Exception:
    """Return the error for a server that refused MULTI, and so ran what followed it one by one."""
    applied = sum(not isinstance(reply, Exception) for reply in replies)
    if not applied:
        return refusal
    return TransactionError(
        f"the server refused MULTI: {refusal}; {applied} of {len(replies)} commands took effect",
        position=0,
        applied=applied,
        command="MULTI",
        hint="let the server's administrator allow transactions to this user",
    )


def missing(command: Command[Any]) -> KeyNotFound:
    """Return the error for a key, or a path in it, that does not exist."""
    key = command.keys[0]
    where = f" at {command.place}" if command.place not in {"", "$"} else ""
    return KeyNotFound(f"nothing is stored under {key}{where}", key=key, field=command.place or None)


def checked(command: Command[Any], reply: Any) -> Any:
    """Decode a reply.

    Raises:
        KeyNotFound: The key or the path of the command does not exist.
        Exception: The server refused the command: its error, or the library's for it.
    """
    if isinstance(reply, ResponseError):
        raise translated(command, reply) from reply
    if isinstance(reply, Exception):
        raise reply
    result = command.decode(reply)
    if command.must_exist and (result is None or result is False):
        raise missing(command)
    return result


def outcome_of(command: Command[Any], reply: Any) -> Any:
    """Return what a reply decodes to, or the error that the command ended in."""
    try:
        return checked(command, reply)
    except Exception as error:
        return error


def check_transaction(commands: Sequence[Command[Any]], replies: Sequence[Any]) -> list[Any]:
    """Decode the replies of a transaction.

    Raises:
        TransactionError: A command failed; it says which one and what the others did.
        Exception: The only command, or each of them, failed: the error that it would give alone.
    """
    results: list[Any] = []
    failures: list[tuple[int, Exception]] = []
    for position, (command, reply) in enumerate(zip(commands, replies, strict=True)):
        try:
            results.append(checked(command, reply))
        except Exception as failure:
            failures.append((position, failure))
    if not failures:
        return results
    position, error = failures[0]
    if len(failures) == len(commands):
        raise error
    raise _half_applied(commands, position, error, len(failures)) from error


def _half_applied(
    commands: Sequence[Command[Any]], position: int, error: Exception, failed: int
) -> TransactionError:
    command, applied = commands[position], len(commands) - failed
    others = f"the other {applied}" if failed == 1 else f"{failed - 1} more failed, and {applied}"
    return TransactionError(
        f"command {position + 1} of {len(commands)}, {command.operation} on {command.told_keys}, "
        f"failed: {error}; {others} took effect",
        position=position,
        applied=applied,
        key=command.keys[0] if command.keys else None,
        command=command.operation,
        hint="the local models show what is stored now",
    )
