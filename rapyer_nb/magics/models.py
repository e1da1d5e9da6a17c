"""Models that are named in a magic's line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer import AtomicRedisModel, find_redis_models
from rapyer_nb.errors import NotebookError, suggestion
from rapyer_nb.parsing import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def model_class(name: str, variables: Mapping[str, Any]) -> type[AtomicRedisModel]:
    """Return the model class of a name: the user's variable, else a class that the library knows.

    Args:
        name: The name, which may be dotted (`models.User`).
        variables: The user's variables.

    Raises:
        NotebookError: There is no such class, or the name is something else.
    """
    root = name.partition(".")[0]
    registered = {model.__name__: model for model in find_redis_models()}
    if root not in variables:
        if name in registered:
            return registered[name]
        hint = suggestion(name, [*registered, *_classes(variables)], otherwise=_known(registered))
        raise NotebookError(f"unknown model {name!r}", hint=hint)
    found = resolve(name, variables, "model")
    if isinstance(found, type) and issubclass(found, AtomicRedisModel):
        return found
    hint = suggestion(name, registered, otherwise=_known(registered))
    raise NotebookError(f"{name!r} is {_a(found)}, not a model class", hint=hint)


def instances(names: Iterable[str], variables: Mapping[str, Any]) -> Iterator[AtomicRedisModel]:
    """Yield the models that variables hold, singly or in lists.

    Args:
        names: Names of variables, also `team.lead` or `users[0]`.
        variables: The user's variables.

    Raises:
        NotebookError: A name is unknown or holds something else.
    """
    for name in names:
        value = resolve(name, variables, "model")
        for model in value if isinstance(value, (list, tuple)) else [value]:
            if not isinstance(model, AtomicRedisModel):
                raise NotebookError(
                    f"{name!r} is {_a(model)}, not a model", hint="name variables that hold models"
                )
            yield model


def _classes(variables: Mapping[str, Any]) -> list[str]:
    return [
        name
        for name, value in variables.items()
        if isinstance(value, type) and issubclass(value, AtomicRedisModel) and value is not AtomicRedisModel
    ]


def _known(registered: Iterable[str]) -> str:
    names = ", ".join(registered)
    return f"there are {names}" if names else "define one first: class User(AtomicRedisModel): …"


def _a(value: object) -> str:
    kind = "a class" if isinstance(value, type) else type(value).__name__
    return kind if kind.startswith("a ") else f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"
