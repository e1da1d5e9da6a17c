"""References on a cluster, and times to live that are passed on along them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import RedisCluster

import rapyer
from rapyer import CascadeResult
from rapyer.commands.slots import slot_of
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer.session.cluster import Cluster
from tests.cluster.special_models import (
    ShardCompany,
    ShardCountry,
    ShardDoc,
    ShardTree,
    ShardUser,
    ask,
    calls_of,
    ends_of,
    note_trips,
    seconds_left,
    some_docs,
    store_tree,
)

if TYPE_CHECKING:
    from tests.cluster.nodes import TestCluster

pytestmark = pytest.mark.usefixtures("source")


async def _people() -> list[Any]:
    countries = [ShardCountry(name=f"c{at}") for at in range(5)]
    companies = [ShardCompany(name=f"f{at}", country=countries[at % 5], labels={"l"}) for at in range(10)]
    users: list[Any] = [ShardUser(name=f"u{at}", company=companies[at % 10]) for at in range(40)]
    for at, user in enumerate(users):
        user.friends = {users[(at + 1) % 40].key, users[(at + 7) % 40].key}
    await rapyer.ainsert(*countries, *companies, *users)
    return users


async def test_references_across_slots(nodes: TestCluster) -> None:
    users = await _people()
    loaded: list[Any] = await ShardUser.afind(*users)
    assert (await (await loaded[3].company.afetch()).country.afetch()).name == "c3"
    fresh: list[Any] = await ShardUser.afind(*users)
    before = [calls_of(node, "exec") + calls_of(node, "json.mget") for node in nodes.primaries]
    result = await rapyer.afetch_all(fresh, ShardUser.company, ShardCompany.country)
    assert (result.resolved, result.depth, result.dangling) == (40 + 10, 2, ())
    assert before != [calls_of(node, "exec") + calls_of(node, "json.mget") for node in nodes.primaries]
    assert [user.company.country.name for user in fresh] == [f"c{at % 10 % 5}" for at in range(40)]
    assert fresh[0].company.labels == {"l"}
    everybody = await rapyer.afetch_all(fresh[:1], ShardUser.friends)
    assert everybody.resolved == 80
    assert {friend.name for friend in fresh[0].friends} == {"u1", "u7"}


async def test_fetching_is_one_round_trip_to_each_node_for_each_depth(
    nodes: TestCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = await ShardUser.afind(*await _people())
    trips = note_trips(monkeypatch)
    await rapyer.afetch_all(users, ShardUser.company, ShardCompany.country)
    assert len(trips) <= 2 * 3
    assert max(map(trips.count, set(trips))) <= 2


async def test_references_are_checked_on_every_node() -> None:
    users = await _people()
    assert (await rapyer.acheck_references(ShardUser)).references == 40 + 80
    await ShardCompany.adelete_many("f3", "f4")
    await ShardUser.adelete_many("u0")
    report = await rapyer.acheck_references(ShardUser)
    assert (report.instances, report.references, report.dangling) == (39, 39 * 3, 8 + 2)
    assert {broken.target_key for broken in report.broken} == {
        "ShardCompany:f3",
        "ShardCompany:f4",
        users[0].key,
    }
    assert (await rapyer.acheck_references(ShardCompany)).ok


async def test_refreshing_is_part_of_the_operation(nodes: TestCluster) -> None:
    ShardDoc.Meta.ttl = 100
    docs = await ShardDoc.ainsert(*some_docs(6, tags={"a"}))
    for doc in docs:
        await doc.jobs.apush("a", 1)
    for refresh in (
        lambda: ShardDoc.afind(*docs),
        lambda: asyncio.gather(*(doc.tags.aadd("b") for doc in docs)),
        lambda: asyncio.gather(*(ShardDoc.aget(doc.key) for doc in docs)),
        lambda: asyncio.gather(*(doc.jobs.apush("c", 1) for doc in docs)),
    ):
        for doc in docs:
            for key in doc.all_keys:
                ask(nodes, "EXPIRE", key, 10)
        await refresh()
        left = [seconds_left(nodes, key) for doc in docs for key in doc.all_keys]
        assert {seconds for seconds in left if seconds != -2} <= {99, 100}, left
        assert left.count(-2) == 12  # `maybe` and `part.labels` are empty


@pytest.mark.parametrize("name", ["root", "{tag}root", "a}root"])
async def test_a_cascade_reaches_models_in_other_slots(name: str, nodes: TestCluster) -> None:
    tree = await store_tree(nodes, name)
    assert await tree.aset_ttl(700, cascade=True) == CascadeResult()
    assert ends_of(nodes, name) == {"ShardTree": {700}, "ShardBranch": {400}, "ShardLeaf": {300}}


async def test_a_cascade_extends_and_reports(nodes: TestCluster) -> None:
    tree = await store_tree(nodes)
    ask(nodes, "EXPIRE", "ShardBranch:root-b1", 5000)
    ask(nodes, "PERSIST", "ShardLeaf:root-l1")
    ask(nodes, "JSON.DEL", "ShardLeaf:root-l2", "$")
    ask(nodes, "DEL", "__rapyer_special__:{ShardLeaf:root-l3}:tags")
    ask(nodes, "JSON.SET", "ShardBranch:root-b4", "$.leaf", '"ShardUser:u1"')
    result = await tree.aset_ttl(700, cascade=True)
    assert result == CascadeResult(dangling_children=1, dangling_special=1, mismatched_class=1)
    assert seconds_left(nodes, "ShardBranch:root-b1") > 4000
    assert 290 < seconds_left(nodes, "ShardLeaf:root-l1") <= 300
    assert 290 < seconds_left(nodes, "__rapyer_special__:{ShardLeaf:root-l2}:tags") <= 300
    assert seconds_left(nodes, "ShardLeaf:root-l4") <= 50


async def test_operations_pass_their_time_on(nodes: TestCluster) -> None:
    tree: Any = await store_tree(nodes)
    everything = {"ShardTree": {1000}, "ShardBranch": {400}, "ShardLeaf": {300}}
    for operation in (
        lambda: tree.visits.aincrease(),
        lambda: tree.notes.aadd("m"),
        lambda: tree.asave(),
        lambda: ShardTree.aget(tree.key),
        lambda: ShardTree.afind(),
        lambda: ShardTree.ainsert(tree),
        lambda: tree.queue.apeek(),
        lambda: tree.refresh_ttl(),
        lambda: ShardTree.aget_or_create(tree),
        lambda: _in_a_pipeline(tree),
        lambda: _under_lock(tree),
    ):
        for node in nodes.primaries:
            for key in node.ask("KEYS", "*root*"):
                node.ask("EXPIRE", key, 50)
        await operation()
        assert ends_of(nodes) == everything, operation


async def _in_a_pipeline(tree: Any) -> None:
    async with tree.apipeline():
        tree.visits += 1
        tree.notes.add("p")


async def _under_lock(tree: Any) -> None:
    async with tree.alock(save_at_end=True) as locked:
        locked.visits += 1


async def test_a_cascade_is_one_round_trip_to_each_node_for_each_step(
    nodes: TestCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = [await store_tree(nodes, f"t{at}") for at in range(10)]
    trips = note_trips(monkeypatch)
    await ShardTree.afind(*trees)
    assert max(map(trips.count, set(trips))) <= 3  # the trees, their branches, and the leaves
    assert ends_of(nodes, "t9") == {"ShardTree": {1000}, "ShardBranch": {400}, "ShardLeaf": {300}}


async def test_an_operation_stands_that_could_not_pass_its_time_on(
    nodes: TestCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tree: Any = await store_tree(nodes)
    really = Cluster._send_each

    async def refusing(self: Any, steps: Any) -> Any:
        if any("Leaf" in command.told_keys for step in steps for command in step.commands):
            return [ConnectionError("gone")] * len(steps)
        return await really(self, steps)

    monkeypatch.setattr(Cluster, "_send_each", refusing)
    assert await tree.visits.aincrease() == 1
    assert "script cascade went halfway: gone" in caplog.text
    with pytest.raises(ConnectionError, match="gone"):
        await tree.aset_ttl(700, cascade=True)
    assert 690 < seconds_left(nodes, tree.key) <= 700


async def test_times_are_passed_on_exactly_once_and_in_copies(nodes: TestCluster) -> None:
    ShardTree.Meta.exactly_once = True
    tree: Any = await store_tree(nodes)
    assert await tree.visits.aincrease() == 1
    assert ends_of(nodes) == {"ShardTree": {1000}, "ShardBranch": {400}, "ShardLeaf": {300}}
    for node in nodes.primaries:
        for key in node.ask("KEYS", "*root*"):
            node.ask("EXPIRE", key, 50)
    copy = await tree.aduplicate(name="copy")
    assert ends_of(nodes) == {
        "ShardTree": {1000},
        "ShardBranch": {400},
        "ShardLeaf": {300},
    }  # by way of a branch
    assert 990 < seconds_left(nodes, copy.notes.special_key) <= 1000


async def test_a_cascade_in_a_pipeline(nodes: TestCluster) -> None:
    tree, other = await store_tree(nodes, "one"), await store_tree(nodes, "two")
    async with rapyer.apipeline():
        tree.visits += 1
        assert await tree.aset_ttl(700, cascade=True) is None
        other.notes.add("x")
    assert ends_of(nodes, "one") == {"ShardTree": {700}, "ShardBranch": {400}, "ShardLeaf": {300}}
    assert ends_of(nodes, "two") == {"ShardTree": {1000}, "ShardBranch": {400}, "ShardLeaf": {300}}
    async with tree.apipeline(atomic=True):
        tree.visits += 1
    assert seconds_left(nodes, tree.key) > 990


@pytest.mark.parametrize("options", [{"decode_responses": True}, {"protocol": 3}, {"protocol": 2}])
async def test_any_client_options(options: dict[str, Any], nodes: TestCluster) -> None:
    client = RedisCluster(host="127.0.0.1", port=nodes.primaries[1].port, **options)
    registry.bind(ClientSource.from_client(client))
    doc: Any = await ShardDoc(name="é", tags={"é", "b"}, maybe={1}).asave()
    other: Any = await ShardDoc(name="other", tags={"é"}, groups=[{"b"}]).asave()
    assert await doc.tags.adifference(other.tags, other.groups[0]) == set()
    waiting = [asyncio.ensure_future(each.jobs.apop(timeout=20)) for each in (doc, other)]
    await asyncio.sleep(0.05)
    await doc.jobs.apush("é", 1)
    await other.jobs.apush("o", 1)
    assert await asyncio.gather(*waiting) == ["é", "o"]
    copies = await doc.aduplicate_many(4)
    assert [copy.tags for copy in await ShardDoc.afind(*copies)] == [{"é", "b"}] * 4
    await (await store_tree(nodes)).aset_ttl(700, cascade=True)
    assert ends_of(nodes) == {"ShardTree": {700}, "ShardBranch": {400}, "ShardLeaf": {300}}
    await client.aclose()


async def test_reading_while_a_slot_moves(nodes: TestCluster) -> None:
    """Of several commands for one slot some may be redirected, and others not."""
    users = [ShardUser(name=f"{{m}}:{at}", company=ShardCompany(name=f"{{m}}:{at}")) for at in range(6)]
    await ShardUser.ainsert(*users)
    await ShardCompany.ainsert(*(ShardCompany(name=f"{{m}}:{at}") for at in range(6)))
    slot, old = slot_of("{m}"), nodes.node_of("{m}")
    new = next(node for node in nodes.primaries if node is not old)
    nodes.begin_moving(slot, old, new)
    try:
        for key in old.ask("CLUSTER", "GETKEYSINSLOT", slot, 3):
            nodes.migrate(key, old, new)
        elsewhere = [ShardUser(name=f"e{at}") for at in range(3)]
        await ShardUser.ainsert(*elsewhere)
        report = await rapyer.acheck_references(ShardUser)
        assert (report.dangling, report.mismatched) == (0, 0)
    finally:
        while keys := old.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
            for key in keys:
                nodes.migrate(key, old, new)
        nodes.end_moving(slot, new)
        nodes.move(slot, new, old)
