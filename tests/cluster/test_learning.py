"""Traces, snapshots and races on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rapyer_nb
from rapyer import apipeline
from tests.cluster.special_models import ShardDoc, ShardOrder, ShardPart

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource


async def stored(number: int) -> list[ShardDoc]:
    docs = [
        ShardDoc(name=str(one), tags={f"tag {one}"}, part=ShardPart(labels={"l"})) for one in range(number)
    ]
    await ShardDoc.ainsert(*docs)
    for doc in docs:
        await doc.jobs.apush("job", 1)
    return docs


async def test_a_trace_names_the_nodes(source: ClientSource) -> None:
    docs = await stored(12)
    with rapyer_nb.trace() as trace:
        async with apipeline():
            for doc in docs:
                await doc.visits.aincrease(1)
    assert {sent.keys[0] for sent in trace.commands} >= {doc.key for doc in docs}
    assert len({trip.server for trip in trace.trips}) == 3
    assert all(trip.server.startswith("127.0.0.1:") for trip in trace.trips)
    assert trace.sent > 0
    assert trace.received > 0


async def test_everything_comes_back_from_all_nodes(source: ClientSource) -> None:
    docs = await stored(12)
    order = await ShardOrder(name="x").asave()
    await order.jobs.apush("first", 3)
    await order.jobs.apush("second", 3)
    snapshot = await rapyer_nb.snapshot("before", ShardDoc, ShardOrder)
    assert len(snapshot) == 13
    await docs[0].adelete()
    for doc in docs[1:6]:
        await doc.aupdate(visits=7)
        await doc.tags.aadd("new")
        await doc.jobs.apop()
    await order.jobs.apop()
    assert len(await rapyer_nb.diff(snapshot)) == 7
    report = await rapyer_nb.restore(snapshot)
    assert len(report.restored) == 7
    assert not await rapyer_nb.diff(snapshot)
    again = await ShardDoc.aget(docs[0].key)
    assert (again.tags, again.part.labels, await again.jobs.apop()) == ({"tag 0"}, {"l"}, "job")
    assert [await order.jobs.apop(), await order.jobs.apop()] == ["first", "second"]


async def test_a_race_over_several_slots(source: ClientSource) -> None:
    docs = await stored(3)

    async def careless() -> Any:
        for doc in docs:
            own = await ShardDoc.aget(doc.key)
            own.visits += 1
            await own.asave()

    async def careful() -> Any:
        async with apipeline():
            for doc in docs:
                await doc.visits.aincrease(1)

    report = await rapyer_nb.race(careless, n=6, seed=2)
    assert report.lost > 0
    assert {finding.path for finding in report.findings} == {"visits"}
    report = await rapyer_nb.race(careful, n=6, seed=2)
    assert report.ok
    assert [finding.found for finding in report.findings] == [6, 6, 6]
    assert [(await ShardDoc.aget(doc.key)).visits for doc in docs] == [0, 0, 0]
