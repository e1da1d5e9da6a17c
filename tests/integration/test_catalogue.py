"""Every public operation is called by a test against a real Redis.

The list is made of the public classes, and must hold every name that the documents name. Which operations
were called is noted while the other tests of this folder run (`recording.py`), so this only tells something
when all of them do; else it is skipped.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from redis.asyncio import Redis

from rapyer import AtomicRedisModel
from rapyer.types import RedisDatetimeTimestamp
from tests.integration.recording import catalogue, recorder

_COMMON = "Meta asave aload client clone field_name field_path json_path key load pipeline redis save"

DOCUMENTED = {
    # Models: properties, instance methods, class methods, context managers.
    "AtomicRedisModel": "adelete adelete_by_key adelete_many aduplicate aduplicate_many aexists afind afind_keys afind_one "
    "aget ainsert aload alock alock_from_key apipeline asave aset_ttl aupdate class_key_initials field_name field_path "
    "is_inner_model json_path key pk update "
    # the older generation of names, and what the reference lists besides
    "save load pipeline delete duplicate duplicate_many client client_json key_initials redis_dump redis_dump_json "
    "index_name redis_schema acreate_index adelete_index init_class create_redis_model",
    # Functions of the package.
    "Reference": "afetch aunload is_resolved target_key value",
    "rapyer": "acheck_references afetch_all areferrers adelete_many aexists afind afind_one aget ainsert alock_from_key apipeline find_redis_models init_rapyer "
    "teardown_rapyer",
    # Field types.
    "RedisStr": _COMMON,
    "RedisInt": f"{_COMMON} aincrease increase",
    "RedisFloat": f"{_COMMON} aincrease increase",
    "RedisBytes": _COMMON,
    "RedisDatetime": _COMMON,
    "RedisDatetimeTimestamp": _COMMON,
    "RedisList": f"{_COMMON} __iadd__ __setitem__ aappend aclear aextend ainsert apop append clear extend insert remove_range",
    "RedisSet": "Meta client clone field_name field_path json_path key pipeline redis special_key special_field_key "
    "asave_special adelete_special aduplicate_special aadd aadd_many aclear acontains adifference aintersect amembers apop "
    "aremove asize aunion acontains_many aiter_members apop_many asymmetric_difference "
    "add clear difference_update discard intersection_update remove symmetric_difference_update update pop "
    "__iand__ __ior__ __isub__ __ixor__",
    "RedisPriorityQueue": "Meta client clone field_name field_path json_path key pipeline redis special_key "
    "special_field_key asave_special adelete_special aduplicate_special aclear aitems apeek apeek_item apop apop_item "
    "apop_many apop_max apush apush_many arange aremove asize",
    "RedisDict": f"{_COMMON} __setitem__ aclear adel_item apop apopitem aset_item aupdate clear update",
}


class CatalogueAll(AtomicRedisModel):
    text: str = "t"
    number: int = 1
    real: float = 1.5
    raw: bytes = b"r"
    at: dt.datetime = dt.datetime(2024, 1, 1)
    stamp: RedisDatetimeTimestamp = RedisDatetimeTimestamp(2024, 1, 1)
    tags: set[str] = {"a"}
    lst: list[int] = [1]
    dct: dict[str, int] = {"a": 1}


FIELDS = ("text", "number", "real", "raw", "at", "stamp", "lst", "dct")


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("name", FIELDS)
async def test_what_all_types_share(name: str) -> None:
    model: Any = await CatalogueAll().asave()
    value = getattr(model, name)
    assert (value.key, value.json_path, value.field_path, value.field_name) == (
        model.key,
        f"$.{name}",
        name,
        name,
    )
    assert type(value.clone()) is type(value).native
    assert isinstance(value.redis, Redis)
    assert value.client is value.redis
    assert value.pipeline is None
    assert value.Meta is CatalogueAll.Meta
    assert await value.asave() is value
    assert await value.save() is value
    assert await value.aload() == value
    assert await getattr(model, name).load() == value
    async with model.apipeline():
        assert getattr(model, name).pipeline is not None
        await getattr(model, name).asave()
    assert await CatalogueAll.aget(model.key) == model


@pytest.mark.usefixtures("source")
async def test_what_fields_with_a_key_of_their_own_share() -> None:
    model: Any = await CatalogueAll().asave()
    value = model.tags
    assert (value.key, value.json_path, value.field_path) == (model.key, "$.tags", "tags")
    assert (value.field_name, value.special_key) == ("tags", f"__rapyer_special__:{model.key}:tags")
    assert isinstance(value.redis, Redis)
    assert value.client is value.redis
    assert value.pipeline is None
    assert value.Meta is CatalogueAll.Meta
    async with model.apipeline():
        assert model.tags.client.commands == ()


def test_the_catalogue_holds_every_documented_name() -> None:
    operations = catalogue()
    assert [
        f"{subject}.{name}"
        for subject, names in DOCUMENTED.items()
        for name in names.split()
        if (subject, name) not in operations and name != "Meta"
    ] == []


def test_every_operation_is_called_by_a_test_with_a_real_redis() -> None:
    if not recorder.complete:
        pytest.skip("only some tests of this folder run")
    uncalled = sorted(f"{subject}.{name}" for subject, name in catalogue() - recorder.seen)
    assert not uncalled, f"no test of this folder calls {', '.join(uncalled)}"
