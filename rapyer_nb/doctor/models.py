"""Whether the classes that were named can be used as they are declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer.errors import RapyerError
from rapyer.model.cascade import check_cascades
from rapyer.search.index import declared
from rapyer_nb.doctor.finding import broken, fine, unchecked
from rapyer_nb.doctor.troubles import told
from rapyer_nb.views.note import counted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from rapyer import AtomicRedisModel
    from rapyer_nb.doctor.finding import Finding
    from rapyer_nb.doctor.patient import Patient

NAME_THEM = (
    "rapyer-nb doctor --models shop.models, or shop.models:User; %rapyer_doctor looks at all that are known"
)


async def models(patient: Patient) -> AsyncGenerator[Finding, None]:
    """Look at the declarations; sends nothing."""
    if not patient.models:
        yield unchecked(
            "no model was named: documents, indexes and times to live are not looked at", NAME_THEM
        )
        return
    good = []
    for model in patient.models:
        trouble = _trouble(model)
        if trouble is None:
            good.append(model.__name__)
        else:
            yield trouble
    if good:
        yield fine(f"{counted(len(good), 'model')} can be used as declared: {', '.join(good)}")
    try:
        check_cascades(patient.models)
    except RapyerError as error:
        yield broken(told(error), error.hint or "")


def _trouble(model: type[AtomicRedisModel]) -> Finding | None:
    if not model.__pydantic_complete__:
        return broken(
            f"{model.__name__} refers to a class that does not exist",
            "import the module that defines it, too; it may be a misspelt name in an annotation",
        )
    try:
        list(declared(model))
    except RapyerError as error:
        return broken(f"{model.__name__}: {told(error)}", error.hint or "")
    return None
