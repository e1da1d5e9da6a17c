"""`field(user.name)`: one field of a form, alone."""

from __future__ import annotations

import asyncio
import enum
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel, Field

import rapyer_nb
from rapyer import AtomicRedisModel
from rapyer.live import feed_for
from rapyer.types import RedisSet
from rapyer_nb.errors import NotebookError
from rapyer_nb.widgets import LiveField, edit, field
from tests.nb.desk import until

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource


class FieldRole(enum.Enum):
    guest = "g"
    owner = "o"


class FieldAddress(BaseModel):
    city: str = "Rome"


class Fielded(AtomicRedisModel):
    name: Annotated[str, Field(min_length=2)] = "Ada"
    role: FieldRole = FieldRole.guest
    address: FieldAddress = FieldAddress()
    second: FieldAddress | None = None
    tags: RedisSet[str] = Field(default_factory=RedisSet)


@pytest.fixture
async def ada(source: ClientSource) -> Fielded:
    return await Fielded(tags={"a"}).asave()


async def live(control: LiveField) -> Any:
    await until(lambda: control._state == "live" and control.row._on, "it is live")
    return control.row._control


async def test_it_is_bound_both_ways(ada: Fielded) -> None:
    control = field(ada.name)
    shown = await live(control)
    shown.input.value = "Grace"
    await until(lambda: "name saved" in control._foot.value, "it is saved")
    assert (await Fielded.aget(ada.key)).name == "Grace"
    assert ada.name == "Grace"
    await (await Fielded.aget(ada.key)).aupdate(name="Edsger")
    await until(lambda: shown.get() == "Edsger", "the change is shown")


async def test_a_conflict_is_decided_by_the_user(ada: Fielded, source: ClientSource) -> None:
    control = field(ada.name)
    shown = await live(control)
    shown.input.value = "mine"
    await source.client().execute_command("JSON.SET", ada.key, "$.name", '"theirs"')
    await until(lambda: len(control.row.widget.children) == 3, "it asks")
    assert shown.get() == "mine"
    control.row.widget.children[2].children[0].click()
    await until(lambda: "name saved" in control._foot.value, "it is saved")
    assert (await Fielded.aget(ada.key)).name == "mine"


async def test_a_mistake_is_explained_and_not_written(ada: Fielded) -> None:
    control = field(ada.name)
    shown = await live(control)
    shown.input.value = "x"
    await until(lambda: control.row.binding.note, "it is told")
    assert "at least 2 characters" in str(control.row.binding.note)
    assert (await Fielded.aget(ada.key)).name == "Ada"


async def test_nested_fields_and_sets_beside(ada: Fielded) -> None:
    city = field(ada.address.city)  # type: ignore[arg-type,unused-ignore]
    shown = await live(city)
    shown.input.value = "Oslo"
    await until(lambda: "address.city saved" in city._foot.value, "it is saved")
    assert (await Fielded.aget(ada.key)).address.city == "Oslo"
    tags = field(ada.tags)
    chips = await live(tags)
    await ada.tags.aadd("b")
    await until(lambda: set(chips.get()) == {"a", "b"}, "the set is shown")


@pytest.mark.parametrize("how", ["class", "name"])
async def test_plain_values_are_named(ada: Fielded, how: str) -> None:
    control = field(Fielded.role, ada) if how == "class" else field(ada, "role")
    shown = await live(control)
    shown.input.value = FieldRole.owner
    await until(lambda: "role saved" in control._foot.value, "it is saved")
    assert (await Fielded.aget(ada.key)).role is FieldRole.owner


async def test_a_field_of_what_is_null_waits(ada: Fielded) -> None:
    control = field(ada, "second.city")
    await until(lambda: "second is null" in control._foot.value, "it says so")
    assert not control.row._on
    other = await Fielded.aget(ada.key)
    other.second = FieldAddress(city="Bari")
    await other.asave()
    shown = await live(control)
    assert shown.get() == "Bari"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda ada: field(ada.role), r'name the field: field\(user, "name"\) or field\(User.name, user\)'),
        (lambda ada: field(ada), "this is all of Fielded"),
        (lambda ada: field(ada.address), "address is no field of its own"),
        (lambda ada: field(ada, "nme"), "did you mean 'name'"),
        (lambda ada: field(ada, 3), "cannot know the place"),
        (lambda ada: field(Fielded, "name"), "cannot know the place"),
    ],
)
async def test_mistakes_are_told(ada: Fielded, given: Any, message: str) -> None:
    with pytest.raises(NotebookError, match=message):
        given(ada)


def test_it_needs_an_event_loop() -> None:
    with pytest.raises(NotebookError, match="needs a running event loop"):
        field(Fielded().name)
    assert rapyer_nb.field is field


async def test_a_deleted_model_is_told(ada: Fielded) -> None:
    control = field(ada.name)
    await live(control)
    await ada.adelete()
    await until(lambda: control._state == "deleted" and not control.row._on, "it is gone")
    await ada.asave()
    await live(control)


async def test_two_hundred_widgets_share_one_connection_and_end_with_the_right_values(
    source: ClientSource,
) -> None:
    models = [await Fielded().asave() for _ in range(40)]
    fields = [field(model, name) for model in models for name in ("name", "address.city", "tags", "role")]
    forms = [edit(model) for model in models]
    for control in fields:
        await live(control)
    client = source.client()
    assert await listeners(client) == 1
    end = asyncio.get_running_loop().time() + 2
    number = 0
    while asyncio.get_running_loop().time() < end:
        await models[number % 40].aupdate(name=f"name {number}")
        number += 1
    last = {model.key: (await Fielded.aget(model.key)).name for model in models}
    for control in fields[::4]:
        await until(lambda: control.row._control.get() == last[control.model.key], "it is shown")  # noqa: B023
    for form in forms:
        (row,) = (row for row in form._rows if row.plan.name == "name")
        await until(lambda: row._control.get() == last[form.key], "it is shown")  # noqa: B023
    assert await listeners(client) == 1


async def listeners(client: Any) -> int:
    """Return how many connections are told of changes."""
    return len([info for info in await client.client_list() if "B" in info["flags"]])


async def test_closing_ends_it(ada: Fielded, source: ClientSource) -> None:
    control = field(ada.tags)
    await live(control)
    control.close()
    await until(lambda: not feed_for(source).watched, "nobody watches")
    assert all(child.comm is None for child in control.row.widget.children)
