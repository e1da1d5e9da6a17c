"""A class that stands in another one several times is read and written alike in all places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, computed_field, field_validator

from rapyer import AtomicRedisModel

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource


class TwiceStrict(BaseModel):
    """Its computed field stands in documents, and its validator wants values, not what is stored for them."""

    model_config = ConfigDict(extra="forbid")
    number: int = 1
    kind: Any = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> int:
        return 2 * self.number

    @field_validator("kind", mode="before")
    @classmethod
    def _is_a_class(cls, value: Any) -> Any:
        assert value is None or isinstance(value, type)
        return value


class TwiceOpen(BaseModel):
    model_config = ConfigDict(extra="allow")
    number: int = 1


class TwiceInner(BaseModel):
    strict: TwiceStrict = TwiceStrict()
    other: TwiceStrict | None = None
    open: TwiceOpen = TwiceOpen()


class TwiceModel(AtomicRedisModel):
    first: TwiceStrict = TwiceStrict()
    second: TwiceStrict = TwiceStrict()
    many: list[TwiceStrict] = []
    named: dict[str, TwiceStrict] = {}
    inner: TwiceInner = TwiceInner()
    inners: list[TwiceInner] = []
    open: TwiceOpen = TwiceOpen()
    opens: dict[str, TwiceOpen] = {}


def strict(number: int) -> TwiceStrict:
    return TwiceStrict(number=number, kind=int)


def opened(more: str) -> Any:
    return TwiceOpen.model_validate({"more": more})


async def test_every_place_of_a_class_is_alike(source: ClientSource) -> None:
    inner = TwiceInner(strict=strict(5), other=strict(6), open=opened("inner"))
    model = TwiceModel(
        first=strict(1),
        second=strict(2),
        many=[strict(3)],
        named={"four": strict(4)},
        inner=inner,
        inners=[inner],
        open=opened("outer"),
        opens={"a": opened("a")},
    )
    await model.asave()
    loaded: Any = await TwiceModel.aget(model.key)
    assert loaded == model
    held = [loaded.first, loaded.second, loaded.many[0], loaded.named["four"]]
    held += [loaded.inner.strict, loaded.inner.other, loaded.inners[0].strict, loaded.inners[0].other]
    assert [(one.number, one.kind, one.double) for one in held] == [
        (number, int, 2 * number) for number in (1, 2, 3, 4, 5, 6, 5, 6)
    ]
    more = [loaded.open, loaded.opens["a"], loaded.inner.open, loaded.inners[0].open]
    assert [one.more for one in more] == ["outer", "a", "inner", "inner"]
