"""What a model class asks of its stored instances: finding, counting, paging and deleting them by filters."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal, overload

from rapyer import finding
from rapyer.actions import ActionGroup, action
from rapyer.errors import KeyNotFound
from rapyer.fields.key import RapyerKey
from rapyer.model.cascade_delete import delete_cascading, deletes_more, would_delete_cascading
from rapyer.model.delete import delete_in_one_step, delete_models
from rapyer.model.registry import registry
from rapyer.model.state import StoredModel
from rapyer.result import DeleteResult
from rapyer.search.expression import Expression
from rapyer.search.find import find_keys
from rapyer.search.from_frame import store_frame
from rapyer.search.updates import delete_matching, update_matching, would_delete

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from typing_extensions import Self

    from rapyer.result import FrameResult, Page, UpdateResult


class Querying(StoredModel):
    """The class methods of models that take filters, such as `User.age >= 18`."""

    @overload
    @classmethod
    async def afind(
        cls,
        *args: str | Expression | bool | StoredModel | Any,
        sort_by: Any = None,
        offset: int = 0,
        max_results: int | None = None,
        only: None = None,
        on_corrupt: Literal["raise", "skip"] = "skip",
    ) -> list[Self]: ...

    @overload
    @classmethod
    async def afind(
        cls,
        *args: str | Expression | bool | StoredModel | Any,
        sort_by: Any = None,
        offset: int = 0,
        max_results: int | None = None,
        only: Any,
        on_corrupt: Literal["raise", "skip"] = "skip",
    ) -> list[Any]: ...

    @classmethod
    @action(ActionGroup.READ, ActionGroup.FETCH)
    async def afind(
        cls,
        *args: str | Expression | bool | StoredModel | Any,
        sort_by: Any = None,
        offset: int = 0,
        max_results: int | None = None,
        only: Any = None,
        on_corrupt: Literal["raise", "skip"] = "skip",
    ) -> list[Any]:
        """Return stored instances: those under the given keys, those that filters describe, or all.

        Keys may be full keys, primary keys or instances, and win over filters; several filters must all
        hold. What is left out is logged (JSON.MGET, FT.SEARCH, FT.AGGREGATE, SCAN).

        Args:
            args: Keys, or filters such as `User.age >= 18`.
            sort_by: Indexed fields to sort by, one or several: `User.age`, "age", or "-age" for the greatest
                first. Missing values come last; instances that are equal come in the order of their keys.
            offset: How many of the first to pass over; without `sort_by` in the order of the keys.
            max_results: The most instances to return; None for all.
            only: Fields to read instead of whole documents, one or several, as `sort_by`; "key" for the full
                key. Each result is a frozen dataclass of them then.
            on_corrupt: What to do with documents that do not fit the class: "skip" leaves them out, with
                one warning that counts and names them, "raise" raises.

        Raises:
            KeyNotFound: Nothing is stored under a given key.
            CorruptedModelError: A document does not fit the class, and was to raise.
            NotIndexedError: A filter, or the sorting, asks for a field without an index.
            UnknownFieldError: There is no such field to sort by or to read.
            BadFilterError: Results cannot be sorted by a field, or a field cannot be read alone.
            UnsupportedArgumentTypeError: An argument is neither key nor filter.
            UnsupportedArgumentValueError: A number is negative, or `on_corrupt` is something else.
        """
        wanted = finding.Wanted(sort_by, offset, max_results, only, on_corrupt)
        return await finding.find_wanted(cls, args, wanted)

    @classmethod
    @action(ActionGroup.READ, ActionGroup.FETCH)
    async def afind_one(
        cls,
        *args: str | Expression | bool | StoredModel | Any,
        sort_by: Any = None,
        on_corrupt: Literal["raise", "skip"] = "skip",
    ) -> Self | None:
        """Return the first instance that `afind` gives for the arguments, or None."""
        wanted = finding.Wanted(sort_by, max_results=1, on_corrupt=on_corrupt)
        try:
            found = await finding.find_wanted(cls, args, wanted)
        except KeyNotFound:
            return None
        return found[0] if found else None

    @classmethod
    @action(ActionGroup.READ, refreshes=False)
    async def afind_keys(
        cls,
        *args: Expression | bool | int | None,
        sort_by: Any = None,
        offset: int = 0,
        max_results: int | None = None,
    ) -> list[RapyerKey]:
        """Return the keys of the instances that filters describe, or of all (FT.SEARCH, SCAN).

        Without sorting, offset and limit they come in no particular order.

        Args:
            args: Filters, which must all hold; or a number alone, which is `max_results`.
            sort_by: Indexed fields to sort by, as in `afind`.
            offset: How many of the first to pass over.
            max_results: The most keys to return; None for all.

        Raises:
            NotIndexedError: A filter, or the sorting, asks for a field without an index.
            UnsupportedArgumentTypeError: An argument is no filter.
            UnsupportedArgumentValueError: A number is negative.
        """
        limit: Any = max_results
        if len(args) == 1 and max_results is None and not finding.is_filter(args[0]):
            limit, args = args[0], ()  # the older way to say it
        wanted = finding.Wanted(sort_by, offset, limit)
        return [RapyerKey(key) for key in await finding.list_found(cls, args, wanted)]

    @classmethod
    @action(ActionGroup.READ, refreshes=False)
    async def acount(cls, *args: Expression | bool) -> int:
        """Return how many stored instances filters describe, or how many there are (FT.SEARCH, SCAN).

        No document is read, unless the index knows the values only roughly.

        Args:
            args: Filters, which must all hold.

        Raises:
            NotIndexedError: A filter asks for a field without an index.
            UnsupportedArgumentTypeError: An argument is no filter.
        """
        return await finding.count_found(cls, args)

    @classmethod
    @action(ActionGroup.READ, ActionGroup.FETCH)
    async def apage(
        cls,
        *args: Expression | bool,
        size: int = 50,
        sort_by: Any = None,
        after: str | None = None,
        on_corrupt: Literal["raise", "skip"] = "skip",
    ) -> Page[Self]:
        """Return one page of the instances that filters describe, or of all (FT.SEARCH, JSON.MGET).

        The next page starts behind the last instance of this one, by its values and not by a number. So all
        that nobody writes to is on exactly one page, whatever is stored and deleted between two pages.

        Args:
            args: Filters, which must all hold.
            size: The most instances of a page.
            sort_by: Indexed fields to sort by, as in `afind`; None for the order of the keys.
            after: The `after` of the page before; None for the first page.
            on_corrupt: What to do with documents that do not fit the class, as in `afind`.

        Raises:
            CorruptedModelError: A document does not fit the class, and was to raise.
            NotIndexedError: A filter, or the sorting, asks for a field without an index.
            BadFilterError: Results cannot be sorted by a field, or the filter asks for the nearest.
            UnsupportedArgumentTypeError: An argument is no filter.
            UnsupportedArgumentValueError: `after` is not of a page that is sorted like this, or `size` is
                less than 1.
        """
        wanted = finding.Wanted(sort_by, on_corrupt=on_corrupt)
        return await finding.page_found(cls, args, size, after, wanted)

    @classmethod
    @action(ActionGroup.READ, ActionGroup.FETCH)
    async def aiter_find(
        cls,
        *args: Expression | bool,
        batch: int = 500,
        sort_by: Any = None,
        only: Any = None,
        on_corrupt: Literal["raise", "skip"] = "skip",
    ) -> AsyncGenerator[Any, None]:
        """Iterate over the instances that filters describe, or over all (FT.SEARCH or SCAN, JSON.MGET).

        All keys are read at the start, documents in batches, the next one on its way meanwhile. So only two
        batches of instances are in memory, and nothing is left open on the server.

        Args:
            args: Filters, which must all hold.
            batch: How many documents are read at once.
            sort_by: Indexed fields to sort by, as in `afind`, by their values at the start.
            only: Fields to read instead of whole documents, as in `afind`.
            on_corrupt: What to do with documents that do not fit the class, as in `afind`.

        Raises:
            CorruptedModelError: A document does not fit the class, and was to raise.
            NotIndexedError: A filter, or the sorting, asks for a field without an index.
            UnsupportedArgumentTypeError: An argument is no filter.
            UnsupportedArgumentValueError: `batch` is less than 1.
        """
        wanted = finding.Wanted(sort_by, only=only, on_corrupt=on_corrupt)
        async with aclosing(finding.stream_found(cls, args, batch, wanted)) as found:
            async for each in found:
                yield each

    @classmethod
    @action(ActionGroup.CREATE)
    async def afrom_frame(
        cls,
        frame: Any,
        *,
        on_conflict: Literal["replace", "error", "skip"] = "replace",
        key: str | None = None,
        batch: int = 1000,
        dry_run: bool = False,
    ) -> FrameResult:
        """Store the rows of a table as instances; each is validated, and those refused are told with reasons.

        A cell that is missing (None, NaN, NA) is None. Of two rows with one key the last stays with
        "replace", the first with the others. Each portion of rows is one step (script insert); where the
        connection is lost, those before are stored.

        Args:
            frame: A DataFrame of pandas or polars, an Arrow Table, or rows as mappings. Its columns are
                fields.
            on_conflict: What to do where something is stored under a key: "replace" it, "skip" the row, or
                refuse it ("error").
            key: The name of a column that holds the keys, as `to_pandas(…, key=…)` makes one.
            batch: How many rows are stored in one step.
            dry_run: Only validate.

        Returns:
            How many were stored, and the rows that were not.

        Raises:
            UnknownFieldError: The table has a column that is no field; nothing is stored.
            UnsupportedArgumentTypeError: It is no table.
            UnsupportedArgumentValueError: It has no column for a field that needs a value, or an argument
                makes no sense; nothing is stored.
            PipelineOpenError: In a pipeline, where `on_conflict` needs the server's answer.
        """
        return await store_frame(cls, frame, on_conflict, key=key, batch=batch, dry_run=dry_run)

    @classmethod
    @action(ActionGroup.DELETE, refreshes=False)
    async def adelete_many(
        cls,
        *args: str | Expression | bool | StoredModel | Any,
        atomic: bool = False,
        dry_run: bool = False,
        cascade: bool = False,
    ) -> DeleteResult:
        """Delete many documents: those of instances, those under keys, or all that filters describe.

        They go with what lives beside them, in steps of `Meta.max_delete_per_transaction` keys (script
        delete: DEL). By filters any number of them goes (FT.SEARCH; script change_matching: FT.SEARCH, DEL),
        each only if it still matches at that moment. In a pipeline what matches now is queued, to be checked
        and deleted at the end.

        Args:
            args: Instances, keys and primary keys; or filters, which must all hold.
            atomic: Delete all of them in one step, however many they are.
            dry_run: Delete nothing, and say how many would be deleted, with `cascade` those referred to, too.
            cascade: Whether the models go, too, that they refer to by fields marked `CascadeDelete`, and
                those that these refer to so. They are read first, and then all are deleted in one step for
                each server, and for each slot of a cluster.

        Returns:
            How many were really there and are gone; where fields were followed a `RapyerDeleteResult`, which
            counts them by class, too.

        Raises:
            MissingParameterError: Nothing was given.
            UnsupportedArgumentTypeError: Filters were mixed with keys, or something is neither.
            WrongClassError: A key belongs to another class; nothing is deleted.
            WrongTypeError: A key holds another Redis type; nothing of its transaction is deleted.
            BadDeleteActionError: An instance lives inside another model; nothing is deleted.
            NotIndexedError: A filter asks for a field without an index.
            CrossSlotError: It was to be atomic, and the keys live in several slots of a cluster; nothing is
                deleted.
            PartlyAppliedError: On a cluster, where each slot is a step of its own, only some of them did it.
        """
        wanted = finding.to_delete(cls, args)
        if cascade and deletes_more(cls):
            keys = await find_keys(cls, wanted) if isinstance(wanted, Expression) else wanted
            if dry_run:
                return await would_delete_cascading({cls: keys})
            return await delete_cascading({cls: keys}, atomic=atomic) if keys else DeleteResult()
        if isinstance(wanted, Expression):
            return await delete_matching(cls, wanted, atomic=atomic, dry_run=dry_run)
        if dry_run:
            return await would_delete(cls, wanted)
        if atomic and wanted:
            return (await delete_in_one_step(registry.source_for(cls), [(cls, wanted)]))[0]
        return await delete_models(cls, wanted)

    @classmethod
    @action(ActionGroup.UPDATE)
    async def aupdate_many(
        cls, *filters: Expression | bool | Any, dry_run: bool = False, **fields: Any
    ) -> UpdateResult:
        """Set fields of all stored documents that filters describe, any number of them.

        Each is changed only if it still matches at that moment (FT.SEARCH; script change_matching: FT.SEARCH,
        JSON.SET, EXPIRE), in steps of some hundred. Instances that are loaded already stay as they are. In a
        pipeline what matches now is queued, to be checked and changed at the end.

        The values are validated once, before anything is sent, by the validators of their fields. Where the
        class has validators of the whole model, each document is loaded for them (JSON.MGET), and changed
        only if nobody else has changed it since.

        Args:
            filters: Filters such as `User.age >= 18`, which must all hold.
            dry_run: Change nothing, and say how many would be.
            fields: The values by the names of the fields.

        Returns:
            How many matched, and how many were changed.

        Raises:
            MissingParameterError: There is no filter, or no field.
            UnsupportedArgumentTypeError: An argument is no filter.
            UnknownFieldError: A name is no field; nothing is set.
            KeyChangedError: A field is the primary key; nothing is set.
            UpdateAtomicModelError: A field is a set or a queue, with operations of its own; nothing is set.
            ValidationError: A value does not fit; nothing is set.
            BadFilterError: The filter says nothing of a document alone.
            NotIndexedError: A filter asks for a field without an index.
            StaleModelError: Documents that had to be read were changed by others all the time; the others
                are changed.
            PartlyAppliedError: On a cluster, where each slot is a step of its own, only some of them did it.
        """
        return await update_matching(cls, finding.to_update(cls, filters), fields, dry_run=dry_run)
