"""What a block has done to the local objects, told by what they were before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.model.schema import spec_of
from rapyer_nb.snapshots import Change
from rapyer_nb.snapshots.values import Part, parts_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer import AtomicRedisModel
    from rapyer_nb.snapshots.compare import Kind

    State = tuple[bool, dict[str, Any]]
    """Whether a model is known to be stored, and its values."""


def states_of(models: Sequence[AtomicRedisModel]) -> list[State]:
    """Return what models are at this moment; reads nothing."""
    return [(getattr(model, "_rapyer_stored", None) is not None, _values(model)) for model in models]


def changes_of(
    models: Sequence[AtomicRedisModel], before: Sequence[State], after: Sequence[State]
) -> tuple[Change, ...]:
    """Return how models differ between two moments, those that do.

    Args:
        models: The models.
        before: What they were, as `states_of` gave it.
        after: What they were then.
    """
    found = (_change(model, *states) for model, *states in zip(models, before, after, strict=True))
    return tuple(change for change in found if change is not None)


def _change(model: AtomicRedisModel, before: State, after: State) -> Change | None:
    (was_stored, old), (is_stored, new) = before, after
    kind: Kind = "changed"
    if is_stored and not was_stored:
        kind, parts = "new", [Part("+", name, after=value) for name, value in new.items()]
    elif was_stored and not is_stored:
        kind, parts = "gone", [Part("-", name, before=value) for name, value in old.items()]
    else:
        parts = list(parts_between(old, new))
    return Change(str(model.key), type(model).__name__, kind, tuple(parts)) if parts else None


def _values(model: AtomicRedisModel) -> dict[str, Any]:
    stored = {name for name, spec in spec_of(model).fields.items() if spec.stored}
    return model.model_dump(include=stored)
