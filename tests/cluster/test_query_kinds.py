"""Filters of all kinds on a cluster: what every primary gives is one answer."""

from __future__ import annotations

import math
from typing import Annotated, Any

import pytest

from rapyer import AtomicRedisModel, Index

pytestmark = pytest.mark.usefixtures("source")


class SlotPoint(AtomicRedisModel):
    vector: Annotated[list[float], Index(dim=2, metric="L2")] = [0.0, 0.0]
    name: Annotated[str, Index(suffix=True, text=True)] = ""
    big: Index[int | None] = None


Point: Any = SlotPoint


async def test_the_nearest_of_all_primaries_come_first() -> None:
    points = [SlotPoint(vector=[n, n * n]) for n in range(60)]
    await SlotPoint.ainsert(*points)
    asked = [7.2, 49.0]
    ranked = sorted(points, key=lambda point: math.dist(point.vector, asked))
    found = await SlotPoint.afind(Point.vector.nearest(asked, k=9))
    assert [point.key for point in found] == [point.key for point in ranked[:9]]


async def test_the_limits_of_every_primary_are_lifted() -> None:
    await SlotPoint.ainsert(*(SlotPoint(name=f"w{n:04} tail") for n in range(900)))
    assert len(await SlotPoint.afind(Point.name.prefix("w"))) == 900
    assert len(await SlotPoint.afind(Point.name.contains("00"))) == len(
        [n for n in range(900) if "00" in f"w{n:04} tail"]
    )
    assert len(await SlotPoint.afind(Point.name.matches("tail"))) == 900


async def test_what_the_index_rounds_is_compared_once_more() -> None:
    await SlotPoint.ainsert(*(SlotPoint(big=2**53 + n) for n in range(20)), SlotPoint())
    (found,) = await SlotPoint.afind(Point.big == 2**53 + 1)
    assert found.big == 2**53 + 1
    assert len(await SlotPoint.afind(~(Point.big > 2**53 + 4))) == 6
    assert len(await SlotPoint.afind(Point.big.is_none())) == 1
