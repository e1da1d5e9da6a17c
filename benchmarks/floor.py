"""The same operations written by hand.

"raw" is redis-py and orjson, which end in dicts; "rp" puts plain pydantic models on top of it; "plain" is
pydantic where no server is needed.
"""

from __future__ import annotations

import asyncio
import tracemalloc
import uuid
from itertools import count
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import BaseModel, create_model

from benchmarks.checks import equals, found, named, positive
from benchmarks.documents import MATCHING, PLAIN, VALUES, AssignedWide, PlainWide
from benchmarks.timing import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redis.asyncio import Redis

_serial = count()
_PER_READ = 1000
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


def local_work() -> dict[str, dict[str, Work]]:
    """Return what plain pydantic needs for the local operations, by operation and contender."""
    user = PlainWide(**VALUES["10f"]())
    assigned = AssignedWide(**VALUES["10f"]())

    def read(times: int) -> str:
        for _ in range(times):
            user.name  # noqa: B018 - the read is what is measured
        return str(user.name)

    def assign(times: int) -> int:
        for number in range(times):
            assigned.visits = number
        return assigned.visits - times

    works = {f"construct {shape}": {"plain": _constructing(shape)} for shape in PLAIN}
    works["read again"] = {"plain": Work(read, equals("user 7"))}
    works["set attribute"] = {"plain": Work(assign, equals(-1))}
    works["define 50 classes"] = {"plain": Work(_define, equals(50), bulk=True)}
    for shape in PLAIN:
        memory = Work(_bytes_each(shape), positive, bulk=True, own_clock=True)
        works[f"memory {shape}"] = {"plain": memory}
    return works


def _constructing(shape: str) -> Work:
    model, values = PLAIN[shape], VALUES[shape]()

    def construct(times: int) -> Any:
        for _ in range(times):
            made = model(**values)
        return made

    return Work(construct, named("user 7"))


def _define(_: int) -> int:
    fields: Any = {f"field{number}": (int, number) for number in range(10)}
    classes: list[Any] = [
        create_model(f"Plain{next(_serial)}", __base__=BaseModel, **fields) for _ in range(50)
    ]
    assert classes[0]().field3 == 3
    return len(classes)


def _bytes_each(shape: str) -> Callable[[int], float]:
    document = PLAIN[shape](**VALUES[shape]()).model_dump_json().encode()
    validate = PLAIN[shape].__pydantic_validator__.validate_json

    def run(_: int) -> float:
        validate(document)
        tracemalloc.start()
        kept = [validate(document) for _ in range(1000)]
        used = tracemalloc.get_traced_memory()[0] / len(kept)
        tracemalloc.stop()
        return used

    return run


