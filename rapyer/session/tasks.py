"""Several things at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

R = TypeVar("R")


async def together(works: Iterable[Coroutine[Any, Any, R]]) -> list[R]:
    """Do all of it at the same time, and return the results in order; the first error ends the rest."""
    waiting = list(works)
    if len(waiting) == 1:
        return [await waiting[0]]
    tasks = [asyncio.ensure_future(work) for work in waiting]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
