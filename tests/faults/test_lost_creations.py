"""A lost reply of `aget_or_create` never lets the caller who stored the model believe that it was there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rapyer import AtomicRedisModel, Key
from rapyer.errors import UnknownOutcomeError

if TYPE_CHECKING:
    from tests.faults.proxy import Proxy


class FaultGoc(AtomicRedisModel):
    name: Key[str]
    tags: set[str] = set()


async def test_without_exactly_once_the_caller_is_told(proxy: Proxy, direct: Any) -> None:
    await FaultGoc.aget_or_create(FaultGoc(name="first"))  # the server knows the script from here on
    proxy.arm("destroy", 1)
    with pytest.raises(
        UnknownOutcomeError, match="was lost, so it may or may not have taken effect"
    ) as raised:
        await FaultGoc.aget_or_create(FaultGoc(name="a", tags={"x"}))
    assert (raised.value.key, raised.value.command) == ("FaultGoc:a", "script get_or_create")
    assert (await FaultGoc.aget_or_create(FaultGoc(name="a"))).value.tags == {"x"}


async def test_with_exactly_once_the_first_outcome_is_told(proxy: Proxy, direct: Any) -> None:
    FaultGoc.Meta.exactly_once = True
    await FaultGoc.aget_or_create(FaultGoc(name="first"))
    for created in (True, False):
        proxy.arm("destroy", 1, times=2)
        result = await FaultGoc.aget_or_create(FaultGoc(name="a", tags={"x", "y"}))
        assert proxy.spoiled
        assert (result.created, result.value.tags) == (created, {"x", "y"})
