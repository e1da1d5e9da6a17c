"""Aggregates and tables on a cluster: the documents of all primaries are one answer."""

from __future__ import annotations

from typing import Any

import pytest

from rapyer import AtomicRedisModel, Index, Key
from rapyer.frames import FrameResult
from rapyer.reducers import count, count_distinct, mean, quantile, sum

pytestmark = pytest.mark.usefixtures("source")


class SlotSale(AtomicRedisModel):
    name: Key[str]
    city: Index[str] = ""
    age: Index[int] = 0


Sale: Any = SlotSale


async def test_groups_reach_over_all_primaries() -> None:
    rows = [{"name": str(n), "city": f"c{n % 3}", "age": 2**53 + n} for n in range(300)]
    assert await SlotSale.afrom_frame(rows) == FrameResult(300)
    result = await SlotSale.afrom_frame(rows, on_conflict="skip")
    assert (result.stored, result.skipped) == (0, 300)
    found = await (
        Sale.aggregate()
        .where(Sale.age > 2**53 + 1)
        .by(Sale.city)
        .agg(n=count(), total=sum(Sale.age), ages=count_distinct(Sale.age))
        .sort_by("city")
    )
    totals = {city: [2**53 + n for n in range(2, 300) if n % 3 == city] for city in range(3)}
    assert [(row.city, row.n, row.ages) for row in found] == [
        (f"c{city}", len(ages), len(ages)) for city, ages in totals.items()
    ]
    assert [row.total for row in found] == [_sum(ages) for ages in totals.values()]
    (row,) = await Sale.aggregate().agg(median=quantile(Sale.age), mean=mean(Sale.age))
    assert row.median == row.mean == float(2**53 + 149.5)


def _sum(numbers: list[int]) -> int:
    added = 0
    for number in numbers:
        added += number
    return added
