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
from tests.data.documented_names import DOCUMENTED
from tests.integration.recording import catalogue, recorder


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
