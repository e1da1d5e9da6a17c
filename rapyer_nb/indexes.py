"""The indexes of a program's models, from outside of the program: what is to be changed, and changing it."""

import asyncio
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

from redis.exceptions import RedisError

import rapyer
from rapyer.errors import RapyerError
from rapyer.model.registry import registry
from rapyer.search.drift import IndexStep
from rapyer.search.plan import IndexPlan
from rapyer.session.clients import ClientSource

Work = Literal["plan", "apply", "keep", "drop", "remove"]
"""Look, do all, only build, only drop what nobody declares, or remove the indexes of the models."""

Tell = Callable[[str], None]


class IndexesError(Exception):
    """It cannot be done; the message is one clear line."""


def work_on_indexes(
    work: Work,
    url: str,
    modules: Sequence[str],
    names: Sequence[str],
    tell: Tell,
    progress: Tell | None = None,
) -> bool:
    """Look at the indexes of the models that modules define, or change them (FT.INFO, FT.CREATE, …).

    Args:
        work: What to do.
        url: The server, for models that name none themselves.
        modules: The modules to import.
        names: The models; all if there are none.
        tell: Called with each line of the result.
        progress: Called with each line that only says how far it is.

    Returns:
        Whether there is anything to do, or was.

    Raises:
        IndexesError: A module or a model does not exist, or the server refuses something.
    """
    models = _models(modules, names)
    try:
        return asyncio.run(_work(work, url, models, tell, progress or (lambda line: None)))
    except (RapyerError, RedisError, OSError, ValueError) as error:
        raise IndexesError(" ".join(str(error).split()) or type(error).__name__) from error


def _models(modules: Sequence[str], names: Sequence[str]) -> list[type[Any]]:
    sys.path.insert(0, "")  # as `python -m` does
    for module in modules:
        try:
            importlib.import_module(module.removesuffix(".py").replace("/", "."))
        except Exception as error:
            raise IndexesError(f"cannot import {module}: {type(error).__name__}: {error}") from error
    known = {model.__name__: model for model in rapyer.find_redis_models()}
    for name in names:
        if name not in known:
            raise IndexesError(f"there is no model {name}; there are {', '.join(known) or 'none'}")
    return [known[name] for name in names or known]


async def _work(work: Work, url: str, models: list[type[Any]], tell: Tell, progress: Tell) -> bool:
    registry.bind(ClientSource.from_url(url))
    try:
        if not models:
            tell("no model is defined there")
            return False
        if work == "remove":
            return await _remove(models, tell)
        plan = await rapyer.aindex_plan(*models)
        if work == "plan":
            tell(str(plan))
            return bool(plan)
        return await _change(work, plan, tell, progress)
    finally:
        await rapyer.teardown_rapyer()


async def _change(work: Work, plan: IndexPlan, tell: Tell, progress: Tell) -> bool:
    def report(step: IndexStep, part: float) -> None:
        progress(f"{step.action} {step.index}: {part:.0%}")

    if work == "drop":
        done = await plan.drop_unused(report=report)
    else:
        done = await plan.apply(keep_old=work == "keep", report=report)
    for step in done:
        tell(str(step))
    if not done:
        tell("nothing to be dropped" if work == "drop" else "nothing to be changed")
    return bool(done)


async def _remove(models: list[type[Any]], tell: Tell) -> bool:
    removed = [model for model in models if await model.adelete_index()]
    for model in removed:
        tell(f"drop    {model.index_name()}  of {model.__name__}; its documents stay")
    if not removed:
        tell("nothing to be dropped")
    return bool(removed)
