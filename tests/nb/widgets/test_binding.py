"""The state machine of one field, without widgets and without Redis."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Any

import pytest
from pydantic import Field, TypeAdapter

from rapyer.errors import CorruptedModelError
from rapyer_nb.widgets.binding import FieldBinding
from rapyer_nb.widgets.phases import Missing, Phase, Unfit, Write
from rapyer_nb.widgets.saying import same


class Store:
    """A field of type T, stored as plain JSON."""

    def __init__(self, annotation: Any) -> None:
        self._adapter: TypeAdapter[Any] = TypeAdapter(annotation)

    def check(self, draft: Any) -> Any:
        return self._adapter.validate_python(draft)

    def dump(self, value: Any) -> bytes:
        return self._adapter.dump_json(value)

    def load(self, text: bytes) -> Any:
        try:
            return self._adapter.validate_json(text)
        except ValueError as error:
            raise CorruptedModelError(str(error)) from error


Name = Annotated[str, Field(min_length=2)]


def loaded(raw: bytes, annotation: Any = Name) -> FieldBinding:
    binding = FieldBinding("name", Store(annotation), None)
    assert binding.loaded(raw).show
    return binding


def text(value: Any) -> bytes:
    return json.dumps([value], separators=(",", ":")).encode()


def test_the_first_read_shows_what_is_stored() -> None:
    binding = FieldBinding("name", Store(Name), "local")

    todo = binding.loaded(text("Ada"))

    assert todo.show
    assert todo.store
    assert binding.value == "Ada"
    assert binding.phase is Phase.CLEAN


def test_an_echo_does_nothing() -> None:
    binding = loaded(text("Ada"))

    todo = binding.loaded(text("Ada"))

    assert (todo.show, todo.store, todo.write) == (False, False, None)


def test_an_edit_is_written_after_the_pause_against_the_text_that_was_seen() -> None:
    binding = loaded(text("Ada"))

    assert binding.edited("Grace").start_timer
    todo = binding.due()

    assert todo.write == Write(expected=text("Ada"), value=b'"Grace"')
    assert binding.written().store
    assert binding.value == "Grace"
    assert binding.phase is Phase.CLEAN


def test_the_same_draft_again_is_no_edit() -> None:
    binding = loaded(text("Ada"))
    binding.edited("Grace")

    assert not binding.edited("Grace").start_timer


def test_typing_the_stored_value_again_stops_the_write() -> None:
    binding = loaded(text("Ada"))
    binding.edited("Adam")

    assert binding.edited("Ada").stop_timer
    assert binding.due().write is None


def test_invalid_input_writes_nothing_and_says_why() -> None:
    binding = loaded(text("Ada"))
    binding.edited("A")

    todo = binding.due()

    assert todo.write is None
    assert binding.phase is Phase.INVALID
    assert binding.note is not None
    assert binding.note.text == "String should have at least 2 characters"


def test_what_a_control_cannot_give_is_explained() -> None:
    binding = loaded(text("Ada"))
    binding.edited(Unfit("choose a date"))

    binding.due()

    assert binding.note is not None
    assert binding.note.text == "choose a date"


def test_valid_input_after_invalid_input_is_written() -> None:
    binding = loaded(text("Ada"))
    binding.edited("A")
    binding.due()

    binding.edited("Al")

    assert binding.due().write is not None
    assert binding.note is None


def test_a_change_elsewhere_does_not_touch_what_is_being_typed() -> None:
    binding = loaded(text("Ada"))
    binding.edited("Grace")

    todo = binding.loaded(text("Edsger"))

    assert not todo.show
    assert todo.stop_timer
    assert binding.phase is Phase.CONFLICT
    assert binding.note is not None
    assert binding.note.text == "is now 'Edsger' in Redis; your edit is not saved"


def test_a_refused_write_is_a_conflict() -> None:
    binding = loaded(text("Ada"))
    binding.edited("Grace")
    binding.due()

    binding.changed(text("Edsger"))

    assert binding.phase is Phase.CONFLICT
    assert binding.draft == "Grace"


def test_keep_mine_writes_over_what_is_there_now() -> None:
    binding = loaded(text("Ada"))
    binding.edited("Grace")
    binding.loaded(text("Edsger"))

    assert binding.keep_mine().write == Write(text("Edsger"), b'"Grace"')


def test_take_theirs_shows_what_is_there_now() -> None:
    binding = loaded(text("Ada"))
    binding.edited("Grace")
    binding.loaded(text("Edsger"))

    todo = binding.take_theirs()

    assert todo.show
    assert todo.store
    assert (binding.value, binding.draft) == ("Edsger", "Edsger")


def test_a_conflict_ends_when_the_others_take_their_change_back() -> None:
    binding = loaded(text("Ada"))
    binding.edited("Grace")
    binding.loaded(text("Edsger"))

    assert binding.loaded(text("Ada")).start_timer
    assert binding.due().write == Write(text("Ada"), b'"Grace"')


def test_a_conflict_ends_when_both_mean_the_same() -> None:
    binding = loaded(text("Ada"))
    binding.edited("Grace")
    binding.loaded(text("Edsger"))

    assert binding.edited("Edsger").store
    assert binding.phase is Phase.CLEAN


def test_the_same_edit_by_two_is_no_conflict() -> None:
    binding = loaded(text("Ada"))
    binding.edited("Grace")
    binding.due()

    assert binding.changed(text("Grace")).store
    assert binding.phase is Phase.CLEAN


def test_other_text_of_the_same_value_is_no_conflict() -> None:
    binding = loaded(b"[1.50]", float)
    binding.edited(2.5)
    binding.due()

    assert binding.changed(b"[1.5]").write == Write(b"[1.5]", b"2.5")


def test_other_text_of_the_same_value_does_not_disturb_typing() -> None:
    binding = loaded(b"[1.50]", float)
    binding.edited(2.5)

    binding.loaded(b"[1.5]")

    assert binding.due().write == Write(b"[1.5]", b"2.5")


def test_typing_during_a_write_is_written_afterwards() -> None:
    binding = loaded(text("Ada"))
    binding.edited("Grace")
    binding.due()

    binding.edited("Grace H")

    assert binding.written().start_timer
    assert binding.due().write == Write(text("Grace"), b'"Grace H"')


def test_a_read_during_a_write_tells_nothing() -> None:
    binding = loaded(text("Ada"))
    before = binding.epoch
    binding.edited("Grace")
    binding.due()

    assert not binding.loaded(text("Edsger")).show
    assert binding.epoch != before


def test_a_write_that_failed_is_tried_again() -> None:
    binding = loaded(text("Ada"))
    binding.edited("Grace")
    binding.due()

    binding.failed("ConnectionError: refused")

    assert binding.note is not None
    assert binding.note.text == "not saved: ConnectionError: refused"
    assert binding.retry().write == Write(text("Ada"), b'"Grace"')


def test_stored_text_that_does_not_fit_is_shown_as_such_and_can_be_overwritten() -> None:
    binding = loaded(b"[1]", int)

    binding.loaded(text("old"))

    assert binding.value is Missing.UNREADABLE
    assert binding.note is not None
    assert binding.note.text == 'what is stored does not fit this field: "old"'
    binding.edited(2)
    assert binding.due().write == Write(text("old"), b"2")


def test_a_field_that_the_document_lacks_says_so() -> None:
    binding = FieldBinding("name", Store(Name), "Ada")

    assert not binding.loaded(b"[]").show
    assert binding.note is not None
    assert binding.note.text == "not stored yet"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (1, True, False),
        (1, 1.0, True),
        (
            dt.datetime(2024, 1, 1, 12, tzinfo=dt.timezone.utc),
            dt.datetime(2024, 1, 1, 13, tzinfo=dt.timezone(dt.timedelta(hours=1))),
            False,
        ),
    ],
)
def test_what_looks_different_is_different(one: Any, other: Any, alike: bool) -> None:
    assert same(one, other) is alike
