"""The doctor's look at models and their indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rapyer
from rapyer import AtomicRedisModel, Index, RedisConfig
from rapyer.search.drift import IndexStep, ModelIndex
from rapyer_nb.doctor import acheck
from rapyer_nb.doctor.indexes import of_index

if TYPE_CHECKING:
    from redis import Redis

    from rapyer.session.clients import ClientSource
    from rapyer_nb.doctor import Finding, Report
    from rapyer_nb.server import EmbeddedServer


class DriftUser(AtomicRedisModel):
    name: Index[str] = ""
    age: Index[int] = 0


class DriftPlain(AtomicRedisModel):
    name: str = ""


def section(report: Report, title: str) -> list[Finding]:
    return [finding for one in report.sections if one.title == title for finding in one.findings]


async def built(source: ClientSource, name: str, *schema: str, prefix: str = "DriftUser:") -> None:
    words = ("FT.CREATE", name, "ON", "JSON", "PREFIX", "1", prefix, "SCHEMA", *schema)
    await source.client().execute_command(*words)  # type: ignore[no-untyped-call]


async def test_an_index_that_is_up_to_date(source: ClientSource) -> None:
    await DriftUser(name="Ada", age=36).asave()
    plan = await rapyer.aindex_plan(DriftUser)
    await plan.apply()
    assert [
        (one.verdict, one.text) for one in section(await acheck(models=[DriftUser, DriftPlain]), "Indexes")
    ] == [
        ("fine", "DriftUser: idx:DriftUser is up to date, 1 document"),
        ("fine", "there is no index without a class"),
    ]


async def test_an_index_that_drifted(source: ClientSource) -> None:
    await built(source, "idx:DriftUser", "$.name", "AS", "name", "TEXT")
    finding = section(await acheck(models=[DriftUser]), "Indexes")[0]
    assert finding.verdict == "warning"
    assert finding.text.startswith("DriftUser: idx:DriftUser is changed (")
    assert "+ age: NUMERIC" in finding.text
    assert finding.cure.startswith("rapyer-nb index apply MODULE, or %rapyer_index apply")


async def test_an_index_that_is_missing(source: ClientSource) -> None:
    report = await acheck(models=[DriftUser])
    assert section(report, "Indexes")[0].text == (
        "DriftUser: idx:DriftUser is missing: it is built before the first search"
    )
    assert not report.is_broken


async def test_documents_that_no_search_finds(source: ClientSource, server: Redis[Any]) -> None:
    await (await rapyer.aindex_plan(DriftUser)).apply()
    server.json().set("DriftUser:1", "$", {"name": "Ada", "age": "old"})
    findings = section(await acheck(models=[DriftUser]), "Indexes")
    assert [finding.verdict for finding in findings] == ["fine", "broken", "fine"]
    assert findings[1].text == (
        "DriftUser: idx:DriftUser could not take in 1 document, which no search finds"
    )


async def test_indexes_of_nobody(source: ClientSource) -> None:
    await built(source, "idx:DriftGone", "$.name", "AS", "name", "TAG", prefix="DriftGone:")
    await built(source, "idx:DriftUser:v0123abcd:built", "$.name", "AS", "name", "TAG")
    await built(source, "mine", "$.name", "AS", "name", "TAG", prefix="mine:")
    named = section(await acheck(models=[DriftPlain]), "Indexes")
    assert [finding.verdict for finding in named] == ["warning"]
    assert (
        "no model that was named has the indexes idx:DriftGone (0 documents), idx:DriftUser:v"
        in named[0].text
    )
    assert "mine" not in named[0].text
    assert named[0].cure.startswith("FT.DROPINDEX idx:DriftGone, if no other program uses it")
    known = section(await acheck(models=[DriftUser]), "Indexes")
    assert "has the index idx:DriftGone (0 documents)" in known[-1].text
    unknown = section(await acheck(models=()), "Indexes")
    assert [finding.verdict for finding in unknown] == ["unchecked"]
    assert "idx:DriftGone" in unknown[0].text


def test_what_is_said_of_other_states() -> None:
    left = IndexStep("drop", "DriftUser", "idx:DriftUser:v0:built", "")
    told = list(of_index(ModelIndex("DriftUser", "idx:DriftUser", "up to date", 2, steps=(left,))))
    assert [finding.verdict for finding in told] == ["fine", "warning"]
    assert "idx:DriftUser:v0:built is left from another version of the class" in told[1].text
    (building,) = of_index(ModelIndex("DriftUser", "idx:DriftUser", "building"))
    assert building.text == "DriftUser: idx:DriftUser is building"
    foreign = list(of_index(ModelIndex("DriftUser", "idx:DriftUser", "up to date", foreign="theirs")))
    assert foreign[1].cure.startswith("FT.DROPINDEX theirs, if nobody needs it")


async def test_another_database(rapyer_redis_url: str) -> None:
    separator = "&" if "?" in rapyer_redis_url else "?"
    report = await acheck(f"{rapyer_redis_url}{separator}db=3", models=[DriftUser])
    finding = section(report, "Indexes")[0]
    assert finding.verdict == "broken"
    assert finding.text.startswith(
        "the server finds the indexed fields of DriftUser in database 0 only, not in"
    )
    assert finding.cure == "connect to database 0"


async def test_a_model_that_cannot_be_used(source: ClientSource) -> None:
    class DriftLost(AtomicRedisModel):
        other: "Nowhere | None" = None  # type: ignore[name-defined]  # noqa: F821, UP037 - that is the point

    class DriftWrong(AtomicRedisModel):
        anything: Index[bytes] = b""

    report = await acheck(models=[DriftLost, DriftWrong, DriftPlain])
    told = section(report, "Models")
    assert [finding.verdict for finding in told] == ["broken", "broken", "fine"]
    assert told[0].text == "DriftLost refers to a class that does not exist"
    assert told[1].text.startswith("DriftWrong: ")
    assert told[2].text == "1 model can be used as declared: DriftPlain"
    assert report.is_broken


async def test_a_model_that_names_no_server(source: ClientSource) -> None:
    class DriftNowhere(AtomicRedisModel):
        name: str = ""

    DriftNowhere.Meta.redis = 5  # type: ignore[assignment]  # that is the point
    report = await acheck(models=[DriftNowhere, DriftPlain])
    (finding,) = section(report, "DriftNowhere")
    assert finding.verdict == "broken"
    assert finding.text == "DriftNowhere.Meta.redis is a int"
    assert section(report, "Documents")[0].text == "DriftPlain: there are no documents"


async def test_models_on_a_server_of_their_own(source: ClientSource, second: EmbeddedServer) -> None:
    class DriftAway(AtomicRedisModel):
        name: str = ""
        Meta = RedisConfig(redis=second.url)

    await DriftAway(name="x").asave()
    report = await acheck(models=[DriftPlain, DriftAway])
    titles = [one.title for one in report.sections]
    documents = [one for one in report.sections if one.title.endswith("Documents")]
    assert [one.findings[0].text for one in documents] == [
        "DriftPlain: there are no documents",
        "DriftAway: all 1 document looked at, each loads",
    ]
    assert f"{source.describe()}: Server" in titles
    assert "Python" in titles
    await rapyer.teardown_rapyer()
