"""Users of a cluster that may not do everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import RedisCluster

import rapyer
from rapyer.errors import (
    MissingPermissionError,
)
from rapyer.model.registry import registry
from tests.cluster.special_models import ShardCountry, ShardDoc, stored_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.cluster.nodes import TestCluster

pytestmark = pytest.mark.usefixtures("source")


@pytest.fixture
async def user(nodes: TestCluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Make clients of a user with some rules on all nodes; the user ends with the test."""
    monkeypatch.setattr(registry, "_models", {"ShardDoc": ShardDoc, "ShardCountry": ShardCountry})
    clients: list[RedisCluster] = []

    def make(*rules: str) -> RedisCluster:
        for node in nodes.primaries:
            node.ask("ACL", "SETUSER", "limited", "reset", "on", ">secret", *rules)
        port = nodes.primaries[0].port
        clients.append(RedisCluster(host="127.0.0.1", port=port, username="limited", password="secret"))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()
    for node in nodes.primaries:
        node.ask("ACL", "DELUSER", "limited")


async def test_a_user_is_told_what_the_cluster_needs(
    user: Any, nodes: TestCluster, caplog: pytest.LogCaptureFixture
) -> None:
    rules = ["~ShardDoc:*", "~ShardCountry:*", "&rapyer:lock:*", "+@all", "-dump", "-restore"]
    special = "__rapyer_special__:*ShardDoc:*"
    with pytest.raises(MissingPermissionError) as raised:
        await rapyer.init_rapyer(user(*rules))
    assert raised.value.patterns == (special,)
    assert raised.value.hint == f"ACL SETUSER limited +dump +restore ~{special}"
    await rapyer.init_rapyer(user(*rules, f"~{special}"))
    assert "may not run DUMP, RESTORE, so writing" in caplog.text
    assert sum(stored_on(nodes)) == 0
    caplog.clear()
    await rapyer.init_rapyer(user(*rules, f"~{special}", "+dump", "+restore", "-sadd"))
    assert "may not run SADD, so writing" in caplog.text
    caplog.clear()
    await rapyer.init_rapyer(user(*rules, f"~{special}", "+dump", "+restore"))
    assert caplog.messages == []
    for pk in ("1", "{2}", "a}b"):
        doc: Any = await ShardDoc(name=pk, tags={"a"}).asave()
        await doc.jobs.apush("x", 1)
        assert (await doc.aduplicate(name=f"copy of {pk}")).tags == {"a"}
        assert await doc.jobs.apop() == "x"
        await doc.adelete()
