"""Fields that live under a Redis key of their own, beside their model's document: companions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rapyer.actions import ActionGroup, action
from rapyer.commands import keys, slots
from rapyer.commands.companion import SPECIAL_FIELD_KEY_PREFIX
from rapyer.session.scope import open_batch
from rapyer.types.base import BaseRedisType
from rapyer.types.elements import Elements, stored_element

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

    from rapyer.commands.command import Command
    from rapyer.session.scope import Batch


def companion_key(main_key: str, path: Iterable[str], *, tagged: bool = False) -> str:
    """Return the key of a companion.

    Args:
        main_key: The key of the model.
        path: The names of the fields that lead to it.
        tagged: Whether a hash tag keeps it in the model's slot, as a cluster needs it.
    """
    main = slots.tagged(main_key) if tagged else main_key
    return f"{SPECIAL_FIELD_KEY_PREFIX}:{main}:{'.'.join(path)}"


class SpecialFieldType(BaseRedisType):
    """Mixin of the field types that live under a key of their own (`docs/sets.md`).

    The key follows the model: it is saved, deleted, duplicated and expires with it.
    """

    if not TYPE_CHECKING:
        __slots__ = ()

    inlines: ClassVar[bool] = False
    """Whether it may stand inside a list or dict too, where it is part of the model's JSON document."""

    compares_places: ClassVar[bool] = False
    """Whether values are compared by their place, which an instance must give them first."""

    # --- what the model asks of the type -----------------------------------------------------------------

    @classmethod
    def _rapyer_element(cls, annotation: Any) -> Any:
        """Return the annotation by which elements of the declared type are validated."""
        return stored_element(annotation, hashable=False)

    @classmethod
    def _rapyer_read_companion(cls, key: str, *, optional: bool) -> Command[Any] | None:
        """Return what reads the companion when its model is loaded; None where nothing needs to be read.

        Args:
            key: The companion's key.
            optional: Whether the field may be None, so that it matters whether the key exists.
        """
        return None

    @classmethod
    def _rapyer_document_text(cls, reply: Any) -> bytes | None:
        """Return the JSON text by which a document shows a companion to the validator.

        Args:
            reply: The decoded reply of what `_rapyer_read_companion` gave; None where that was nothing.

        Returns:
            The text; None where the key does not exist.
        """
        return b"[]"

    @classmethod
    def _rapyer_changes(
        cls, value: Any, known: set[Any] | None, elements: Elements, key: str, main: str
    ) -> Iterable[Command[Any]]:
        """Return the commands that bring the local changes of a companion to the server.

        Args:
            value: The local value, which is not None.
            known: The members that are known to be on the server; None where nothing is known of it.
            elements: How members are written.
            key: The companion's key.
            main: The model's key.
        """
        return []

    @classmethod
    def _rapyer_revival(cls, value: Any, elements: Elements, key: str, main: str) -> Iterable[Command[Any]]:
        """Return the commands that write all of the local value if the model is not stored any more."""
        return []

    @classmethod
    def _rapyer_replacement(
        cls, value: Any, elements: Elements, key: str, main: str
    ) -> Iterable[Command[Any]]:
        """Return the commands that make the stored companion what the local value is, whatever it was."""
        return []

    @classmethod
    def _rapyer_content(cls, value: Any, elements: Elements) -> list[str] | None:
        """Return the members that a new model's companion begins with, for scripts that store models.

        Args:
            value: The local value, which is not None.
            elements: How members are written.

        Returns:
            The texts; None to leave alone what is under the key.
        """
        return None

    @classmethod
    def _rapyer_members(cls, value: Any) -> set[Any]:
        """Return the members of a local value, to remember what the server holds after it was saved."""
        return set()

    # --- where it is -------------------------------------------------------------------------------------

    def _rapyer_companion_names(self) -> tuple[str, ...] | None:
        """Return the field names that lead to it, None where it stands in a list or dict."""
        names = self._rapyer_holder()._rapyer_names_of(self._rapyer_name)
        return names if names is not None and self._rapyer_root()._rapyer_has_companion(names) else None

    @property
    def special_key(self) -> str:
        """The Redis key that the field lives under.

        Inside a list or dict there is no such key, as positions change: the text tells only the place.

        Raises:
            UnlinkedValueError: The value belongs to no model.
        """
        return self._rapyer_key_beside(self.key, (self._rapyer_dotted(),))

    def _rapyer_dotted(self) -> str:
        # A path quotes some names that may be those of fields; keys have them as they are.
        names = self._rapyer_companion_names()
        return self.field_path if names is None else ".".join(names)

    @classmethod
    def special_field_key(cls, model_key: str, field_path: str, *, tagged: bool = False) -> str:
        """Return the key of a field of a model.

        Args:
            model_key: The key of the top-level model.
            field_path: The names that lead to the field, joined by dots.
            tagged: Whether it is on a cluster, where a hash tag keeps the key in the model's slot.
        """
        return companion_key(model_key, (field_path.removeprefix("."),), tagged=tagged)

    def _rapyer_key_beside(self, main: str, names: Iterable[str]) -> str:
        """Return the key of a field of a model that is on the server of this one's.

        Args:
            main: The key of the model.
            names: The names that lead to the field.
        """
        return companion_key(main, names, tagged=self._rapyer_root()._rapyer_source().is_cluster)

    @property
    def _rapyer_elements(self) -> Elements:
        """How elements are checked and written; only for a value that belongs to a model."""
        return self._rapyer_shape.entries

    # --- its part in the model's life --------------------------------------------------------------------

    @action(ActionGroup.DELETE, refreshes=False)
    async def adelete_special(self) -> bool:
        """Remove what is stored of the field (DEL of its key); in a pipeline it is queued.

        Returns:
            Whether there was anything; None in a pipeline.
        """
        deleted: int | None = await self._rapyer_do(keys.delete(self.special_key))
        return deleted is None or deleted > 0

    @action(ActionGroup.CREATE, refreshes=False)
    async def aduplicate_special(self, target_key: str) -> None:
        """Copy what is stored of the field to the same field of another model, on the server (COPY).

        Args:
            target_key: The key of the other model, of the same class.

        Raises:
            CrossSlotError: The other model lives in another slot of a cluster; nothing was sent.
        """
        target = self._rapyer_key_beside(target_key, (self._rapyer_dotted(),))
        await self._rapyer_do(keys.copy(self.special_key, target))

    # --- taking over -------------------------------------------------------------------------------------

    def _rapyer_remember(self, batch: Batch) -> None:
        batch.remember(self)

    def _rapyer_snapshot(self) -> Any:
        """Return what restores the present state; nothing for types without one."""
        return lambda: None

    def _rapyer_enqueue(self, command: Command[Any], groups: ActionGroup) -> bool:
        """Queue a command if a pipeline is open and the value is linked; whether it was.

        Args:
            command: The command.
            groups: What kind of operation it is, as the method's `action` says.
        """
        batch = open_batch()
        if batch is None or not hasattr(self, "_rapyer_owner"):
            return False
        root = self._rapyer_root()
        self._rapyer_remember(batch)
        batch.add(root._rapyer_source(), command)
        batch.renew(root._rapyer_source(), root._rapyer_renewal(groups))
        return True

    def clone(self) -> Self:
        """Return a detached copy."""
        return self._rapyer_wrap(self)
