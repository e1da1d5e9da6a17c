"""What a check has found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Verdict: TypeAlias = Literal["fine", "warning", "broken", "unchecked"]

SIGNS: Final[Mapping[Verdict, str]] = {"fine": "✓", "warning": "⚠", "broken": "✕", "unchecked": "○"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        verdict: "fine", "warning" for what may do harm, "broken" for what does not work, "unchecked" for what
            could not be looked at, or is optional and not there.
        text: What it is, in a line.
        cure: What to do about it; empty for nothing.
    """

    verdict: Verdict
    text: str
    cure: str = ""

    @property
    def sign(self) -> str:
        """The sign of its verdict."""
        return SIGNS[self.verdict]


def fine(text: str) -> Finding:
    """Return a finding that all is well."""
    return Finding("fine", text)


def warning(text: str, cure: str) -> Finding:
    """Return a finding of what may do harm."""
    return Finding("warning", text, cure)


def broken(text: str, cure: str) -> Finding:
    """Return a finding of what does not work."""
    return Finding("broken", text, cure)


def unchecked(text: str, cure: str = "") -> Finding:
    """Return a finding that something could not be looked at, or is optional and not there."""
    return Finding("unchecked", text, cure)
