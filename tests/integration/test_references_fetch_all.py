"""`rapyer.afetch_all` and `rapyer.acheck_references`: many references at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ValidationError

import rapyer
from rapyer import AtomicRedisModel, BrokenReference, FetchResult, Key, RedisConfig, ReferenceReport
from rapyer.actions import ActionGroup
from rapyer.errors import (
    CorruptedModelError,
    KeyNotFound,
    MissingParameterError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
    WrongClassError,
)
from rapyer.model import integrity
from rapyer.session import observe
from rapyer.session.clients import ClientSource
from rapyer.types import Reference

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class FetchCountry(AtomicRedisModel):
    name: Key[str]


class FetchCompany(AtomicRedisModel):
    name: str = ""
    country: Reference[FetchCountry] | None = None
    boss: Reference["FetchUser"] | None = None  # noqa: UP037 - the class comes later
    labels: set[str] = set()


class FetchJob(BaseModel):
    company: Reference[FetchCompany] | None = None


class FetchUser(AtomicRedisModel):
    name: str = ""
    age: int = 3
    company: Reference[FetchCompany] | None = None
    friends: list[Reference["FetchUser"]] = []  # noqa: UP037
    by_role: dict[str, Reference["FetchUser"]] = {}  # noqa: UP037
    circle: set[Reference["FetchUser"]] = set()  # noqa: UP037
    anything: Reference[FetchCompany | FetchCountry] | None = None
    job: FetchJob = FetchJob()
    jobs: list[FetchJob] = []


class FetchAdmin(FetchUser):
    level: int = 1


class FetchNode(AtomicRedisModel):
    number: int = 0
    parent: Reference["FetchNode"] | None = None  # noqa: UP037


class FetchQuiet(AtomicRedisModel):
    Meta = RedisConfig(ttl=1000, refresh_ttl=ActionGroup.UPDATE)


class FetchLoud(AtomicRedisModel):
    Meta = RedisConfig(ttl=1000)


class FetchTimed(AtomicRedisModel):
    quiet: Reference[FetchQuiet]
    loud: Reference[FetchLoud]


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names of the commands of each round trip from here on."""
    sent: list[list[str]] = []
    round_trip = observe.round_trip

    async def counting(client: Redis, requests: Any) -> Any:
        sent.append([str(words[0]) for words in requests])
        return await round_trip(client, requests)

    monkeypatch.setattr(observe, "round_trip", counting)
    return sent


async def stored_users(number: int) -> list[Any]:
    country = await FetchCountry(name="x").asave()
    company = await FetchCompany(name="c", country=country, labels={"l"}).asave()
    users = [await FetchUser(name=str(one), company=company).asave() for one in range(number)]
    return await FetchUser.afind(*(user.key for user in users))


async def test_each_step_is_one_round_trip(writes: list[list[str]]) -> None:
    users = await stored_users(20)
    for user, friend in zip(users, users[1:], strict=False):
        await user.aupdate(friends=[friend.key], anything="FetchCountry:x")
    loaded: Any = await FetchUser.afind(*(user.key for user in users[:10]))
    writes.clear()
    result = await rapyer.afetch_all(
        loaded, FetchUser.company, FetchUser.friends, FetchUser.anything, FetchCompany.country
    )
    # Nine friends are here already; the tenth, and the company with its set, are one step away.
    assert (writes[0][0], writes[0][-1]) == ("MULTI", "EXEC")
    assert sorted(writes[0][1:-1]) == ["JSON.MGET", "JSON.MGET", "JSON.MGET", "SMEMBERS", "SMEMBERS"]
    assert all(user.company.country.name == "x" for user in loaded)
    assert len(writes) == result.depth == 10  # then one friend after the other
    assert (result.loaded, result.dangling) == (12, ())
    assert loaded[0].company.labels == {"l"}


async def test_a_key_is_one_object_everywhere() -> None:
    users: Any = await stored_users(3)
    users[0].friends = [users[1].key, users[2].key]
    users[0].by_role = {"x": users[2].key}
    users[0].circle = [users[0].key, users[2].key]
    users[0].job = FetchJob(company=users[0].company.target_key)
    users[0].jobs = [FetchJob(company=users[0].company.target_key)]
    await users[0].asave()
    first: Any = await FetchUser.aget(users[0].key)
    routes = (
        FetchUser.friends,
        FetchUser.by_role,
        FetchUser.circle,
        FetchUser.company,
        FetchUser.job,
        FetchUser.jobs,
    )
    result = await rapyer.afetch_all(first, *routes)
    assert first.friends[1].value is first.by_role["x"].value
    assert {id(one.value) for one in first.circle} == {id(first), id(first.friends[1].value)}
    company = first.company.value
    assert company is first.job.company.value is first.jobs[0].company.value is first.friends[0].company.value
    assert (result.loaded, result.depth) == (3, 1)


