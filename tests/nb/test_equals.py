"""What the magics and their equals in Python take alike: a class and a key, and snapshots that are values."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import ipywidgets as W
import pytest
from pydantic import Field

import rapyer_nb
from rapyer import AtomicRedisModel
from rapyer.errors import KeyNotFound
from rapyer.session.clients import ClientSource
from rapyer.session.using import using
from rapyer.types import RedisSet
from rapyer_nb.errors import NotebookError
from tests.nb.desk import until

if TYPE_CHECKING:
    from rapyer_nb.server import EmbeddedServer
    from tests.nb.notebook import Notebook


class EqualUser(AtomicRedisModel):
    name: str = ""
    age: int = 0
    tags: RedisSet[str] = Field(default_factory=RedisSet)


@pytest.fixture
async def ada(source: ClientSource) -> EqualUser:
    return await EqualUser(name="Ada", age=36, tags={"a"}).asave()


async def test_ttl_takes_a_class_and_a_key(ada: EqualUser) -> None:
    ways: list[tuple[Any, ...]] = [(EqualUser, ada.pk), (EqualUser, ada.key), (str(ada.key),), (ada,)]
    for number, way in enumerate(ways, 1):
        life = await rapyer_nb.ttl(*way, 1000 * number)
        assert 1000 * (number - 1) < life.left <= 1000 * number
        assert life.left >= (await rapyer_nb.ttl(*way)).left > 0
        await rapyer_nb.ttl(*way, seconds=500)
        assert (await rapyer_nb.ttl(*way, persist=True)).left is None


async def test_ttl_takes_no_more(ada: EqualUser) -> None:
    for wrong in ((EqualUser, ada.pk, 1, 2), (ada, 1, 2)):
        with pytest.raises(NotebookError, match="one object and the seconds"):
            await rapyer_nb.ttl(*wrong)  # type: ignore[call-overload]  # that is the point
    for wrong in ((EqualUser, ada.pk, 1), (ada, 1)):
        with pytest.raises(NotebookError, match="one object and the seconds"):
            await rapyer_nb.ttl(*wrong, seconds=1)  # type: ignore[call-overload]  # that is the point
    with pytest.raises(NotebookError, match="EqualUser is a class, and the key is missing"):
        await rapyer_nb.ttl(EqualUser)  # type: ignore[call-overload]  # that is the point
    assert (await rapyer_nb.ttl(ada)).left is None


async def test_lock_takes_a_class_and_a_key(ada: EqualUser) -> None:
    async with rapyer_nb.lock(EqualUser, ada.pk, save_at_end=True) as user:
        assert isinstance(user, EqualUser)
        user.age = 37
    assert (await EqualUser.aget(ada.key)).age == 37


async def test_delete_takes_a_class_and_keys(ada: EqualUser) -> None:
    bob, eve = EqualUser(name="Bob"), EqualUser(name="Eve")
    await EqualUser.ainsert(bob, eve)
    deleted = await rapyer_nb.delete(EqualUser, ada.pk, bob.key, "none", dry_run=True)
    assert (deleted.models, deleted.missing) == (2, 1)
    deleted = await rapyer_nb.delete(EqualUser, ada.pk, bob.key, "none")
    assert (deleted.models, deleted.missing) == (2, 1)
    assert [user.name for user in await EqualUser.afind()] == ["Eve"]
    with pytest.raises(NotebookError, match="EqualUser is a class, and the key is missing"):
        await rapyer_nb.delete(EqualUser)
    assert len(await EqualUser.afind()) == 1


async def test_edit_takes_a_key_or_a_class_and_a_key(ada: EqualUser) -> None:
    ways: list[tuple[Any, ...]] = [(str(ada.key),), (EqualUser, ada.pk), (EqualUser, ada.key)]
    for number, way in enumerate(ways):
        form = rapyer_nb.edit(*way)
        model = form.model
        assert isinstance(model, EqualUser)
        assert (model.key, model.age, model.tags) == (ada.key, 36 + number, {"a"})
        assert model is not ada
        await until(lambda form=form: form._state == "live", "the form is live", 30)  # type: ignore[misc]
        await ada.aupdate(age=37 + number)
        await until(lambda model=model, n=number: model.age == 37 + n, "it follows", 30)  # type: ignore[misc]
        await EqualUser(name="x").asave()  # the connections of the notebook are as they were
    assert not [one for one in threading.enumerate() if one.name == "rapyer-nb-bridge"]
    assert rapyer_nb.edit(ada).model is ada


async def test_edit_takes_wishes_for_controls(ada: EqualUser) -> None:
    for given in (ada, str(ada.key)):
        form = rapyer_nb.edit(given, widgets={"age": W.BoundedIntText})
        control: Any = next(row for row in form._rows if row.plan.name == "age")._control
        assert isinstance(control.input, W.BoundedIntText)
    with pytest.raises(NotebookError, match="EqualUser has no field 'agee'"):
        rapyer_nb.edit(ada, widgets={"agee": "text"})


async def test_edit_goes_where_the_others_go(ada: EqualUser, second: EmbeddedServer) -> None:
    other = ClientSource.from_url(second.url)
    with using(other):
        there = await EqualUser(name="there").asave()
        assert rapyer_nb.edit(str(there.key)).model.name == "there"
    with pytest.raises(KeyNotFound):
        rapyer_nb.edit(str(there.key))
    with pytest.raises(NotebookError, match="EqualUser is a class, and the key is missing"):
        rapyer_nb.edit(EqualUser)
    await other.aclose()


def test_a_snapshot_may_be_a_value(notebook: Notebook) -> None:
    notebook.run("import rapyer_nb\nshot = await rapyer_nb.snapshot('before', User)\nname = 'before'")
    notebook.run("%rapyer_snapshot before --drop\nother = %rapyer_snapshot after User")
    notebook.run("await ada.aupdate(age=37)\nshots = [shot, other]")
    for word in ("$shot", "{shot}", "{shots[0]}", "$other", "after", '"after"'):
        assert [part.key for part in notebook.run(f"%rapyer_diff {word}").changes] == [notebook["ada"].key]
    assert not notebook.run("%rapyer_diff $shot $other").changes
    assert "there is no snapshot 'before'" in notebook.cell("%rapyer_diff $name").text
    notebook.run("%rapyer_restore $shot --yes")
    assert notebook.run("(await User.aget(ada.key)).age") == 36
