"""Whether the user of the connection may do what the library does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rapyer.commands.permissions import Place
from rapyer.lifecycle import place_of
from rapyer.session.permissions import lack_of
from rapyer_nb.doctor.finding import broken, fine, warning

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from rapyer_nb.doctor.finding import Finding
    from rapyer_nb.doctor.patient import Patient

_ANY: Final = Place("rapyer-nb-doctor:", index="idx:rapyer-nb-doctor", sets=True, queues=True)
"""Where a class could keep its models, to ask for the commands where no class is known."""


async def rights(patient: Patient) -> AsyncGenerator[Finding, None]:
    """Look what the user may do, as `init_rapyer` does: by commands on keys that do not exist."""
    models = patient.models
    places = [place_of(model) for model in models]
    lack = await lack_of(
        patient.source, places or [_ANY], tokens=any(model.Meta.exactly_once for model in models)
    )
    if lack is not None and not models and not lack.error.commands:
        lack = None  # which keys are needed is known only with the models
    if lack is None:
        needed = "run all that the library sends"
        if models:
            needed = f"do all that is needed for {', '.join(model.__name__ for model in models)}"
        yield fine(f"the user may {needed}")
        return
    rule = lack.error.hint or ""
    if models:
        text = lack.error.message
    else:
        text = f"the user may not run {', '.join(lack.error.commands)}"
        rule = " ".join(word for word in rule.split() if word[0] not in "~&")
    if lack.reads:
        yield broken(f"{text}, so models cannot be read", rule)
    else:
        yield warning(f"{text}, so {lack.outcome}", rule)
