"""Which documents some code touches, and what they held before the first command reached them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rapyer.commands.companion import main_of
from rapyer.commands.content import DOCUMENT, NOTHING
from rapyer.commands.content import put_back as put_back_command
from rapyer.model.registry import registry
from rapyer.session.executor import run
from rapyer.session.observe import unobserved
from rapyer_nb.snapshots import capture_keys, steps_back

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rapyer import AtomicRedisModel
    from rapyer.commands.command import Command
    from rapyer_nb.snapshots import Kept

    States = Mapping[str, Kept]

_ATTEMPTS: Final = 3
_STORABLE: Final = frozenset({DOCUMENT, NOTHING})


class Ledger:
    """The documents that a race has touched.

    Attributes:
        start: What each held before the first command that names it.
    """

    def __init__(self) -> None:
        self.start: dict[str, Kept] = {}
        self._models: dict[str, type[AtomicRedisModel]] = {}

    async def meet(self, keys: Iterable[str]) -> None:
        """Note what documents hold that were not met before.

        Args:
            keys: Their keys.
        """
        for key in keys:
            if key not in self.start:
                self._models[key] = _model_of(key)
                self.start.update(await self.read([key]))

    async def read(self, keys: Iterable[str] | None = None) -> dict[str, Kept]:
        """Return what documents hold now that were met; all of them by default."""
        by_model: dict[type[AtomicRedisModel], list[str]] = {}
        for key in self._models if keys is None else keys:
            by_model.setdefault(self._models[key], []).append(key)
        found: dict[str, Kept] = {}
        with unobserved():
            for model, own in by_model.items():
                found.update(await capture_keys(model, own))
        return found

    async def put_back(self, states: States) -> tuple[str, ...]:
        """Let all documents hold what they held, and return the keys of those where that was not possible.

        Args:
            states: What they held.
        """
        left: tuple[str, ...] = tuple(states)
        for _ in range(_ATTEMPTS):
            held = await self.read(left)
            failed = [key for key in left if not await self._put_back(key, states[key], held[key])]
            left = tuple(failed)
            if not left:
                break
        return left

    async def _put_back(self, key: str, wanted: Kept, held: Kept) -> bool:
        # Locks and the like have keys that look like those of documents; what they hold is not ours.
        if held.document.kind not in _STORABLE or wanted.document.kind not in _STORABLE:
            return True
        steps = steps_back(wanted, held)
        if all(step.wanted is None for step in steps):
            return True
        with unobserved():
            blocking = await run(registry.source_for(self._models[key]), put_back_command(steps))
        return not blocking


def documents_of(commands: Iterable[Command[object]]) -> list[str]:
    """Return the keys of the documents that commands name, themselves or by what lives beside them."""
    found = (document_of(key) for command in commands for key in command.keys)
    return list(dict.fromkeys(key for key in found if key is not None))


def document_of(key: str) -> str | None:
    """Return the key of the document that a key is of, or belongs to; `None` where it is of no model."""
    main = main_of(key) or key
    return main if registry.owner_of(main) is not None else None


def _model_of(key: str) -> type[AtomicRedisModel]:
    model = registry.owner_of(key)
    assert model is not None  # noqa: S101 - only keys of models come here
    return model  # type: ignore[return-value]  # the registry knows what models are made of
