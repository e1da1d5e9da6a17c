"""`%rapyer_doctor`: what is not as it should be, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer import find_redis_models
from rapyer.model.registry import registry
from rapyer_nb.doctor import SAMPLE, acheck
from rapyer_nb.magics.arguments import amount, check_number
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.seeing import given_classes
from rapyer_nb.progress import progress

if TYPE_CHECKING:
    from rapyer import AtomicRedisModel
    from rapyer_nb.doctor import Report
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call


class DoctorMagic(AsyncMagic):
    """Look at all that the toolkit needs, and tell what to do about what is not as it should be.

    That is Python and the packages; the server, its modules, memory, disk, clock and what this user may do
    there; the indexes of the models, and documents that do not load, keys without the time to live that
    their class declares, and keys of sets and queues whose documents are gone. Documents are only read, as
    many of each model as `--sample` says, and no time to live begins anew. Without models it is about all
    that are known. Python: `await rapyer_nb.diagnose()`.

    Examples::

        %rapyer_doctor
        %rapyer_doctor User Team
        %rapyer_doctor --sample 100
        found = %rapyer_doctor
        found.is_broken
    """

    name = "rapyer_doctor"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument(
            "models", metavar="MODELS", nargs="*", default=[], help="model classes; all without"
        )
        arguments.add_argument(
            "--sample", type=amount, metavar="N", help="look at no more than N documents of each model"
        )

    async def run(self, call: Call) -> Report:
        """Look at everything."""
        __tracebackhide__ = True
        return await diagnose(*given_classes(call), sample=call.options.sample)


async def diagnose(*models: type[AtomicRedisModel], sample: int | None = None) -> Report:
    """Look at everything, with some classes, or all that are known (INFO, SCAN, JSON.MGET, …).

    Args:
        models: The classes.
        sample: How many documents of each are looked at at the most; `None` for a thousand.

    Raises:
        NotebookError: The sample is no positive whole number.
    """
    __tracebackhide__ = True
    check_number("sample", sample)
    async with progress(None, "looking at everything", unit="checks") as bar:
        return await acheck(
            registry.source_in_use,
            models=models or find_redis_models(),
            sample=sample or SAMPLE,
            told=bar.reach,
        )
