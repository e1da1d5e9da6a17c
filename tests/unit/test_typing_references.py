"""What a type checker makes of references: a field takes every form, and gives a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.typed_programs import check

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
from typing import Annotated, Optional
from rapyer import AtomicRedisModel, acheck_references, afetch_all, areferrers
from rapyer.cascade import CascadeTTL
from rapyer.types import ForeignKey, RedisPriorityQueue, RedisSet, Reference

class Author(AtomicRedisModel):
    name: str = ""

class Book(AtomicRedisModel):
    author: Reference[Author]
    marked: Annotated[Reference[Author], CascadeTTL()]
    editors: list[Reference[Author]] = []
    sequel: Optional[Reference["Book"]] = None
    either: "Reference[Author | Book] | None" = None
    by_role: dict[str, ForeignKey[Author]] = {}
    fans: set[Reference[Author]] = set()
    readers: RedisSet[Reference[Author]] = RedisSet()
    waiting: RedisPriorityQueue[Reference[Author]] = RedisPriorityQueue()

async def program(author: Author) -> None:
    book = Book(author=author, marked="Author:1")
    book = Book(author={"$ref": "Author", "$id": "1"}, marked=book.author)
    book.author = author
    book.author = "Author:1"
    reveal_type(book.author)
    reveal_type(await book.author.afetch())
    reveal_type(book.author.value)
    reveal_type(book.author.target_key)
    reveal_type(await book.editors[0].afetch())
    reveal_type(await afetch_all([book], Book.author))
    reveal_type(await acheck_references(Book))
    reveal_type(await areferrers(author, Book.author))
    reveal_type(await book.adelete(cascade=True))
    reveal_type(await Book.adelete_many(book, cascade=True))
    reveal_type(await book.aset_ttl(5, cascade=True))
    book.sequel = None
    book.sequel = book
    assert book.sequel and book.either
    reveal_type(await book.sequel.afetch())
    reveal_type(await book.either.afetch())
    reveal_type(await book.by_role["x"].afetch())
    reveal_type([await fan.afetch() for fan in book.fans])
    reveal_type(await book.readers.amembers())
    reveal_type(await book.waiting.apop())
    book.editors.append(Reference(author))
    await book.readers.aadd(Reference("Author:1"))
    await book.waiting.apush(Reference(author), 1)
    book.author = 5
"""

REVEALED = [
    "Reference[Author]",
    "Author",
    "Author",
    "str",
    "Author",
    "FetchResult",
    "ReferenceReport",
    "list[AtomicRedisModel]",
    "bool",
    "DeleteResult",
    "CascadeResult | None",
    "Book",
    "Author | Book",
    "Author",
    "list[Author]",
    "set[Reference[Author]]",
    "Reference[Author] | None",
]


def test_references_are_checked(tmp_path: Path) -> None:
    checked = check(PROGRAM, tmp_path)
    assert checked.revealed == REVEALED
    ((_, error),) = checked.errors
    assert error.startswith('Incompatible types in assignment (expression has type "int"')
