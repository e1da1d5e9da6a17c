"""What teaches how code and Redis work together, as plain Python: `rapyer_nb.trace`, `rapyer_nb.race`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer_nb import racing
from rapyer_nb.progress import progress
from rapyer_nb.tracing import tracing

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextlib import AbstractContextManager
    from typing import Any

    from rapyer_nb.racing import RaceReport
    from rapyer_nb.tracing import Trace


def trace() -> AbstractContextManager[Trace]:
    """Trace what a `with` block sends to Redis; `%%rapyer_trace` in Python, which sends nothing itself.

    It sees what the running task sends, and the tasks that it starts in the block.

    Returns:
        A context manager that gives the trace, with `commands`, `trips`, `round_trips`, `sent` and
        `received` in bytes, and `seconds`; as the last expression of a cell it is drawn as a waterfall.
    """
    return tracing()


async def race(
    work: Callable[[], Coroutine[Any, Any, Any]], *, n: int = 50, seed: int = 1, keep: bool = False
) -> RaceReport:
    """Run a coroutine many times at once and report lost updates; `%%rapyer_race` in Python.

    The runs take turns, one round trip at a time, in an order that the seed decides; then as many are made
    one after the other from the same start, and what differs is reported. Beside what the runs send, it reads
    the documents that they name, and puts them back (JSON.GET, SMEMBERS, ZRANGE; JSON.SET, DEL, SADD, ZADD,
    PEXPIRE, PERSIST; in scripts).

    Args:
        work: Makes one run; it must load the models that it works on, as a program of its own would.
        n: How many runs, 2 to 1000.
        seed: Decides their order.
        keep: Whether to leave in Redis what the race has left; else it is put back as it was.

    Returns:
        The report, with `ok`, `lost`, `findings`, `steps` and `errors`.

    Raises:
        NotebookError: A pipeline is open, or there are too few or too many runs; nothing is run.
        Exception: What the code raises when it is run alone.
    """
    async with progress(None, "racing", unit="runs") as bar:
        return await racing.race(work, runs=n, seed=seed, keep=keep, told=bar.reach)
