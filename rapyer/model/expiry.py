"""Time to live: which keys of a model end when, and which operations start that anew.

What comes out is commands that ride in the same transaction as the operation's own (`perform(…, renewal=)`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from rapyer.actions import ActionGroup, running_groups
from rapyer.commands import keys
from rapyer.commands.expire import expire_models
from rapyer.model.cascade import plan_of
from rapyer.model.companions import keys_under
from rapyer.model.registry import registry
from rapyer.session.scope import open_batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel

Renewal: TypeAlias = "tuple[Command[Any], ...]"

MODELS_PER_COMMAND = 250
"""How many models one script lets end; more would keep the server from other callers for too long."""


def should_refresh(cls: type[StoredModel], groups: ActionGroup | None = None) -> bool:
    """Tell whether operations of any of some groups start the time to live of a class's models anew.

    Args:
        cls: The class of the top-level model.
        groups: The groups; None for any at all.
    """
    return _refreshes(cls, (ActionGroup.all() if groups is None else groups).value)


def refreshes_now(cls: type[StoredModel], groups: ActionGroup | None = None) -> bool:
    """Tell whether the running operation starts the time to live of a class's models anew.

    Args:
        cls: The class of the top-level model.
        groups: What kind of operation it is, where none is running that says so itself.
    """
    running = running_groups()
    if running is None:
        running = 0 if groups is None else groups.value
    return _refreshes(cls, running)


def renewal(model: StoredModel, groups: ActionGroup | None = None) -> Renewal:
    """Return what starts the time to live of a top-level instance anew, if the running operation does that.

    Args:
        model: The instance.
        groups: What kind of operation it is, where none is running that says so itself.
    """
    return renewed(model) if refreshes_now(type(model), groups) else ()


def renewal_of(cls: type[StoredModel], names: Iterable[str]) -> Renewal:
    """Return the same for models that are read by their keys, of which nobody knows yet what they hold."""
    return _start(cls, names) if refreshes_now(cls) else ()


def renewal_of_stored(models: Iterable[StoredModel]) -> Renewal:
    """Return what gives instances that are being stored their time to live.

    It starts anew if the running operation does that; what has none yet gets one in any case.
    """
    commands: list[Command[Any]] = []
    by_class: dict[type[StoredModel], list[StoredModel]] = {}
    for model in models:
        by_class.setdefault(type(model), []).append(model)
    for cls, members in by_class.items():
        seconds = registry.ttl_of(cls)
        if seconds is None:
            continue
        if not refreshes_now(cls):
            names = [model._rapyer_key() for model in members]
            commands += _expire_unknown(cls, names, seconds, missing=True)
        elif len(members) == 1:
            commands += renewed(members[0])
        else:
            commands += _start(cls, [model._rapyer_key() for model in members])
    return tuple(commands)


def passed_on(models: Iterable[StoredModel]) -> Renewal:
    """Return what passes the time to live of instances, which a script has stored, on to what they refer to.

    It is nothing where no references are followed, or the running operation starts nothing.
    """
    followed = (one for one in models if plan_of(type(one)).follows)
    return renewal_of_stored(one for one in followed if refreshes_now(type(one)))


def renewed(model: StoredModel) -> Renewal:
    """Return what starts the time to live of a top-level instance anew, whatever is running."""
    # In a pipeline all operations on a model have to give the same, so that it is sent once.
    return _start(type(model), [model._rapyer_key()], known=_is_stored(model) and open_batch() is None)


def renewal_under_lock(model: StoredModel) -> Renewal:
    """Return what starts the time to live anew of a model, or of what holds it, that a lock's block saves."""
    root = model._rapyer_root()
    seconds = registry.ttl_of(type(root))
    if seconds is None or not should_refresh(type(root), ActionGroup.CREATE | ActionGroup.UPDATE):
        return ()
    return _expire(type(root), [root._rapyer_key()], seconds, known=True)  # a script cannot run in the lock's


def expire(model: StoredModel, seconds: int) -> Renewal:
    """Return what lets the keys of a top-level instance end after so many seconds, and no others."""
    return _expire(type(model), [model._rapyer_key()], seconds, known=_is_stored(model))


def _refreshes(cls: type[StoredModel], groups: int) -> bool:
    return registry.ttl_of(cls) is not None and cls.Meta.refreshes(groups)


def _start(cls: type[StoredModel], names: Iterable[str], *, known: bool = False) -> Renewal:
    """Return what gives models the time to live of their class, and so passes it on to what they refer to."""
    seconds = registry.ttl_of(cls)
    if seconds is None:
        return ()
    plan = plan_of(cls)
    if not plan.follows:
        return _expire(cls, names, seconds, known=known)
    return tuple(plan.command(part, seconds) for part in _parts(list(dict.fromkeys(names))))


def _expire(cls: type[StoredModel], names: Iterable[str], seconds: int, *, known: bool) -> Renewal:
    if known:
        spec = cls.__rapyer_spec__
        return tuple(keys.expire(key, seconds) for name in names for key in keys_under(spec, name))
    return _expire_unknown(cls, names, seconds)


def _expire_unknown(
    cls: type[StoredModel], names: Iterable[str], seconds: int, *, missing: bool = False
) -> Renewal:
    # The key of a model that was never loaded or saved may be somebody else's, of another type.
    models = [keys_under(cls.__rapyer_spec__, key) for key in dict.fromkeys(names)]
    return tuple(expire_models(part, seconds, missing=missing) for part in _parts(models))


def _parts(models: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(models), MODELS_PER_COMMAND):
        yield models[start : start + MODELS_PER_COMMAND]


def _is_stored(model: StoredModel) -> bool:
    return getattr(model, "_rapyer_stored", None) is not None
