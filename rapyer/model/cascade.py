"""Which references a time to live follows: the plan that the script works by, and the checks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from rapyer.commands.cascade import cascade
from rapyer.errors import CascadeKeyInitialsError, CascadeTargetTtlMissingError, UnknownTargetError
from rapyer.model.edges import Edge, edges_of
from rapyer.model.registry import registry
from rapyer.types.special import companion_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel
    from rapyer.result import CascadeResult
    from rapyer.types.targets import Targets

_UNLIMITED = -1
_MAIN = "\0"
"""Stands for a main key, to find out what is put around one."""


@dataclass(frozen=True)
class CascadePlan:
    """What is followed from the instances of a class.

    Attributes:
        classes: The class, and those that can be reached from it.
        text: The plan as the script reads it.
        follows: Whether anything is followed from the class itself.
    """

    classes: tuple[type[StoredModel], ...]
    text: str
    follows: bool

    def command(self, keys: Sequence[str], seconds: int) -> Command[CascadeResult]:
        """Return what lets instances of the class end after so many seconds, and passes that on.

        Each class that is reached gets the time of its own, as it stands now.

        Args:
            keys: Their main keys.
            seconds: Their time to live.
        """
        return cascade(keys, seconds, self.text, [registry.ttl_of(cls) or 0 for cls in self.classes])


def plan_of(cls: type[StoredModel]) -> CascadePlan:
    """Return the plan of a class; it is kept until a class is defined or the default changes."""
    plan: CascadePlan | None = registry.cascade_plans.get(cls)
    if plan is None:
        plan = registry.cascade_plans[cls] = _made(cls)
    return plan


def check_cascades(models: Iterable[type[StoredModel]]) -> None:
    """Refuse classes that cannot take part in the cascades that their fields, or the default, ask for.

    Args:
        models: The known classes.

    Raises:
        CascadeTargetTtlMissingError: A class has no time to live that it could pass on or be given.
        CascadeKeyInitialsError: The keys of a class do not start with its name, by which they are told apart.
    """
    reached: dict[type[StoredModel], str] = {}
    owners: dict[type[StoredModel], str] = {}
    for owner in sorted(models, key=lambda model: model.__name__):
        for edge in _enabled(owner):
            where = f"{owner.__name__}.{edge.field}"
            owners.setdefault(owner, where)
            for target in _candidates(edge.targets):
                reached.setdefault(target, where)
    participants = [*reached.items(), *owners.items()]
    for model, where in participants:
        if registry.ttl_of(model) is None:
            raise CascadeTargetTtlMissingError(
                f"{model.__name__} takes part in the TTL cascade of {where} and has no time to live",
                model=model.__name__,
                hint=f"set {model.__name__}.Meta.ttl, or mark the field CascadeTTL(enabled=False)",
            )
    for model, where in participants:
        if model.class_key_initials() != model.__name__:
            raise CascadeKeyInitialsError(
                f"{model.__name__} takes part in the TTL cascade of {where}, and its keys start with "
                f"{model.class_key_initials()}",
                model=model.__name__,
                hint="let class_key_initials return the name of the class",
            )


def _made(cls: type[StoredModel]) -> CascadePlan:
    classes = [cls]
    described: list[dict[str, Any]] = []
    while len(described) < len(classes):
        described.append(_described(classes[len(described)], classes))
    plan: dict[str, Any] = {"root": 1, "classes": described}
    if registry.cascade is not None:
        plan["blanket"] = _depth(registry.cascade.depth)
    return CascadePlan(tuple(classes), to_json(plan).decode(), bool(described[0]["edges"]))


def _described(cls: type[StoredModel], classes: list[type[StoredModel]]) -> dict[str, Any]:
    """Return what the script has to know of a class; what can be reached from it joins the classes."""
    paths: list[str] = []
    edges = []
    companions = cls.__rapyer_spec__.companions
    for edge in _enabled(cls):
        candidates = _candidates(edge.targets)
        if edge.companion is not None:
            at = companions.index(edge.companion)
        else:
            paths += [] if edge.path in paths else [edge.path]
            at = paths.index(edge.path)
        classes += [target for target in candidates if target not in classes]
        numbers = {target.class_key_initials(): classes.index(target) + 1 for target in candidates}
        described: dict[str, Any] = {"store": edge.store, "at": at + 1, "targets": numbers}
        if edge.marker is not None:
            described["depth"] = _depth(edge.marker.depth)
        if len(candidates) == 1:
            described["only"] = next(iter(numbers.values()))
        edges.append(described)
    # Without the hash tag that a cluster needs: there the keys are not put together by the script.
    around = [companion_key(_MAIN, companion.path).partition(_MAIN)[::2] for companion in companions]
    return {"name": cls.class_key_initials(), "paths": paths, "companions": around, "edges": edges}


def _depth(depth: int | None) -> int:
    return _UNLIMITED if depth is None else depth


def _enabled(cls: type[StoredModel]) -> list[Edge]:
    """Return the edges of a class that are followed: by their own marker, or else by the default."""
    default = registry.cascade is not None
    return [edge for edge in edges_of(cls) if (default if edge.marker is None else edge.marker.enabled)]


def _candidates(targets: Targets) -> list[Any]:
    """Return the registered classes that an edge may lead to."""
    try:
        candidates: list[Any] = list(targets.candidates())
    except UnknownTargetError:
        return []  # nothing was declared, or a class that does not exist yet
    return list(dict.fromkeys(filter(None, map(registry.newest, candidates))))
