"""TTL cascade: its marker, and what `init_rapyer` checks of the classes that take part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import pytest

import rapyer.cascade
from rapyer import AtomicRedisModel, RedisConfig, init_rapyer
from rapyer.cascade import CascadeSpec, CascadeTTL, TTLCascadeMode
from rapyer.errors import (
    CascadeError,
    CascadeKeyInitialsError,
    CascadeTargetTtlMissingError,
    ConfigError,
    InvalidCascadeDepthError,
)
from rapyer.model.registry import registry
from rapyer.types import Reference  # noqa: TC001 - pydantic needs it at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource

pytestmark = pytest.mark.usefixtures("source", "no_classes")


@pytest.fixture
def no_classes() -> Iterator[None]:
    """Let no class be known but those of the test."""
    registry._models = {}
    yield
    registry.cascade_by_default(None)


def test_the_marker_is_a_value() -> None:
    assert CascadeTTL() == CascadeTTL(enabled=True, depth=None, mode=TTLCascadeMode.EXTEND)
    assert CascadeTTL(depth=1) != CascadeTTL()
    assert isinstance(CascadeTTL(), CascadeSpec)
    assert (TTLCascadeMode.EXTEND.value, list(TTLCascadeMode)) == ("extend", [TTLCascadeMode.EXTEND])
    with pytest.raises(AttributeError):
        CascadeTTL().depth = 5
    assert rapyer.cascade.__all__ == ("CascadeDelete", "CascadeSpec", "CascadeTTL", "TTLCascadeMode")


@pytest.mark.parametrize("depth", [-1, 1.5, True, "1"])
def test_a_depth_is_a_number_of_hops(depth: Any) -> None:
    with pytest.raises(
        InvalidCascadeDepthError, match=f"the depth of a cascade is {depth!r}; give 0 or more"
    ):
        CascadeTTL(depth=depth)


async def test_a_marked_target_without_a_time_is_named(source: ClientSource) -> None:
    class CheckLeaf(AtomicRedisModel):
        pass

    class CheckRoot(AtomicRedisModel):
        Meta = RedisConfig(ttl=5)
        leaf: Annotated[Reference[CheckLeaf] | None, CascadeTTL()] = None

    expected = (
        "CheckLeaf takes part in the TTL cascade of CheckRoot.leaf and has no time to live; set "
        "CheckLeaf.Meta.ttl, or mark the field CascadeTTL\\(enabled=False\\)"
    )
    with pytest.raises(CascadeTargetTtlMissingError, match=expected) as raised:
        await init_rapyer(source)
    assert (raised.value.model_name, raised.value.model) == ("CheckLeaf", "CheckLeaf")
    assert isinstance(raised.value, CascadeError)
    await init_rapyer(source, ttl=5)


async def test_a_second_candidate_and_a_root_without_a_time_are_named(source: ClientSource) -> None:
    """§13.74."""

    class CheckFirst(AtomicRedisModel):
        Meta = RedisConfig(ttl=5)

    class CheckSecond(AtomicRedisModel):
        pass

    class CheckUnion(AtomicRedisModel):
        leaf: Annotated[list[Reference[CheckFirst | CheckSecond]], CascadeTTL()] = []

    with pytest.raises(CascadeTargetTtlMissingError) as raised:
        await init_rapyer(source)
    assert raised.value.model_name == "CheckSecond"
    CheckSecond.Meta.ttl = 5
    with pytest.raises(CascadeTargetTtlMissingError) as raised:
        await init_rapyer(source)
    assert raised.value.model_name == "CheckUnion"


async def test_targets_come_first_by_the_names_of_their_owners(source: ClientSource) -> None:
    class CheckTargetOfB(AtomicRedisModel):
        pass

    class CheckTargetOfA(AtomicRedisModel):
        pass

    class CheckB(AtomicRedisModel):
        leaf: Annotated[Reference[CheckTargetOfB] | None, CascadeTTL()] = None

    class CheckA(AtomicRedisModel):
        leaf: Annotated[Reference[CheckTargetOfA] | None, CascadeTTL()] = None

    for expected in (CheckTargetOfA, CheckTargetOfB, CheckA, CheckB):
        with pytest.raises(CascadeTargetTtlMissingError) as raised:
            await init_rapyer(source)
        assert raised.value.model_name == expected.__name__
        expected.Meta.ttl = 5
    await init_rapyer(source)


async def test_the_default_makes_classes_take_part_unless_a_field_opts_out(source: ClientSource) -> None:
    class CheckPlainLeaf(AtomicRedisModel):
        pass

    class CheckPlain(AtomicRedisModel):
        Meta = RedisConfig(ttl=5)
        leaf: Reference[CheckPlainLeaf] | None = None

    class CheckOut(AtomicRedisModel):
        leaf: Annotated[Reference[CheckPlainLeaf] | None, CascadeTTL(enabled=False)] = None

    await init_rapyer(source)
    await init_rapyer(source, cascade_ttl=CascadeTTL(enabled=False))
    with pytest.raises(CascadeTargetTtlMissingError) as raised:
        await init_rapyer(source, cascade_ttl=CascadeTTL())
    assert raised.value.model_name == "CheckPlainLeaf"
    CheckPlainLeaf.Meta.ttl = 5
    await init_rapyer(source, cascade_ttl=CascadeTTL())


async def test_an_unregistered_base_is_no_candidate(source: ClientSource, raw: Redis) -> None:
    class CheckBase(AtomicRedisModel):
        Meta = RedisConfig(init_with_rapyer=False)

    class CheckConcrete(CheckBase):
        Meta = RedisConfig(ttl=7, refresh_ttl=False, init_with_rapyer=True)

    class CheckOfBase(AtomicRedisModel):
        Meta = RedisConfig(ttl=5)
        leaf: Annotated[Reference[CheckBase] | None, CascadeTTL()] = None

    await init_rapyer(source)
    concrete = await CheckConcrete().asave()
    await raw.expire(concrete.key, 2)
    owner = await CheckOfBase(leaf=concrete).asave()
    assert (await owner.aset_ttl(50, cascade=True)).mismatched_class == 0
    assert await raw.ttl(concrete.key) > 5


async def test_keys_start_with_the_name_of_the_class(source: ClientSource) -> None:
    class CheckRenamed(AtomicRedisModel):
        Meta = RedisConfig(ttl=5)

        @classmethod
        def class_key_initials(cls) -> str:
            return "other"

    class CheckRenamedOwner(AtomicRedisModel):
        Meta = RedisConfig(ttl=5)
        leaf: Annotated[Reference[CheckRenamed] | None, CascadeTTL()] = None

    expected = (
        "CheckRenamed takes part in the TTL cascade of CheckRenamedOwner.leaf, and its keys start with other; "
        "let class_key_initials return the name of the class"
    )
    with pytest.raises(CascadeKeyInitialsError, match=expected) as raised:
        await init_rapyer(source)
    assert raised.value.model_name == "CheckRenamed"


async def test_a_name_that_no_class_has_yet_is_no_candidate_yet(source: ClientSource, raw: Redis) -> None:
    class CheckOpen(AtomicRedisModel):
        Meta = RedisConfig(ttl=5)
        leaf: Annotated[Reference["CheckComes"] | None, CascadeTTL()] = None  # noqa: F821, UP037
        bare: Annotated[Reference | None, CascadeTTL()] = None

    await init_rapyer(source)
    owner: Any = await CheckOpen(leaf="CheckComes:1").asave()
    assert (await owner.aset_ttl(50, cascade=True)).dangling_children == 0

    class CheckComes(AtomicRedisModel):
        Meta = RedisConfig(ttl=7)

    assert (await owner.aset_ttl(50, cascade=True)).dangling_children == 1


async def test_the_default_is_a_cascade(source: ClientSource) -> None:
    wrong: Any = True
    with pytest.raises(ConfigError, match="cascade_ttl is True; give it CascadeTTL\\(\\)"):
        await init_rapyer(source, cascade_ttl=wrong)
