"""The commands that tell how a query is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer.codec.plans import PlanNode, Profile, plan_tree, profile_of
from rapyer.commands.command import Command, Effect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rapyer.commands.command import Arg


def explain(index: str, query: str, parameters: Mapping[str, Arg]) -> Command[PlanNode]:
    """FT.EXPLAIN: the plan of a query."""
    return Command("FT.EXPLAIN", (), (index, query, *_named(parameters)), plan_tree, Effect.READ)


def profile(index: str, query: str, parameters: Mapping[str, Arg]) -> Command[Profile]:
    """FT.PROFILE of FT.SEARCH: run a query, and tell what each part of it did; no documents are read."""
    options = ("NOCONTENT", "TIMEOUT", 0, "LIMIT", 0, 0, *_named(parameters))
    return Command("FT.PROFILE", (), (index, "SEARCH", "QUERY", query, *options), profile_of, Effect.READ)


def _named(parameters: Mapping[str, Arg]) -> tuple[Arg, ...]:
    given = tuple(word for pair in parameters.items() for word in pair)
    return (*(("PARAMS", len(given), *given) if given else ()), "DIALECT", 2)
