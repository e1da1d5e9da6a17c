"""`%rapyer_index plan|apply|drop`, and `rapyer_nb.index`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import rapyer_nb
from rapyer import AtomicRedisModel, Index
from rapyer_nb.errors import NotebookError
from rapyer_nb.magics.index import index
from rapyer_nb.progress import ProgressBar
from tests.nb.bars import watched_bars

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource
    from tests.nb.notebook import Notebook


class IndexedOne(AtomicRedisModel):
    name: Index[str] = ""
    age: Index[int] = 0


class IndexedTwo(AtomicRedisModel):
    word: Index[str] = ""


async def names(source: ClientSource) -> set[str]:
    listed = await source.client().execute_command("FT._LIST")  # type: ignore[no-untyped-call]
    return {name.decode() if isinstance(name, bytes) else str(name) for name in listed}


def test_a_plan_tells_what_is_to_be_done_and_changes_nothing(notebook: Notebook) -> None:
    shown = notebook.cell("plan = %rapyer_index plan User\nplan")
    assert shown.error is None, shown.text
    for words in ("1 of 1 index to be changed", "User   idx:User  missing", "create  idx:User", "fill"):
        assert words in shown.text, words
    assert "%rapyer_index apply does it" in shown.text
    assert [step.action for step in notebook["plan"].steps] == ["create", "fill"]
    assert notebook.run("bool(plan)") is True
    assert notebook.cell("%rapyer_index").value.steps  # plan is what it does without a word


def test_applying_builds_the_index_and_a_second_time_does_nothing(notebook: Notebook) -> None:
    shown = notebook.cell("%rapyer_index apply User")
    assert shown.error is None, shown.text
    assert "2 steps done; no document was touched" in shown.text
    assert [step.action for step in shown.value] == ["create", "fill"]
    again = notebook.cell("%rapyer_index apply User")
    assert "nothing was to be changed" in again.text
    assert len(again.value) == 0
    assert "every index is as its class declares it" in notebook.cell("%rapyer_index plan User").text
    assert len(notebook.run("%rapyer_find User age > 20")) == 1


def test_a_changed_class_is_told_field_by_field(notebook: Notebook) -> None:
    notebook.run("%rapyer_index apply User")
    notebook.run("class User(AtomicRedisModel):\n    name: Index[str]\n    born: Index[int] = 0")
    shown = notebook.cell("%rapyer_index plan User")
    assert "User  + born: NUMERIC" in shown.text
    assert "User  - age: NUMERIC" in shown.text
    assert "changed" in shown.text
    kept = notebook.run("%rapyer_index apply User --keep-old")
    assert {step.action for step in kept} == {"create", "fill"}
    done = notebook.run("%rapyer_index apply User")
    assert "switch" in {step.action for step in done}
    assert not notebook.run("%rapyer_index plan User")


def test_dropping_asks_and_leaves_the_documents(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook.run("%rapyer_index apply User")
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "y" if len(asked) > 1 else ""

    monkeypatch.setattr("builtins.input", answer)
    assert "nothing was dropped" in notebook.cell("%rapyer_index drop User --all").text
    assert asked == ["drop the indexes of User? [y/N] "]
    assert "every index is declared by a class" in notebook.cell("%rapyer_index drop User").text
    shown = notebook.cell("%rapyer_index drop User --all")
    assert "its documents stay" in shown.text
    assert notebook.run("%rapyer_index plan User")
    assert notebook.run("await User.acount()") == 2
    assert "there was no index to drop" in notebook.cell("%rapyer_index drop User --all --yes").text


def test_where_nobody_can_be_asked_yes_is_needed(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(question: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    shown = notebook.cell("%rapyer_index drop User --all")
    assert "there is nobody to ask: drop the indexes of User?" in shown.text
    assert "add --yes" in shown.text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("aply", "%rapyer_index: 'aply' is nothing that it does; did you mean 'apply'?"),
        ("User", "%rapyer_index: 'User' is nothing that it does; there are plan, apply and drop"),
        ("plan Usr", "unknown model 'Usr'; did you mean 'User'?"),
        ("plan --all", "%rapyer_index: --all means nothing with plan; use it with drop"),
        ("drop --keep-old", "%rapyer_index: --keep-old means nothing with drop; use it with apply"),
    ],
)
def test_mistakes_are_one_line(notebook: Notebook, line: str, message: str) -> None:
    shown = notebook.cell(f"%rapyer_index {line}")
    assert message in shown.text
    assert len(shown.text.strip().splitlines()) == 1


async def test_it_is_the_same_in_python(source: ClientSource) -> None:
    plan = await rapyer_nb.index("plan", IndexedOne, IndexedTwo)
    assert {step.model for step in plan.steps} == {"IndexedOne", "IndexedTwo"}
    assert await names(source) == set()
    done = await rapyer_nb.index("apply", IndexedOne)
    assert [step.action for step in done] == ["create", "fill"]
    assert not (await rapyer_nb.index("plan", IndexedOne)).plan
    assert len(await rapyer_nb.index("drop", IndexedOne)) == 0
    dropped = await rapyer_nb.index("drop", IndexedOne, everything=True)
    assert [(step.action, step.model) for step in dropped] == [("drop", "IndexedOne")]
    assert await names(source) == set()


async def test_a_word_that_it_does_not_know_changes_nothing(source: ClientSource) -> None:
    ask: Any = rapyer_nb.index
    with pytest.raises(NotebookError, match="'plam' is nothing that it does; did you mean 'plan'"):
        await ask("plam", IndexedOne)
    for work, option, right in (
        ("plan", "everything", "drop"),
        ("apply", "everything", "drop"),
        ("drop", "keep_old", "apply"),
    ):
        message = f"{option} means nothing with {work}; use it with {right}"
        with pytest.raises(NotebookError, match=message):
            await ask(work, IndexedOne, **{option: True})
    assert await names(source) == set()


async def test_dropping_all_shows_how_far_it_is(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = watched_bars(monkeypatch, "rapyer_nb.magics.index")
    await index("apply", IndexedOne, IndexedTwo)
    await index("drop", IndexedOne, IndexedTwo, everything=True)
    assert bars[-1].reached == [(50, 100), (100, 100)]
    await index("plan", IndexedOne)
    assert len(bars) == 3


async def test_long_builds_show_how_far_they_are(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rapyer_nb.progress.PATIENCE", 0.0)
    await IndexedOne.ainsert(*(IndexedOne(name=str(number), age=number) for number in range(20_000)))
    await index("apply", IndexedOne)
    told = capsys.readouterr().err
    assert "idx:IndexedOne" in told
    assert "100" in told
    assert await IndexedOne.acount(IndexedOne.age >= 0) == 20_000


async def test_an_interrupt_leaves_the_rest_for_the_next_time(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(ProgressBar):
        def say(self, what: str) -> None:
            if what.startswith("fill "):  # so the index is made, but not for sure filled
                task = asyncio.current_task()
                assert task is not None
                task.cancel()

    await IndexedOne.ainsert(*(IndexedOne(name=str(number)) for number in range(5000)))
    with monkeypatch.context() as patched:
        patched.setattr("rapyer_nb.magics.index.progress", Interrupted)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(index("apply", IndexedOne, IndexedTwo))
    assert len(await names(source)) == 1
    await rapyer_nb.index("apply", IndexedOne, IndexedTwo)
    assert not (await rapyer_nb.index("plan", IndexedOne, IndexedTwo)).plan
    assert await IndexedOne.acount(IndexedOne.age == 0) == 5000
