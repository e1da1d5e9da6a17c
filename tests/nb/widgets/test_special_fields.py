"""Sets, queues and references in a notebook: the form, the table, what cells do with them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any, Optional

import ipywidgets as W
import pytest
from pydantic import Field, field_validator

from rapyer import AtomicRedisModel, FifoTies
from rapyer.types import PriorityQueueItem, RedisPriorityQueue, RedisSet, Reference
from rapyer_nb.live import feed_for
from rapyer_nb.views import ModelView, ResultList
from tests.nb.desk import Desk, until
from tests.nb.notebook import open_notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rapyer.session.clients import ClientSource
    from tests.nb.notebook import Notebook


class SpecialFirm(AtomicRedisModel):
    name: str = "Acme"


class SpecialShelf(AtomicRedisModel):
    labels: set[str] = set()


class SpecialWorker(AtomicRedisModel):
    name: str = "Ada"
    tags: set[str] = {"early"}
    numbers: RedisSet[int] = Field(default_factory=set)
    maybe: Optional[RedisSet[str]] = None  # noqa: UP045 - as users write it
    flags: set[bool] = {True}
    few: Annotated[set[str], Field(max_length=2)] = set()
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)
    firm: Reference[SpecialFirm] = Reference("SpecialFirm:1")
    former: Reference[SpecialFirm] | None = None
    known: list[Reference[SpecialFirm]] = []
    rows: list[set[str]] = [{"x"}]
    shelf: SpecialShelf = SpecialShelf()
    second: SpecialShelf | None = None
    pool: RedisPriorityQueue[int] | None = None
    inbox: Annotated[RedisPriorityQueue[str], FifoTies] = Field(default_factory=RedisPriorityQueue)

    @field_validator("tags")
    @classmethod
    def _no_blanks(cls, tags: set[str]) -> set[str]:
        if any(" " in tag for tag in tags):
            raise ValueError("a tag has no blanks")
        return tags


class SpecialTree(AtomicRedisModel):
    labels: set[str] = {"root"}
    child: Optional[SpecialTree] = None  # noqa: UP045 - as users write it


class SharedDesk(Desk):
    """A stored model, its form, and others who change it."""

    async def other(self) -> Any:
        """Return the model as somebody else has it."""
        return await type(self.model).aget(self.model.key)

    async def until_stored(self, look: Callable[[Any], Any], expected: Any) -> None:
        end = time.monotonic() + 5
        while (found := look(await self.other())) != expected:
            assert time.monotonic() < end, f"{found} is stored"
            await asyncio.sleep(0.005)


async def sit_down(model: Any) -> SharedDesk:
    desk = SharedDesk(model)
    await desk.until_live()
    return desk


@pytest.fixture
async def desk(source: ClientSource) -> SharedDesk:
    return await sit_down(await SpecialWorker().asave())


# --- sets in the form ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "draft"),
    [("tags", ["late", "early"]), ("numbers", [3, 1]), ("maybe", ["a"]), ("shelf.labels", ["top"])],
)
async def test_a_set_is_edited_as_tags(desk: SharedDesk, name: str, draft: list[Any]) -> None:
    def look(model: Any) -> Any:
        for step in name.split("."):
            model = getattr(model, step)
        return model

    desk.input(name).value = draft
    await desk.until_stored(look, set(draft))
    await until(lambda: look(desk.model) == set(draft), "the object has it")
    await until(lambda: f"{name} saved" in desk.form._foot.value, "it says so")
    assert await look(desk.model).amembers() == set(draft)


async def test_a_tag_that_stands_already_is_not_taken_twice(desk: SharedDesk) -> None:
    assert isinstance(desk.input("tags"), W.TagsInput)
    assert desk.input("tags").allow_duplicates is False


async def test_an_edit_keeps_what_others_have_added(desk: SharedDesk) -> None:
    for watch in desk.form._watches:
        watch.close()  # deaf: the form does not see what others do
    await (await desk.other()).tags.aadd("theirs")
    desk.input("tags").value = ["early", "mine"]
    await desk.until_stored(lambda model: model.tags, {"early", "mine", "theirs"})
    await until(lambda: desk.shown("tags") == {"early", "mine", "theirs"}, "the form shows both")
    desk.input("tags").value = ["mine", "theirs"]
    await desk.until_stored(lambda model: model.tags, {"mine", "theirs"})


@pytest.mark.parametrize("name", ["tags", "maybe"])
async def test_what_others_add_and_remove_shows(desk: SharedDesk, name: str) -> None:
    other = await desk.other()
    setattr(other, name, {"a", "b"})
    await other.asave()
    await until(lambda: desk.shown(name) == {"a", "b"}, "it shows")
    await until(lambda: getattr(desk.model, name) == {"a", "b"}, "the object has it")
    await getattr(other, name).aremove("a")
    await until(lambda: desk.shown(name) == {"b"}, "it shows")
    assert getattr(desk.model, name) == {"b"}
    await getattr(other, name).aclear()
    await until(lambda: desk.shown(name) == set(), "it shows")
    assert not getattr(desk.model, name)


async def test_saving_the_object_sends_nothing_that_the_form_took_over(desk: SharedDesk) -> None:
    other = await desk.other()
    await other.tags.aadd("theirs")
    await until(lambda: desk.model.tags == {"early", "theirs"}, "the object has it")
    desk.form.close()
    await other.tags.aremove("theirs")
    await other.tags.aadd("new")
    await desk.model.asave()  # it knows that it added nothing itself
    assert (await desk.other()).tags == {"early", "new"}


async def test_a_change_of_the_set_alone_is_heard(desk: SharedDesk) -> None:
    feed = feed_for(desk.form.source)
    assert desk.model.tags.special_key in feed.watched
    assert desk.model.jobs.special_key in feed.watched
    started = time.perf_counter()
    await (await desk.other()).tags.aadd("late")
    await until(lambda: "late" in desk.shown("tags"), "it shows")
    assert time.perf_counter() - started < 0.5
    desk.form.close()
    await until(lambda: not feed.watched, "nobody watches any more")


async def test_what_the_model_does_not_take_is_explained(desk: SharedDesk) -> None:
    desk.input("tags").value = ["two words"]
    await until(lambda: desk.note("tags"), "it is explained")
    assert desk.note("tags") == "Value error, a tag has no blanks"
    desk.input("few").value = ["a", "b", "c"]
    await until(lambda: desk.note("few"), "it is explained")
    assert "should have at most 2 items" in desk.note("few")
    assert (await desk.other()).tags == {"early"}


async def test_a_damaged_member_is_told(desk: SharedDesk) -> None:
    client = desk.form.source.client()
    await client.sadd(desk.model.numbers.special_key, '"no number"')
    await until(lambda: desk.collection("numbers").entries, "it is in rows")
    bad = desk.collection("numbers").entries[0]
    assert "✕ does not fit" in bad._text.value
    bad.buttons["remove"].click()
    await until(lambda: not desk.collection("numbers").entries, "it is gone")
    await until(lambda: desk.shown("numbers") == set(), "tags again")
    assert await client.exists(desk.model.numbers.special_key) == 0


async def test_sets_of_other_elements_and_in_lists_are_rows(desk: SharedDesk) -> None:
    await until(lambda: desk.shown("flags") == [True], "it shows")
    assert desk.shown("rows") == [{"x"}]
    await (await desk.other()).rows[0].aadd("y")
    await until(lambda: desk.shown("rows") == [{"x", "y"}], "it shows")
    tags: Any = desk.collection("rows").entries[0]
    tags.field._control.input.value = ["x", "z"]
    await desk.until_stored(lambda model: model.rows, [{"x", "z"}])


@pytest.mark.parametrize("elements", [{2**60}, set(range(501))])
async def test_a_set_that_tags_cannot_show_is_in_rows(desk: SharedDesk, elements: set[int]) -> None:
    other = await desk.other()
    await other.numbers.aadd_many(elements)
    await until(lambda: len(desk.collection("numbers").entries) == min(20, len(elements)), "it shows")
    assert set(desk.shown("numbers")) <= elements
    await other.numbers.aclear()
    await other.numbers.aadd(7)
    await until(lambda: desk.shown("numbers") == {7}, "tags again")
    await until(lambda: desk.model.numbers == {7}, "the object has it")


async def test_a_set_that_stands_in_the_document_moves_at_the_first_edit(source: ClientSource) -> None:
    model: Any = await SpecialWorker().asave()
    client = source.client()
    await client.execute_command("JSON.SET", model.key, "$.maybe", r'["\"old\""]')
    desk = await sit_down(await SpecialWorker.aget(model.key))
    await until(lambda: desk.shown("maybe") == {"old"}, "it shows")
    desk.input("maybe").value = ["old", "new"]
    await desk.until_stored(lambda found: found.maybe, {"old", "new"})
    assert await client.execute_command("JSON.GET", model.key, "$.maybe") == "[]"
    assert await client.scard(f"__rapyer_special__:{model.key}:maybe") == 2


async def test_a_deleted_model_with_sets_is_told(desk: SharedDesk) -> None:
    await (await desk.other()).adelete()
    await until(lambda: desk.form._state == "deleted", "it says so")
    assert not any(row._on for row in desk.form._rows)
    assert await desk.form.source.client().keys("*") == []


async def test_the_sets_of_an_optional_model_come_and_go_with_it(desk: SharedDesk) -> None:
    other = await desk.other()
    other.second = SpecialShelf(labels={"a"})
    await other.asave()
    await until(lambda: desk.row("second.labels")._on and desk.shown("second.labels") == {"a"}, "it shows")
    assert desk.model.second.labels == {"a"}
    other.second = None
    await other.asave()
    await until(lambda: not desk.row("second.labels")._on, "it is off")
    assert desk.model.second is None
    other.second = SpecialShelf(labels={"a"})
    await other.asave()
    await until(lambda: desk.row("second.labels")._on and desk.shown("second.labels") == {"a"}, "it is back")
    assert desk.model.second.labels == {"a"}
    await desk.model.asave()
    assert (await desk.other()).second.labels == {"a"}


async def test_a_box_makes_an_optional_model_with_a_set(desk: SharedDesk) -> None:
    control: Any = desk.row("second")._control
    control._box.value = False
    await desk.until_stored(lambda model: model.second, SpecialShelf())
    stored = await desk.form.source.client().execute_command("JSON.GET", desk.model.key, "$.second")
    assert stored == "[{}]"
    await until(lambda: desk.row("second.labels")._on, "it can be edited")
    desk.input("second.labels").value = ["new"]
    await desk.until_stored(lambda model: model.second.labels, {"new"})


async def test_a_model_nested_in_its_own_kind_has_a_form(source: ClientSource) -> None:
    desk = await sit_down(await SpecialTree(child=SpecialTree(labels={"leaf"})).asave())
    desk.input("labels").value = ["root", "more"]
    await desk.until_stored(lambda tree: tree.labels, {"root", "more"})
    assert [row.plan.name for row in desk.form._rows] == ["labels", "child"]
    assert "leaf" in desk.row("child")._control._text.value  # type: ignore[attr-defined]


# --- queues and references in the form ----------------------------------------------------------------------


async def test_a_queue_shows_what_comes_next(desk: SharedDesk) -> None:
    await until(lambda: desk.shown("jobs") == [], "it shows")
    other = await desk.other()
    await other.jobs.apush_many([PriorityQueueItem(f"job {n}", n) for n in range(3)])
    await until(lambda: desk.shown("jobs") == [("job 0", 0), ("job 1", 1), ("job 2", 2)], "it shows")
    assert await other.jobs.apop() == "job 0"
    await until(lambda: desk.shown("jobs") == [("job 1", 1), ("job 2", 2)], "it shows")
    assert await desk.model.jobs.asize() == 2


async def test_a_queue_that_keeps_the_order_of_arrival_shows_priorities(desk: SharedDesk) -> None:
    other = await desk.other()
    await other.inbox.apush_many([PriorityQueueItem(name, 1) for name in "ca"])
    await other.inbox.redis.zadd(other.inbox.special_key, {'"b"': 1.75})
    await until(lambda: [value for value, _ in desk.shown("inbox")] == ["c", "a", "b"], "it shows")
    rows: Any = desk.collection("inbox").entries
    await until(lambda: [row.field._control.get() for row in rows] == [1, 1, 1], "without the fractions")


async def test_an_optional_queue_is_shown_too(desk: SharedDesk) -> None:
    other = await desk.other()
    other.pool = RedisPriorityQueue()
    await other.asave()
    await other.pool.apush(7, 1)
    await until(lambda: desk.shown("pool") == [(7, 1)], "it shows")


async def test_a_reference_is_edited_as_its_key(desk: SharedDesk) -> None:
    assert desk.shown("firm") == "SpecialFirm:1"
    desk.input("firm").value = "SpecialFirm:2"
    await desk.until_stored(lambda model: model.firm.target_key, "SpecialFirm:2")
    await until(lambda: desk.model.firm.target_key == "SpecialFirm:2", "the object has it")
    firm: Any = await SpecialFirm().asave()
    await (await desk.other()).aupdate(firm=firm)
    await until(lambda: desk.shown("firm") == firm.key, "it shows")
    assert await desk.model.firm.afetch() == firm
    desk.input("firm").value = ""
    await until(lambda: desk.note("firm"), "it is explained")
    assert desk.note("firm") == "give the key of what is referred to"


async def test_a_reference_that_was_fetched_stays_so(source: ClientSource) -> None:
    firm = await SpecialFirm().asave()
    worker: Any = await SpecialWorker(firm=firm).asave()
    desk = await sit_down(worker)
    assert worker.firm.is_resolved
    assert desk.shown("firm") == firm.key


async def test_an_optional_reference_has_a_box(desk: SharedDesk) -> None:
    assert desk.shown("former") is None
    await (await desk.other()).aupdate(former="SpecialFirm:9")
    await until(lambda: desk.shown("former") == "SpecialFirm:9", "it shows")
    control: Any = desk.row("former")._control
    control._box.value = True
    await desk.until_stored(lambda model: model.former, None)


async def test_references_in_a_list_are_edited_as_keys(desk: SharedDesk) -> None:
    await (await desk.other()).aupdate(known=["SpecialFirm:3"])
    await until(lambda: desk.shown("known") == ["SpecialFirm:3"], "it shows")
    desk.collection("known").entries[0].field._control.input.value = "SpecialFirm:4"
    await desk.until_stored(lambda model: [one.target_key for one in model.known], ["SpecialFirm:4"])


# --- how they look ------------------------------------------------------------------------------------------


async def test_the_views_of_a_model(source: ClientSource) -> None:
    worker: Any = await SpecialWorker(tags={"<b>"}, known=["SpecialFirm:3"]).asave()
    await worker.jobs.apush("secret", 1)
    assert repr(worker).startswith("SpecialWorker(name='Ada', tags={'<b>'}, numbers=set(), maybe=None,")
    view, table = ModelView(worker), ResultList([worker], total=1, model_name="SpecialWorker").view()
    assert "firm=Reference('SpecialFirm:1', unresolved)" in view.text()
    for html in (view._repr_mimebundle_()["text/html"], table._repr_mimebundle_()["text/html"]):
        assert "{&#x27;&lt;b&gt;&#x27;}" in html
        assert "<td>queue, in Redis</td>" in html
        assert "<td>SpecialFirm:1</td>" in html
    assert "queue, in Redis" in table.text()


# --- cells --------------------------------------------------------------------------------------------------

SETUP = """
from typing import Optional
from pydantic import Field
from rapyer import AtomicRedisModel, Index
from rapyer.types import PriorityQueueItem, RedisPriorityQueue, RedisSet, Reference

