"""Errors of the server in the words of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from rapyer.errors import KeyNotFound, MissingModuleError, TransactionError, WrongTypeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.commands.command import Command

_NO_DOCUMENT = (
    "key that doesn't exist",
    "must be created at the root",
    "could not perform this operation on a key",
)
_OTHER_TYPE = ("wrong Redis type", "WRONGTYPE")


def translated(command: Command[Any], error: ResponseError) -> Exception:
    """Return the library's error for one of the server, or that error itself where it is told well enough."""
    said = str(error)
    key = command.keys[0] if command.keys else None
    if any(words in said for words in _NO_DOCUMENT):
        return missing(command)
    if any(words in said for words in _OTHER_TYPE):
        return WrongTypeError(
            f"{key} holds another Redis type than a JSON document",
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
    return error


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
    result = command.decode(reply)
    if command.must_exist and (result is None or result is False):
        raise missing(command)
    return result


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
        except (ResponseError, KeyNotFound, WrongTypeError, MissingModuleError) as failure:
            failures.append((position, failure))
    if not failures:
        return results
    position, error = failures[0]
    if len(failures) == len(commands):
        raise error
    command, applied = commands[position], len(commands) - len(failures)
    raise TransactionError(
        f"command {position + 1} of {len(commands)}, {command.name} on {' '.join(command.keys)}, "
        f"failed: {error}; the other {applied} took effect",
        position=position,
        applied=applied,
        key=command.keys[0] if command.keys else None,
        command=command.name,
        hint="load the models again to see what is stored",
    ) from error
