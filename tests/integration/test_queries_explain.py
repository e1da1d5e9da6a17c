"""What `explain` says of queries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from redis.asyncio import Redis

from rapyer import AtomicRedisModel, Index
from rapyer.errors import NotIndexedError, UnsupportedArgumentTypeError
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class ExplainedDoc(AtomicRedisModel):
    age: Index[int] = 0
    city: Index[str] = ""
    bio: Annotated[str, Index(text=True, suffix=True)] = ""
    vector: Annotated[list[float] | None, Index(dim=2)] = None


class ExplainedPlain(AtomicRedisModel):
    age: int = 0


class ExplainedField(AtomicRedisModel):
    explain: str = "mine"  # type: ignore[assignment]  # the name makes way for a field


Doc: Any = ExplainedDoc


@pytest.fixture(autouse=True)
async def _stored(source: ClientSource) -> None:
    registry.bind(source, auto_index=True)
    await ExplainedDoc.ainsert(*(ExplainedDoc(age=n, city="ab"[n % 2]) for n in range(40)))


@pytest.fixture(params=[2, 3])
async def _protocol(request: pytest.FixtureRequest, rapyer_redis_url: str) -> AsyncIterator[None]:
    client = Redis.from_url(rapyer_redis_url, protocol=request.param)
    registry.bind(ClientSource.from_client(client), auto_index=True)
    yield
    await client.aclose()


@pytest.mark.usefixtures("_protocol")
async def test_query_plan_and_profile() -> None:
    told = await ExplainedDoc.explain(Doc.age.between(10, 19), Doc.city == "a")
    assert told.query == "((@age:[$v0 $v1]) (@city:{$v2}))"
    assert told.parameters == {"v0": "10", "v1": "19", "v2": "a"}
    assert (told.found, told.advice) == (5, ())
    (server,) = told.servers
    assert server.plan.text == "INTERSECT"
    numbers, city = server.plan.children
    assert numbers.text == "NUMERIC {10.000000 <= @age <= 19.000000}"
    assert (city.text, [child.text for child in city.children]) == ("TAG:@city", ["a"])
    (root,) = server.profile.readers
    assert (root.kind, root.found) == ("INTERSECT", 5)
    (tag,) = [child for child in root.children if child.kind == "TAG"]
    assert (tag.term, tag.size) == ("a", 20)
    assert told.milliseconds == server.profile.milliseconds >= 0


async def test_it_reads_well_in_print() -> None:
    lines = str(await ExplainedDoc.explain(Doc.age < 3)).splitlines()
    assert lines[0].startswith("ExplainedDoc: 3 found in ")
    assert lines[1:3] == ["query    (@age:[-inf ($v0])", "         $v0 = '3'"]
    assert lines[3].startswith("plan     idx:ExplainedDoc:v")
    assert lines[4] == "         NUMERIC {-inf <= @age < 3.000000}"
    assert lines[5].startswith("profile  ")
    # A range of numbers is one part of the index's tree, or several in a union.
    assert re.match(r" {9}(NUMERIC 0 - .*: 3 of |UNION: 3 )", lines[6])


async def test_values_stay_values_in_the_plan_and_in_html() -> None:
    nasty = "<b>}\n{ | * \\"
    told = await ExplainedDoc.explain((Doc.city == nasty) & (Doc.age == 1))
    (server,) = told.servers
    city, age = server.plan.children
    assert (city.text, city.children[0].text) == ("TAG:@city", "$v0")
    assert age.text == "NUMERIC {1.000000 <= @age <= 1.000000}"
    html = told._repr_html_()
    assert "<b>}" not in html
    assert "&lt;b&gt;}" in html
    assert html.count("<details") == html.count("</details>") == 2


async def test_a_long_query_is_shown_in_part() -> None:
    told = await ExplainedDoc.explain(Doc.age.one_of(range(1000)))
    assert (len(told.parameters), len(str(told).splitlines()) < 110, len(str(told)) < 9000) == (
        1000,
        True,
        True,
    )
    assert "… and 970 more" in str(told)
    assert "… and 970 more" in told._repr_html_()


async def test_what_looks_at_every_document_is_told() -> None:
    for scanning in (~(Doc.age == 1), Doc.city != "a", (Doc.age == 1) | (Doc.city != "a")):
        (advice,) = (await ExplainedDoc.explain(scanning)).advice
        assert advice.startswith(
            "full scan: every document of the index is looked at, as !=, ~ and is_none()"
        )
    for selecting in (Doc.age == 1, (Doc.age == 1) & (Doc.city != "a"), Doc.vector.nearest([1, 2], k=3)):
        assert (await ExplainedDoc.explain(selecting)).advice == ()


async def test_text_that_is_compared_as_a_whole_is_told() -> None:
    (advice,) = (await ExplainedDoc.explain((Doc.bio == "red fox") & (Doc.age > 1))).advice
    assert advice == (
        "text compared as a whole: ExplainedDoc.bio has an index of its words, which == and != do not use; "
        'ExplainedDoc.bio.matches("…") finds words'
    )
    assert (await ExplainedDoc.explain(Doc.bio.matches("red fox"))).advice == ()


async def test_what_is_compared_once_more_is_told() -> None:
    (advice,) = (await ExplainedDoc.explain(Doc.age == 2**53 + 1)).advice
    assert advice.startswith("compared once more: the index knows some of these values only roughly")


async def test_limits_of_the_server_that_cannot_be_lifted_are_told(source: ClientSource, raw: Any) -> None:
    assert (await ExplainedDoc.explain(Doc.bio.contains("fox"))).advice == ()
    await raw.execute_command("FT.CONFIG", "SET", "MAXPREFIXEXPANSIONS", 200)
    await raw.execute_command("ACL", "SETUSER", "explaining", "on", "nopass", "~*", "+@all", "-FT.CONFIG")
    options = raw.connection_pool.connection_kwargs
    client = Redis(unix_socket_path=options["path"], username="explaining", password="x")
    registry.bind(ClientSource.from_client(client), auto_index=True)
    try:
        (advice,) = (await ExplainedDoc.explain(Doc.bio.contains("fox"))).advice
    finally:
        await client.aclose()
        await raw.execute_command("ACL", "DELUSER", "explaining")
    assert advice.startswith("capped: the server may leave matches out, as its MAXPREFIXEXPANSIONS")


async def test_without_filters_and_without_an_index() -> None:
    (advice,) = (await ExplainedDoc.explain()).advice
    assert advice.startswith(
        "full scan: the index of ExplainedDoc is missing or does not hold all of its doc"
    )
    await ExplainedDoc.acreate_index()
    told = await ExplainedDoc.explain()
    assert (told.query, told.found, told.advice) == ("*", 40, ())
    plain = await ExplainedPlain.explain()
    assert (plain.query, plain.servers) == ("", ())
    assert str(plain).splitlines()[0] == "ExplainedPlain: no index answers"
    assert plain.advice[0].startswith("unindexed: ExplainedPlain has no index, so all keys")
    assert "no index answers" in plain._repr_html_()


async def test_mistakes_raise_as_in_a_find() -> None:
    with pytest.raises(UnsupportedArgumentTypeError, match="ExplainedDoc.explain cannot use 'key'"):
        await ExplainedDoc.explain("key")
    other: Any = ExplainedPlain
    with pytest.raises(NotIndexedError, match=r"ExplainedPlain.age"):
        await ExplainedPlain.explain(other.age == 1)


async def test_a_field_may_have_the_name() -> None:
    assert ExplainedField().explain == "mine"
