"""The indexes of a program's models, from outside of the program: what is to be changed, and changing it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from redis.exceptions import RedisError

import rapyer
from rapyer.errors import RapyerError
from rapyer.model.registry import registry
from rapyer.search.drift import IndexStep
from rapyer.search.plan import IndexPlan
from rapyer.session.clients import ClientSource
from rapyer_nb.importing import UnknownModelsError, import_models, one_line

Work = Literal["plan", "apply", "keep", "drop", "remove"]
"""Look, do all, only build, only drop what nobody declares, or remove the indexes of the models, too."""

Tell = Callable[[str], None]


class IndexesError(Exception):
    """It cannot be done; the message is one clear line."""


@dataclass(frozen=True)
class Desk:
    """Whom the work talks to.

    Attributes:
        tell: Called with each line of the result.
        progress: Called with each line that only says how far it is.
        confirm: Called with what is to be dropped, a line for each index; tells whether to do it.
    """

    tell: Tell
    progress: Tell
    confirm: Callable[[Sequence[str]], bool]


def work_on_indexes(work: Work, url: str, modules: Sequence[str], names: Sequence[str], desk: Desk) -> bool:
    """Look at the indexes of the models that modules define, or change them (FT.INFO, FT.CREATE, …).

    Args:
        work: What to do.
        url: The server, for models that name none themselves.
        modules: The modules to import, by their names or files.
        names: The models; all if there are none.
        desk: Whom it talks to.

    Returns:
        Whether there is anything to do, or was, and nobody has refused it.

    Raises:
        UnknownModelsError: A module or a model does not exist.
        IndexesError: The server refuses something.
    """
    models = _models(modules, names)
    try:
        return asyncio.run(_work(work, url, models, desk))
    except (RapyerError, RedisError, OSError, ValueError) as error:
        raise IndexesError(one_line(error) or type(error).__name__) from error


def _models(modules: Sequence[str], names: Sequence[str]) -> list[type[Any]]:
    known = import_models(modules)
    for name in names:
        if name not in known:
            raise UnknownModelsError(f"there is no model {name}; there are {', '.join(known)}")
    return [known[name] for name in names or known]


async def _work(work: Work, url: str, models: list[type[Any]], desk: Desk) -> bool:
    registry.bind(ClientSource.from_url(url))
    try:
        plan = await rapyer.aindex_plan(*models)
        if work == "plan":
            desk.tell(str(plan))
            return bool(plan)
        if work in {"drop", "remove"}:
            return await _drop(plan, models if work == "remove" else [], desk)
        done = await plan.apply(keep_old=work == "keep", report=_reporting(desk))
        for line in list(map(str, done)) or ["nothing to be changed"]:
            desk.tell(line)
        return bool(done)
    finally:
        await rapyer.teardown_rapyer()


async def _drop(plan: IndexPlan, models: Sequence[type[Any]], desk: Desk) -> bool:
    unused = [step for step in plan.steps if step.action == "drop"]
    there = {each.model for each in plan.indexes if each.state not in {"missing", "not declared"}}
    removed = [model for model in models if model.__name__ in there]
    lines = [f"drop    {model.index_name()}  of {model.__name__}; its documents stay" for model in removed]
    lines += map(str, unused)
    if not lines:
        desk.tell("nothing to be dropped")
        return False
    if not desk.confirm(lines):
        return False
    for model in removed:
        await model.adelete_index()
    kept = set(unused) - set(await plan.drop_unused(report=_reporting(desk)))
    for line in lines:
        if line not in map(str, kept):
            desk.tell(line)
    return True


def _reporting(desk: Desk) -> Callable[[IndexStep, float], None]:
    last = ""

    def report(step: IndexStep, part: float) -> None:
        nonlocal last
        line = f"{step.action} {step.index}: {part:.0%}"
        if line != last:
            desk.progress(line)
        last = line

    return report
