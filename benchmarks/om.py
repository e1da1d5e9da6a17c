"""redis-om, where it is installed."""

from __future__ import annotations

import datetime as dt
import importlib.util
from typing import TYPE_CHECKING, Any

from benchmarks.checks import equals, named
from benchmarks.documents import VALUES
from benchmarks.timing import Work

if TYPE_CHECKING:
    from redis.asyncio import Redis


def is_installed() -> bool:
    """Tell whether redis-om can be measured."""
    return importlib.util.find_spec("aredis_om") is not None


async def stored_work(client: Redis) -> dict[str, dict[str, Work]]:
    """Return the operations on single documents.

    Args:
        client: A client with `decode_responses`, which redis-om needs.
    """
    model = _model(client)
    user = await model(**VALUES["10f"]()).save()
    doomed: list[Any] = []

    async def save(times: int) -> Any:
        for _ in range(times):
            await user.save()
        return user

    async def get(times: int) -> Any:
        for _ in range(times):
            loaded = await model.get(user.pk)
        return loaded

    async def store_doomed(times: int) -> None:
        doomed[:] = [await model(**VALUES["10f"]()).save() for _ in range(times)]

    async def delete(times: int) -> int:
        for one in doomed:
            deleted = await model.delete(one.pk)
        return int(deleted)

    return {
        "asave 10f": {"om": Work(save, named("user 7"))},
        "aget 10f": {"om": Work(get, named("user 7"))},
        "adelete 10f": {"om": Work(delete, equals(1), before=store_doomed)},
    }


def _model(client: Redis) -> Any:
    aredis_om: Any = importlib.import_module("aredis_om")

    class Address(aredis_om.EmbeddedJsonModel):  # type: ignore[misc]
        street: str
        city: str

    class OmWide(aredis_om.JsonModel, index=True):  # type: ignore[misc, call-arg]
        name: str
        email: str
        age: int
        visits: int
        score: float
        active: bool
        tags: list[str]
        limits: dict[str, int]
        joined: dt.datetime
        address: Address

        class Meta:
            database = client

    OmWide.model_rebuild(_types_namespace={"dt": dt, "Address": Address})
    return OmWide
