"""Forms for objects that do not exist yet: mistakes, keys that are taken, and what comes after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from rapyer import AtomicRedisModel, Key
from rapyer_nb.widgets import new
from rapyer_nb.widgets.following import following
from tests.nb.desk import until

if TYPE_CHECKING:
    import ipywidgets as W

    from rapyer.session.clients import ClientSource
    from rapyer_nb.widgets import ModelCreator
    from rapyer_nb.widgets.draft import DraftRow


class Booking(AtomicRedisModel):
    number: Key[str] = "1"
    first: int = 1
    last: int = 2
    guests: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _in_order(self) -> Booking:
        if self.first > self.last:
            raise ValueError("first comes after last")
        if self.first == self.last == 0:
            raise ValueError("give other days")
        return self


def row(form: ModelCreator, name: str) -> DraftRow:
    return next(row for row in form._draft.rows() if row.plan.name == name)


def give(form: ModelCreator, **values: Any) -> None:
    for name, value in values.items():
        row(form, name).control.set(value)


def choice(form: ModelCreator, text: str) -> W.Button:
    buttons = form._notice._buttons.children
    return next(button for button in buttons if button.description == text)


async def created(form: ModelCreator, **values: Any) -> None:
    give(form, **values)
    number = len(form.created)
    form._button.click()
    await until(lambda: len(form.created) > number, "it is created")
    await until(lambda: not form._button.disabled, "it is over")


async def test_a_mistake_across_fields_is_shown_at_the_fields_that_it_names(source: ClientSource) -> None:
    form = new(Booking)
    give(form, first=5)
    form._button.click()
    await until(lambda: "first comes after last" in form._foot.value, "it is told")

    assert "first comes after last" in row(form, "first")._note.value
    assert "first comes after last" in row(form, "last")._note.value
    assert row(form, "guests")._note.value.count("first") == 0
    assert row(form, "first").control.get() == 5
    assert not await source.client().keys("*")

    give(form, first=0, last=0)
    form._button.click()
    await until(lambda: "give other days" in form._foot.value, "it is told")
    assert "first comes" not in row(form, "first")._note.value


async def test_a_key_that_is_taken_keeps_what_was_typed(source: ClientSource) -> None:
    await Booking(number="7", guests=2).asave()
    form = new(Booking)
    give(form, number="7", guests=9)
    form._button.click()
    await until(lambda: "not created" in form._foot.value, "it is told")

    assert row(form, "guests").control.get() == 9
    assert (await Booking.aget("7")).guests == 2
    await created(form, number="8")
    assert (await Booking.aget("8")).guests == 9


async def test_what_was_created_can_be_edited_at_once(source: ClientSource) -> None:
    form = new(Booking)
    await created(form, number="9")
    choice(form, "Edit it").click()
    await until(lambda: form._editor is not None and form._editor._present, "its form is live")
    first = form._editor
    assert first is not None
    assert form._beside.children == (first,)
    assert first.model is form.model

    await created(form, number="10")
    choice(form, "Edit it").click()
    await until(lambda: form._editor is not first, "the other one is edited")
    assert first._closed
    assert form._beside.children == (form._editor,)

    form.close()
    assert form._editor is not None
    assert form._editor._closed
    assert len(following) == 0


async def test_another_one_begins_with_the_defaults(source: ClientSource) -> None:
    form = new(Booking)
    await created(form, number="9", guests=5)
    assert "Booking:9" in form._head.value
    assert form._notice.text == "Booking:9 is stored"

    choice(form, "Another one").click()

    await until(lambda: row(form, "guests").control.get() == 1, "the defaults are back")
    assert row(form, "number").control.get() == "1"
    assert form._notice.text == ""
    assert "not created yet" in form._head.value
    await created(form, number="11")
    assert [one.key for one in form.created] == ["Booking:9", "Booking:11"]
