"""Whether what is stored under the keys of classes are documents, and load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rapyer.commands.json import get_documents
from rapyer.model.load import from_document, reading_of
from rapyer.session.executor import run
from rapyer_nb.doctor.finding import broken, fine
from rapyer_nb.doctor.keyspace import DOCUMENT, NOTHING
from rapyer_nb.doctor.troubles import told
from rapyer_nb.views.brief import clipped, printable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from rapyer import AtomicRedisModel
    from rapyer_nb.doctor.finding import Finding
    from rapyer_nb.doctor.keyspace import Key
    from rapyer_nb.doctor.patient import Patient

_PER_READ: Final = 50
"""How many documents are read in one round trip; they may be large."""

_SHOWN: Final = 3
_LENGTH: Final = 120


async def documents(patient: Patient) -> AsyncGenerator[Finding, None]:
    """Look at the types of keys (TYPE), and load documents (JSON.MGET); no time to live begins anew."""
    seen = await patient.keyspace.seen()
    for model, bucket in seen.documents.items():
        if not bucket.number:
            yield fine(f"{model.__name__}: {seen.nothing('documents')}")
            continue
        looks = await patient.keyspace.looked_at(bucket.sample)
        for finding in of_types(model, looks):
            yield finding
        stored = [key.name for key in looks if key.kind == DOCUMENT]
        wrong = [error async for error in _unreadable(patient, model, stored)]
        told_of = f"{model.__name__}: {seen.told(bucket, 'document')} looked at"
        if not wrong:
            yield fine(f"{told_of}, each loads" if stored else f"{told_of}")
            continue
        keys = [key for key, _ in wrong]
        do = "does" if len(wrong) == 1 else "do"
        yield broken(
            f"{told_of}, {len(wrong):,} of them {do} not load: {listed(keys)}; {told(wrong[0][1])}",
            "mend them, mark the field SafeLoad to leave out what cannot be read, or delete them; "
            "afind leaves them out and logs it",
        )


def of_types(model: type[AtomicRedisModel], looks: Sequence[Key]) -> Iterator[Finding]:
    """Yield what is to be said of keys of a class that hold something else than documents."""
    foreign = [key for key in looks if key.kind not in {DOCUMENT, NOTHING}]
    if foreign:
        kinds = ", ".join(sorted({key.kind for key in foreign}))
        yield broken(
            f"{model.__name__}: {len(foreign):,} of its keys hold no documents ({kinds}): "
            f"{listed([key.name for key in foreign])}",
            "rename or delete them: reading or saving a model of that key fails",
        )


def listed(keys: Sequence[str]) -> str:
    """Return the first few keys, each clipped."""
    shown = ", ".join(clipped(printable(key), _LENGTH) for key in keys[:_SHOWN])
    return f"{shown}, …" if len(keys) > _SHOWN else shown


async def _unreadable(
    patient: Patient, model: type[AtomicRedisModel], keys: Sequence[str]
) -> AsyncGenerator[tuple[str, Exception], None]:
    for start in range(0, len(keys), _PER_READ):
        chunk = keys[start : start + _PER_READ]
        texts = await run(patient.source, get_documents(chunk))
        for key, text in zip(chunk, texts, strict=True):
            error = None if text is None else _error_of(model, key, text)
            if error is not None:
                yield key, error


def _error_of(model: type[Any], key: str, text: bytes) -> Exception | None:
    """Return what is wrong with a document; what lives beside it is looked at by its types alone."""
    reading = reading_of(model)
    try:
        from_document(model, key, text if reading is None else reading.with_nothing_beside(text))
    except Exception as error:  # validators may raise anything
        return error
    return None
