"""The doctor's look at a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer.model.registry import registry
from rapyer_nb.doctor import acheck
from tests.cluster.special_models import ShardDoc

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource
    from rapyer_nb.doctor import Report
    from tests.cluster.nodes import TestCluster


def section(report: Report, title: str) -> list[tuple[str, str]]:
    return [
        (finding.verdict, finding.text)
        for one in report.sections
        if one.title == title
        for finding in one.findings
    ]


async def test_all_primaries_are_looked_at(source: ClientSource, nodes: TestCluster) -> None:
    docs = [await ShardDoc(name=str(number), tags={"a"}).asave() for number in range(30)]
    report = await acheck(source, models=[ShardDoc])
    server = section(report, "Server")
    assert server[0] == ("fine", f"{source.describe()} answers, with 3 primary servers")
    assert [verdict for verdict, _ in server] == ["fine"] * 4
    assert "a primary of a cluster" in server[1][1]
    assert len(section(report, "Latency")) == len(section(report, "Clock")) == 3
    assert len(section(report, "Modules")) == 6
    assert section(report, "Permissions")[0][0] == "fine"
    assert section(report, "Live changes")[0][0] == "fine"
    assert section(report, "Documents") == [("fine", "ShardDoc: all 30 documents looked at, each loads")]
    beside = section(report, "Sets and queues")
    assert beside[0][0] == "fine"
    assert beside[0][1].endswith("each has its document")
    for doc in docs:
        node = nodes.node_of(str(doc.key))
        node.ask("DEL", doc.key)
    text = section(await acheck(source, models=[ShardDoc]), "Sets and queues")[0][1]
    assert "without a document" in text


async def test_a_url_of_one_node_leads_to_all(source: ClientSource, nodes: TestCluster) -> None:
    for number in range(30):
        await ShardDoc(name=str(number)).asave()
    url = f"redis://127.0.0.1:{nodes.primaries[0].port}"
    registry.unbind()
    report = await acheck(url, models=[ShardDoc])
    server = section(report, "Server")
    assert server[0][0] == "broken"
    assert server[0][1] == f"{url} is one node of a cluster, and answers for its own keys only"
    assert server[1][1].endswith("answers, with 3 primary servers")
    assert section(report, "Documents") == [("fine", "ShardDoc: all 30 documents looked at, each loads")]
