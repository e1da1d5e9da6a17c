"""Models whose fields have keys of their own, for the tests of what happens to those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from pydantic import BaseModel, Field, field_validator

from rapyer import AtomicRedisModel, Index, Key
from rapyer.types import RedisSet
from rapyer.types.special import SPECIAL_FIELD_KEY_PREFIX

if TYPE_CHECKING:
    from redis.asyncio import Redis


class SpecialDeep(BaseModel):
    tags: set[str] = Field(default_factory=set)


class SpecialInner(BaseModel):
    n: int = 0
    tags: set[str] = Field(default_factory=set)
    deep: SpecialDeep = Field(default_factory=SpecialDeep)


class SpecialOuter(AtomicRedisModel):
    name: Index[str] = "n"
    tags: RedisSet[str] = Field(default_factory=RedisSet)
    hidden: RedisSet[int] = Field(default_factory=RedisSet, exclude=True)
    inner: SpecialInner = Field(default_factory=SpecialInner)


class SpecialNamed(AtomicRedisModel):
    name: Key[str]
    tags: set[str] = Field(default_factory=set)


class SpecialChild(SpecialOuter):
    more: set[str] = Field(default_factory=set)


class SpecialGrandchild(SpecialChild):
    pass


class SpecialOverriding(SpecialOuter):
    tags: int = 0


class SpecialPrefixed(AtomicRedisModel):
    tags: set[str] = Field(default_factory=set)

    @classmethod
    def class_key_initials(cls) -> str:
        return "SPX"


class SpecialOptional(AtomicRedisModel):
    name: str = "default"
    tags: Optional[RedisSet[str]] = None  # noqa: UP045
    plain: set[int] | None = None
    inner: SpecialInner | None = None


class SpecialExcluded(AtomicRedisModel):
    tags: set[str] = Field(default_factory=set, exclude=True)


class SpecialLower(AtomicRedisModel):
    tags: set[str] = Field(default_factory=set)

    @field_validator("tags")
    @classmethod
    def _lower(cls, tags: set[str]) -> set[str]:
        return {tag.lower() for tag in tags}


def full(**more: Any) -> SpecialOuter:
    return SpecialOuter(
        tags={"a"}, hidden={1}, inner={"n": 1, "tags": ["b"], "deep": {"tags": ["c"]}}, **more
    )


def special(model: Any, path: str) -> str:
    return f"{SPECIAL_FIELD_KEY_PREFIX}:{model.key}:{path}"


def all_of(model: Any) -> set[str]:
    paths = ("tags", "hidden", "inner.tags", "inner.deep.tags")
    return {model.key, *(special(model, path) for path in paths)}


async def keys(raw: Redis) -> set[str]:
    return set(await raw.keys("*"))
