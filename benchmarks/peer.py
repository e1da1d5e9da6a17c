"""Runs the library's benchmarks against the `rapyer` that another interpreter has: `python peer.py URL`.

It is told over standard input what to do, one JSON array a line, and answers each with one line: the names
of the operations that it prepared, or the cost of one sample and the class of the error that kept it from it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import types
import warnings
from pathlib import Path
from typing import Any


def _found_here() -> None:
    # This folder as the package, without what lies beside it: `rapyer` is to be the installed one.
    here = Path(__file__).resolve().parent
    package = types.ModuleType("benchmarks")
    package.__path__ = [str(here)]
    sys.modules["benchmarks"] = package
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() not in {here, here.parent}]


async def _serve(subject: Any, url: str) -> None:
    works: dict[str, Any] = {}
    for line in iter(sys.stdin.readline, ""):
        order, *arguments = json.loads(line)
        if order == "sample":
            name, times = arguments
            answer: Any = await _sampled(works[name], times)
        elif order == "local":
            answer = list(works := subject.local_work())
        elif order == "cascade":
            from benchmarks import cascade  # noqa: PLC0415 - changes what init_rapyer does

            await subject.connect(url, empty=True)
            answer = list(works := await cascade.cascade_work(*arguments))
        else:
            await subject.connect(url, empty=True)
            prepare = subject.stored_work if order == "stored" else subject.bulk_work
            answer = list(works := await prepare(*arguments))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


async def _sampled(work: Any, times: int) -> tuple[float | None, str | None]:
    try:
        return await work.sample(times), None
    except Exception as error:  # what this version cannot do, or does wrong: AssertionError
        return None, type(error).__name__


def main() -> None:
    """Serve until standard input ends."""
    _found_here()
    warnings.simplefilter("ignore")
    from benchmarks import subject  # noqa: PLC0415 - can be found from here on only

    asyncio.run(_serve(subject, sys.argv[1]))


if __name__ == "__main__":
    main()
