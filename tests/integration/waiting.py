"""Waiting until something is so."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


async def until(look: Callable[[], Any], what: str, seconds: float = 30) -> None:
    """Wait until a look gives something true; fail, saying what was awaited, if that takes too long."""
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.002)
