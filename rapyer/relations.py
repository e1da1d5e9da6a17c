"""The functions of the package that work on references between models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from rapyer.actions import ActionGroup, action
from rapyer.base import AtomicRedisModel
from rapyer.errors import (
    MissingParameterError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
    WrongClassError,
)
from rapyer.finding import checked_limit
from rapyer.functions import model_for
from rapyer.model.edges import edges_of
from rapyer.model.integrity import Check
from rapyer.model.keys import resolve
from rapyer.model.references import Fetch, Route, target_of
from rapyer.model.referrers import admitting, all_places, find_referrers, places_below
from rapyer.search.expression import FieldOperand, ModelOperand, place_of
from rapyer.types.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rapyer.model.referrers import Places
    from rapyer.result import FetchResult, ReferenceReport


@action(ActionGroup.READ, ActionGroup.FETCH)
async def afetch_all(
    objects: AtomicRedisModel | Reference[Any] | Iterable[AtomicRedisModel | Reference[Any]],
    *fields: Any,
    depth: int | None = None,
    on_dangling: Literal["report", "raise"] = "report",
) -> FetchResult:
    """Resolve many references at once: `await rapyer.afetch_all(users, User.company, Company.country)`.

    Each field is followed from every object of its class that is reached, also where it holds a list, a dict
    or a set of references, or models that hold some. All that is one step away is read in one transaction (a
    JSON.MGET per class, and what reads its sets), whatever the classes; then what is one step further. A key
    stands for one object in all places, and for a given one if there is one, so cycles end by themselves.
    References that have their target already keep it. It runs at once, in a pipeline too.

    Args:
        objects: Models, or references such as the members of a set, or one of either.
        fields: The fields to follow. With references alone there need not be any.
        depth: How many steps to go at most; None for no limit.
        on_dangling: What to do about references that lead to nothing: "report" them, or "raise" the error
            of the first; the others are resolved in either case.

    Returns:
        How many were resolved, and those that could not be.

    Raises:
        MissingParameterError: No field was given.
        UnsupportedArgumentTypeError: An object is no model and no reference, or a field holds none.
        UnsupportedArgumentValueError: `depth` is not positive, or `on_dangling` is something else.
        KeyNotFound: Nothing is stored under a key, and that was to raise.
        WrongClassError: A key belongs to a class that the reference cannot name, and that was to raise.
        CorruptedModelError: A document does not fit its class, and that was to raise.
    """
    if on_dangling not in {"report", "raise"}:
        raise UnsupportedArgumentValueError(
            f"on_dangling is {on_dangling!r}", hint='give "report" or "raise"'
        )
    if depth is not None and depth < 1:
        raise UnsupportedArgumentValueError(f"depth is {depth}", hint="give 1 or more, or None for no limit")
    given = [objects] if isinstance(objects, AtomicRedisModel | Reference) else list(objects)
    fetch = Fetch([_route(field) for field in fields])
    if not fields and not all(isinstance(one, Reference) for one in given):
        raise MissingParameterError(
            "rapyer.afetch_all requires the fields to follow", hint="name them as User.company"
        )
    for one in given:
        if not isinstance(one, AtomicRedisModel | Reference):
            raise UnsupportedArgumentTypeError(
                f"rapyer.afetch_all cannot use {one!r}", hint="give it models or references"
            )
    await fetch.run(given, depth)
    if on_dangling == "raise" and fetch.dangling:
        raise fetch.dangling[0][1]
    return fetch.result()


def _route(given: Any) -> Route:
    root, path = _place(given, "rapyer.afetch_all")
    stores = [edge.store for edge in edges_of(root) if edge.is_below(path)]
    if not stores:
        raise _no_references(root, path, "fetched one by one")
    if set(stores) == {"queue"}:
        raise UnsupportedArgumentTypeError(
            f"{root.__name__}.{path} is a queue, whose items are not here",
            model=root.__name__,
            field=path,
            hint="give afetch_all the references that its aitems() returns",
        )
    return Route(root, tuple(path.split(".")))


def _place(given: Any, operation: str) -> tuple[Any, str]:
    if not isinstance(given, FieldOperand | ModelOperand):
        raise UnsupportedArgumentTypeError(
            f"{operation} cannot follow {given!r}", hint="name a field as User.company"
        )
    return place_of(given)


def _no_references(root: type[AtomicRedisModel], path: str, instead: str) -> UnsupportedArgumentTypeError:
    return UnsupportedArgumentTypeError(
        f"{root.__name__}.{path} holds no references that can be followed",
        model=root.__name__,
        field=path,
        hint=f"those in values that are stored as a whole are {instead}",
    )


@action(ActionGroup.READ, ActionGroup.FETCH)
async def areferrers(
    target: AtomicRedisModel | Reference[Any] | str, *fields: Any, max_results: int | None = None
) -> list[AtomicRedisModel]:
    """Return the stored models that refer to one: `await rapyer.areferrers(company, User.company)`.

    Each instance of the fields' classes, and of their subclasses, is looked at: a few hundred at a time, of
    which the references alone are read (SCAN; JSON.GET, SMEMBERS, ZRANGE), wherever they stand. Those that
    refer to it are loaded (JSON.MGET); what does not fit its class is left out and logged. It runs at once,
    in a pipeline too. What is stored or deleted meanwhile may be seen or not.

    Args:
        target: A model, a reference to it, or its full key; nothing needs to be stored there.
        fields: The fields to look at, all that their class nests included. Without any, all fields of all
            known classes that may refer to the target's class.
        max_results: The most models to return, the first ones by key; None for all.

    Returns:
        The models, in the order of their keys, each once.

    Raises:
        UnsupportedArgumentTypeError: The target is none, or a field holds no references that can be followed.
        WrongClassError: A field cannot refer to models of the target's class.
        InnerModelError: The target lives inside another model.
        RapyerModelDoesntExistError: No class is known for the key.
        UnsupportedArgumentValueError: `max_results` is negative.
    """
    limit = checked_limit(max_results)
    cls, key = _target(target)
    places: Places = {} if fields else all_places(cls)
    for field in fields:
        for holder, edges in _places(field, cls, key).items():
            known = places.setdefault(holder, [])
            known += [edge for edge in edges if edge not in known]
    return await find_referrers(cls, key, places, limit)


def _target(given: Any) -> tuple[Any, str]:
    if isinstance(given, Reference):
        return target_of(given.target_key, given._rapyer_targets)
    if isinstance(given, AtomicRedisModel):
        return type(given), str(resolve(type(given), given))
    if isinstance(given, str):
        cls = model_for(given)
        return cls, str(resolve(cls, given))
    raise UnsupportedArgumentTypeError(
        f"nothing can refer to {given!r}", hint="give rapyer.areferrers a model or its full key"
    )


def _places(given: Any, target: type[AtomicRedisModel], key: str) -> Places:
    root, path = _place(given, "rapyer.areferrers")
    places = places_below(root, path)
    if not any(places.values()):
        raise _no_references(root, path, "not looked at")
    admitted = admitting(places, target)
    if not admitted:
        names = " or ".join(sorted({str(edge.targets) for edges in places.values() for edge in edges}))
        raise WrongClassError(
            f"{root.__name__}.{path} is a {names} and cannot refer to {key}",
            key=key,
            field=path,
            model=root.__name__,
            hint=f"name fields that may refer to a {target.__name__}",
        )
    return admitted


@action(ActionGroup.READ, refreshes=False)
async def acheck_references(model: type[AtomicRedisModel], *, limit: int = 1000) -> ReferenceReport:
    """Look through all stored instances of a class for references that lead to nothing.

    It takes a few hundred instances at a time (SCAN, JSON.GET of the references, SMEMBERS, ZRANGE, TYPE), so
    their number does not matter; those that are stored or deleted meanwhile may be seen or not.

    Args:
        model: The class.
        limit: How many broken references to report one by one; all are counted.

    Returns:
        How many references there are, and which are broken.

    Raises:
        UnsupportedArgumentTypeError: It is no model class.
    """
    if not (isinstance(model, type) and issubclass(model, AtomicRedisModel)):
        raise UnsupportedArgumentTypeError(
            f"rapyer.acheck_references cannot check {model!r}", hint="give it a model class"
        )
    return await Check(model, limit).run()
