"""`%rapyer_edit` and `%rapyer_new`: forms for stored models, and for new ones."""

from __future__ import annotations

import asyncio
import datetime as dt
import enum
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel, Field, model_validator

import rapyer_nb
from rapyer import AtomicRedisModel, Key
from rapyer.config import RedisConfig
from rapyer.errors import KeyNotFound
from rapyer.types import RedisPriorityQueue, RedisSet
from rapyer_nb.errors import NotebookError
from rapyer_nb.widgets import ModelCreator, ModelEditor, close_all
from rapyer_nb.widgets.following import following
from tests.nb.desk import until
from tests.nb.queued_cells import report, run_queued

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource
    from rapyer_nb.server import EmbeddedServer
    from rapyer_nb.widgets.draft import DraftRow
    from tests.nb.notebook import Notebook

HOSTILE = "<img src=x onerror=alert(1)>"


class NewKind(enum.Enum):
    guest = "g"
    owner = "o"


class NewHome(BaseModel):
    city: str = "Paris"
    zip: int = 75001


class NewPet(BaseModel):
    name: str
    legs: int = 4


class NewPerson(AtomicRedisModel):
    Meta = RedisConfig(prefer_normal_json_dump=True, ttl=500)
    handle: Key[str]
    name: Annotated[str, Field(min_length=2)]
    age: Annotated[int, Field(ge=0)] = 36
    kind: NewKind = NewKind.guest
    nickname: str | None = None
    joined: dt.datetime = dt.datetime(2024, 5, 17, 9, 30, 1, 234567)
    photo: bytes = b"x"
    tags: RedisSet[str] = Field(default_factory=lambda: RedisSet({"early"}))
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)
    home: NewHome = NewHome(city="Rome", zip=100)
    pet: NewPet | None = None

    @model_validator(mode="after")
    def _no_root(self) -> NewPerson:
        if self.name == "root":
            raise ValueError("root is taken")
        return self


class NewPlain(AtomicRedisModel):
    name: str = "plain"


class NewNeedy(AtomicRedisModel):
    when: dt.datetime
    raw: bytes
    home: NewPet


def row(form: ModelCreator, name: str) -> DraftRow:
    return next(row for row in form._draft.rows() if row.plan.name == name)


def put(form: ModelCreator, **values: Any) -> None:
    """Type values, as the front end does."""
    for name, value in values.items():
        control: Any = row(form, name.replace("__", ".")).control
        inner = getattr(control, "_inner", control)
        if inner is not control:
            control._box.value = value is None
        if value is not None:
            inner.input.value = value


def said(form: ModelCreator, name: str = "") -> str:
    return str(row(form, name)._note.value if name else form._foot.value)


async def click(form: ModelCreator) -> None:
    before = len(form.created)
    form._foot.value = ""
    form._button.click()
    await until(lambda: form._foot.value and not form._button.disabled, "the form has answered")
    assert len(form.created) - before in (0, 1)


# --- edit --------------------------------------------------------------------------------------------------


def test_edit_by_a_key_and_by_a_variable(notebook: Notebook) -> None:
    notebook.run("from tests.nb.desk import until\nkey = ada.key")
    form = notebook.run("form = %rapyer_edit $key\nawait until(lambda: form._state == 'live', 'live')\nform")
    assert isinstance(form, ModelEditor)
    assert form.key == notebook["key"]
    assert form.model is not notebook["ada"]
    assert form.model.name == "Ada"
    assert notebook.run("mine = %rapyer_edit ada\nmine.model is ada") is True
    notebook.run("pk = ada.pk")
    assert notebook.run("other = %rapyer_edit User $pk\nother.key") == notebook["key"]
    shown = notebook.cell("%rapyer_edit ada")
    assert shown.error is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%rapyer_edit User:none", "KeyNotFound: no User is stored under User:none"),
        ("%rapyer_edit adda", "NotebookError: 'adda' is neither a key nor a variable; did you mean 'ada'?"),
        ("%rapyer_edit User", "NotebookError: User is a class, and the key is missing; "),
        ("%rapyer_new Usr", "NotebookError: unknown model 'Usr'; did you mean 'User'?"),
        ("%rapyer_new ada", "NotebookError: 'ada' is a User, not a model class"),
        ("%rapyer_new", "NotebookError: %rapyer_new: the following arguments are required: MODEL"),
    ],
)
def test_mistakes_are_one_line(notebook: Notebook, line: str, message: str) -> None:
    text = notebook.cell(line).text.strip()
    assert text.startswith(message)
    assert "\n" not in text


