"""What 200 live widgets cost in a process while others write 500 times a second.

It is done once, in a process of its own (`python -m benchmarks.live URL SECONDS`), twice for the same time,
so that memory that grows with the number of writes would show.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis

from benchmarks.timing import Work
from rapyer import AtomicRedisModel, init_rapyer, teardown_rapyer
from rapyer_nb.widgets import close_all, edit, field

if TYPE_CHECKING:
    from collections.abc import Callable

WIDGETS = 200
RATE = 500
SECONDS = 10.0

_SETTLE = f"live {WIDGETS} widgets, settled"
_MEMORY = f"memory live {WIDGETS} widgets"
_LONGEST = 60.0


class BenchLive(AtomicRedisModel):
    """What the widgets show: as many forms as single fields."""

    name: str = ""
    score: int = 0


def names() -> list[str]:
    """Return the operations."""
    return [_SETTLE, _MEMORY]


def live_work(url: str) -> dict[str, dict[str, Work]]:
    """Run it, and return its figures.

    Returns:
        How long after the last write all widgets show it, and the memory of the process: at the end of twice
        the time ("ours"), at the end of it once ("alone") and before the first write ("plain").
    """
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.live", url, str(SECONDS)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    figures = json.loads(done.stdout)
    memory = dict(zip(("plain", "alone", "ours"), figures["memory"], strict=True))
    return {
        _SETTLE: {"ours": _figure(max(figures["settled"]), figures)},
        _MEMORY: {name: _figure(size, figures) for name, size in memory.items()},
    }


def _figure(value: float, figures: dict[str, Any]) -> Work:
    def check(_: Any) -> None:
        assert figures["wrong"] == [0, 0], figures
        assert figures["connections"] == [1, 1], figures
        assert min(figures["writes"]) >= RATE * SECONDS * 0.9, figures

    return Work(lambda _: value, check, bulk=True, own_clock=True)


async def watch(url: str, seconds: float) -> dict[str, Any]:
    """Let widgets follow documents to which another process writes, twice, and return what was seen."""
    await init_rapyer(url)
    models = [await BenchLive().asave() for _ in range(WIDGETS)]
    forms = [edit(model) for model in models[: WIDGETS // 2]]
    fields = [field(model.score) for model in models[WIDGETS // 2 :]]
    rows = [next(row for row in form._rows if row.plan.name == "score") for form in forms]
    rows += [control.row for control in fields]
    await _until(lambda: all(row._on for row in rows))
    figures: dict[str, Any] = {"memory": [_resident()], "settled": [], "wrong": []}
    figures |= {"connections": [], "writes": []}
    with redis.Redis.from_url(url) as client:
        for _ in range(2):
            command = [sys.executable, "-c", _WRITER, url, str(RATE), str(seconds)]
            keys = json.dumps([str(model.key) for model in models]).encode()
            writer = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1)
            told = json.loads((await writer.communicate(keys))[0])
            started = time.perf_counter()
            wanted = [client.json().get(str(model.key), "$.score")[0] for model in models]  # type: ignore[index]
            await _until(lambda: [row._control.get() for row in rows] == wanted)  # noqa: B023
            figures["settled"].append(time.perf_counter() - started)
            figures["wrong"].append(sum(r._control.get() != w for r, w in zip(rows, wanted, strict=True)))
            figures["connections"].append(sum("B" in info["flags"] for info in client.client_list()))
            figures["memory"].append(_resident())
            figures["writes"].append(told["writes"])
    close_all()
    await asyncio.sleep(0)
    await teardown_rapyer()
    return figures


_WRITER = """
import json, random, sys, time, redis
url, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
keys, writes, started = json.load(sys.stdin), 0, time.perf_counter()
with redis.Redis.from_url(url) as client:
    while (passed := time.perf_counter() - started) < seconds:
        for _ in range(int(passed * rate) - writes):
            client.execute_command("JSON.NUMINCRBY", random.choice(keys), "$.score", 1)
            writes += 1
        time.sleep(0.002)
print(json.dumps({"writes": writes}))
"""


async def _until(look: Callable[[], bool]) -> None:
    end = time.perf_counter() + _LONGEST
    while not look() and time.perf_counter() < end:  # noqa: ASYNC110 - widgets have no event for that
        await asyncio.sleep(0.005)


def _resident() -> int:
    """Return the bytes of memory that the process has at this moment."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


if __name__ == "__main__":
    print(json.dumps(asyncio.run(watch(sys.argv[1], float(sys.argv[2])))))
