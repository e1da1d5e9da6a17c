"""Models whose keys in `special_1_3_6.json` rapyer 1.3.6 wrote, run as a black box on this very module.

`make` and `push` store them, and `change` changes them through what both implementations offer; the file has what was
stored after each. Without postponed annotations, which that package does not resolve.
"""

import datetime as dt
import enum
import uuid
from decimal import Decimal
from typing import Any, Optional

from pydantic import BaseModel, Field

from rapyer import AtomicRedisModel
from rapyer.config import RedisConfig
from rapyer.fields import SafeLoad
from rapyer.types import RedisPriorityQueue, RedisSet, Reference

FIRST, SECOND, THIRD = (dt.datetime(2024, 1, day, tzinfo=dt.timezone.utc) for day in (1, 2, 3))
TTL = 5000


class GoldenShade(enum.Enum):
    DARK = "dark"
    PALE = "pale"


class GoldenWriter(AtomicRedisModel):
    name: str = "Ada"


class GoldenDrawer(BaseModel):
    number: int = 0
    labels: RedisSet[str] = Field(default_factory=RedisSet)
    shade: SafeLoad[Optional[GoldenShade]] = None  # noqa: UP045
    owner: Optional[Reference[GoldenWriter]] = None  # noqa: UP045


class GoldenShelf(BaseModel):
    todo: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue, exclude=True)


class GoldenCase(AtomicRedisModel):
    Meta = RedisConfig(ttl=TTL)

    title: str = "case"
    shade: SafeLoad[Optional[GoldenShade]] = GoldenShade.DARK  # noqa: UP045
    things: SafeLoad[list[Any]] = []
    by_name: SafeLoad[dict[str, Any]] = {}
    tags: RedisSet[str] = Field(default_factory=RedisSet)
    marks: set[int] = Field(default_factory=set)
    writer: Optional[Reference[GoldenWriter]] = None  # noqa: UP045
    writers: list[Reference[GoldenWriter]] = []
    by_role: dict[str, Reference[GoldenWriter]] = {}
    fans: RedisSet[Reference[GoldenWriter]] = Field(default_factory=RedisSet)
    reals: RedisSet[float] = Field(default_factory=RedisSet)
    ids: set[uuid.UUID] = Field(default_factory=set)
    prices: set[Decimal] = Field(default_factory=set)
    shades: set[GoldenShade] = Field(default_factory=set)
    days: set[dt.datetime] = Field(default_factory=set)
    groups: dict[str, set[int]] = Field(default_factory=dict)
    tasks: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue, exclude=True)
    moments: RedisPriorityQueue[dt.datetime] = Field(default_factory=RedisPriorityQueue, exclude=True)
    calls: RedisPriorityQueue[Reference[GoldenWriter]] = Field(
        default_factory=RedisPriorityQueue, exclude=True
    )
    drawer: GoldenDrawer = Field(default_factory=GoldenDrawer)
    drawers: list[GoldenDrawer] = []
    shelf: GoldenShelf = Field(default_factory=GoldenShelf)


def make() -> list[Any]:
    """Return the models to store."""
    writer = GoldenWriter()
    writer.pk = "ada"
    case = GoldenCase(
        things=[1, "x", None],
        by_name={"a": [1], "b.c": {"k": True}},
        tags={"é", 'q"u'},
        marks={1, 2},
        writer="GoldenWriter:ada",  # type: ignore[arg-type]
        writers=["GoldenWriter:ada", "GoldenWriter:gone"],  # type: ignore[list-item]
        by_role={"x": "GoldenWriter:ada", "y.z": "GoldenWriter:gone"},  # type: ignore[dict-item]
        fans={"GoldenWriter:ada", "GoldenWriter:gone"},  # type: ignore[arg-type]
        reals={1.0, 2.5},
        ids={uuid.UUID(int=1), uuid.UUID(int=2)},
        prices={Decimal("1.10")},
        shades={GoldenShade.DARK},
        days={FIRST, SECOND},
        groups={"g": {1, 2}},
        drawer=GoldenDrawer(
            number=1,
            labels={"x"},
            shade=GoldenShade.PALE,
            owner="GoldenWriter:ada",  # type: ignore[arg-type]
        ),
        drawers=[GoldenDrawer(number=2, labels={"y"})],
    )
    case.pk = "golden"
    return [writer, case]


async def push(case: Any) -> None:
    """Fill the queues of the stored case."""
    for task, priority in (("wash", 2), ("é", 1), ("iron", 1.5)):
        await case.tasks.apush(task, priority)
    for moment, priority in ((SECOND, 1), (FIRST, 2)):
        await case.moments.apush(moment, priority)
    await case.calls.apush("GoldenWriter:ada", 1)
    await case.calls.apush("GoldenWriter:gone", 0)
    await case.shelf.todo.apush("sort", -1)


async def change(case: Any) -> None:
    """Change every field of the stored case."""
    await case.tags.aadd("new")
    await case.tags.aremove("é")
    await case.drawer.labels.aadd("z")
    await case.things.aappend(2.5)
    await case.by_name.aset_item("d", (1, 2))
    assert await case.tasks.apop() == "é"
    await case.tasks.apush("wash", 0.5)
    await case.moments.apush(THIRD, 0)
    assert await case.moments.aremove(FIRST)
    assert (await case.calls.apop()).target_key == "GoldenWriter:gone"
    await case.shelf.todo.apush("sweep", 3)
    await case.fans.aremove(next(fan for fan in case.fans if fan.target_key == "GoldenWriter:gone"))
    await case.reals.aadd(3)
    await case.by_role.aset_item("w", case.by_role["x"])
    case.ids.discard(uuid.UUID(int=1))
    case.prices.add(Decimal("2.50"))
    case.shades.add(GoldenShade.PALE)
    case.days.discard(FIRST)
    case.groups["g"].add(3)
    case.marks.add(3)
    case.marks.discard(1)
    case.shade = GoldenShade.PALE
    case.drawer.shade = None
    case.drawer.number += 1
    case.drawers[0].shade = GoldenShade.DARK
    case.writer = "GoldenWriter:grace"
    case.drawer.owner = None
    case.title = "changed"
    await case.asave()
