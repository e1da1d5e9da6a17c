"""References that rapyer 1.3.6 has stored are read, changed, and written as it writes them (golden file)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, Field

from rapyer import AtomicRedisModel, acheck_references, afetch_all
from rapyer.types import RedisPriorityQueue, RedisSet, Reference

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "references_1_3_6.json").read_text(encoding="utf-8")
)
BOOK = "GoldenBook:book"
FANS = f"__rapyer_special__:{BOOK}:fans"
WAITING = f"__rapyer_special__:{BOOK}:waiting"


class GoldenAuthor(AtomicRedisModel):
    name: str = "Ada"


class GoldenDesk(BaseModel):
    editor: Reference[GoldenAuthor] | None = None
    readers: list[Reference[GoldenAuthor]] = []


class GoldenBook(AtomicRedisModel):
    author: Reference[GoldenAuthor]
    editor: Reference[GoldenAuthor] | None = None
    nobody: Reference[GoldenAuthor] | None = None
    readers: list[Reference[GoldenAuthor]] = []
    by_role: dict[str, Reference[GoldenAuthor]] = {}
    sequel: Reference["GoldenBook"] | None = None  # noqa: UP037 - as it is written there
    desk: GoldenDesk = GoldenDesk()
    fans: RedisSet[Reference[GoldenAuthor]] = Field(default_factory=RedisSet)
    waiting: RedisPriorityQueue[Reference[GoldenAuthor]] = Field(
        default_factory=RedisPriorityQueue, exclude=True
    )


@pytest.fixture
async def _stored(raw: Redis) -> None:
    for key, value in GOLDEN.items():
        if isinstance(value, dict):
            await raw.json().set(key, "$", value)
    await raw.sadd(FANS, *GOLDEN[FANS])
    await raw.zadd(WAITING, dict(GOLDEN[WAITING]))


@pytest.mark.usefixtures("_stored")
async def test_its_references_load_and_are_fetched() -> None:
    book: Any = await GoldenBook.aget("book")
    assert book.model_dump(exclude={"fans"}) == GOLDEN[BOOK]
    assert (await book.author.afetch()).name == "Ada"
    fields = (GoldenBook.editor, GoldenBook.readers, GoldenBook.by_role, GoldenBook.desk, GoldenBook.fans)
    result = await afetch_all(book, *fields)
    assert result.dangling == ()
    assert book.by_role["x"].value is book.desk.readers[0].value is book.editor.value
    assert {one.name for one in book.fans} == {"Ada", "Bo"}
    assert await book.fans.acontains("GoldenAuthor:ada")
    assert [(item.value.target_key, item.priority) for item in await book.waiting.aitems()] == [
        ("GoldenAuthor:bo:1", 1.0),
        ("GoldenAuthor:ada", 2.0),
    ]
    assert (await (await book.waiting.apop()).afetch()).name == "Bo"
    report = await acheck_references(GoldenBook)
    assert [(one.field, one.target_key) for one in report.broken] == [("sequel", "GoldenBook:next")]


@pytest.mark.usefixtures("_stored")
async def test_they_are_written_as_it_writes_them(raw: Redis) -> None:
    ada, bo = await GoldenAuthor.afind("ada", "bo:1")
    book = GoldenBook(
        author=ada,
        editor=bo,
        readers=[ada, bo.key],
        by_role={"x": bo},
        sequel="GoldenBook:next",
        desk=GoldenDesk(editor=ada.key, readers=[bo]),
        fans=[ada, bo.key],
    )
    await book.asave()
    assert await raw.json().get(book.key) == GOLDEN[BOOK]
    assert sorted(await raw.smembers(book.fans.special_key)) == GOLDEN[FANS]
    await book.waiting.apush(ada, 2)
    await book.waiting.apush(bo.key, 1)
    stored = await raw.zrange(book.waiting.special_key, 0, -1, withscores=True)
    assert [[member, score] for member, score in stored] == GOLDEN[WAITING]


@pytest.mark.usefixtures("_stored")
async def test_a_change_keeps_the_rest_as_it_was(raw: Redis) -> None:
    book: Any = await GoldenBook.aget("book")
    await book.readers.aappend(book.author)
    await book.fans.aremove("GoldenAuthor:ada")
    book.nobody = book.author
    await book.asave()
    expected = GOLDEN[BOOK] | {
        "nobody": "GoldenAuthor:ada",
        "readers": [*GOLDEN[BOOK]["readers"], "GoldenAuthor:ada"],
    }
    assert await raw.json().get(BOOK) == expected
    assert await raw.smembers(FANS) == {'"GoldenAuthor:bo:1"'}