async def test_cycles_end_and_come_back_to_the_given_object() -> None:
    nodes = [await FetchNode(number=number).asave() for number in range(3)]
    for node, parent in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
        await node.aupdate(parent=parent.key)
    start: Any = await FetchNode.aget(nodes[0].key)
    result = await rapyer.afetch_all(start, FetchNode.parent)
    assert result == FetchResult(resolved=3, loaded=2, depth=2)
    assert start.parent.value.parent.value.parent.value is start
    loop = await FetchNode().asave()
    loop.parent = loop.key
    assert await rapyer.afetch_all(loop, FetchNode.parent) == FetchResult(resolved=1, loaded=0, depth=0)
    assert loop.parent.value is loop


async def test_a_field_is_followed_to_the_end_or_so_many_steps() -> None:
    parent: Any = None
    for number in range(5):
        parent = await FetchNode(number=number, parent=parent).asave()
    start: Any = await FetchNode.aget(parent.key)
    assert (await rapyer.afetch_all([start], FetchNode.parent, depth=2)).depth == 2
    assert start.parent.parent.number == 2
    assert not start.parent.parent.parent.is_resolved
    assert (await rapyer.afetch_all([start], FetchNode.parent)).loaded == 2
    assert start.parent.parent.parent.parent.number == 0


async def test_what_is_resolved_already_is_kept_and_followed(writes: list[list[str]]) -> None:
    country = await FetchCountry(name="x").asave()
    company = FetchCompany(country=country.key)  # not stored
    user: Any = FetchUser(company=company)
    result = await rapyer.afetch_all(user, FetchUser.company, FetchCompany.country)
    assert (result.resolved, result.loaded) == (1, 1)
    assert user.company.value is company
    assert user.company.country.name == "x"
    writes.clear()
    assert await rapyer.afetch_all(user, FetchUser.company, FetchCompany.country) == FetchResult()
    assert writes == []


async def test_fields_of_a_class_hold_for_its_subclasses_and_no_others() -> None:
    (user,) = await stored_users(1)
    admin: Any = await FetchAdmin(company=user.company.target_key).asave()
    loaded: Any = await FetchAdmin.aget(admin.key)
    await rapyer.afetch_all([loaded], FetchUser.company)
    assert loaded.company.is_resolved
    await rapyer.afetch_all([user], FetchAdmin.company)
    assert not user.company.is_resolved


async def test_dangling_references_are_reported(raw: Redis) -> None:
    await raw.json().set("FetchCompany:bad", "$", {"name": 5})
    await raw.set("FetchCompany:text", "x")
    users: Any = [
        FetchUser(company=key)
        for key in ("FetchCompany:none", "FetchCompany:bad", "FetchCountry:x", "FetchCompany:text")
    ]
    users += [FetchUser(anything="FetchUser:1")]
    result = await rapyer.afetch_all(users, FetchUser.company, FetchUser.anything)
    found = {one.target_key: one for one in result.dangling}
    assert found["FetchCompany:none"] == BrokenReference(
        owner=users[0].key,
        field="company",
        target_key="FetchCompany:none",
        problem="missing",
        error="no FetchCompany is stored under FetchCompany:none",
    )
    assert {key: one.problem for key, one in found.items()} == {
        "FetchCompany:none": "missing",
        "FetchCompany:bad": "corrupt",
        "FetchCountry:x": "wrong class",
        "FetchCompany:text": "missing",
        "FetchUser:1": "wrong class",
    }
    assert not any(user.company is not None and user.company.is_resolved for user in users)
    with pytest.raises(ValidationError):
        result.dangling = ()
    again = await rapyer.afetch_all(users[0], FetchUser.company)
    assert [one.problem for one in again.dangling] == ["missing"]


