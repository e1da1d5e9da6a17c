"""Models whose keys in `special_1_3_6.json` rapyer 1.3.6 wrote, run as a black box on this very module.

`make` stores them, and `change` changes them through what both implementations offer; the file has what was
stored after each. Without postponed annotations, which that package does not resolve.
"""

import enum
from typing import Any, Optional

from pydantic import BaseModel, Field

from rapyer import AtomicRedisModel
from rapyer.config import RedisConfig
from rapyer.fields import SafeLoad
from rapyer.types import RedisSet, Reference

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
    drawer: GoldenDrawer = Field(default_factory=GoldenDrawer)
    drawers: list[GoldenDrawer] = []


def make() -> list[Any]:
    """Return the models to store."""
    writer = GoldenWriter()
    writer.pk = "ada"
    case = GoldenCase(
        things=[1, "x", None],
        by_name={"a": [1], "b.c": {"k": True}},
        tags={"é", 'q"u'},  # type: ignore[arg-type]
        marks={1, 2},
        writer="GoldenWriter:ada",  # type: ignore[arg-type]
        writers=["GoldenWriter:ada", "GoldenWriter:gone"],  # type: ignore[list-item]
        drawer=GoldenDrawer(number=1, labels={"x"}, shade=GoldenShade.PALE),  # type: ignore[arg-type]
        drawers=[GoldenDrawer(number=2, labels={"y"})],  # type: ignore[arg-type]
    )
    case.pk = "golden"
    return [writer, case]


async def change(case: Any) -> None:
    """Change every field of the stored case."""
    await case.tags.aadd("new")
    await case.tags.aremove("é")
    await case.drawer.labels.aadd("z")
    await case.things.aappend(2.5)
    await case.by_name.aset_item("d", (1, 2))
    case.marks.add(3)
    case.marks.discard(1)
    case.shade = GoldenShade.PALE
    case.drawer.shade = None
    case.drawer.number += 1
    case.drawers[0].shade = GoldenShade.DARK
    case.writer = "GoldenWriter:grace"
    case.title = "changed"
    await case.asave()