class ByHand:
    """Operations through one client; its documents stand under the keys that the library's class has.

    Args:
        client: A client of `redis.asyncio`, as `Redis.from_url` gives it.
        prefixes: What the keys of each shape start with, so that the same indexes hold for everybody.
    """

    def __init__(self, client: Redis, prefixes: dict[str, str]) -> None:
        self._client: Any = client
        self._send: Any = client.execute_command
        self._prefixes = prefixes

    def _document(self, shape: str, number: int = 7) -> dict[str, Any]:
        document: dict[str, Any] = orjson.loads(self._text(shape, number))
        return document

    def _text(self, shape: str, number: int = 7) -> bytes:
        return PLAIN[shape](**VALUES[shape](number)).model_dump_json().encode()

    def _key(self, shape: str) -> str:
        return f"{self._prefixes[shape]}:{uuid.uuid4()}"

    async def _stored(self, shape: str) -> str:
        key = self._key(shape)
        await self._send("JSON.SET", key, "$", self._text(shape))
        return key

    async def stored_work(self) -> dict[str, dict[str, Work]]:
        """Store a document of each shape and return the operations on single documents."""
        works: dict[str, dict[str, Work]] = {}
        for shape in PLAIN:
            works |= self._reads(shape, await self._stored(shape))
            works |= self._writes(shape, await self._stored(shape))
        works |= self._fields(await self._stored("10f"))
        works |= self._pipelines(await self._stored("10f"))
        works["lock+get+release"] = {"raw": self._lock(await self._stored("10f"))}
        return works

    def _reads(self, shape: str, key: str) -> dict[str, dict[str, Work]]:
        send, validate = self._send, PLAIN[shape].__pydantic_validator__.validate_json

        async def get(times: int) -> Any:
            for _ in range(times):
                loaded = orjson.loads(await send("JSON.GET", key, "."))
            return loaded

        async def get_model(times: int) -> Any:
            for _ in range(times):
                loaded = validate(await send("JSON.GET", key, "."))
            return loaded

        async def one() -> Any:
            return orjson.loads(await send("JSON.GET", key, "."))

        async def get_at_once(times: int) -> Any:
            for _ in range(times):
                loaded = await asyncio.gather(*(one() for _ in range(80)))
            return loaded[-1]

        reads = {"raw": Work(get, named("user 7")), "rp": Work(get_model, named("user 7"))}
        return {
            f"aget {shape}": reads,
            f"aload {shape}": reads,
            f"aget x80 at once {shape}": {"raw": Work(get_at_once, named("user 7"))},
        }

    def _writes(self, shape: str, key: str) -> dict[str, dict[str, Work]]:
        send, document = self._send, self._document(shape)
        model = PLAIN[shape](**VALUES[shape]())
        dump = model.__pydantic_serializer__.to_json
        doomed: list[str] = []

        async def save(times: int) -> Any:
            for _ in range(times):
                await send("JSON.SET", key, "$", orjson.dumps(document))
            return orjson.loads(await send("JSON.GET", key, "."))

        async def save_model(times: int) -> Any:
            for _ in range(times):
                await send("JSON.SET", key, "$", dump(model))
            return orjson.loads(await send("JSON.GET", key, "."))

        async def store_doomed(times: int) -> None:
            doomed[:] = [self._key(shape) for _ in range(times)]
            await self._store(shape, doomed, [document] * times)

        async def delete(times: int) -> int:
            for one in doomed:
                deleted = await send("DEL", one)
            return int(deleted)

        return {
            f"asave {shape}": {"raw": Work(save, named("user 7")), "rp": Work(save_model, named("user 7"))},
            f"adelete {shape}": {"raw": Work(delete, equals(1), before=store_doomed)},
        }

    def _fields(self, key: str) -> dict[str, dict[str, Work]]:
        send = self._send

        async def increase(times: int) -> int:
            for _ in range(times):
                new = await send("JSON.NUMINCRBY", key, "$.visits", 1)
            return int((orjson.loads(new) if isinstance(new, bytes) else new)[0])

        async def append(times: int) -> int:
            for _ in range(times):
                new = await send("JSON.ARRAPPEND", key, "$.tags", orjson.dumps("x"))
            return int(new[0])

        async def set_item(times: int) -> bool:
            for number in range(times):
                done = await send("JSON.SET", key, "$.limits.day", orjson.dumps(number))
            return bool(done)

        async def emptied(_: int) -> None:
            await send("JSON.SET", key, "$.tags", b"[]")

        return {
            "int increase": {"raw": Work(increase, positive, before=emptied)},
            "list append": {"raw": Work(append, positive, before=emptied)},
            "dict set": {"raw": Work(set_item, equals(True), before=emptied)},
        }

    def _pipelines(self, key: str) -> dict[str, dict[str, Work]]:
        def piped(operations: int) -> Work:
            async def run(times: int) -> int:
                for _ in range(times):
                    orjson.loads(await self._send("JSON.GET", key, "."))
                    async with self._client.pipeline(transaction=True) as pipe:
                        for number in range(operations // 4):
                            pipe.execute_command("JSON.NUMINCRBY", key, "$.visits", 1)
                            pipe.execute_command("JSON.ARRAPPEND", key, "$.tags", orjson.dumps("x"))
                            pipe.execute_command("JSON.SET", key, "$.limits.day", orjson.dumps(number))
                            pipe.execute_command("JSON.SET", key, "$.name", orjson.dumps(f"user {number}"))
                        await pipe.execute()
                length = (await self._send("JSON.ARRLEN", key, "$.tags"))[0]
                return int(length) - times * operations // 4

            async def emptied(_: int) -> None:
                await self._send("JSON.SET", key, "$.tags", b"[]")

            return Work(run, equals(0), before=emptied)

        return {f"pipeline {operations} ops": {"raw": piped(operations)} for operations in (100, 1000)}

    def _lock(self, key: str) -> Work:
        async def run(times: int) -> Any:
            for _ in range(times):
                token = str(uuid.uuid4())
                assert await self._client.set(f"{key}:lock", token, nx=True, px=30_000)
                document = orjson.loads(await self._send("JSON.GET", key, "."))
                assert await self._client.eval(_RELEASE, 1, f"{key}:lock", token)
            return document

        return Work(run, named("user 7"))

    async def _store(self, shape: str, keys: Sequence[str], documents: Sequence[Any]) -> None:
        async with self._client.pipeline(transaction=True) as pipe:
            for key, document in zip(keys, documents, strict=True):
                pipe.execute_command("JSON.SET", key, "$", orjson.dumps(document))
            await pipe.execute()

    def bulk_work(self, shape: str, size: int) -> dict[str, dict[str, Work]]:
        """Return the operations on all documents of a shape, which are stored already."""
        works = self._finds(shape, size)
        works |= self._inserts(shape, size)
        return works

    def _finds(self, shape: str, size: int) -> dict[str, dict[str, Work]]:
        validate = PLAIN[shape].__pydantic_validator__.validate_json
        prefix = self._prefixes[shape]

        async def listed() -> list[bytes]:
            return [key async for key in self._client.scan_iter(match=f"{prefix}:*", count=_PER_READ)]

        async def read(keys: Sequence[bytes], parse: Callable[[bytes], Any]) -> list[Any]:
            texts: list[bytes] = []
            for start in range(0, len(keys), _PER_READ):
                texts += await self._send("JSON.MGET", *keys[start : start + _PER_READ], ".")
            return [parse(text) for text in texts]

        def finding(parse: Callable[[bytes], Any]) -> Work:
            async def run(_: int) -> list[Any]:
                return await read(await listed(), parse)

            return Work(run, found(size), bulk=True)

        def by_keys(parse: Callable[[bytes], Any]) -> Work:
            keys: list[bytes] = []

            async def before(_: int) -> None:
                keys[:] = keys or await listed()

            async def run(_: int) -> list[Any]:
                return await read(keys, parse)

            return Work(run, found(size), before=before, bulk=True)

        def matching(parse: Callable[[bytes], Any]) -> Work:
            most = size // MATCHING

            async def run(_: int) -> list[Any]:
                query = (f"idx:{prefix}", "@age:[7 7]", "RETURN", 1, "$", "LIMIT", 0, most, "DIALECT", 2)
                return [parse(text) for text in _texts(await self._send("FT.SEARCH", *query))]

            return Work(run, found(most, 7), bulk=True)

        both: dict[str, Callable[[bytes], Any]] = {"raw": orjson.loads, "rp": validate}
        return {
            f"afind all {size} {shape}": {name: finding(parse) for name, parse in both.items()},
            f"afind by keys {size} {shape}": {name: by_keys(parse) for name, parse in both.items()},
            f"afind expr 1 of 10 in {size} {shape}": {name: matching(parse) for name, parse in both.items()},
        }

    def _inserts(self, shape: str, size: int) -> dict[str, dict[str, Work]]:
        keys: list[str] = []

        async def clean(_: int) -> None:
            for start in range(0, len(keys), _PER_READ):
                await self._send("DEL", *keys[start : start + _PER_READ])
            keys[:] = [self._key(shape) for _ in range(size)]

        documents = [self._document(shape, number) for number in range(size)]
        models = [PLAIN[shape](**VALUES[shape](number)) for number in range(size)]
        dump = PLAIN[shape].__pydantic_serializer__.to_json

        async def insert(_: int) -> int:
            await self._store(shape, keys, documents)
            return len(keys)

        async def insert_models(_: int) -> int:
            async with self._client.pipeline(transaction=True) as pipe:
                for key, model in zip(keys, models, strict=True):
                    pipe.execute_command("JSON.SET", key, "$", dump(model))
                return len(await pipe.execute())

        async def store(times: int) -> None:
            await clean(times)
            await self._store(shape, keys, documents)

        async def delete(_: int) -> int:
            deleted = 0
            for start in range(0, size, _PER_READ):
                deleted += await self._send("DEL", *keys[start : start + _PER_READ])
            keys.clear()
            return deleted

        return {
            f"ainsert {size} {shape}": {
                "raw": Work(insert, equals(size), before=clean, bulk=True),
                "rp": Work(insert_models, equals(size), before=clean, bulk=True),
            },
            f"adelete_many {size} {shape}": {"raw": Work(delete, equals(size), before=store, bulk=True)},
        }


def _texts(reply: Any) -> list[bytes]:
    if isinstance(reply, dict):
        return [_member(_member(row, "extra_attributes"), "$") for row in _member(reply, "results")]
    return [fields[fields.index(b"$") + 1] for fields in reply[2::2]]


def _member(mapping: dict[Any, Any], name: str) -> Any:
    return mapping[name] if name in mapping else mapping[name.encode()]
