"""Every documented operation is called by a notebook of the course."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebooks.calls import calls_of
from tests.notebooks.coverage import EXEMPT, called_by, is_called, listed, missing
from tests.notebooks.lessons import PATHS, Cell, Lesson
from tests.notebooks.operations import Operation, operations

MODELS = """
from rapyer import AtomicRedisModel, Index, afind
import rapyer_nb as nb
from rapyer.reducers import count as how_many
class Shelf(AtomicRedisModel):
    title: Index[str] = ""
    marks: set[int] = set()
    lines: "list[str] | None" = None
    books: list[str] = []
"""


def test_every_documented_operation_is_called() -> None:
    found = missing(called_by(PATHS))
    assert not found, f"no executed cell calls\n{listed(found)}"


def test_what_need_not_be_called_exists_and_is_not_called() -> None:
    assert set(EXEMPT) <= {str(one) for one in operations()}


@pytest.mark.parametrize(
    ("code", "owner", "name", "expected"),
    [
        ("await shelf.marks.apop()", "RedisSet", "apop", True),
        ("await shelf.marks.apop()", "RedisList", "apop", False),
        ("shelf = await Shelf().asave()\nawait shelf.marks.aload()", "AtomicRedisModel", "aload", False),
        ("shelf = await Shelf().asave()\nawait shelf.aload()", "AtomicRedisModel", "aload", True),
        ("shelf = await Shelf().asave()\nawait shelf.aload()", "RedisType", "aload", False),
        ("await who_knows.apop()", "RedisDict", "apop", True),
        ("[].append(1)", "RedisList", "append", False),
        ("shelf.books += ['a']", "RedisList", "__iadd__", True),
        ("shelf.marks -= {1}", "RedisSet", "__isub__", True),
        ("number -= 1", "RedisSet", "__isub__", False),
        ("shelf.books[0] = 'a'", "RedisList", "__setitem__", True),
        ("await afind('a')", "rapyer", "afind", True),
        ("await Shelf.afind()", "rapyer", "afind", False),
        ("await Shelf.afind()", "AtomicRedisModel", "afind", True),
        ("nb.find", "rapyer_nb", "find", True),
        ("how_many()", "rapyer", "count", True),
        ("how_many()", "rapyer_nb", "count", False),
        ("Shelf.title.prefix('a')", "field", "prefix", True),
        ("%rapyer_find Shelf title.fuzzy('a')", "field", "fuzzy", True),
        ("from rapyer import ActionGroup\nActionGroup.all()", "ActionGroup", "all", True),
        ("found << %rapyer_find Shelf", "", "rapyer_find", True),
        ("found = %rapyer_find Shelf", "", "rapyer_find", True),
        ("'%rapyer_find Shelf'", "", "rapyer_find", False),
        ("%%rapyer_trace\nawait shelf.marks.asize()", "", "rapyer_trace", True),
        ("%%rapyer_trace\nawait shelf.marks.asize()", "RedisSet", "asize", True),
        ("%time await shelf.marks.asize()", "RedisSet", "asize", True),
        ("%%writefile a.py\nshelf.marks.asize()", "RedisSet", "asize", True),
    ],
)
def test_what_counts_as_called(code: str, owner: str, name: str, expected: bool) -> None:
    cells = (Cell(True, MODELS), Cell(True, code))
    calls = calls_of(Lesson(Path("a.ipynb"), cells))
    assert is_called(Operation("", owner, name), calls) is expected
