"""The stored form asked for by pydantic's context, of models alone and within other types."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic_core import from_json, to_json

from rapyer import AtomicRedisModel
from rapyer.codec.context import REDIS_DUMP_FLAG_NAME

STORED = {REDIS_DUMP_FLAG_NAME: True}


class FormPart(BaseModel):
    day: dt.date = dt.date(2024, 2, 29)


class FormModel(AtomicRedisModel):
    day: dt.date = dt.date(2024, 2, 29)
    anything: Any = None
    blob: bytes = b"\xff"
    part: FormPart = FormPart()
    pairs: list[tuple[int, int]] = []
    by_name: dict[str, Any] = {}


class FormAliased(AtomicRedisModel):
    model_config = ConfigDict(serialize_by_alias=True)

    full_name: str = Field("nobody", alias="fullName")
    day: dt.date = Field(dt.date(2024, 2, 29), alias="Day")


def _model() -> FormModel:
    return FormModel(anything={1, 2}, pairs=[(1, 2)], by_name={"a": dt.date(2024, 1, 1)})


@pytest.mark.parametrize("touched", [False, True], ids=["as made", "after reads"])
@pytest.mark.parametrize(
    ("annotation", "wrapped"),
    [
        (list[FormModel], lambda model: [model, model]),
        (dict[str, FormModel], lambda model: {"a": model}),
        (FormModel | None, lambda model: model),
        (tuple[int, FormModel], lambda model: (1, model)),
    ],
    ids=["list", "dict", "optional", "tuple"],
)
def test_an_adapter_of_a_type_around_models_dumps_and_reads_the_stored_form(
    annotation: Any, wrapped: Any, touched: bool
) -> None:
    adapter, model = TypeAdapter(annotation), _model()
    if touched:
        assert [model.pairs[0], model.part.day, model.by_name["a"]]
    text = adapter.dump_json(wrapped(model), context=STORED)
    assert from_json(text) == from_json(to_json(wrapped(model.redis_dump())))
    loaded = adapter.validate_json(text, context=STORED)
    assert loaded == wrapped(model)
    assert adapter.validate_json(adapter.dump_json(wrapped(_plain()))) == wrapped(_plain())


def _plain() -> FormModel:
    return FormModel(blob=b"text", anything=[1], by_name={"a": 1})


def test_a_dataclass_around_models_does_so_too() -> None:
    @dataclasses.dataclass
    class Around:
        model: FormModel

    adapter = TypeAdapter(Around)
    text = adapter.dump_json(Around(_model()), context=STORED)
    assert from_json(text) == {"model": _model().redis_dump()}
    assert adapter.validate_json(text, context=STORED) == Around(_model())


def test_a_model_s_own_methods_never_use_aliases_in_the_stored_form() -> None:
    model = FormAliased(fullName="Ada")
    assert model.model_dump_json() == '{"fullName":"Ada","Day":"2024-02-29"}'
    assert model.model_dump_json(context=STORED) == model.redis_dump_json()
    assert model.model_dump(context=STORED) == model.redis_dump()
    assert list(model.redis_dump()) == ["full_name", "day"]
    assert FormAliased.model_validate_json(model.redis_dump_json(), context=STORED) == model
    assert FormAliased.model_validate(model.redis_dump(), context=STORED) == model


def test_an_adapter_is_told_to_go_by_names_where_fields_have_aliases() -> None:
    adapter, models = TypeAdapter(list[FormAliased]), [FormAliased(fullName="Ada")]
    text = adapter.dump_json(models, context=STORED, by_alias=False)
    assert from_json(text) == [models[0].redis_dump()]
    assert adapter.validate_json(text, context=STORED, by_alias=False, by_name=True) == models
