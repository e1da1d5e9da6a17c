"""Errors about times to live that reach referenced models."""

from __future__ import annotations

from rapyer.errors.server import ConfigError


class CascadeError(ConfigError):
    """The way in which a time to live reaches referenced models makes no sense."""

    @property
    def model_name(self) -> str | None:
        """The name of the model class concerned; the same as `model`."""
        return self.model


class InvalidCascadeDepthError(CascadeError, ValueError):
    """The depth of a cascade is not a number of hops."""


class CascadeTargetTtlMissingError(CascadeError):
    """A class that takes part in a cascade has no time to live in its `Meta`."""


class CascadeKeyInitialsError(CascadeError):
    """A class that takes part in a cascade has keys that do not start with its name."""


class CascadeLuaLiteralError(CascadeError):
    """Kept so that code which catches it runs: the plan of a cascade may hold any text."""
