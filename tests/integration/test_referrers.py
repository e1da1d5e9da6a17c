"""`rapyer.areferrers`: the stored models that refer to one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

import rapyer
from rapyer import ActionGroup, AtomicRedisModel, Key, RedisConfig
from rapyer.errors import (
    InnerModelError,
    RapyerModelDoesntExistError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
    WrongClassError,
)
from rapyer.model import referrers
from rapyer.session import observe
from rapyer.types import RedisPriorityQueue, Reference

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class ReferrersCompany(AtomicRedisModel):
    name: Key[str]


class ReferrersBank(ReferrersCompany):
    assets: int = 0


class ReferrersCity(AtomicRedisModel):
    name: Key[str]


class ReferrersJob(BaseModel):
    company: Reference[ReferrersCompany] | None = None


class ReferrersUser(AtomicRedisModel):
    name: Key[str]
    company: Reference[ReferrersCompany] | None = None
    former: list[Reference[ReferrersCompany]] = []
    by_year: dict[str, Reference[ReferrersCompany]] = {}
    liked: set[Reference[ReferrersCompany]] = set()
    groups: dict[str, set[Reference[ReferrersCompany]]] = {}
    queue: RedisPriorityQueue[Reference[ReferrersCompany]] = RedisPriorityQueue()
    either: Reference[ReferrersCity | ReferrersCompany] | None = None
    place: Reference[ReferrersCity] | None = None
    job: ReferrersJob = ReferrersJob()
    jobs: list[ReferrersJob] = []
    whatever: Any = None


class ReferrersAdmin(ReferrersUser):
    level: int = 1


class ReferrersTeam(AtomicRedisModel):
    name: Key[str]
    members: list[Reference[ReferrersUser]] = []
    sponsor: Reference[ReferrersCompany] | None = None


class ReferrersLink(AtomicRedisModel):
    name: Key[str]
    anything: Reference | None = None  # it does not say what it refers to


class ReferrersTimed(AtomicRedisModel):
    Meta = RedisConfig(ttl=1000)
    name: Key[str]
    company: Reference[ReferrersCompany] | None = None


ACME = "ReferrersCompany:acme"
FORMS: dict[str, Any] = {
    "company": ACME,
    "former": ["ReferrersCompany:other", ACME],
    "by_year": {"2020": ACME},
    "liked": [ACME, "ReferrersCompany:other"],
    "groups": {"g": [ACME]},
    "either": ACME,
    "job": {"company": ACME},
    "jobs": [{}, {"company": ACME}],
}


def named(found: list[Any]) -> list[str]:
    """Return the keys of instances."""
    return [str(model.key) for model in found]


@pytest.mark.parametrize("field", FORMS)
async def test_references_are_found_wherever_they_stand(field: str) -> None:
    acme = await ReferrersCompany(name="acme").asave()
    await ReferrersUser(name="one", **{field: FORMS[field]}).asave()
    await ReferrersUser(name="two", company="ReferrersCompany:other").asave()
    for fields in ([getattr(ReferrersUser, field)], []):
        (found,) = await rapyer.areferrers(acme, *fields)
        assert (type(found), found.key) == (ReferrersUser, "ReferrersUser:one")
    others = [getattr(ReferrersUser, name) for name in FORMS if name not in {field, "queue"}]
    assert await rapyer.areferrers(ACME, *others) == []


async def test_a_queue_holds_references_too() -> None:
    user = await ReferrersUser(name="one").asave()
    await user.queue.apush(Reference(ACME), 5)
    (found,) = await rapyer.areferrers(ACME, ReferrersUser.queue)
    assert found.key == user.key
    assert named(await rapyer.areferrers(ACME)) == [user.key]


async def test_a_primary_key_alone_is_a_reference_where_one_class_is_meant(raw: Redis) -> None:
    await raw.json().set("ReferrersUser:one", "$", {"name": "one", "company": "acme", "former": ["acme"]})
    await raw.json().set("ReferrersUser:two", "$", {"name": "two", "either": "acme", "place": "acme"})
    assert named(await rapyer.areferrers(ACME, ReferrersUser.company, ReferrersUser.either)) == [
        "ReferrersUser:one"
    ]


async def test_fields_of_nested_models_are_named_with_dots() -> None:
    await ReferrersUser(name="one", job={"company": ACME}).asave()
    await ReferrersUser(name="two", company=ACME).asave()
    assert named(await rapyer.areferrers(ACME, ReferrersUser.job.company)) == ["ReferrersUser:one"]
    assert named(await rapyer.areferrers(ACME, ReferrersUser.job)) == ["ReferrersUser:one"]


async def test_several_fields_and_classes_give_each_model_once_in_the_order_of_keys() -> None:
    users = [ReferrersUser(name=name, company=ACME, former=[ACME, ACME]) for name in ("c", "a", "b")]
    admin = ReferrersAdmin(name="z", company=ACME)
    team = ReferrersTeam(name="t", sponsor=ACME, members=[users[0]])
    await rapyer.ainsert(*users, admin, team, ReferrersTeam(name="u", members=[users[1]]))
    found = await rapyer.areferrers(
        ACME, ReferrersUser.company, ReferrersUser.former, ReferrersTeam.sponsor, ReferrersUser.company
    )
    expected = ["ReferrersAdmin:z", *(f"ReferrersUser:{name}" for name in "abc"), "ReferrersTeam:t"]
    assert named(found) == sorted(expected)
    assert [type(model) for model in found][:2] == [ReferrersAdmin, ReferrersTeam]
    assert named(await rapyer.areferrers(ACME)) == sorted(expected)
    assert named(await rapyer.areferrers(ACME, ReferrersAdmin.company)) == ["ReferrersAdmin:z"]
    assert named(await rapyer.areferrers(users[0])) == ["ReferrersTeam:t"]
    assert named(await rapyer.areferrers(ACME, max_results=2)) == sorted(expected)[:2]
    assert await rapyer.areferrers(ACME, max_results=0) == []


async def test_a_subclass_may_be_referred_to_and_is_another_model() -> None:
    await ReferrersUser(name="one", company="ReferrersBank:acme").asave()
    await ReferrersUser(name="two", company=ACME).asave()
    bank = ReferrersBank(name="acme")
    assert named(await rapyer.areferrers(bank, ReferrersUser.company)) == ["ReferrersUser:one"]
    assert named(await rapyer.areferrers(bank)) == ["ReferrersUser:one"]
    assert named(await rapyer.areferrers(ACME)) == ["ReferrersUser:two"]


async def test_a_reference_may_be_given_and_its_target_need_not_be_stored() -> None:
    user = await ReferrersUser(name="one", company=ACME).asave()
    assert user.company is not None
    assert named(await rapyer.areferrers(user.company, ReferrersUser.company)) == [user.key]
    assert await rapyer.areferrers("ReferrersCompany:none") == []


async def test_a_reference_to_anything_is_found_by_the_full_key() -> None:
    await ReferrersLink(name="one", anything=Reference(ACME)).asave()
    await ReferrersLink(name="two", anything=Reference("ReferrersCity:acme")).asave()
    assert named(await rapyer.areferrers(ACME, ReferrersLink.anything)) == ["ReferrersLink:one"]
    assert named(await rapyer.areferrers("ReferrersCity:acme")) == ["ReferrersLink:two"]


async def test_it_runs_at_once_in_a_pipeline() -> None:
    user = await ReferrersUser(name="one", company=ACME).asave()
    async with rapyer.apipeline():
        await ReferrersUser(name="two", company=ACME).asave()
        assert named(await rapyer.areferrers(ACME, ReferrersUser.company)) == [user.key]
    assert len(await rapyer.areferrers(ACME, ReferrersUser.company)) == 2


async def test_only_references_are_read_and_of_many_instances_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[list[str]] = []
    round_trip = observe.round_trip

    async def noting(client: Redis, requests: Any) -> Any:
        sent.append([str(words[0]) for words in requests])
        return await round_trip(client, requests)

    monkeypatch.setattr(observe, "round_trip", noting)
    monkeypatch.setattr(referrers, "INSTANCES_PER_READ", 10)
    await ReferrersUser.ainsert(
        *(ReferrersUser(name=f"{n:02}", company=ACME if n < 3 else None) for n in range(25))
    )
    sent.clear()
    found = await rapyer.areferrers(ACME, ReferrersUser.company)
    assert named(found) == [f"ReferrersUser:{n:02}" for n in range(3)]
    reads = [names.count("JSON.GET") for names in sent if "JSON.GET" in names]
    assert reads == [10, 10, 5]
    assert not any("SMEMBERS" in names for names in sent if "JSON.GET" in names)


async def test_what_does_not_fit_its_class_is_left_out_and_logged(
    raw: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await ReferrersTeam(name="one", sponsor=ACME).asave()
    await raw.json().set("ReferrersTeam:bad", "$", {"name": "bad", "sponsor": ACME, "members": 5})
    await raw.set("ReferrersTeam:text", "x")
    with caplog.at_level(logging.WARNING, logger="rapyer"):
        assert named(await rapyer.areferrers(ACME, ReferrersTeam.sponsor)) == ["ReferrersTeam:one"]
    assert (
        "rapyer.areferrers left out 1 of its documents: 1 corrupt, 0 gone (ReferrersTeam:bad)" in caplog.text
    )


@pytest.mark.parametrize(("groups", "anew"), [(ActionGroup.FETCH, True), (ActionGroup.UPDATE, False)])
async def test_only_what_is_found_starts_its_time_to_live_anew(
    groups: ActionGroup, anew: bool, raw: Redis
) -> None:
    ReferrersTimed.Meta.refresh_ttl = groups
    for name, company in (("one", ACME), ("two", "ReferrersCompany:other")):
        await ReferrersTimed(name=name, company=company).asave()
        await raw.expire(f"ReferrersTimed:{name}", 50)
    await rapyer.areferrers(ACME, ReferrersTimed.company)
    assert (await raw.ttl("ReferrersTimed:one") > 50) is anew
    assert await raw.ttl("ReferrersTimed:two") <= 50


async def test_what_cannot_be_asked_is_refused() -> None:
    city = ReferrersCity(name="x")
    refused = (
        r"ReferrersUser.company is a Reference\[ReferrersCompany\] and cannot refer to ReferrersCity:x; "
        "name fields that may refer to a ReferrersCity"
    )
    with pytest.raises(WrongClassError, match=refused) as caught:
        await rapyer.areferrers(city, ReferrersUser.company)
    assert (caught.value.key, caught.value.field) == ("ReferrersCity:x", "company")
    with pytest.raises(
        UnsupportedArgumentTypeError, match=r"ReferrersUser.name holds no references that can"
    ):
        await rapyer.areferrers(city, ReferrersUser.name)
    with pytest.raises(
        UnsupportedArgumentTypeError, match=r"ReferrersUser.whatever holds no ref.*whole are not looked at"
    ):
        await rapyer.areferrers(city, ReferrersUser.whatever)
    with pytest.raises(
        UnsupportedArgumentTypeError, match=r"rapyer.areferrers cannot follow 'company'; name"
    ):
        await rapyer.areferrers(city, "company")
    given: Any = 5
    with pytest.raises(
        UnsupportedArgumentTypeError, match=r"nothing can refer to 5; give rapyer.areferrers a"
    ):
        await rapyer.areferrers(given, ReferrersUser.company)
    with pytest.raises(RapyerModelDoesntExistError, match="no model class has keys that start with Nobody:"):
        await rapyer.areferrers("Nobody:1")
    with pytest.raises(UnsupportedArgumentValueError, match="max_results is -1"):
        await rapyer.areferrers(city, max_results=-1)
    inner: Any = ReferrersUser(name="one").job
    with pytest.raises(InnerModelError, match="is an inner model, which has no key of its own"):
        await rapyer.areferrers(inner)
