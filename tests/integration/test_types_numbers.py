"""Numbers and text: Redis computes what Python computes, or refuses before anything is written."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from rapyer import AtomicRedisModel, apipeline
from rapyer.errors import KeyNotFound, NumberDomainError, NumberRangeError, TransactionError

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

TOP = 2**63 - 1
BOTTOM = -(2**63)


class NumberBox(AtomicRedisModel):
    number: int = 10
    real: float = 2.5
    text: str = "ab"
    maybe: int | None = None
    scores: list[int] = [1, 2, 3]
    named: dict[str, int] = {"a": 1}
    nested: list[list[int]] = [[1], [2, 3]]


async def saved(**values: Any) -> Any:
    return await NumberBox(**values).asave()


async def stored(box: Any) -> Any:
    return await NumberBox.aget(box.key)


@pytest.mark.parametrize("amounts", [(), (1,), (5,), (-3,), (0,), (True,)])
async def test_increments_return_the_new_value_and_leave_the_local_one(amounts: tuple[int, ...]) -> None:
    box = await saved()
    expected = 10 + (amounts[0] if amounts else 1)
    assert await box.number.aincrease(*amounts) == expected
    assert (box.number, (await stored(box)).number) == (10, expected)


async def test_a_sequence_of_increments() -> None:
    box = await saved(number=0)
    assert [await box.number.increase(amount) for amount in (10, 20, -5)] == [10, 30, 25]
    assert await box.real.aincrease(0.25) == 2.75
    assert await box.real.increase(-1) == 1.75


@pytest.mark.parametrize("start", [0, 2**31, 2**53, 2**62, TOP, TOP - 1, BOTTOM, BOTTOM + 1, -(2**53)])
@pytest.mark.parametrize(
    "amount", [1, -1, 2**31, 2**53 + 1, -(2**53) - 1, 2**62, -(2**62), 10**18, TOP, -TOP, BOTTOM]
)
async def test_increments_never_wrap_round(start: int, amount: int, raw: Redis) -> None:
    box = await saved(number=start)
    local: Any = box.number
    if BOTTOM <= start + amount <= TOP:
        assert await local.aincrease(amount) == start + amount
        assert (await stored(box)).number == start + amount
    else:
        with pytest.raises(NumberRangeError, match=r"\$.number: the result exceeds 64 bits"):
            await local.aincrease(amount)
        assert await raw.execute_command("JSON.GET", box.key, "$.number") == f"[{start}]"


@pytest.mark.parametrize("foreign", ["3.0", "3.5", "0.1", "-2.0", "1e+20", "9223372036854775808"])
async def test_a_number_of_another_program_that_is_no_integer_stays_as_it_is(
    foreign: str, raw: Redis
) -> None:
    box = await saved(number=3)
    await raw.execute_command("JSON.SET", box.key, "$.number", foreign)
    before = await raw.execute_command("JSON.GET", box.key, "$.number")
    local: Any = box.number
    problem = r"NumberBox:\S+ \$\.number: the (path holds \S+, which is no integer|result exceeds 64 bits)"
    with pytest.raises((NumberDomainError, NumberRangeError), match=problem) as caught:
        await local.aincrease(1)
    assert (caught.value.key, caught.value.field) == (box.key, "$.number")
    for change in (operator.iadd, operator.imul):
        with pytest.raises((NumberDomainError, NumberRangeError), match=problem):
            async with apipeline():
                box.number = change(box.number, 2)
    assert await raw.execute_command("JSON.GET", box.key, "$.number") == before


@pytest.mark.parametrize(
    "value", [0, 1, -1, 7, -7, 2**31 + 1, -(2**53) - 1, 2**53 + 1, 10**18 + 9, TOP, BOTTOM]
)
@pytest.mark.parametrize("operand", [1, -1, 3, -3, 10, 63, 2**31, -(2**53) - 1, 10**18, TOP, BOTTOM])
@pytest.mark.parametrize(
    "change", [operator.imul, operator.ifloordiv, operator.imod, operator.ipow], ids=lambda c: c.__name__
)
async def test_a_script_computes_integers_as_python_does(value: int, operand: int, change: Any) -> None:
    # The local value differs from the stored one, so that only the server's arithmetic counts.
    box = await saved(number=1)
    other = await stored(box)
    await other.aupdate(number=value)
    expected = _python(change, value, operand)
    if isinstance(expected, int) and BOTTOM <= expected <= TOP:
        async with apipeline() as pipe:
            box.number = change(box.number, operand)
        assert pipe.results == (expected,)
        assert (await stored(box)).number == expected
        return
    with pytest.raises((NumberRangeError, NumberDomainError)):
        async with apipeline():
            box.number = change(box.number, operand)
    assert (await stored(box)).number == value


def _python(change: Any, value: int, operand: int) -> Any:
    if change is not operator.ipow:
        return change(value, operand)
    if operand < 0:
        return {1: 1, -1: -1 if operand % 2 else 1}.get(value)
    return value**operand if operand < 100 or abs(value) < 2 else value ** (operand % 2 + 100)


async def test_what_has_no_result_is_refused_in_the_block() -> None:
    box = await saved(number=2**62, real=1e308)
    refused: list[tuple[Any, type[Exception], str]] = [
        (lambda: operator.imul(box.number, 4), OverflowError, "NumberBox.number holds a 64-bit int"),
        (lambda: operator.iadd(box.number, 2**62), OverflowError, "NumberBox.number holds a 64-bit int"),
        (lambda: operator.ipow(box.number, 10**9), OverflowError, "NumberBox.number holds a 64-bit int"),
        (lambda: operator.iadd(box.number, 1.5), TypeError, "NumberBox.number holds an int, .* by 1.5"),
        (lambda: operator.imul(box.number, 1.5), TypeError, "NumberBox.number holds an int, .* by 1.5"),
        (lambda: operator.ifloordiv(box.number, 0), ZeroDivisionError, "zero"),
        (lambda: operator.imod(box.number, 0), ZeroDivisionError, "zero"),
        (lambda: operator.imul(box.number, 10**20), OverflowError, "NumberBox.number holds a 64-bit int"),
        (
            lambda: operator.iadd(box.number, 2**63),
            OverflowError,
            "so it cannot change by 9223372036854775808",
        ),
        (lambda: operator.imod(box.number, 10**400), OverflowError, "a number of so many digits"),
        (lambda: operator.iadd(box.real, math.inf), ValueError, "NumberBox.real holds a finite float"),
        (lambda: operator.imul(box.real, math.nan), ValueError, "NumberBox.real holds a finite float"),
        (lambda: operator.imul(box.real, 10), OverflowError, "NumberBox.real holds a finite float"),
        (lambda: operator.iadd(box.real, 1e308), OverflowError, "NumberBox.real holds a finite float"),
        (lambda: operator.itruediv(box.real, 0), ZeroDivisionError, "zero"),
        (lambda: operator.iadd(box.real, "x"), TypeError, "NumberBox.real holds a float"),
        (lambda: operator.iadd(box.text, "\ud800"), ValidationError, "NumberBox.text"),
        (lambda: operator.iadd(box.text, 1), TypeError, "str"),
        (lambda: operator.imul(box.text, 1.5), TypeError, "integer"),
    ]
    for change, kind, said in refused:
        with pytest.raises(kind, match=said):
            async with box.apipeline():
                box.maybe = 7
                change()
        assert (box.number, box.real, box.text, box.maybe) == (2**62, 1e308, "ab", None)
    assert await stored(box) == box


async def test_fractions_of_an_int_field_are_refused_everywhere() -> None:
    box = await saved()
    with pytest.raises(ValidationError, match="fractional"):
        box.number += 0.5
    with pytest.raises(ValidationError, match="fractional"):
        async with box.apipeline():
            box.number /= 3
    async with box.apipeline():
        box.number /= 5
    assert (box.number, (await stored(box)).number) == (2, 2)


@pytest.mark.parametrize(
    ("symbol", "operand"), [("&", 6), ("|", 5), ("^", 3), ("<<", 2), (">>", 1), ("/", 2)], ids=str
)
async def test_other_operators_write_the_local_result(symbol: str, operand: int) -> None:
    box, local = await saved(), {"n": 10}
    async with box.apipeline():
        exec(f"box.number {symbol}= operand")
    exec(f"local['n'] {symbol}= operand")
    assert (box.number, (await stored(box)).number) == (local["n"], local["n"])


async def kept(number: float) -> float:
    """Return the number as RedisJSON keeps it: its parser may miss the last digit of a long one."""
    return float((await stored(await saved(real=number))).real)


VALUES = [0.0, -0.0, 1.0, -7.5, 3.0, 0.1, 1e22, -1e-310, 5e-324, 1.7976931348623157e308, 2.0**53 + 1]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("operand", [3, -3.0, 0.1, -0.7, 1e22, 0.5, 2, -1.5])
async def test_a_script_computes_floats_as_python_does(value: float, operand: float) -> None:
    for change in (
        operator.iadd,
        operator.isub,
        operator.imul,
        operator.itruediv,
        operator.ifloordiv,
        operator.imod,
        operator.ipow,
    ):
        box = await saved(real=1.0)
        await (await stored(box)).aupdate(real=value)
        try:
            expected: Any = change(value, operand)
        except (OverflowError, ZeroDivisionError) as error:
            expected = error
        if isinstance(expected, float) and math.isfinite(expected):
            async with apipeline():
                box.real = change(box.real, operand)
            after = (await stored(box)).real
            if change is operator.ipow:  # the last digit of pow() belongs to the server's C library
                assert math.isclose(after, expected, rel_tol=1e-14, abs_tol=5e-323)
            else:
                # What NUMINCRBY computes is never parsed, and so is exact.
                assert repr(float(after)) in {repr(expected), repr(await kept(expected))}, change
        else:
            with pytest.raises((NumberRangeError, NumberDomainError)):
                async with apipeline():
                    box.real = change(box.real, operand)
            assert (await stored(box)).real == value


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("operand", [3, 0.1, -0.7, 0.5, 2, -1.5])
async def test_a_float_that_is_up_to_date_ends_as_in_python(value: float, operand: float) -> None:
    for change in (operator.imul, operator.itruediv, operator.ifloordiv, operator.imod, operator.ipow):
        box = await saved(real=value)
        try:
            expected: Any = change(value, operand)
        except (OverflowError, ZeroDivisionError) as error:
            expected = error
        if isinstance(expected, float) and math.isfinite(expected):
            async with box.apipeline():
                box.real = change(box.real, operand)
            assert repr(float((await stored(box)).real)) == repr(await kept(expected))
            assert repr(float(box.real)) == repr(expected)
        else:
            with pytest.raises((OverflowError, ZeroDivisionError, ValidationError)):
                async with box.apipeline():
                    box.real = change(box.real, operand)
            assert (await stored(box)).real == box.real == value


@pytest.mark.parametrize("times", [0, 1, 3, -2, True])
async def test_text_is_repeated_as_it_stands_in_redis(times: int) -> None:
    box = await saved(text='é"\\\n\x00😀')
    await (await stored(box)).aupdate(text='é"\\\n\x00😀!')
    async with apipeline():
        box.text *= times
    assert box.text == 'é"\\\n\x00😀' * times
    assert (await stored(box)).text == 'é"\\\n\x00😀!' * times


async def test_two_operators_through_a_variable() -> None:
    box = await saved()
    async with box.apipeline():
        number = box.number
        number += 3
        number *= 2
        element = box.scores[1]
        element += 5
        element += 5
    after = await stored(box)
    assert (after.number, after.scores) == (26, [1, 12, 3])


async def test_operators_on_elements_are_atomic_and_queued_once() -> None:
    box = await saved()
    async with apipeline() as pipe:
        box.scores[1] += 5
        box.scores[1] *= 2
        box.named["a"] += 7
        box.nested[1][0] -= 1
        assert [command.name for command in pipe.commands].count("JSON.SET") == 0
        assert len(pipe.commands) == 4
        other = await stored(box)
        await other._rapyer_source().client().execute_command("JSON.NUMINCRBY", box.key, "$.scores[1]", 100)
    after = await stored(box)
    assert (after.scores, after.named, after.nested) == ([1, 214, 3], {"a": 8}, [[1], [1, 3]])
    assert (box.scores, box.named, box.nested) == ([1, 14, 3], {"a": 8}, [[1], [1, 3]])


async def test_an_element_given_to_another_place_is_written_there() -> None:
    box = await saved()
    async with box.apipeline():
        raised = box.scores[0]
        raised += 10
        box.scores[2] = raised
    assert (await stored(box)).scores == [11, 2, 11]


async def test_an_overflow_at_exec_is_told_and_changes_nothing() -> None:
    box = await saved(number=1)
    await (await stored(box)).aupdate(number=TOP)
    with pytest.raises(
        TransactionError, match=r"\$.number: the result exceeds 64 bits; the other 1 took effect"
    ):
        async with apipeline():
            box.text = "new"
            box.number += 1
    assert ((await stored(box)).number, (await stored(box)).text) == (TOP, "new")


@pytest.mark.parametrize("value", [3.5, "text", None, 1e19, 9e18])
async def test_a_stored_value_of_another_kind_is_no_number(value: Any, raw: Redis) -> None:
    box = await saved()
    await raw.json().set(box.key, "$.number", value)  # type: ignore[misc]
    before = await raw.execute_command("JSON.GET", box.key, "$.number")
    with pytest.raises((NumberDomainError, KeyNotFound, Exception)):
        await box.number.aincrease(1)
    with pytest.raises((NumberDomainError, KeyNotFound)):
        async with apipeline():
            box.number *= 2
    assert await raw.execute_command("JSON.GET", box.key, "$.number") == before


async def test_optional_numbers_compute_too() -> None:
    box = await saved(maybe=5)
    async with box.apipeline():
        box.maybe += 2
    assert await box.maybe.aincrease() == 8
    assert (await stored(box)).maybe == 8


async def test_missing_documents_are_not_found() -> None:
    box: Any = NumberBox()
    changes: list[Any] = [
        lambda: operator.imul(box.number, 2),
        lambda: operator.iadd(box.number, 2),
        lambda: operator.imul(box.real, 2),
        lambda: operator.imul(box.text, 2),
        lambda: operator.iadd(box.text, "x"),
    ]
    for change in changes:
        with pytest.raises(KeyNotFound, match=f"nothing is stored under {box.key}"):
            async with apipeline():
                change()


async def test_plain_expressions_give_plain_values() -> None:
    box = await saved()
    assert [type(value) for value in (box.number + 1, box.real * 2, box.text + "c", box.text[0])] == [
        int,
        float,
        str,
        str,
    ]
    assert [type(value.clone()) for value in (box.number, box.real, box.text)] == [int, float, str]
    before = box.number
    box.number += 1
    assert (before, box.number, box.number.key, box.number.json_path) == (10, 11, box.key, "$.number")
