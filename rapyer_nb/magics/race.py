"""`%%rapyer_race`: the cell many times at the same time, and what is lost by that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rapyer import AtomicRedisModel
from rapyer.errors import KeyNotFound
from rapyer_nb.errors import NotebookError, suggestion
from rapyer_nb.magics.arguments import plain
from rapyer_nb.magics.body_function import BodyFunction
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.progress import progress
from rapyer_nb.racing import race

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call
    from rapyer_nb.racing import RaceReport

_RUNS: Final = 50
_SEED: Final = 1


class RaceMagic(AsyncMagic):
    """Run the cell many times at once, as if by many programs, and report the updates that get lost.

    Each run has a copy of its own of the models that the body names, read at its start. The runs take turns:
    one round trip at a time, whose is next is drawn with the seed, so the same seed shows the same again.
    Then the same number of runs is made one after the other, from the same start; what differs is reported,
    with the steps that interleaved. In the end Redis is put back as it was, unless you say `--keep`: the
    documents that the commands of the cell name, with their sets, queues and times to live. Other effects of
    the cell (prints, files) happen each time. Python: `await rapyer_nb.race(work)`, with a function that
    loads what it needs.

    Examples::

        %%rapyer_race n=50 seed=7
        user.score = user.score + 1
        await user.asave()

        %%rapyer_race n=50
        await user.score.aincrease(1)

        %%rapyer_race n=10 --keep
        async with user.alock(save_at_end=True):
            user.score += 1
    """

    name = "rapyer_race"
    kind = "cell"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument(
            "settings",
            metavar="n=RUNS seed=NUMBER",
            nargs="*",
            default=[],
            help=f"how many runs (by default {_RUNS}), and what decides their order (by default {_SEED})",
        )
        arguments.add_argument(
            "--keep", action="store_true", help="leave in Redis what the race leaves, do not put it back"
        )

    async def run(self, call: Call) -> RaceReport:
        """Run the race, and return the report."""
        __tracebackhide__ = True
        settings = numbers(call.options.settings, call.variables)
        body = BodyFunction(call, f"%%{self.name} {call.line}".rstrip())
        values = {name: call.variables[name] for name in body.names}
        copied = [name for name, value in values.items() if _models_in(value)]

        async def work() -> None:
            __tracebackhide__ = True
            own = {name: await _copy(name, value) for name, value in values.items()}
            try:
                await body.run(own)
            except BaseException as error:
                call.users_error = error
                raise

        async with progress(None, "racing", unit="runs") as bar:
            return await race(
                work,
                runs=settings["n"],
                seed=settings["seed"],
                keep=call.options.keep,
                copies=copied,
                told=bar.reach,
            )


def numbers(words: Iterable[str], variables: Mapping[str, Any]) -> dict[str, int]:
    """Return the numbers in words such as `n=50 seed=7`.

    Args:
        words: The words; a value may be `$name` or `{…}`.
        variables: The user's variables.

    Raises:
        NotebookError: A word has another form, or a number is none, or out of its range.
    """
    found = {"n": _RUNS, "seed": _SEED}
    for word in words:
        name, equals, value = word.partition("=")
        if name not in found or not equals or not value:
            hint = suggestion(name, found, otherwise="the form is n=50 seed=7")
            raise NotebookError(f"%%rapyer_race: {word!r} is not known", hint=hint)
        text = plain(value, variables)
        try:
            found[name] = int(text)
        except ValueError:
            raise NotebookError(f"%%rapyer_race: {name} is a whole number, not {text!r}") from None
    return found


def _models_in(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(isinstance(one, AtomicRedisModel) for one in value)
    return isinstance(value, AtomicRedisModel)


async def _copy(name: str, value: Any) -> Any:
    """Return a copy of a model as it is stored, of the models in a list too; any other value as it is."""
    if isinstance(value, AtomicRedisModel):
        try:
            return await type(value).aget(value.key)
        except KeyNotFound as error:
            raise NotebookError(
                f"{name!r} is not stored, so there is nothing to race for", hint=f"await {name}.asave() first"
            ) from error
    if isinstance(value, (list, tuple)) and _models_in(value):
        return type(value)([await _copy(name, one) for one in value])
    return value
