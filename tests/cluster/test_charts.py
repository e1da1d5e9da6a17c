"""Charts on a cluster: values are read, as its nodes do not compute with documents."""

from __future__ import annotations

import pytest

import rapyer_nb
from rapyer import AtomicRedisModel, Index

pytestmark = pytest.mark.usefixtures("source")


class SlotBar(AtomicRedisModel):
    city: Index[str] = ""
    age: Index[int | None] = None


async def test_charts_are_of_all_primaries() -> None:
    await SlotBar.acreate_index()
    await SlotBar.ainsert(*(SlotBar(city=f"c{at % 3}", age=at if at % 2 else None) for at in range(120)))
    ages = await rapyer_nb.plot(SlotBar, "age")
    assert sum(point.y or 0 for point in ages.points) == 60
    assert ages.footer.startswith("60 values, 60 without a value on the scale, ")
    assert [point.y for point in (await rapyer_nb.plot(SlotBar, "city")).points] == [40, 40, 40]
    means = await rapyer_nb.plot(SlotBar, SlotBar.age, by="city", where="age < 60")
    heights = dict(zip(means.labels, (point.y for point in means.points), strict=True))
    assert heights == {f"c{at}": _mean_of(at) for at in range(3)}


def _mean_of(rest: int) -> float:
    ages = [at for at in range(60) if at % 2 and at % 3 == rest]
    return sum(ages) / len(ages)