class Company(AtomicRedisModel):
    name: Index[str]

class Player(AtomicRedisModel):
    name: Index[str]
    tags: set[str] = set()
    maybe: Optional[RedisSet[int]] = None
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)
    company: Optional[Reference[Company]] = None

acme = await Company(name="Acme").asave()
user = await Player(name="Ada", tags={"x"}, company=acme).asave()
"""


@pytest.fixture
def notebook(rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    with open_notebook(rapyer_redis_url, monkeypatch, SETUP) as notebook:
        yield notebook


def test_find_gives_them_and_shows_a_table(notebook: Notebook) -> None:
    shown = notebook.cell('%rapyer_find Player name == "Ada"')
    assert shown.error is None
    (found,) = shown.value
    assert (found.tags, found.company.target_key) == ({"x"}, notebook["acme"].key)
    assert "{'x'}" in shown.text
    assert notebook["acme"].key in shown.html
    assert notebook.run("%rapyer_find Player --as dict")[0]["tags"] == {"x"}


def test_a_filter_on_a_field_that_has_no_index_says_so(notebook: Notebook) -> None:
    for field in ("tags", "jobs", "company"):
        shown = notebook.cell(f'%rapyer_find Player {field} == "x"')
        assert type(shown.error).__name__ == "NotIndexedError", shown.text
        assert field in shown.text


def test_a_filter_does_not_look_through_a_reference(notebook: Notebook) -> None:
    shown = notebook.cell('%rapyer_find Player company.name == "Acme"')
    assert type(shown.error).__name__ == "NotebookError"
    assert "field 'company' of Player has no fields inside it" in shown.text


def test_a_pipeline_takes_changes_of_sets_and_queues(notebook: Notebook) -> None:
    shown = notebook.cell(
        "%%rapyer_pipeline user\n"
        'await user.tags.aadd("y")\n'
        'user.tags.add("z")\n'
        'await user.jobs.apush("later", 2)\n'
        'await user.jobs.apush_many([PriorityQueueItem("soon", 1)])\n'
        "before = [tag async for tag in user.tags.aiter_members()]\n"
        "await user.tags.asize()"
    )
    assert shown.error is None
    assert (shown.value, notebook["before"]) == (1, ["x"])  # reads see Redis as it was
    assert "4 commands, 1 round trip" in shown.text
    assert notebook.run("await user.tags.amembers()") == {"x", "y", "z"}
    assert notebook.run("await user.jobs.apop()") == "soon"


def test_a_pipeline_that_fails_sends_nothing_and_takes_sets_back(notebook: Notebook) -> None:
    shown = notebook.cell(
        '%%rapyer_pipeline user\nuser.tags |= {"y"}\nawait user.jobs.apush("later", 2)\n1 / 0'
    )
    assert isinstance(shown.error, ZeroDivisionError)
    assert notebook["user"].tags == {"x"}
    assert notebook.run("await user.tags.amembers(), await user.jobs.asize()") == ({"x"}, 0)


def test_cells_await_them_and_show_them(notebook: Notebook) -> None:
    assert notebook.run("[one async for one in user.tags.aiter_members()]") == ["x"]
    assert "{'x'}" in notebook.cell("user.tags").text
    assert "Company:" in notebook.cell("user.company").text
    assert notebook.run("await user.company.afetch()") == notebook["acme"]
    assert notebook.cell("user.company").error is None
    shown = notebook.cell("user")
    assert shown.error is None
    assert "queue, in Redis" in shown.html
    assert "RedisPriorityQueue(" in notebook.cell("user.jobs").text


def test_a_class_with_special_fields_may_be_run_again(notebook: Notebook) -> None:
    notebook.run(SETUP)
    assert notebook.run("(await Player.aget(user.key)).tags") == {"x"}