async def test_dangling_references_are_raised_if_that_is_asked_for(raw: Redis) -> None:
    (good,) = await stored_users(1)
    bad: Any = FetchUser(company="FetchCompany:none")
    with pytest.raises(KeyNotFound, match="no FetchCompany is stored under FetchCompany:none"):
        await rapyer.afetch_all([bad, good], FetchUser.company, on_dangling="raise")
    assert good.company.is_resolved
    with pytest.raises(WrongClassError):
        await rapyer.afetch_all(FetchUser(company="FetchUser:1"), FetchUser.company, on_dangling="raise")
    await raw.json().set("FetchCompany:bad", "$", {"name": 5})
    with pytest.raises(CorruptedModelError):
        await rapyer.afetch_all(FetchUser(company="FetchCompany:bad"), FetchUser.company, on_dangling="raise")


async def test_references_themselves_can_be_given() -> None:
    (user,) = await stored_users(1)
    references = [Reference[FetchUser](user.key), Reference[FetchUser]("FetchUser:none")]
    result = await rapyer.afetch_all(references)
    assert references[0].value == user
    assert [(one.owner, one.target_key) for one in result.dangling] == [("", "FetchUser:none")]
    alone = Reference[FetchUser](user.key)
    await rapyer.afetch_all(alone, FetchUser.company, FetchCompany.country)
    assert alone.value.company.country.name == "x"
    bare: Any = Reference(user.key)
    assert [one.problem for one in (await rapyer.afetch_all(bare)).dangling] == ["unknown target"]


async def test_in_a_pipeline_it_reads_at_once(raw: Redis) -> None:
    (user,) = await stored_users(1)
    async with user.apipeline():
        user.age = 9
        await rapyer.afetch_all(user, FetchUser.company)
        assert user.company.name == "c"
        assert await raw.json().get(user.key, "$.age") == [3]
    assert await raw.json().get(user.key, "$.age") == [9]


async def test_it_refreshes_the_targets_that_want_that(raw: Redis, writes: list[list[str]]) -> None:
    timed: Any = await FetchTimed(quiet=await FetchQuiet().asave(), loud=await FetchLoud().asave()).asave()
    loaded: Any = await FetchTimed.aget(timed.key)
    for key in (loaded.quiet.target_key, loaded.loud.target_key):
        await raw.expire(key, 50)
    writes.clear()
    await rapyer.afetch_all(loaded, FetchTimed.quiet, FetchTimed.loud)
    assert len(writes) == 1
    assert await raw.ttl(loaded.quiet.key) <= 50
    assert await raw.ttl(loaded.loud.key) > 900


async def test_classes_on_other_servers_are_read_there(source: ClientSource) -> None:
    class FetchFar(AtomicRedisModel):
        Meta = RedisConfig(redis=ClientSource.from_client(source.client()))
        name: str = "far"

    class FetchBoth(AtomicRedisModel):
        far: Reference[FetchFar]
        near: Reference[FetchCountry]

    both: Any = FetchBoth(far=(await FetchFar().asave()).key, near=(await FetchCountry(name="n").asave()).key)
    result = await rapyer.afetch_all(both, FetchBoth.far, FetchBoth.near)
    assert (result.loaded, result.depth) == (2, 1)
    assert (both.far.name, both.near.name) == ("far", "n")


async def test_many_of_one_class_are_one_round_trip(writes: list[list[str]]) -> None:
    await FetchCountry.ainsert(*(FetchCountry(name=str(number)) for number in range(600)))
    companies: Any = [FetchCompany(country=f"FetchCountry:{number}") for number in range(600)]
    writes.clear()
    result = await rapyer.afetch_all(companies, FetchCompany.country)
    assert (result.loaded, writes) == (600, [["MULTI", *["JSON.MGET"] * 2, "EXEC"]])
    assert [one.country.name for one in companies] == [str(number) for number in range(600)]


