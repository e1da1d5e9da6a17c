"""Whether documents whose class declares a time to live have one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer.model.registry import registry
from rapyer_nb.doctor.documents import listed
from rapyer_nb.doctor.finding import fine, warning
from rapyer_nb.doctor.keyspace import DOCUMENT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from rapyer_nb.doctor.finding import Finding
    from rapyer_nb.doctor.patient import Patient


async def lifetimes(patient: Patient) -> AsyncGenerator[Finding, None]:
    """Look at how long documents have left (PTTL), of the classes that declare a time to live."""
    seen = await patient.keyspace.seen()
    for model, bucket in seen.documents.items():
        ttl = registry.ttl_of(model)
        if ttl is None or not bucket.number:
            continue
        looks = await patient.keyspace.looked_at(bucket.sample)
        endless = [key.name for key in looks if key.kind == DOCUMENT and key.left is None]
        told = f"{model.__name__}, whose time to live is {ttl:,} s: {seen.told(bucket, 'document')} looked at"
        if not endless:
            yield fine(f"{told}, each ends by itself")
            continue
        end = "ends" if len(endless) == 1 else "end"
        yield warning(
            f"{told}, {len(endless):,} of them never {end}: {listed(endless)}",
            f"for one in await {model.__name__}.afind(): await one.refresh_ttl(); "
            "unless they were persisted on purpose",
        )
