"""What is offered for an argument, by what its declaration says that it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from rapyer import AtomicRedisModel, find_redis_models
from rapyer.model.registry import registry
from rapyer_nb.awaiting import MAGIC_PREFIX
from rapyer_nb.completing.filters import field_names, in_filter
from rapyer_nb.completing.offer import Offer, Offers
from rapyer_nb.errors import NotebookError
from rapyer_nb.magics import MAGICS
from rapyer_nb.magics.models import classes_in, model_class
from rapyer_nb.magics.targets import class_named

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from rapyer.session.clients import ClientSource
    from rapyer_nb.completing.opening import Opening
    from rapyer_nb.completing.stored import KeyLookup
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Surroundings

_VARIABLE: Final = re.compile(r"\$((?:[^\W\d]\w*)?)$")
_MOST_ELEMENTS: Final = 3


@dataclass(frozen=True)
class Asked:
    """What is to be completed.

    Args:
        surroundings: The notebook.
        variables: The user's variables.
        lookup: What finds keys.
        arguments: The arguments of the magic.
        opening: Where the cursor stands among them.
    """

    surroundings: Surroundings
    variables: Mapping[str, Any]
    lookup: KeyLookup
    arguments: MagicLine
    opening: Opening

    def offers(self) -> Iterator[Offers]:
        """Yield what can stand at the cursor, the likeliest first."""
        opening = self.opening
        if variable := _VARIABLE.search(opening.word):
            names = [name for name in self.variables if not name.startswith("_")]
            kept = [one for one in names if not isinstance(self.variables[one], ModuleType)]
            yield Offers(variable[1], tuple(Offer(name, "instance") for name in kept))
            return
        if opening.action is not None:
            if opening.action.choices is not None:
                choices = tuple(Offer(str(one), "value") for one in opening.action.choices)
                yield Offers(opening.word, choices)
            for held in self.arguments.held_by(opening.action):
                yield from self._held(held)
        if opening.may_be_option:
            known = self.arguments.options
            left = [name for name, action in known.items() if action.dest not in opening.given]
            yield Offers(opening.word, tuple(Offer(name, "param") for name in left))

    @property
    def model(self) -> type[AtomicRedisModel] | None:
        """The class that the line names, or none."""
        opening = self.opening
        words = [*opening.before[:1], *(given[0] for given in opening.given.values() if given)]
        named = opening.given.get("model") or words
        for word in named:
            try:
                return model_class(word, self.variables)
            except NotebookError:
                continue
        return None

    def source_of(self, model: type[AtomicRedisModel] | None) -> ClientSource | None:
        """Return where the keys of a class are, or others, as the line says."""
        state = self.surroundings.state
        alias = self.opening.given.get("alias", [])
        try:
            with state.using(alias[0] if alias else None):
                return state.source if model is None else registry.source_for(model)
        except NotebookError:
            return None

    def _held(self, held: str) -> Iterator[Offers]:
        word, offered = self.opening.word, MEANINGS.get(held)
        if offered is not None:
            yield offered(self)
        elif held.islower():
            yield Offers(word, (Offer(held, "value"),))
        elif "=" in held:
            yield Offers(word, (Offer(f"{held.partition('=')[0]}=", "param"),))


def _models(asked: Asked) -> Offers:
    names = [*classes_in(asked.variables), *(model.__name__ for model in find_redis_models())]
    return Offers(asked.opening.word, tuple(Offer(name, "class") for name in names))


def _model_first(asked: Asked) -> Offers:
    return _models(asked) if not asked.opening.before else Offers("", ())


def _instances(asked: Asked) -> Offers:
    names = [name for name, value in asked.variables.items() if name[0] != "_" and _holds_models(value)]
    return Offers(asked.opening.word, tuple(Offer(name, "instance") for name in names))


def _keys(asked: Asked) -> Offers:
    """Offer keys behind a class's name, else variables with models, and keys once a part of one is there."""
    opening = asked.opening
    if opening.before and class_named(opening.before[0], asked.variables) is not None:
        return _primary_keys(asked)
    if ":" not in opening.word:
        return _instances(asked)
    return Offers(opening.word, tuple(Offer(key, "value") for key in _stored(asked, opening.word)))


def _primary_keys(asked: Asked) -> Offers:
    opening = asked.opening
    model = class_named(opening.before[0], asked.variables) if opening.before else None
    if model is None:
        return Offers("", ())
    start = f"{model.class_key_initials()}:"
    keys = [key.removeprefix(start) for key in _stored(asked, start + opening.word, model)]
    return Offers(opening.word, tuple(Offer(key, "value") for key in keys))


def _stored(asked: Asked, prefix: str, model: type[AtomicRedisModel] | None = None) -> list[str]:
    source = asked.source_of(model)
    return [] if source is None else asked.lookup.keys(source, prefix)


def _filter(asked: Asked) -> Offers:
    model = asked.model
    return Offers("", ()) if model is None else in_filter(asked.opening.text, model)


def _fields(*, indexed: bool = False, listed: bool = True) -> Callable[[Asked], Offers]:
    def offered(asked: Asked) -> Offers:
        model = asked.model
        if model is None:
            return Offers("", ())
        return field_names(asked.opening.word, model, indexed=indexed, listed=listed)

    return offered


def _connections(asked: Asked) -> Offers:
    names = (held.name for held in asked.surroundings.state.connections)
    return Offers(asked.opening.word, tuple(Offer(name, "value") for name in names))


def _snapshots(asked: Asked) -> Offers:
    return Offers(asked.opening.word, tuple(Offer(name, "value") for name in asked.surroundings.snapshots))


def _magics(asked: Asked) -> Offers:
    names = (kind.name.removeprefix(MAGIC_PREFIX) for kind in MAGICS)
    return Offers(asked.opening.word, tuple(Offer(name, "magic") for name in names))


def _nothing(asked: Asked) -> Offers:
    return Offers(asked.opening.word, ())


MEANINGS: Final[dict[str, Callable[[Asked], Offers]]] = {
    "MODEL": _model_first,
    "MODELS": _models,
    "VARIABLES": _instances,
    "KEY": _keys,
    "KEYS": _keys,
    "PK": _nothing,  # comes with the keys
    "PATTERN": _keys,
    "FILTER": _filter,
    "FIELD": _fields(listed=False),
    "FIELDS": _fields(),
    "INDEXED": _fields(indexed=True),
    "CONNECTION": _connections,
    "SNAPSHOT": _snapshots,
    "MAGIC": _magics,
    "URL": _nothing,
    "NAME": _nothing,  # a new one
    "N": _nothing,
    "SECONDS": _nothing,
}
"""By the words of an argument's metavar, or what its declaration says that it holds."""


def _holds_models(value: Any) -> bool:
    if isinstance(value, list | tuple):
        first: Collection[Any] = value[:_MOST_ELEMENTS]
        return bool(first) and all(isinstance(one, AtomicRedisModel) for one in first)
    return isinstance(value, AtomicRedisModel)
