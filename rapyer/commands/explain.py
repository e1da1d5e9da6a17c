"""The commands that tell how a query is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer.codec.plans import PlanNode, Profile, plan_tree, profile_of
from rapyer.commands.command import Command, Effect
from rapyer.commands.search import parameter_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rapyer.commands.command import Arg


def explain(index: str, query: str, parameters: Mapping[str, Arg]) -> Command[PlanNode]:
    """FT.EXPLAIN: the plan of a query."""
    words = (index, query, *parameter_words(parameters), "DIALECT", 2)
    return Command("FT.EXPLAIN", (), words, plan_tree, Effect.READ)


def profile(index: str, query: str, parameters: Mapping[str, Arg]) -> Command[Profile]:
    """FT.PROFILE of FT.SEARCH: run a query, and tell what each part of it did; no documents are read."""
    options = ("NOCONTENT", "TIMEOUT", 0, "LIMIT", 0, 0, *parameter_words(parameters), "DIALECT", 2)
    return Command("FT.PROFILE", (), (index, "SEARCH", "QUERY", query, *options), profile_of, Effect.READ)