def test_edit_goes_to_another_connection(notebook: Notebook, second: EmbeddedServer) -> None:
    notebook.shell.user_ns["url"] = second.url
    notebook.run(
        "from tests.nb.desk import until\n%rapyer_connect $url --alias other\n%rapyer_connect default"
    )
    notebook.run("far = User(name='Far')\n%rapyer_save far --alias other\nkey = far.key")
    notebook.run("form = %rapyer_edit $key --alias other\nawait until(lambda: form._state == 'live', 'live')")
    assert notebook.run("form.model.name, form.source.describe()")[0] == "Far"
    with pytest.raises(AssertionError, match="KeyNotFound"):
        notebook.run("await User.aget(key)")


# --- new ---------------------------------------------------------------------------------------------------


async def test_a_new_object_is_stored_with_what_was_typed_and_the_defaults(source: ClientSource) -> None:
    form = rapyer_nb.new(NewPerson)
    put(form, handle="ada", name="Ada", kind=NewKind.owner)
    await click(form)
    assert "NewPerson:ada created" in said(form), said(form)
    assert form.model is form.created[0]
    found = await NewPerson.aget("NewPerson:ada")
    assert (found.name, found.age, found.kind, found.nickname) == ("Ada", 36, NewKind.owner, None)
    assert found.joined == dt.datetime(2024, 5, 17, 9, 30, 1, 234567)  # the picker keeps milliseconds only
    assert (found.photo, found.tags, found.pet) == (b"x", {"early"}, None)
    assert (found.home.city, found.home.zip) == ("Rome", 100)
    assert 490 < await source.client().ttl("NewPerson:ada") <= 500
    assert "created" in form._head.value
    close_all()


async def test_groups_sets_and_null(source: ClientSource) -> None:
    form = rapyer_nb.new(NewPerson)
    pet = row(form, "pet.name").control
    assert pet.input.disabled is True  # type: ignore[attr-defined]
    put(form, handle="bob", name="Bob", nickname="bobby", tags=["a", "b"], home__zip=5)
    row(form, "pet").control._box.value = False  # type: ignore[attr-defined]
    await until(lambda: not pet.input.disabled, "the group can be edited")  # type: ignore[attr-defined]
    put(form, pet__name="Rex")
    await click(form)
    found = await NewPerson.aget("NewPerson:bob")
    assert (found.nickname, found.tags) == ("bobby", {"a", "b"})
    assert (found.home.city, found.home.zip) == ("Rome", 5)  # not the city that the class would give
    assert found.pet is not None
    assert (found.pet.name, found.pet.legs) == ("Rex", 4)


async def test_mistakes_are_shown_at_the_fields_and_store_nothing(source: ClientSource) -> None:
    form = rapyer_nb.new(NewPerson)
    put(form, handle="eve", name="E", age=-1)
    await click(form)
    assert "at least 2 characters" in said(form, "name")
    assert "greater than or equal to 0" in said(form, "age")
    assert "✕ not created" in said(form)
    assert not form.created
    put(form, name="root", age=1)
    await click(form)
    assert "root is taken" in said(form)
    assert "characters" not in said(form, "name")
    row(form, "pet").control._box.value = False  # type: ignore[attr-defined]
    put(form, name="Eve", handle="")
    await click(form)
    assert "not created" in said(form)
    assert await source.client().keys("*") == []
    put(form, handle="eve", pet__name="Rex")
    await click(form)
    assert len(form.created) == 1


async def test_what_is_stored_is_not_replaced(source: ClientSource) -> None:
    await NewPerson(handle="ada", name="First").asave()
    form = rapyer_nb.new(NewPerson)
    put(form, handle="ada", name="Second")
    await click(form)
    assert "not created: " in said(form)
    assert "NewPerson:ada" in said(form)
    assert (await NewPerson.aget("ada")).name == "First"
    assert form.model is None


async def test_the_button_makes_one_each_time(source: ClientSource) -> None:
    form = rapyer_nb.new(NewPlain)
    await click(form)
    put(form, name="other")
    await click(form)
    assert [one.name for one in form.created] == ["plain", "other"]
    assert len({one.key for one in form.created}) == 2
    assert await NewPlain.acount() == 2
    # Two clicks at once are one.
    form._button.click()
    form._button.click()
    await until(lambda: len(form.created) == 3, "it is created")
    await asyncio.sleep(0)
    assert await NewPlain.acount() == 3


