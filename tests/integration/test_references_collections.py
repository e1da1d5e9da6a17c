"""References in sets: every form as an element, the members as they are stored, and their targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ValidationError

from rapyer import AtomicRedisModel, afetch_all
from rapyer.errors import CorruptedModelError, KeyNotFound
from rapyer.types import RedisSet, Reference

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class RefSetUser(AtomicRedisModel):
    name: str = "Ada"


class RefSetTeam(AtomicRedisModel):
    name: str = "team"


class RefSetCircle(BaseModel):
    users: set[Reference[RefSetUser]] = set()


class RefSetClub(AtomicRedisModel):
    users: RedisSet[Reference[RefSetUser]] = RedisSet()
    anyone: set[Reference[RefSetUser] | Reference[RefSetTeam]] = set()
    later: set[Reference["RefSetLater"]] = set()  # noqa: UP037 - the quotes are what is tested
    maybe: RedisSet[Reference[RefSetUser]] | None = None
    circle: RefSetCircle = RefSetCircle()
    circles: list[RefSetCircle] = []
    grouped: dict[str, set[Reference[RefSetUser]]] = {}


class RefSetLater(AtomicRedisModel):
    number: int = 4


def forms_of(user: RefSetUser) -> list[Any]:
    return [user, user.key, Reference[RefSetUser](user), {"$ref": "RefSetUser", "$id": str(user.pk)}]


async def test_w13_a_set_takes_every_form_of_an_element(raw: Redis) -> None:
    user = await RefSetUser().asave()
    club: Any = await RefSetClub().asave()
    for form in forms_of(user):
        await club.users.aadd(form)
        assert await raw.smembers(club.users.special_key) == {f'"{user.key}"'}
        assert await club.users.acontains(form)
        assert club.users == {Reference[RefSetUser](user.key)}
        assert await club.users.aremove(form)
        await club.users.aadd_many([form, form])
        assert await club.users.asize() == 1
        club.users.clear()
        club.users.add(form)
        assert len(club.users) == 1
        club.users.discard(form)
        club.users.update([form])
        club.users.remove(form)
        async with club.apipeline():
            club.users.add(form)
        assert await club.users.amembers() == {Reference[RefSetUser](user.key)}
        await club.users.aclear()
    club.users = [user]
    assert RefSetClub(users=[user, user.key]).users == club.users


async def test_what_cannot_be_a_reference_is_a_validation_error() -> None:
    club: Any = await RefSetClub().asave()
    with pytest.raises(ValidationError, match="Input should be a model, its key, another reference"):
        await club.users.aadd(5)
    with pytest.raises(ValidationError, match="Input should be an instance of RefSetUser, not of RefSetTeam"):
        await club.users.aadd(RefSetTeam())
    assert await club.users.asize() == 0


async def test_members_are_fetched_one_by_one_and_together() -> None:
    users = [await RefSetUser(name=name).asave() for name in "ab"]
    club: Any = await RefSetClub(users=users, circle=RefSetCircle(users=users)).asave()
    loaded: Any = await RefSetClub.aget(club.key)
    assert loaded == club
    assert not any(one.is_resolved for one in loaded.users)
    assert {(await one.afetch()).name for one in loaded.users} == {"a", "b"}
    members = await loaded.users.amembers()
    result = await afetch_all(members)
    assert (result.resolved, result.loaded, result.depth) == (2, 2, 1)
    assert {one.name for one in members} == {"a", "b"}
    popped = await loaded.circle.users.apop()
    assert (await popped.afetch()).name in {"a", "b"}


async def test_the_class_of_a_member_is_that_of_its_key() -> None:
    user, team, later = await RefSetUser().asave(), await RefSetTeam().asave(), await RefSetLater().asave()
    club: Any = await RefSetClub(anyone=[user, team.key], later=[later.key], maybe=[user]).asave()
    loaded: Any = await RefSetClub.aget(club.key)
    assert {type(await one.afetch()) for one in loaded.anyone} == {RefSetUser, RefSetTeam}
    assert [await one.afetch() for one in loaded.later] == [later]
    assert [await one.afetch() for one in loaded.maybe] == [user]


async def test_in_lists_and_dicts_of_sets(raw: Redis) -> None:
    user = await RefSetUser().asave()
    club: Any = await RefSetClub(circles=[RefSetCircle(users=[user])], grouped={"x": [user.key]}).asave()
    await club.circles[0].users.aadd("RefSetUser:2")
    await club.grouped["x"].aadd("RefSetUser:3")
    stored: Any = await raw.json().get(club.key)
    assert set(stored["circles"][0]["users"]) == {f'"{user.key}"', '"RefSetUser:2"'}
    assert set(stored["grouped"]["x"]) == {f'"{user.key}"', '"RefSetUser:3"'}
    loaded: Any = await RefSetClub.aget(club.key)
    assert loaded == club
    result = await afetch_all(loaded, RefSetClub.circles, RefSetClub.grouped)
    assert (result.resolved, result.loaded) == (2, 1)
    assert {one.problem for one in result.dangling} == {"missing"}
    assert {(one.field, one.target_key) for one in result.dangling} == {
        ("circles", "RefSetUser:2"),
        ("grouped", "RefSetUser:3"),
    }


async def test_a_dangling_member_loads_and_a_member_that_is_no_key_does_not(raw: Redis) -> None:
    club: Any = await RefSetClub(users=["RefSetUser:none"]).asave()
    loaded: Any = await RefSetClub.aget(club.key)
    (member,) = loaded.users
    with pytest.raises(KeyNotFound):
        await member.afetch()
    await raw.sadd(club.users.special_key, "5")
    with pytest.raises(CorruptedModelError, match="RefSetClub"):
        await RefSetClub.aget(club.key)
