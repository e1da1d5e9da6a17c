"""Watching documents: `awatch`, and what the notebook toolkit builds on."""

from rapyer.watching.change import Change
from rapyer.watching.stream import ChangeStream, awatch

__all__ = ("Change", "ChangeStream", "awatch")
