"""`%rapyer_save`: models as they are in variables, into Redis."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rapyer import apipeline
from rapyer.session.scope import open_batch
from rapyer_nb.errors import NotebookError
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.models import instances
from rapyer_nb.views.objects import Saved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer import AtomicRedisModel
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call


class SaveMagic(AsyncMagic):
    """Save models as they are in variables; several are stored in one transaction, all or none.

    The options need `Meta = RedisConfig(remember_loaded=True)` on the class. Python:
    `await rapyer_nb.save(user)`.

    Examples::

        %rapyer_save user
        %rapyer_save users team.lead
        %rapyer_save user --only-changed
        %rapyer_save user --if-unchanged
    """

    name = "rapyer_save"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument(
            "models", metavar="VARIABLES", nargs="+", help="variables that hold models, alone or in lists"
        )
        arguments.add_argument(
            "--only-changed", action="store_true", help="write only the fields changed since loading"
        )
        arguments.add_argument(
            "--if-unchanged",
            action="store_true",
            help="write only if nobody else has changed it since loading; one model at a time",
        )

    async def run(self, call: Call) -> Saved:
        """Save the models."""
        __tracebackhide__ = True
        options = call.options
        models = list(instances(options.models, call.variables))
        return await save(models, only_changed=options.only_changed, if_unchanged=options.if_unchanged)


async def save(
    models: Sequence[AtomicRedisModel], *, only_changed: bool = False, if_unchanged: bool = False
) -> Saved:
    """Save models, several of them in one transaction (JSON.SET, SADD, SREM, EXPIRE; a script).

    Args:
        models: The models.
        only_changed: Write only the fields that have changed since they were loaded.
        if_unchanged: Write only if nobody else has changed the document since; of one model alone.

    Raises:
        NotebookError: `if_unchanged` is given with several models.
        RapyerError: What `asave` raises; nothing is saved then.
    """
    __tracebackhide__ = True
    distinct = list({id(model): model for model in models}.values())
    keys = tuple(str(model.key) for model in distinct)
    start = time.perf_counter()
    if len(distinct) == 1:
        await distinct[0].asave(only_changed=only_changed, if_unchanged=if_unchanged)
    elif if_unchanged:
        raise NotebookError(
            f"{len(distinct)} models cannot be saved together only if they are unchanged",
            hint="save one at a time",
        )
    else:
        async with apipeline(use_existing_pipe=True):
            for model in distinct:
                await model.asave(only_changed=only_changed)
    return Saved(keys, time.perf_counter() - start, queued=open_batch() is not None)
