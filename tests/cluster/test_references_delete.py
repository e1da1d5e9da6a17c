"""References on a cluster, followed backwards and by deletions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import pytest

import rapyer
from rapyer import AtomicRedisModel, Key
from rapyer.cascade import CascadeDelete
from rapyer.errors import CrossSlotError
from rapyer.types import Reference  # noqa: TC001 - pydantic reads the annotations
from tests.cluster.special_models import calls_of, note_trips, stored_on

if TYPE_CHECKING:
    from tests.cluster.nodes import TestCluster

pytestmark = pytest.mark.usefixtures("source")


class ShardDeleteLeaf(AtomicRedisModel):
    name: Key[str]
    tags: set[str] = set()


class ShardDeleteTree(AtomicRedisModel):
    name: Key[str]
    leaves: Annotated[set[Reference[ShardDeleteLeaf]], CascadeDelete()] = set()
    below: Annotated[list[Reference["ShardDeleteTree"]], CascadeDelete()] = []  # noqa: UP037 - it comes later


async def _stored() -> ShardDeleteTree:
    leaves = [ShardDeleteLeaf(name=f"l{at}", tags={"t"}) for at in range(30)]
    trees = [
        ShardDeleteTree(name=f"t{at}", leaves={leaf.key for leaf in leaves[3 * at : 3 * at + 3]})
        for at in range(10)
    ]
    root = ShardDeleteTree(name="root", below=trees)
    trees[4].below = [root]
    await rapyer.ainsert(*leaves, *trees, root)
    return root


async def test_a_deletion_reaches_every_slot(nodes: TestCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    root = await _stored()
    await ShardDeleteLeaf(name="other", tags={"t"}).asave()
    trips = note_trips(monkeypatch)
    result = await rapyer.adelete_many(root, "ShardDeleteTree:gone", cascade=True)
    assert result.by_model == {ShardDeleteTree: 11, ShardDeleteLeaf: 30}
    assert (result.models_deleted, result.keys_deleted, result.models_missing) == (41, 41 + 10 + 30, 1)
    assert sum(stored_on(nodes)) == 2
    assert max(map(trips.count, set(trips))) <= 3 + 1


async def test_a_deletion_in_a_pipeline_is_queued(nodes: TestCluster) -> None:
    root = await _stored()
    before = stored_on(nodes)
    async with rapyer.apipeline():
        assert await root.adelete(cascade=True)
        assert stored_on(nodes) == before
    assert sum(stored_on(nodes)) == 0


async def test_what_is_to_be_one_step_has_to_be_in_one_slot(nodes: TestCluster) -> None:
    root = await _stored()
    before = stored_on(nodes)
    with pytest.raises(CrossSlotError, match="adelete_many cannot be one step: its keys live in"):
        await ShardDeleteTree.adelete_many(root, cascade=True, atomic=True)
    assert stored_on(nodes) == before
    await ShardDeleteTree(name="{7}a", leaves=["ShardDeleteLeaf:{7}b"]).asave()
    await ShardDeleteLeaf(name="{7}b").asave()
    result = await ShardDeleteTree.adelete_many("{7}a", cascade=True, atomic=True)
    assert result.models_deleted == 2
    assert stored_on(nodes) == before


async def test_every_node_is_asked_who_refers_to_a_model(nodes: TestCluster) -> None:
    await _stored()
    for at in range(10):
        (found,) = await rapyer.areferrers(f"ShardDeleteLeaf:l{3 * at}", ShardDeleteTree.leaves)
        assert found.key == f"ShardDeleteTree:t{at}"
    found_trees = await rapyer.areferrers("ShardDeleteTree:t4")
    assert [str(tree.key) for tree in found_trees] == ["ShardDeleteTree:root"]
    assert all(calls_of(node, "scan") for node in nodes.primaries)
