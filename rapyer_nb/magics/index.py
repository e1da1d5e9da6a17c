"""`%rapyer_index plan|apply|drop`: bring the indexes of models up to what they declare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import rapyer
from rapyer import find_redis_models
from rapyer.search.drift import IndexStep
from rapyer_nb.errors import NotebookError, suggestion
from rapyer_nb.magics.asking import agreed
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.models import model_class
from rapyer_nb.progress import progress
from rapyer_nb.views import Note
from rapyer_nb.views.index_plan import IndexPlanView, IndexWork

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rapyer import AtomicRedisModel
    from rapyer.search.plan import IndexPlan
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call
    from rapyer_nb.progress import ProgressBar

Work: TypeAlias = Literal["plan", "apply", "drop"]

WORKS: Final = ("plan", "apply", "drop")
_PERCENT: Final = 100
_ONLY_WITH: Final = {"--keep-old": "apply", "--all": "drop", "keep_old": "apply", "everything": "drop"}
"""What options are good for, as the line and as Python names them."""


class IndexMagic(AsyncMagic):
    """Compare the indexes on the server with what the models declare, or bring them up to that.

    `plan` tells what is to be done and changes nothing. `apply` does it: new indexes are built beside the old
    ones, so that searches are answered completely all the while; an interrupt leaves the rest for the next
    time. `drop` drops those that no class declares any more, with `--all` all indexes of the models. No
    document is touched by any of this. Without models it is about all that are known.
    Python: `await rapyer_nb.index("plan", User)`.

    Examples::

        %rapyer_index plan
        %rapyer_index apply User
        %rapyer_index apply --keep-old
        %rapyer_index drop
        %rapyer_index drop User --all --yes
    """

    name = "rapyer_index"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        add = arguments.add_argument
        add("work", metavar="plan|apply|drop", nargs="?", default="plan", help="what to do; plan without")
        add("models", metavar="MODELS", nargs="*", default=[], help="model classes; all without")
        add("--keep-old", action="store_true", help="with apply: only build new indexes, drop none")
        add("--all", action="store_true", help="with drop: the indexes that the models declare, too")
        add("--yes", action="store_true", help="do not ask")

    async def run(self, call: Call) -> IndexPlanView | IndexWork | Note:
        """Look, or change."""
        __tracebackhide__ = True
        options = call.options
        work = work_of(options.work)
        _check_together(work, {"--keep-old": options.keep_old, "--all": options.all})
        models = [model_class(name, call.variables) for name in options.models]
        if options.all and not options.yes:
            names = ", ".join(model.__name__ for model in models or find_redis_models())
            if not agreed(f"drop the indexes of {names}?", f"%{self.name}"):
                return Note("nothing was dropped")
        return await index(work, *models, keep_old=options.keep_old, everything=options.all)


async def index(
    work: Work, *models: type[AtomicRedisModel], keep_old: bool = False, everything: bool = False
) -> IndexPlanView | IndexWork:
    """Look at the indexes of classes, or change them.

    Sends FT.INFO and FT._LIST, and to change them FT.CREATE, FT.ALIASADD, FT.ALIASUPDATE, FT.DROPINDEX.

    Args:
        work: "plan", "apply" or "drop".
        models: The classes; all that are known if there are none.
        keep_old: With "apply", only to build.
        everything: With "drop", to drop those that the classes declare, too.

    Raises:
        NotebookError: The work is none of these, or an option means nothing with it; nothing is changed.
    """
    __tracebackhide__ = True
    work = work_of(work)
    _check_together(work, {"keep_old": keep_old, "everything": everything})
    classes = models or tuple(find_redis_models())
    async with progress(_PERCENT, "comparing indexes", unit="%") as bar:
        plan = await rapyer.aindex_plan(*classes)
        if work == "plan":
            return IndexPlanView(plan)
        if everything:
            return IndexWork(await _removed(plan, classes, bar), "there was no index to drop")
        report = _Told(bar, plan)
        if work == "drop":
            return IndexWork(await plan.drop_unused(report=report), "every index is declared by a class")
        return IndexWork(await plan.apply(keep_old=keep_old, report=report))


async def _removed(
    plan: IndexPlan, classes: tuple[type[AtomicRedisModel], ...], bar: ProgressBar
) -> tuple[IndexStep, ...]:
    unused = await plan.drop_unused(report=lambda step, part: bar.say(f"drop {step.index}"))
    removed: list[type[AtomicRedisModel]] = []
    for number, model in enumerate(classes, 1):
        bar.say(f"drop {model.index_name()}")
        if await model.adelete_index():
            removed.append(model)
        bar.reach(_PERCENT * number // len(classes))
    about = "its documents stay"
    return (*unused, *(IndexStep("drop", one.__name__, one.index_name(), about) for one in removed))


def work_of(word: str) -> Work:
    """Return what a word asks for.

    Raises:
        NotebookError: It is none of those that there are.
    """
    for known in WORKS:
        if word == known:
            return known
    hint = suggestion(word, WORKS, otherwise="there are plan, apply and drop")
    raise NotebookError(f"%rapyer_index: {word!r} is nothing that it does", hint=hint)


class _Told:
    """Shows the steps of a plan on a bar."""

    def __init__(self, bar: ProgressBar, plan: IndexPlan) -> None:
        self._bar = bar
        self._steps = plan.steps

    def __call__(self, step: IndexStep, part: float) -> None:
        self._bar.say(f"{step.action} {step.index}")
        done = (self._steps.index(step) + part) / len(self._steps)
        self._bar.reach(max(self._bar.done, int(_PERCENT * done)))


def _check_together(work: Work, given: Mapping[str, bool]) -> None:
    for name, is_given in given.items():
        if is_given and work != _ONLY_WITH[name]:
            raise NotebookError(
                f"%rapyer_index: {name} means nothing with {work}", hint=f"use it with {_ONLY_WITH[name]}"
            )
