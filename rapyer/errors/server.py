"""Errors about the server, the connection to it and the configuration."""

from __future__ import annotations

from rapyer.errors.base import RapyerError


class ServerError(RapyerError):
    """Base of the errors that concern the server or the way to it."""


class MissingModuleError(ServerError):
    """The server lacks a module that the operation needs."""


class MissingPermissionError(ServerError):
    """The user that the library connects as may not run what it needs, or not on the keys that it needs.

    Args:
        message: What is not allowed.
        commands: The commands that the user may not run.
        patterns: The patterns of keys that it may not use.
        channels: The patterns of channels that it may not use.
        command: The first of the commands.
        hint: The rule to add.
    """

    def __init__(
        self,
        message: str = "",
        *,
        commands: tuple[str, ...] = (),
        patterns: tuple[str, ...] = (),
        channels: tuple[str, ...] = (),
        command: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, command=command or (commands[0] if commands else None), hint=hint)
        self.commands = commands
        self.patterns = patterns
        self.channels = channels


class UnknownOutcomeError(ServerError):
    """The reply to a write was lost, so nobody can tell whether it took effect.

    It is not sent again, because that could apply it twice. With `Meta.exactly_once` it is, and this error
    means that no server answered until the deadline.

    Args:
        message: Which command it was, and on which keys.
        key: The key concerned, or the first of several.
        command: The name of the command, or of several.
        token: The key under which the server remembers that it ran the command, with `Meta.exactly_once`.
        hint: What to do about it.
    """

    def __init__(
        self,
        message: str = "",
        *,
        key: str | None = None,
        command: str | None = None,
        token: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, key=key, command=command, hint=hint)
        self.token = token


class ConfigError(RapyerError):
    """The configuration of a model or of the library makes no sense."""


class MetaFrozenError(ConfigError):
    """Kept so that code which catches it runs: options of a `Meta` can be changed at any time."""


class InvalidRefreshTtlError(ConfigError):
    """`Meta.refresh_ttl` names an operation after which no key is left that could live longer."""


class ScriptsNotInitializedError(ServerError):
    """Kept so that code which catches it runs: scripts travel with their source, so none has to be set up."""


class PersistentNoScriptError(ServerError):
    """Kept so that code which catches it runs: a server that forgot a script is given its source again."""
