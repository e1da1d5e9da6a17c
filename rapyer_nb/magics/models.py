"""Models that are named in a magic's line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rapyer import AtomicRedisModel, find_redis_models
from rapyer_nb.errors import NotebookError, suggestion
from rapyer_nb.parsing import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import TypeGuard

VALUE: Final = ("$", "{", '"', "'")
"""How words begin that stand for a value."""


def model_class(name: str, variables: Mapping[str, Any]) -> type[AtomicRedisModel]:
    """Return the model class of a name: the user's variable, else a class that the library knows.

    Args:
        name: The name, which may be dotted (`models.User`); or `$name` or `{…}`, which stand for a class or
            for a name.
        variables: The user's variables.

    Raises:
        NotebookError: There is no such class, or the name is something else.
    """
    if name.startswith(VALUE):
        given = valued(name, variables)
        if not isinstance(given, str):
            return _checked(name, given)
        name = given
    root = name.partition(".")[0]
    registered = {model.__name__: model for model in find_redis_models()}
    if root not in variables:
        if name in registered:
            return registered[name]
        hint = suggestion(name, [*registered, *classes_in(variables)], otherwise=_known())
        raise NotebookError(f"unknown model {name!r}", hint=hint)
    return _checked(name, resolve(name, variables, "model"))


def is_class(value: object) -> TypeGuard[type[AtomicRedisModel]]:
    """Tell whether a value is a model class.

    Raises:
        NotebookError: It is the base of all of them, of which nothing is stored.
    """
    if value is AtomicRedisModel:
        raise NotebookError("AtomicRedisModel is the base of model classes, and none itself", hint=_known())
    return isinstance(value, type) and issubclass(value, AtomicRedisModel)


def check_classes(*given: object) -> None:
    """Refuse what is no model class.

    Raises:
        NotebookError: One of them is something else, or the base of all.
    """
    for one in given:
        if not is_class(one):
            raise NotebookError(f"{a_kind(one)} is no model class", hint=_known())


def valued(word: str, variables: Mapping[str, Any]) -> Any:
    """Return the value of a word such as `$name` or `{…}`, or of any other expression.

    Raises:
        NotebookError: It has none.
    """
    braced = word.startswith("{") and word.endswith("}")
    return resolve(word[1:-1] if braced else word, variables)


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
                    f"{name!r} is {a_kind(model)}, not a model", hint="name variables that hold models"
                )
            yield model


def classes_in(variables: Mapping[str, Any]) -> list[str]:
    """Return the names of the variables that hold model classes."""
    return [
        name
        for name, value in variables.items()
        if isinstance(value, type) and issubclass(value, AtomicRedisModel) and value is not AtomicRedisModel
    ]


def _checked(name: str, found: Any) -> type[AtomicRedisModel]:
    if is_class(found):
        return found
    hint = suggestion(name, (model.__name__ for model in find_redis_models()), otherwise=_known())
    raise NotebookError(f"{name!r} is {a_kind(found)}, not a model class", hint=hint)


def _known() -> str:
    names = ", ".join(model.__name__ for model in find_redis_models())
    return f"there are {names}" if names else "define one first: class User(AtomicRedisModel): …"


def a_kind(value: object) -> str:
    """Return what a value is, in words: `an int`, `a class`."""
    if isinstance(value, type):
        return "a class"
    kind = type(value).__name__
    spoken = kind.lower()
    vowel = spoken[0] in "aeiou" and not spoken.startswith(("us", "uni", "eu", "one"))
    return f"{'an' if vowel else 'a'} {kind}"
