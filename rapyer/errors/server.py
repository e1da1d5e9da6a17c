"""Errors about the server, the connection to it and the configuration."""

from __future__ import annotations

from rapyer.errors.base import RapyerError


class ServerError(RapyerError):
    """Base of the errors that concern the server or the way to it."""


class MissingModuleError(ServerError):
    """The server lacks a module that the operation needs."""


class UnknownOutcomeError(ServerError):
    """The reply to a write was lost, so nobody can tell whether it took effect.

    It is not sent again, because that could apply it twice.
    """


class ConfigError(RapyerError):
    """The configuration of a model or of the library makes no sense."""
