"""Single stored objects as plain Python: `rapyer_nb.get`, `save`, `delete`, `ttl`, `lock`, `edit`."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar, overload

from rapyer import AtomicRedisModel
from rapyer.session.lock import LEASE
from rapyer_nb.api.finding import known_variables
from rapyer_nb.bridge import Bridge
from rapyer_nb.errors import NotebookError
from rapyer_nb.magics import delete as deleting
from rapyer_nb.magics import get as getting
from rapyer_nb.magics import lock as locking
from rapyer_nb.magics import save as saving
from rapyer_nb.magics import ttl as living
from rapyer_nb.magics.models import is_class
from rapyer_nb.magics.targets import Target, target_of
from rapyer_nb.parsing import as_filter
from rapyer_nb.widgets import edit as open_form
from rapyer_nb.widgets.editor import DEFAULT_ACTION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from rapyer.search.expression import Expression
    from rapyer_nb.views.objects import Deleted, Life, Saved
    from rapyer_nb.widgets import ModelEditor

Model = TypeVar("Model", bound=AtomicRedisModel)


@overload
async def get(given: type[Model], pk: Any) -> Model: ...
@overload
async def get(given: Model) -> Model: ...
@overload
async def get(given: str) -> AtomicRedisModel: ...


async def get(given: Any, pk: Any = None) -> AtomicRedisModel:
    """Load the model that is stored under a key (JSON.GET, SMEMBERS of its sets); `%rapyer_get` in Python.

    Args:
        given: A full key; a class, with `pk`; or an instance, of which a new one is loaded.
        pk: The primary key.

    Raises:
        NotebookError: It is neither a key nor a model.
        InvalidKeyError: The text is no full key.
        RapyerModelDoesntExistError: No class is known for the key.
        KeyNotFound: Nothing is stored there.
        CorruptedModelError: The document does not fit the class.
    """
    return await getting.get(target_of(given, pk))


async def save(*models: AtomicRedisModel, only_changed: bool = False, if_unchanged: bool = False) -> Saved:
    """Save models, several of them in one transaction; `%rapyer_save` in Python.

    Sends what `asave` sends (JSON.SET, SADD, SREM, EXPIRE; a script for `if_unchanged`).

    Args:
        models: The models.
        only_changed: Write only the fields that have changed since they were loaded.
        if_unchanged: Write only if nobody else has changed the document since; of one model alone.

    Returns:
        What was saved, with `keys`.

    Raises:
        NotebookError: `if_unchanged` is given with several models.
        ConfigError: An option is given, and the class has no `Meta.remember_loaded`.
        StaleModelError: Somebody has changed the document; nothing is saved.
    """
    return await saving.save(models, only_changed=only_changed, if_unchanged=if_unchanged)


async def delete(
    *given: Any,
    where: Expression | str | None = None,
    dry_run: bool = False,
    cascade: bool = False,
    variables: Mapping[str, Any] | None = None,
) -> Deleted:
    """Delete stored models, with what lives beside them, without asking; `%rapyer_delete` in Python.

    Sends a script (DEL) for keys and instances, FT.SEARCH and a script for a filter.

    Args:
        given: Full keys and instances; or a class and primary keys; with `where` a class alone.
        where: A filter, as text or as an expression: all that it describes are deleted.
        dry_run: Delete nothing, and say what would be.
        cascade: Delete what they refer to by fields marked `CascadeDelete` as well.
        variables: The values for `$name` in a text; by default the variables of the notebook.

    Returns:
        What was deleted: `models`, `redis_keys`, `missing`.

    Raises:
        NotebookError: Something is neither a key nor a model, or the filter is none.
        NotIndexedError: A field of the filter has no index.
        WrongTypeError: A key holds another Redis type; nothing of its transaction is deleted.
    """
    if where is None:
        return await deleting.delete(_targets(given), dry_run=dry_run, cascade=cascade)
    model = given[0] if len(given) == 1 else None
    if not is_class(model):
        raise NotebookError("a filter needs one model class", hint='delete(User, where="age < 18")')
    expression = as_filter(model, where, known_variables(variables))
    if expression is None:
        raise NotebookError("the filter is empty", hint='delete(User, where="age < 18")')
    return await deleting.delete_where(model, expression, dry_run=dry_run, cascade=cascade)


def _targets(given: Sequence[Any]) -> list[Target]:
    if given and is_class(given[0]):
        return [target_of(given[0], pk) for pk in given[1:] or [None]]
    return list(map(target_of, given))


@overload
async def ttl(
    given: type[AtomicRedisModel], pk: Any, /, seconds: int | None = None, *, persist: bool = False
) -> Life: ...
@overload
async def ttl(
    given: str | AtomicRedisModel, /, seconds: int | None = None, *, persist: bool = False
) -> Life: ...


async def ttl(given: Any, /, *more: Any, seconds: int | None = None, persist: bool = False) -> Life:
    """Show how long a stored model has left, after setting it if wanted; `%rapyer_ttl` in Python.

    Sends PTTL for each of its keys; in the same transaction before it EXPIRE for each (a script), or PERSIST.

    Args:
        given: A full key or an instance; or a class, with the primary key behind it.
        more: The primary key, for a class; then the seconds.
        seconds: The time that it has from now on; `None` to leave it.
        persist: Let it never end.

    Returns:
        What it has, with `left` in seconds, `None` where it never ends.

    Raises:
        NotebookError: It is neither a key nor a model, the seconds are not a positive whole number, or both
            they and `persist` are given.
        KeyNotFound: Nothing is stored there.
    """
    own = 1 if is_class(given) else 0
    if len(more) > own + (seconds is None):
        raise NotebookError("ttl() takes one object and the seconds", hint="ttl(User, 42, 3600)")
    for number in more[own:]:
        seconds = number
    return await living.ttl(target_of(given, *more[:own]), seconds, persist=persist)


def lock(
    given: str | AtomicRedisModel | type[AtomicRedisModel],
    pk: Any = None,
    *,
    wait: float | None = None,
    action: str = "default",
    lease: float = LEASE,
    save_at_end: bool = False,
) -> AbstractAsyncContextManager[AtomicRedisModel | None]:
    """Hold the lock on a stored model for an `async with` block; `%%rapyer_lock` in Python.

    Sends a script (lock, with JSON.GET), which also renews and releases it; JSON.SET, EXPIRE to save.

    Args:
        given: A full key; a class, with `pk`; or an instance, which is refreshed.
        pk: The primary key.
        wait: The most seconds to wait for the lock; `None` for no limit, 0 not to wait.
        action: What the lock is for; locks for other actions are independent.
        lease: Seconds after which the lock is free if its holder died.
        save_at_end: Save the fields that the block changed, if it ends by itself.

    Returns:
        A context manager that gives the model; `None` where nothing is stored under the key.

    Raises:
        LockTimeoutError: Somebody else held the lock for all of `wait`.
        LockLostError: The lease ended before the block; nothing was saved.
        LockReentryError: The running task holds the lock already.
        LockError: A pipeline is open.
    """
    return locking.lock(target_of(given, pk), wait=wait, action=action, lease=lease, save_at_end=save_at_end)


def edit(
    given: str | AtomicRedisModel | type[AtomicRedisModel],
    pk: Any = None,
    *,
    read_only: bool = False,
    action: str = DEFAULT_ACTION,
    widgets: Mapping[str, Any] | None = None,
) -> ModelEditor:
    """Return a form for a stored model: typing in it changes Redis, and a change in Redis shows in it.

    Each field writes only its own part of the document, and only if that part is still what the form showed
    (JSON.GET and JSON.SET in a script). Of a set it sends what was added and removed (SADD, SREM); queues are
    only shown. The form follows the keys by one connection for each server, shared by all forms. The Python
    object gets the values that the form shows. What is named by its key is loaded first (JSON.GET, SMEMBERS),
    by a connection of its own, since this does not await; `.model` of the form is what was loaded.

    Running the cell again makes a new form; the old one pauses when the page drops it, and is then closed.

    Args:
        given: An instance, usually one that is stored; the form waits for one that is not. Or a full key; or
            a class, with `pk`.
        pk: The primary key.
        read_only: Only show the values, and follow them; the form has a button that lets them be edited.
        action: What the lock is for that the form heeds and takes.
        widgets: For a field, such as `address.city`, the control to take: its name, a widget, or a factory.

    Raises:
        NotebookError: It is neither a key nor a model, it lives inside another one, no event loop runs, or
            there is no such field or control.
        KeyNotFound: Nothing is stored under the key.
    """
    if pk is None and isinstance(given, AtomicRedisModel):
        return open_form(given, read_only=read_only, action=action, widgets=widgets)
    target = target_of(given, pk)
    with closing(Bridge()) as bridge:
        model = bridge.run(getting.get(target), "thread")
    return open_form(model, read_only=read_only, action=action, widgets=widgets)
