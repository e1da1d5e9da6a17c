"""The stored objects that a line names: by keys, by a class and a primary key, or by variables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rapyer import AtomicRedisModel, find_redis_models
from rapyer.functions import model_for
from rapyer.model.keys import resolve as resolve_key
from rapyer_nb.errors import NotebookError, suggestion
from rapyer_nb.magics.models import VALUE, a_kind, classes_in, is_class, model_class, valued
from rapyer_nb.parsing import resolve
from rapyer_nb.parsing.variables import own_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ROOT: Final = re.compile(r"[^\W\d]\w*")
_NAME: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_PART: Final = re.compile(r"[^\W\d]\w*[\[.]")


@dataclass(frozen=True)
class Target:
    """One stored object.

    Attributes:
        model: Its class.
        key: Its full key.
        instance: The user's own instance of it, if that was named.
    """

    model: type[AtomicRedisModel]
    key: str
    instance: AtomicRedisModel | None = None


def target_of(given: Any, pk: Any = None) -> Target:
    """Return the object that is meant.

    Args:
        given: A full key, an instance, or with `pk` its class.
        pk: The primary key, or the full key.

    Raises:
        NotebookError: It is something else, or lives inside another object.
        InvalidKeyError: The text is no full key.
        RapyerModelDoesntExistError: No class is known for the key.
        WrongClassError: The key belongs to another class.
    """
    if is_class(given):
        if pk is None:
            raise NotebookError(
                f"{given.__name__} is a class, and the key is missing", hint=f"{given.__name__} 42"
            )
        # A number is a primary key as it is written: User 42.
        return Target(given, resolve_key(given, str(pk) if type(pk) is int else pk))
    if pk is not None:
        raise NotebookError(f"a primary key needs a model class, not {a_kind(given)}", hint="User, 42")
    if isinstance(given, AtomicRedisModel):
        if given.is_inner_model():
            raise NotebookError(
                f"this {type(given).__name__} lives inside {given.key}", hint="name the model that holds it"
            )
        return Target(type(given), str(given.key), given)
    if isinstance(given, str):
        model = model_for(given)
        return Target(model, resolve_key(model, given))
    raise NotebookError(f"{a_kind(given)} is neither a key nor a model", hint="keys look like User:42")


def one_target(words: Sequence[str], variables: Mapping[str, Any], magic: str) -> Target:
    """Return the only object that words name, as `targets` finds it.

    Raises:
        NotebookError: There are several, or what `targets` raises.
    """
    found = targets(words, variables)
    if len(found) != 1:
        raise NotebookError(f"{magic} takes one object, not {len(found)}", hint="name one key or one model")
    return found[0]


def targets(words: Sequence[str], variables: Mapping[str, Any]) -> list[Target]:
    """Return the objects that words name.

    Args:
        words: Full keys, variables that hold keys, models or lists of them, `$name`, `{…}`; or a class and
            primary keys.
        variables: The user's variables.

    Raises:
        NotebookError: A word names something else, or nothing.
        InvalidKeyError: A text is no full key.
        RapyerModelDoesntExistError: No class is known for a key.
        WrongClassError: A key belongs to another class.
    """
    model = class_named(words[0], variables)
    if model is None and len(words) > 1 and _is_unknown(words[0], variables):
        model = model_class(words[0], variables)  # says which classes there are
    if model is None:
        return [target_of(value) for word in words for value in _values(word, variables)]
    if len(words) == 1:
        raise NotebookError(
            f"{words[0]} is a class, and the key is missing", hint=f"{words[0]} 42 is the one with the key 42"
        )
    return [target_of(model, _primary_key(word, variables)) for word in words[1:]]


def class_named(word: str, variables: Mapping[str, Any]) -> type[AtomicRedisModel] | None:
    """Return the model class that a word names, a variable or one that the library knows, or `None`.

    Raises:
        NotebookError: It is the base of all of them, or a `$name` or `{…}` that has no value.
    """
    if word.startswith(("$", "{")):
        value = valued(word, variables)
        return value if is_class(value) else None
    if _NAME.fullmatch(word) is None:
        return None
    if word.partition(".")[0] not in variables:
        return next((model for model in find_redis_models() if model.__name__ == word), None)
    found = resolve(word, variables)
    return found if is_class(found) else None


def _is_unknown(word: str, variables: Mapping[str, Any]) -> bool:
    return _NAME.fullmatch(word) is not None and word.partition(".")[0] not in variables


def _values(word: str, variables: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what a word that is no class stands for: keys and models."""
    value = _value(word, variables)
    for one in value if isinstance(value, (list, tuple)) else [value]:
        if not isinstance(one, (str, AtomicRedisModel)):
            raise NotebookError(
                f"{word!r} is {a_kind(one)}, neither a key nor a model", hint="keys look like User:42"
            )
        yield one


def _value(word: str, variables: Mapping[str, Any]) -> Any:
    root = _ROOT.match(word)
    known = root is not None and root[0] in variables
    if word.startswith(VALUE) or (known and (":" not in word or _PART.match(word))):
        return valued(word, variables)
    if ":" in word:
        return word
    names = [*classes_in(variables), *own_names(variables)]
    raise NotebookError(
        f"{word!r} is neither a key nor a variable",
        hint=suggestion(word, names, otherwise="keys look like User:42"),
    )


def _primary_key(word: str, variables: Mapping[str, Any]) -> Any:
    return valued(word, variables) if word.startswith(VALUE) else word
