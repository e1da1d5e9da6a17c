"""References in forms: looked for, chosen, followed, opened."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Optional

import pytest
from pydantic import BaseModel, Field

from rapyer import AtomicRedisModel, Key
from rapyer.fields import Index
from rapyer.model.registry import registry
from rapyer.types import ForeignKey, RedisSet, Reference
from rapyer_nb.live import feed_for
from rapyer_nb.widgets import ModelEditor, field, new
from rapyer_nb.widgets.following import following
from rapyer_nb.widgets.references import candidates as looking
from rapyer_nb.widgets.references.box import DANGLING
from rapyer_nb.widgets.references.control import ReferenceControl
from tests.nb.desk import Desk, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rapyer.session.clients import ClientSource


class PickAuthor(AtomicRedisModel):
    handle: Key[str]
    secret: Annotated[str, Field(json_schema_extra={"widget": "password"})] = "hush"
    name: Index[str] = ""
    bio: Annotated[str, Index(text=True)] = ""
    born: int = 1900
    tags: list[str] = []


class PickGuest(PickAuthor):
    pass


class PickPress(AtomicRedisModel):
    handle: Key[str]
    city: str = "Paris"


class PickCredit(BaseModel):
    who: Reference[PickAuthor] = Reference("PickAuthor:ada")


class PickNote(BaseModel):
    text: str = ""


class PickBook(AtomicRedisModel):
    handle: Key[str] = "book"
    author: Reference[PickAuthor] = Reference("PickAuthor:ada")
    editor: Optional[ForeignKey[PickAuthor]] = None  # noqa: UP045 - as users write it
    press: Reference[PickPress] = Reference("PickPress:p1")
    maker: Reference[PickAuthor] | Reference[PickPress] = Reference("PickAuthor:ada")
    later: Reference["PickLater"] = Reference("PickLater:1")  # noqa: F821, UP037 - it never comes
    any: Reference = Reference("PickAuthor:ada")  # type: ignore[type-arg]
    credit: PickCredit | PickNote = PickCredit()
    known: list[Reference[PickAuthor]] = []
    roles: dict[str, Reference[PickAuthor]] = {}
    friends: RedisSet[Reference[PickAuthor]] = Field(default_factory=set)


class PickDesk(Desk):
    """A book, its form, and the controls in it."""

    async def until_live(self) -> None:
        await until(lambda: self.form._state == "live" and self.row("author")._on, "the form is live")

    def control(self, name: str) -> Any:
        control: Any = self.row(name)._control
        return getattr(control, "_inner", control)

    def types(self, name: str, text: str) -> Any:
        """Type as a person in a page does."""
        picker = self.control(name).input
        picker.query = text
        return picker

    async def until_stored(self, name: str, key: str | None) -> None:
        await until_async(lambda: self.stored(name), key)

    async def stored(self, name: str) -> Any:
        found: Any = await registry.source_for(PickBook).client().json().get(self.model.key, f"$.{name}")
        return found[0]


async def until_async(look: Callable[[], Awaitable[Any]], expected: Any) -> None:
    for _ in range(3000):
        if await look() == expected:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{await look()!r} is not {expected!r}")


@pytest.fixture
async def desk(source: ClientSource) -> PickDesk:
    for handle, name, bio in [
        ("ada", "Ada", "wrote the first program"),
        ("grace", "Grace", "made a compiler"),
        ("edsger", "Edsger", "found short ways"),
    ]:
        await PickAuthor(handle=handle, name=name, bio=bio).asave()
    await PickPress(handle="p1").asave()
    return await sit_down(await PickBook().asave())


async def sit_down(model: Any) -> PickDesk:
    desk = PickDesk(model)
    await desk.until_live()
    return desk


def keys(picker: Any) -> list[str]:
    return sorted(one["key"] for one in picker.options)


async def offered(desk: PickDesk, name: str, text: str, *expected: str) -> Any:
    picker = desk.types(name, text)
    await until(lambda: keys(picker) == sorted(expected), f"{expected} are offered")
    return picker


# --- the target ---------------------------------------------------------------------------------------------


async def test_the_summary_follows_the_target(desk: PickDesk) -> None:
    box = desk.control("author").box
    await until(lambda: "name='Ada'" in box.told[1], "the target is told")
    assert box.told == ("muted", "→ PickAuthor(name='Ada', bio='wrote the first program', born=1900)")
    other = await PickAuthor.aget("PickAuthor:ada")
    await other.aupdate(name="<b>Ada</b>")
    await until(lambda: "<b>" in box.told[1], "the change shows")
    assert "&lt;b&gt;" in box._note.value
    assert "<b>Ada" not in box._note.value
    assert "hush" not in box._note.value
    await PickAuthor.adelete_by_key("PickAuthor:ada")
    await until(lambda: box.told == ("warn", DANGLING), "it dangles")
    assert "⚠" in box._note.value
    await PickAuthor(handle="ada", name="Ada again").asave()
    await until(lambda: "Ada again" in box.told[1], "it is back")


async def test_the_target_is_followed_where_the_reference_goes(desk: PickDesk) -> None:
    box = desk.control("author").box
    other = await PickBook.aget(desk.model.key)
    await other.aupdate(author="PickAuthor:grace")
    await until(lambda: "name='Grace'" in box.told[1], "the new target is told")
    await (await PickAuthor.aget("PickAuthor:grace")).aupdate(born=1906)
    await until(lambda: "born=1906" in box.told[1], "and followed")


async def test_what_is_not_known_yet_is_said(desk: PickDesk) -> None:
    for name, words in [
        ("later", "no model class is named PickLater"),
        ("any", "does not say what it refers"),
    ]:
        box = desk.control(name).box
        await until(lambda box=box, words=words: words in box.told[1], f"{name} is explained")
        assert box._open.disabled
    desk.types("later", "PickLater:2").take("PickLater:2")
    await desk.until_stored("later", "PickLater:2")


# --- looking ------------------------------------------------------------------------------------------------


async def test_a_part_of_a_key_finds_in_any_case(desk: PickDesk) -> None:
    picker = await offered(desk, "press", "P", "PickPress:p1")
    assert picker.options == [{"key": "PickPress:p1", "summary": "PickPress(city='Paris')"}]
    await offered(desk, "author", "RAC", "PickAuthor:grace")
    await offered(desk, "author", "PickAuthor:eds", "PickAuthor:edsger")
    await offered(desk, "author", "pickauthor:GR", "PickAuthor:grace")
    await offered(desk, "press", "pickp", "PickPress:p1")
    await offered(desk, "author", "[*]?")
    assert desk.control("author").input.status == "none found"


async def test_an_indexed_field_finds(desk: PickDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    await PickAuthor.acreate_index()

    async def nothing(_: Any) -> list[str]:
        return []

    monkeypatch.setattr(looking._Search, "_by_key", nothing)
    await offered(desk, "author", "gr", "PickAuthor:grace")
    await offered(desk, "author", "compiler", "PickAuthor:grace")
    await offered(desk, "author", "Eds", "PickAuthor:edsger")


async def test_without_an_index_on_the_server_keys_are_looked_at(desk: PickDesk) -> None:
    await offered(desk, "author", "ds", "PickAuthor:edsger")


async def test_all_of_several_classes_and_subclasses_are_offered(desk: PickDesk) -> None:
    await PickGuest(handle="gast", name="Gast").asave()
    everybody = ["PickAuthor:ada", "PickAuthor:grace", "PickAuthor:edsger", "PickGuest:gast", "PickPress:p1"]
    desk.control("maker").box.search()
    await until(lambda: keys(desk.control("maker").input) == sorted(everybody), "all are offered")
    await offered(desk, "author", "gast", "PickGuest:gast")
    picker = desk.types("maker", "p1")
    await until(lambda: keys(picker) == ["PickPress:p1"], "the other class is found")
    picker.take("PickPress:p1")
    await desk.until_stored("maker", "PickPress:p1")
    await until(lambda: "Paris" in desk.control("maker").box.told[1], "it is told")


async def test_the_work_is_bounded(desk: PickDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    await PickPress.ainsert(*[PickPress(handle=f"x{n}") for n in range(30)])
    picker = desk.types("press", "x")
    await until(lambda: len(picker.options) == 20, "twenty are offered")
    assert picker.status == "the first 20: type more to see others"
    monkeypatch.setattr(looking, "LOOKED_AT", 20)
    monkeypatch.setattr(looking, "_PER_SCAN", 10)
    desk.types("press", "nowhere")
    await until(lambda: picker.status == "none found, among the first 20 keys", "the limit is told")


# --- choosing -----------------------------------------------------------------------------------------------


async def test_what_is_typed_is_written_once_it_is_taken(desk: PickDesk) -> None:
    picker = await offered(desk, "author", "grac", "PickAuthor:grace")
    await until(lambda: "press Enter" in desk.note("author"), "it is explained")
    assert await desk.stored("author") == "PickAuthor:ada"
    picker.take("PickAuthor:grace")
    await desk.until_stored("author", "PickAuthor:grace")
    await until(lambda: desk.model.author.target_key == "PickAuthor:grace", "the object has it")
    await until(lambda: not desk.note("author"), "the note is gone")
    assert "Grace" in (await desk.model.author.afetch()).name


async def test_a_primary_key_becomes_a_key(desk: PickDesk) -> None:
    desk.types("author", "grace").take("grace")
    await desk.until_stored("author", "PickAuthor:grace")
    assert desk.control("author").input.value == "PickAuthor:grace"


async def test_a_full_key_is_taken_by_leaving(desk: PickDesk) -> None:
    picker = desk.types("author", "gra")
    picker._handle_custom_msg({"event": "left"}, [])
    await until(lambda: "press Enter" in desk.note("author"), "a part of one is not")
    assert picker.query == "gra"
    desk.types("author", "PickAuthor:grace")
    picker._handle_custom_msg({"event": "left"}, [])
    await desk.until_stored("author", "PickAuthor:grace")


async def test_a_key_of_nothing_is_taken_with_a_warning(desk: PickDesk) -> None:
    desk.types("author", "PickAuthor:nobody").take("PickAuthor:nobody")
    await desk.until_stored("author", "PickAuthor:nobody")
    await until(lambda: desk.control("author").box.told == ("warn", DANGLING), "it is told")


async def test_a_key_of_another_class_is_refused(desk: PickDesk) -> None:
    desk.types("author", "PickPress:p1").take("PickPress:p1")
    await until(lambda: "PickPress" in desk.note("author"), "the library's error is shown")
    assert await desk.stored("author") == "PickAuthor:ada"
    desk.types("maker", "Nothing:1").take("Nothing:1")
    await until(lambda: "is no key of PickAuthor or PickPress" in desk.note("maker"), "here, too")


async def test_a_conflict_keeps_what_was_typed(desk: PickDesk) -> None:
    picker = desk.types("author", "edsg")
    await until(lambda: desk.row("author").is_pending, "it is typed")
    await (await PickBook.aget(desk.model.key)).aupdate(author="PickAuthor:grace")
    await until(lambda: "is now 'PickAuthor:grace'" in desk.note("author"), "the conflict is told")
    assert picker.query == "edsg"
    desk.row("author")._take_theirs()
    assert (picker.value, picker.query) == ("PickAuthor:grace", None)
    await until(lambda: "Grace" in desk.control("author").box.told[1], "theirs is told")


async def test_none_is_a_box(desk: PickDesk) -> None:
    assert desk.shown("editor") is None
    nullable: Any = desk.row("editor")._control
    nullable._box.value = False
    desk.types("editor", "ada").take("PickAuthor:ada")
    await desk.until_stored("editor", "PickAuthor:ada")
    await until(lambda: "Ada" in desk.control("editor").box.told[1], "it is told")
    nullable._box.value = True
    await desk.until_stored("editor", None)


async def test_undo_takes_a_choice_back(desk: PickDesk) -> None:
    desk.types("author", "grace").take("PickAuthor:grace")
    await desk.until_stored("author", "PickAuthor:grace")
    await until(lambda: desk.form._history.last is not None, "it is recorded")
    desk.form._undo()
    await desk.until_stored("author", "PickAuthor:ada")
    await until(lambda: desk.control("author").input.value == "PickAuthor:ada", "it shows")


# --- collections, new objects, single fields ----------------------------------------------------------------


async def test_references_in_collections(desk: PickDesk) -> None:
    other = await PickBook.aget(desk.model.key)
    await other.aupdate(known=["PickAuthor:ada"], roles={"main": "PickAuthor:grace"})
    for name, who in [("known", "Ada"), ("roles", "Grace")]:
        row = desk.collection(name)
        await until(lambda row=row: len(row.entries) == 1, "the entry shows")
        control = row.entries[0].field._control
        assert isinstance(control, ReferenceControl)
        await until(lambda control=control, who=who: who in control.box.told[1], "it is told")
        control.input.take("PickAuthor:edsger")
    await until_async(lambda: desk.stored("known"), ["PickAuthor:edsger"])
    await until_async(lambda: desk.stored("roles"), {"main": "PickAuthor:edsger"})


async def test_a_reference_in_a_model_that_is_one_value(desk: PickDesk) -> None:
    who = desk.control("credit")._controls["who"]
    await until(lambda: "Ada" in who.box.told[1], "it is told")
    who.input.take("PickAuthor:grace")
    await until_async(lambda: desk.stored("credit"), {"who": "PickAuthor:grace"})


async def test_adding_a_reference(desk: PickDesk) -> None:
    row = desk.collection("known")
    picker: Any = row.adder._control.input
    await until(lambda: not row.adder.button.disabled, "it can be added to")
    picker.query = "edsg"
    await until(lambda: keys(picker) == ["PickAuthor:edsger"], "it is offered")
    row.adder.button.click()
    await until(lambda: "press Enter" in row.adder._note.value, "it is explained")
    picker.take("PickAuthor:edsger")
    picker._handle_custom_msg({"event": "submit"}, [])
    await until_async(lambda: desk.stored("known"), ["PickAuthor:edsger"])
    await until(lambda: picker.value == "", "it is empty again")


async def test_a_new_object_takes_a_reference(desk: PickDesk) -> None:
    maker = new(PickBook)
    row = next(row for row in maker._draft.rows() if row.plan.name == "author")
    control: Any = row.control
    assert isinstance(control, ReferenceControl)
    await until(lambda: "Ada" in control.box.told[1], "the default is told")
    handle: Any = next(row for row in maker._draft.rows() if row.plan.name == "handle").control
    handle.input.value = "second"
    control.input.query = "grace"
    maker.create()
    assert "press Enter" in row._note.value
    control.input.take("PickAuthor:grace")
    maker.create()
    await until(lambda: maker.model is not None, "it is created")
    assert maker.model is not None
    assert maker.model.author.target_key == "PickAuthor:grace"
    maker.close()


async def test_a_single_field_is_a_picker_too(desk: PickDesk) -> None:
    one = field(PickBook.author, desk.model)
    control: Any = one.row._control
    await until(lambda: "Ada" in control.box.told[1], "it is told")
    await until(lambda: one.row._on, "it can be edited")
    control.input.take("PickAuthor:grace")
    await desk.until_stored("author", "PickAuthor:grace")
    one.close()


# --- opening, and the end -----------------------------------------------------------------------------------


async def test_the_target_opens_below(desk: PickDesk) -> None:
    box = desk.control("author").box
    await until(lambda: not box._open.disabled, "it can be opened")
    box._open.click()
    await until(lambda: box.opened is not None, "it opens")
    inner: Any = box.opened
    assert isinstance(inner, ModelEditor)
    assert inner.key == "PickAuthor:ada"
    assert box._open.description == "Close"
    await until(lambda: inner._state == "live" and inner._rows[1]._on, "it is live")
    name: Any = next(row for row in inner._rows if row.plan.name == "name")
    name._control.input.value = "Countess"
    await until(lambda: "Countess" in box.told[1], "what is edited there shows above")
    box._open.click()
    await until(lambda: box.opened is None, "it closes")
    assert inner._closed
    assert box._inside.children == ()
    await until(lambda: not box._open.disabled, "it can be opened again")


async def test_a_read_only_form_opens_read_only(desk: PickDesk) -> None:
    desk.form.read_only = True
    await until(lambda: desk.control("author").input.disabled, "nothing can be picked")
    box = desk.control("author").box
    await until(lambda: not box._open.disabled, "but it can be opened")
    box.toggle()
    await until(lambda: box.opened is not None, "it opens")
    assert box.opened.read_only
    box.point("PickAuthor:grace")
    assert box.opened is None


async def test_a_hidden_control_does_not_follow(desk: PickDesk) -> None:
    box = desk.control("author").box
    await until(lambda: bool(box._watches), "it follows")
    box._view_count = 1
    box._view_count = 0
    await until(lambda: not box._watches, "it pauses")
    assert not box._closed
    await (await PickAuthor.aget("PickAuthor:ada")).aupdate(born=1815)
    box._view_count = 1
    await until(lambda: "born=1815" in box.told[1], "it reads again")


async def test_closing_leaves_nothing_behind(desk: PickDesk) -> None:
    box = desk.control("author").box
    await until(lambda: not box._open.disabled, "it can be opened")
    box.toggle()
    await until(lambda: box.opened is not None, "it opens")
    desk.types("author", "a")
    inner: Any = box.opened
    feed = feed_for(registry.source_for(PickBook))
    desk.form.close()
    assert box._closed
    assert inner._closed
    await until(lambda: not feed._watches, "nothing is watched")
    await asyncio.sleep(0)
    assert len(following) == 0
    assert box._timer is None
    assert not [task for task in box._tasks if not task.done()]
