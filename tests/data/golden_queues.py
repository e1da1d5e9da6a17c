"""Models whose queues in `queues_1_3_6.json` rapyer 1.3.6 wrote, run as a black box on this very module.

Without postponed annotations, which that package does not resolve.
"""

import datetime as dt
import enum
import uuid
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field

from rapyer import AtomicRedisModel
from rapyer.types import RedisPriorityQueue, Reference
from rapyer.types.priority_queue import PriorityQueueItem


class QueueTint(enum.Enum):
    RED = "red"


class QueueStep(BaseModel):
    name: str = "s"
    number: int = 1


class QueueBox(BaseModel):
    inner: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue, exclude=True)


class GoldenTarget(AtomicRedisModel):
    name: str = "t"


class GoldenQueues(AtomicRedisModel):
    title: str = "golden"
    texts: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue, exclude=True)
    numbers: RedisPriorityQueue[int] = Field(default_factory=RedisPriorityQueue, exclude=True)
    reals: RedisPriorityQueue[float] = Field(default_factory=RedisPriorityQueue, exclude=True)
    flags: RedisPriorityQueue[bool] = Field(default_factory=RedisPriorityQueue, exclude=True)
    moments: RedisPriorityQueue[dt.datetime] = Field(default_factory=RedisPriorityQueue, exclude=True)
    ids: RedisPriorityQueue[uuid.UUID] = Field(default_factory=RedisPriorityQueue, exclude=True)
    prices: RedisPriorityQueue[Decimal] = Field(default_factory=RedisPriorityQueue, exclude=True)
    tints: RedisPriorityQueue[QueueTint] = Field(default_factory=RedisPriorityQueue, exclude=True)
    raws: RedisPriorityQueue[bytes] = Field(default_factory=RedisPriorityQueue, exclude=True)
    lists: RedisPriorityQueue[list[int]] = Field(default_factory=RedisPriorityQueue, exclude=True)
    mappings: RedisPriorityQueue[dict[str, int]] = Field(default_factory=RedisPriorityQueue, exclude=True)
    pairs: RedisPriorityQueue[tuple[int, str]] = Field(default_factory=RedisPriorityQueue, exclude=True)
    steps: RedisPriorityQueue[QueueStep] = Field(default_factory=RedisPriorityQueue, exclude=True)
    targets: RedisPriorityQueue[Reference[GoldenTarget]] = Field(
        default_factory=RedisPriorityQueue, exclude=True
    )
    anything: RedisPriorityQueue = Field(  # type: ignore[type-arg]  # bare on purpose
        default_factory=RedisPriorityQueue, exclude=True
    )
    box: QueueBox = QueueBox()


ITEMS: dict[str, list[tuple[Any, float]]] = {
    "texts": [('é "x"', 1), ("", 2.5), ("B", -1), ("b", -1)],
    "numbers": [(10, 0), (9, 0), (2**70, float("inf")), (-1, float("-inf"))],
    "reals": [(1.0, 1e20), (1e-7, 1e-7), (-0.0, 3)],
    "flags": [(True, 1), (False, 2)],
    "moments": [(dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc), 1)],
    "ids": [(uuid.UUID(int=7), 1)],
    "prices": [(Decimal("1.10"), 1)],
    "tints": [(QueueTint.RED, 1)],
    "raws": [(b"\xff\x00", 1)],
    "lists": [([1, 2], 1), ([], 2)],
    "mappings": [({"a": 4}, 1)],
    "pairs": [((1, "a"), 1)],
    "steps": [(QueueStep(name="é", number=2), 1)],
    "targets": [("GoldenTarget:7", 1)],
    "anything": [(None, 1), ({"a": [1, "x", True]}, 2), ("x", 3)],
    "inner": [("deep", 1)],
}
"""What each queue holds: values and priorities."""


def queue_of(model: Any, name: str) -> Any:
    """Return one of the queues of an instance."""
    return model.box.inner if name == "inner" else getattr(model, name)


async def push_all(model: Any) -> None:
    """Push the items to the queues of an instance."""
    for name, items in ITEMS.items():
        await queue_of(model, name).apush_many([PriorityQueueItem(*item) for item in items])