async def test_what_no_control_can_give_is_asked_for(source: ClientSource) -> None:
    form = rapyer_nb.new(NewNeedy)
    await click(form)
    for name in ("when", "raw", "home.name"):
        expected = "" if name == "home.name" else "Field required"
        assert expected in said(form, name), name
    put(form, when=dt.datetime(2024, 1, 1))
    await click(form)
    assert "Field required" not in said(form, "when")
    assert "Field required" in said(form, "raw")
    assert await source.client().keys("*") == []


async def test_no_connection_leaves_the_form_as_it_is(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = rapyer_nb.new(NewPlain)

    async def lost(*models: Any, **options: Any) -> None:
        raise ConnectionError("nobody there")

    with monkeypatch.context() as patched:
        patched.setattr("rapyer_nb.widgets.creator.ainsert", lost)
        await click(form)
    assert "not created: ConnectionError: nobody there" in said(form)
    await click(form)
    assert len(form.created) == 1


async def test_how_it_looks_and_how_it_goes(source: ClientSource) -> None:
    class NewHostile(AtomicRedisModel):
        name: str = Field(default=HOSTILE, title=HOSTILE)

    form = rapyer_nb.new(NewHostile)
    bundle = form._repr_mimebundle_()
    assert bundle["text/plain"] == "a form for a new NewHostile: name"
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "New NewHostile" in form._head.value
    assert "not created yet" in form._head.value
    await click(form)
    assert (await NewHostile.aget(form.created[0].key)).name == HOSTILE
    assert "<img" not in form._head.value + form._foot.value
    # A page shows it, then a newer one of the class takes its place.
    form._view_count = 1
    again = rapyer_nb.new(NewHostile)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not form._closed
    form._view_count = 0
    await until(lambda: form._closed, "the older one is closed")
    assert not again._closed
    again._button.click()
    close_all()
    assert again._closed
    assert len(following) == 0


async def test_new_takes_a_class(source: ClientSource) -> None:
    with pytest.raises(NotebookError, match=r"new\(\) takes a model class, not a NewPlain; use new\(User\)"):
        rapyer_nb.new(NewPlain())  # type: ignore[arg-type]


def test_new_needs_a_loop() -> None:
    with pytest.raises(NotebookError, match=r"new\(\) needs a running event loop"):
        rapyer_nb.new(NewPlain)


def test_new_in_a_notebook_and_on_another_connection(notebook: Notebook, second: EmbeddedServer) -> None:
    notebook.shell.user_ns["url"] = second.url
    notebook.run(
        "from tests.nb.desk import until\n%rapyer_connect $url --alias other\n%rapyer_connect default"
    )
    notebook.run("form = %rapyer_new User --alias other")
    notebook.run(
        "next(row for row in form._draft.rows() if row.plan.name == 'name').control.input.value = 'New'\n"
        "form._button.click()\nawait until(lambda: form.model is not None, form._foot.value)"
    )
    assert notebook["form"].model.name == "New"
    with pytest.raises(AssertionError, match=KeyNotFound.__name__):
        notebook.run("await User.aget(form.model.key)")
    assert notebook.run("found = %rapyer_get $form.model.key --alias other\nfound.name") == "New"


CONTEXTS = (
    "value = %rapyer_{0}",
    "if True:\n    value = %rapyer_{0}",
    "async def ask():\n    found = %rapyer_{0}\n    return found\nvalue = await ask()",
    "def ask():\n    found = %rapyer_{0}\n    return found\nvalue = ask()",
    "%%time\nvalue = %rapyer_{0}",
    "%%capture out\nvalue = %rapyer_{0}",
)


def test_in_every_context_of_a_shell(notebook: Notebook) -> None:
    for line, kind in (("edit ada", ModelEditor), ("new User", ModelCreator)):
        for context in CONTEXTS:
            notebook.run("value = None")
            notebook.run(context.format(line))
            assert isinstance(notebook["value"], kind), context


def test_with_all_cells_queued(rapyer_redis_url: str) -> None:
    cells = [
        f"import os\nos.environ['RAPYER_REDIS_URL'] = {rapyer_redis_url!r}\n%load_ext rapyer_nb",
        "from rapyer import AtomicRedisModel\nclass User(AtomicRedisModel):\n    name: str = ''\n"
        "ada = await User(name='Ada').asave()",
    ]
    for line, kind in (("edit ada", "ModelEditor"), ("new User", "ModelCreator")):
        for context in CONTEXTS:
            cells += ["value = None", context.format(line), f"assert type(value).__name__ == {kind!r}"]
    runs: list[Any] = run_queued(cells)
    assert all(run.ok for run in runs), report(runs)