async def test_what_makes_no_sense_is_refused() -> None:
    user: Any = FetchUser()
    with pytest.raises(
        MissingParameterError, match="requires the fields to follow; name them as User.company"
    ):
        await rapyer.afetch_all(user)
    with pytest.raises(UnsupportedArgumentTypeError, match="FetchUser.age holds no references"):
        await rapyer.afetch_all(user, FetchUser.age)
    with pytest.raises(UnsupportedArgumentTypeError, match="cannot follow 'company'; name a field as User.c"):
        await rapyer.afetch_all(user, "company")
    wrong: Any = ["FetchUser:1"]
    with pytest.raises(UnsupportedArgumentTypeError, match="cannot use 'FetchUser:1'; give it models or"):
        await rapyer.afetch_all(wrong, FetchUser.company)
    with pytest.raises(UnsupportedArgumentValueError, match="depth is 0; give 1 or more"):
        await rapyer.afetch_all(user, FetchUser.company, depth=0)
    other: Any = "skip"
    with pytest.raises(
        UnsupportedArgumentValueError, match='on_dangling is \'skip\'; give "report" or "raise"'
    ):
        await rapyer.afetch_all(user, FetchUser.company, on_dangling=other)


# --- checking ---------------------------------------------------------------------------------------------


async def test_a_check_counts_and_names_what_is_broken(raw: Redis) -> None:
    users: Any = await stored_users(3)
    users[0].friends = [users[1], "FetchUser:none", "FetchCompany:1"]
    users[0].by_role = {"x": "FetchUser:none"}
    users[0].jobs = [FetchJob(company="FetchCompany:none"), FetchJob()]
    users[1].circle = [users[0], "FetchUser:gone"]
    users[1].anything = "FetchCountry:x"
    users[2].anything = "FetchUser:1"
    users[2].job = FetchJob(company=str(users[0].company.target_key))
    for user in users:
        await user.asave()
    await raw.set("FetchUser:none", "no document")
    report = await rapyer.acheck_references(FetchUser)
    assert (report.instances, report.references) == (3, 3 + 3 + 1 + 1 + 2 + 2 + 1)
    assert (report.dangling, report.mismatched, report.ok) == (4, 2, False)
    assert sorted((one.owner, one.field, one.target_key, one.problem) for one in report.broken) == sorted(
        [
            (users[0].key, "friends", "FetchUser:none", "missing"),
            (users[0].key, "friends", "FetchCompany:1", "wrong class"),
            (users[0].key, "by_role", "FetchUser:none", "missing"),
            (users[0].key, "jobs.company", "FetchCompany:none", "missing"),
            (users[1].key, "circle", "FetchUser:gone", "missing"),
            (users[2].key, "anything", "FetchUser:1", "wrong class"),
        ]
    )
    few = await rapyer.acheck_references(FetchUser, limit=2)
    assert (len(few.broken), few.dangling, few.mismatched) == (2, 4, 2)


async def test_a_check_of_sound_references_is_all_right() -> None:
    await stored_users(3)
    report = await rapyer.acheck_references(FetchUser)
    assert report == ReferenceReport(instances=3, references=3)
    assert report.ok
    assert await rapyer.acheck_references(FetchCountry) == ReferenceReport(instances=1)
    assert await rapyer.acheck_references(FetchNode) == ReferenceReport()


async def test_a_check_takes_a_bounded_number_at_a_time(
    monkeypatch: pytest.MonkeyPatch, writes: list[list[str]]
) -> None:
    nodes = [FetchNode(number=number, parent=f"FetchNode:{number}") for number in range(25)]
    await FetchNode.ainsert(*nodes)
    monkeypatch.setattr(integrity, "INSTANCES_PER_READ", 10)
    writes.clear()
    report = await rapyer.acheck_references(FetchNode)
    assert (report.instances, report.dangling) == (25, 25)
    reads = [sent for sent in writes if "JSON.GET" in sent]
    assert [sent.count("JSON.GET") for sent in reads] == [10, 10, 5]


async def test_a_check_meets_bad_companions_and_documents(raw: Redis) -> None:
    (user,) = await stored_users(1)
    await raw.set(user.circle.special_key, "text")
    await raw.json().set("FetchUser:odd", "$", {"friends": "x", "company": {"a": 1}, "by_role": {"a": 5}})
    report = await rapyer.acheck_references(FetchUser)
    assert (report.instances, report.references, report.ok) == (2, 1, True)
    await raw.delete(user.circle.special_key)
    await raw.sadd(user.circle.special_key, "no json", "5", '"FetchUser:none"')
    report = await rapyer.acheck_references(FetchUser)
    assert (report.references, report.dangling) == (2, 1)


async def test_only_a_model_class_can_be_checked() -> None:
    wrong: Any = int
    with pytest.raises(
        UnsupportedArgumentTypeError, match="cannot check <class 'int'>; give it a model class"
    ):
        await rapyer.acheck_references(wrong)
