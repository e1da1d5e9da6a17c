"""The doctor's look at keys: times to live, documents, and what lives beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from rapyer import AtomicRedisModel, RedisConfig
from rapyer.types import RedisPriorityQueue, RedisSet
from rapyer_nb.doctor import acheck

if TYPE_CHECKING:
    from redis import Redis

    from rapyer.session.clients import ClientSource
    from rapyer_nb.doctor import Report

BESIDE = "__rapyer_special__:"


class KeptDoc(AtomicRedisModel):
    name: str = ""
    tags: RedisSet[str] = Field(default_factory=RedisSet)
    steps: RedisPriorityQueue[str] = RedisPriorityQueue()


class FleetingDoc(AtomicRedisModel):
    number: int = 0
    tags: RedisSet[str] = Field(default_factory=RedisSet)
    Meta = RedisConfig(ttl=600)


MODELS = (KeptDoc, FleetingDoc)


def section(report: Report, title: str) -> list[tuple[str, str]]:
    return [
        (finding.verdict, finding.text)
        for one in report.sections
        if one.title == title
        for finding in one.findings
    ]


def cures(report: Report, title: str) -> list[str]:
    return [finding.cure for one in report.sections if one.title == title for finding in one.findings]


async def test_nothing_is_stored(source: ClientSource) -> None:
    report = await acheck(models=MODELS)
    assert not report.is_broken
    assert section(report, "Times to live") == []
    assert section(report, "Documents") == [
        ("fine", "KeptDoc: there are no documents"),
        ("fine", "FleetingDoc: there are no documents"),
    ]
    assert section(report, "Sets and queues") == [("fine", "there are no keys beside documents")]


async def test_all_is_well(source: ClientSource) -> None:
    doc = await KeptDoc(name="x", tags={"a"}).asave()
    await doc.steps.apush("one", 1)
    await FleetingDoc(tags={"b"}).asave()
    async with doc.alock():
        report = await acheck(models=MODELS)
    assert not report.is_broken
    assert section(report, "Times to live") == [
        ("fine", "FleetingDoc, whose time to live is 600 s: all 1 document looked at, each ends by itself")
    ]
    assert section(report, "Documents") == [
        ("fine", "KeptDoc: all 1 document looked at, each loads"),
        ("fine", "FleetingDoc: all 1 document looked at, each loads"),
    ]
    assert section(report, "Sets and queues") == [
        ("fine", "all 3 keys beside documents looked at, each has its document")
    ]


async def test_a_key_without_the_time_to_live_of_its_class(source: ClientSource, server: Redis[Any]) -> None:
    doc, other = await FleetingDoc().asave(), await FleetingDoc().asave()
    server.persist(doc.key)
    server.expire(other.key, 300)
    report = await acheck(models=MODELS)
    assert section(report, "Times to live") == [
        (
            "warning",
            "FleetingDoc, whose time to live is 600 s: all 2 documents looked at, "
            f"1 of them never ends: {doc.key}",
        )
    ]
    assert cures(report, "Times to live")[0].startswith(
        "for one in await FleetingDoc.afind(): await one.refresh_ttl(); unless"
    )
    assert not report.is_broken
    assert 0 < int(server.ttl(other.key)) <= 300, "no time to live began anew"
    await doc.refresh_ttl()
    assert section(await acheck(models=MODELS), "Times to live")[0][0] == "fine"


async def test_orphans(source: ClientSource, server: Redis[Any]) -> None:
    gone = await KeptDoc(tags={"a"}).asave()
    server.delete(gone.key)
    server.sadd(f"{BESIDE}KeptDoc:other:tags", "x")
    server.expire(f"{BESIDE}KeptDoc:other:tags", 100)
    for models in (MODELS, ()):  # the class need not be known
        report = await acheck(models=models)
        ((verdict, text),) = section(report, "Sets and queues")
        assert verdict == "warning"
        assert text.startswith(
            "all 2 keys beside documents looked at, 2 of them without a document, of which 1 ends by itself: "
        )
        assert f"{BESIDE}{gone.key}:tags" in text
        assert cures(report, "Sets and queues")[0].startswith("DEL them, if no program is about to save")
        assert not report.is_broken


async def test_keys_beside_documents_that_fit_no_field(source: ClientSource, server: Redis[Any]) -> None:
    doc = await KeptDoc().asave()
    ending = await FleetingDoc(tags={"a"}).asave()
    server.zadd(f"{BESIDE}{doc.key}:tags", {"x": 1})
    server.sadd(f"{BESIDE}{doc.key}:old", "x")
    server.persist(f"{BESIDE}{ending.key}:tags")
    told = section(await acheck(models=MODELS), "Sets and queues")
    assert told[1:] == [
        (
            "broken",
            f"1 key beside a document holds another type: {BESIDE}{doc.key}:tags holds a zset, "
            "and tags is a set",
        ),
        ("warning", f"1 key beside a document belongs to no field of the class: {BESIDE}{doc.key}:old"),
        ("warning", f"1 key beside a document lasts longer than the document: {BESIDE}{ending.key}:tags"),
    ]


async def test_keys_of_another_type(source: ClientSource, server: Redis[Any]) -> None:
    server.set("KeptDoc:text", "x")
    server.hset("KeptDoc:hash", "a", "b")
    report = await acheck(models=MODELS)
    assert report.is_broken
    verdict, text = section(report, "Documents")[0]
    assert verdict == "broken"
    assert text.startswith("KeptDoc: 2 of its keys hold no documents (hash, string): KeptDoc:")
    assert (
        cures(report, "Documents")[0] == "rename or delete them: reading or saving a model of that key fails"
    )


async def test_documents_that_do_not_load(source: ClientSource, server: Redis[Any]) -> None:
    await FleetingDoc().asave()
    server.json().set("FleetingDoc:bad", "$", {"number": "many"})
    server.expire("FleetingDoc:bad", 100)
    report = await acheck(models=MODELS)
    verdict, text = section(report, "Documents")[1]
    assert verdict == "broken"
    assert text.startswith(
        "FleetingDoc: all 2 documents looked at, 1 of them does not load: FleetingDoc:bad; "
    )
    assert "number" in text
    assert "mark the field SafeLoad" in cures(report, "Documents")[1]
    assert 0 < int(server.ttl("FleetingDoc:bad")) <= 100


async def test_a_large_keyspace_is_sampled(source: ClientSource, server: Redis[Any]) -> None:
    pipeline = server.pipeline(transaction=False)
    for number in range(30_000):
        pipeline.execute_command("JSON.SET", f"FleetingDoc:{number}", "$", '{"number":1}')
    for number in range(3_000):
        pipeline.sadd(f"{BESIDE}FleetingDoc:{number}:tags", "x")
        pipeline.set(f"other:{number}", "x")
    pipeline.execute()
    report = await acheck(models=MODELS, sample=100)
    (told,) = section(report, "Times to live")
    assert told[1].startswith(
        "FleetingDoc, whose time to live is 600 s: 100 of 30,000 documents looked at, 100 of them never end: "
    )
    assert told[1].endswith(", …")
    assert section(report, "Documents")[1] == (
        "fine",
        "FleetingDoc: 100 of 30,000 documents looked at, each loads",
    )
    assert section(report, "Sets and queues") == [
        ("fine", "100 of 3,000 keys beside documents looked at, each has its document")
    ]
    assert report.seconds < 20


async def test_looking_for_keys_ends_when_its_time_is_over(source: ClientSource, server: Redis[Any]) -> None:
    pipeline = server.pipeline(transaction=False)
    for number in range(5_000):
        pipeline.set(f"other:{number}", "x")
        pipeline.execute_command("JSON.SET", f"KeptDoc:{number}", "$", "{}")
    pipeline.execute()
    report = await acheck(models=[KeptDoc], seconds=0)
    ((verdict, text),) = section(report, "Documents")
    assert verdict == "fine"
    assert "of which there may be more" in text
    assert "of 10,000 keys met)" in text
    assert "no keys beside documents were met among" in section(report, "Sets and queues")[0][1]


async def test_keys_that_are_no_text(source: ClientSource, server: Redis[Any]) -> None:
    server.set(b"KeptDoc:\xff\xfe", "x")
    server.set(BESIDE.encode() + b"\xff:tags", "x")
    server.set(BESIDE, "x")
    server.set("a\x1b[31m", "x")
    report = await acheck(models=MODELS)
    assert "\x1b" not in report.text()
    assert "could not be checked" not in report.text()
