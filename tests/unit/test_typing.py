"""What a type checker makes of programs that use the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.typed_programs import check

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
from pydantic import Field
from rapyer import AtomicRedisModel, Index, Key, apipeline

class Typed(AtomicRedisModel):
    name: Key[str]
    age: Index[int] = 3
    tags: list[str] = []
    note: str = Field(default="", max_length=5)

async def program() -> None:
    typed = Typed(name="x")
    typed.age += 1
    typed.name += "y"
    reveal_type(await typed.asave())
    reveal_type(typed.age)
    reveal_type(typed.tags)
    reveal_type(await Typed.aget("x"))
    reveal_type(await Typed.afind(Typed.age >= 18, Typed.name == "x"))
    async with typed.apipeline() as entered:
        reveal_type(entered)
    async with apipeline(typed) as pipe:
        reveal_type(pipe.commands)
    Typed(nam="x")
    typed.age = "old"
"""

REVEALED = [
    "Typed",
    "int",
    "list[str]",
    "Typed",
    "list[Typed]",
    "Typed",
    "tuple[Command[Any], ...]",
]


def test_programs_are_checked_as_plain_pydantic_would_be(tmp_path: Path) -> None:
    checked = check(PROGRAM, tmp_path)
    assert checked.revealed == REVEALED
    assert [text for _, text in checked.errors] == [
        'Unexpected keyword argument "nam" for "Typed"; did you mean "name"?  [call-arg]',
        'Incompatible types in assignment (expression has type "str", variable has type "int")  [assignment]',
    ]
