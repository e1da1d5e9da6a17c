"""`%rapyer_plot`: what is drawn, and how it is shown."""

from __future__ import annotations

import datetime as dt
import io
import struct
import sys
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

import pytest
from pydantic import BaseModel

import rapyer_nb
from rapyer import AtomicRedisModel, Index
from rapyer.errors import MissingPackageError, UnknownFieldError, UnsupportedArgumentTypeError
from rapyer_nb.charts import calendar
from rapyer_nb.errors import NotebookError
from tests.nb.notebook import open_notebook

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer.session.clients import ClientSource
    from rapyer_nb.views.plot import Plot


class Size(Enum):
    SMALL = "small"
    BIG = "big"


class Home(BaseModel):
    city: str = ""


class PlotSale(AtomicRedisModel):
    number: Index[int] = 0
    price: Index[float | None] = None
    cost: Decimal = Decimal(0)
    city: str | None = None
    size: Size = Size.SMALL
    sold: bool = False
    paid: dt.date | None = None
    at: dt.datetime | None = None
    opens: dt.time | None = None
    lasts: dt.timedelta | None = None
    tags: list[str] = []
    home: Home = Home()


DAY = dt.date(2024, 1, 1)


@pytest.fixture
async def sales(source: ClientSource) -> list[PlotSale]:
    await PlotSale.acreate_index()
    made = [
        PlotSale(
            number=at,
            price=float(at) if at % 10 else None,
            cost=Decimal(at) / 4,
            city=["Oslo", "Rome", None][at % 3],
            size=Size.BIG if at % 4 == 0 else Size.SMALL,
            sold=at % 5 == 0,
            paid=DAY + dt.timedelta(days=at),
            at=dt.datetime(2024, 1, 1, 10) + dt.timedelta(minutes=at),
            opens=dt.time(at % 24, 30),
            lasts=dt.timedelta(minutes=at),
            tags=["a"] if at % 2 else ["a", "b"],
            home=Home(city=f"c{at % 40}"),
        )
        for at in range(100)
    ]
    await PlotSale.ainsert(*made)
    return made


def heights(plot: Plot) -> dict[str, float | None]:
    return {label: point.y for label, point in zip(plot.labels, plot.points, strict=True)}


async def test_numbers_make_a_histogram(sales: list[PlotSale]) -> None:
    plot = await rapyer_nb.plot(PlotSale, "price")
    assert plot.kind == "hist"
    assert heights(plot) == {f"{low} to {low + 5}": 4 if low % 10 == 0 else 5 for low in range(0, 100, 5)}
    assert [(point.x, point.end) for point in plot.points][:2] == [(0.0, 5.0), (5.0, 10.0)]
    assert plot.footer.startswith("90 values, 10 without a value on the scale, ")


async def test_the_number_of_bins_can_be_chosen(sales: list[PlotSale]) -> None:
    plot = await rapyer_nb.plot(PlotSale, PlotSale.number, bins=3)
    assert heights(plot) == {"0 to 33": 33, "33 to 66": 33, "66 to 99": 34}
    assert len((await rapyer_nb.plot(PlotSale, PlotSale.number, bins=500)).points) == 500
    assert len((await rapyer_nb.plot(PlotSale, PlotSale.number, bins=1)).points) == 1


async def test_a_few_whole_numbers_are_bars_of_their_own(sales: list[PlotSale]) -> None:
    plot = await rapyer_nb.plot(PlotSale, "number", where="number < 4")
    assert heights(plot) == {"0": 1, "1": 1, "2": 1, "3": 1}


async def test_other_values_are_bars_the_most_first(sales: list[PlotSale]) -> None:
    assert heights(await rapyer_nb.plot(PlotSale, "size")) == {"small": 75, "big": 25}
    assert heights(await rapyer_nb.plot(PlotSale, "sold")) == {"False": 80, "True": 20}
    plot = await rapyer_nb.plot(PlotSale, "city")
    assert plot.kind == "bar"
    assert list(heights(plot).items()) == [("Oslo", 34), ("None", 33), ("Rome", 33)]


async def test_elements_of_lists_count(sales: list[PlotSale]) -> None:
    assert heights(await rapyer_nb.plot(PlotSale, "tags")) == {"a": 100, "b": 50}


async def test_of_many_bars_the_rest_is_one(sales: list[PlotSale]) -> None:
    plot = await rapyer_nb.plot(PlotSale, "home.city")
    assert len(plot.points) == 31
    assert list(heights(plot).items())[-1] == ("10 others", 20)
    assert sum(point.y or 0 for point in plot.points) == 100


async def test_times_are_put_into_parts_of_the_calendar(sales: list[PlotSale]) -> None:
    assert heights(await rapyer_nb.plot(PlotSale, "paid", every="month")) == {
        "2024-01": 31,
        "2024-02": 29,
        "2024-03": 31,
        "2024-04": 9,
    }
    assert heights(await rapyer_nb.plot(PlotSale, "paid", every="quarter")) == {"2024-Q1": 91, "2024-Q2": 9}
    assert heights(await rapyer_nb.plot(PlotSale, "paid", every="year")) == {"2024": 100}
    by_itself = await rapyer_nb.plot(PlotSale, "paid")
    assert list(heights(by_itself).items())[:2] == [("2024-01-01", 7), ("2024-01-08", 7)]
    assert heights(await rapyer_nb.plot(PlotSale, "at", every="hour")) == {
        "2024-01-01 10:00": 60,
        "2024-01-01 11:00": 40,
    }


async def test_parts_without_a_value_are_shown_as_such(sales: list[PlotSale]) -> None:
    where = "number < 3 or number == 5"
    assert list(heights(await rapyer_nb.plot(PlotSale, "paid", where=where, every="day")).values()) == [
        1, 1, 1, 0, 0, 1,
    ]  # fmt: skip
    plot = await rapyer_nb.plot(PlotSale, "number", by="paid", where=where, every="day")
    assert [point.y for point in plot.points] == [0.0, 1.0, 2.0, None, None, 5.0]
    assert "2024-01-04  no value" in plot.text()


@pytest.mark.parametrize(
    ("agg", "expected"),
    [
        (None, {"big": 48.0, "small": 50.0}),
        ("count", {"big": 25, "small": 75}),
        ("distinct", {"big": 25, "small": 75}),
        ("sum", {"big": 1200, "small": 3750}),
        ("min", {"big": 0, "small": 1}),
        ("max", {"big": 96, "small": 99}),
        ("median", {"big": 48, "small": 50}),
    ],
)
async def test_what_is_computed_of_groups(
    sales: list[PlotSale], agg: str | None, expected: dict[str, float]
) -> None:
    plot = await rapyer_nb.plot(PlotSale, "number", by=PlotSale.size, agg=agg)
    assert plot.kind == "bar"
    assert heights(plot) == expected
    assert plot.title == f"{agg or 'mean'} of PlotSale.number by size"


async def test_by_times_and_numbers_it_is_a_line(sales: list[PlotSale]) -> None:
    plot = await rapyer_nb.plot(PlotSale, "cost", by="paid", every="month", agg="sum")
    assert plot.kind == "line"
    assert heights(plot)["2024-01"] == sum(range(31)) / 4
    spans = await rapyer_nb.plot(PlotSale, "lasts", by="paid", every="year")
    assert heights(spans) == {"2024": 49.5 * 60}
    by_number = await rapyer_nb.plot(PlotSale, "price", by="number", where="number < 4")
    assert (by_number.kind, heights(by_number)) == ("line", {"0": None, "1": 1.0, "2": 2.0, "3": 3.0})
    counts = await rapyer_nb.plot(PlotSale, "city", by="paid", every="year")
    assert heights(counts) == {"2024": 67}
    hours = await rapyer_nb.plot(PlotSale, "opens", by="size", agg="max")
    assert heights(hours) == {"small": 23.5, "big": 20.5}


async def test_a_histogram_in_colours(sales: list[PlotSale]) -> None:
    plot = await rapyer_nb.plot(PlotSale, "number", by="size", kind="hist", bins=2)
    assert [
        (point.series, label, point.y) for point, label in zip(plot.points, plot.labels, strict=True)
    ] == [
        ("small", "0 to 49.5", 37.0),
        ("small", "49.5 to 99", 38.0),
        ("big", "0 to 49.5", 13.0),
        ("big", "49.5 to 99", 12.0),
    ]
    many = await rapyer_nb.plot(PlotSale, "size", by="home.city", kind="hist")
    assert [*dict.fromkeys(point.series for point in many.points)][-1] == "others"
    assert sum(point.y or 0 for point in many.points) == 100


async def test_a_filter_as_text_or_as_an_expression(sales: list[PlotSale]) -> None:
    for where in ("number < $most", PlotSale.number < 10):
        plot = await rapyer_nb.plot(PlotSale, "size", where=where, variables={"most": 10})
        assert heights(plot) == {"small": 7, "big": 3}


async def test_the_picture_and_the_figure(sales: list[PlotSale]) -> None:
    plot = await rapyer_nb.plot(PlotSale, "price")
    assert plot.picture.startswith(b"\x89PNG")
    assert struct.unpack(">II", plot.picture[16:24]) == (1280, 720)
    bundle, metadata = plot._repr_mimebundle_()
    assert bundle == {"text/plain": plot.text(), "image/png": plot.picture}
    assert metadata == {"image/png": {"width": 640}}
    again = io.BytesIO()
    plot.figure.savefig(again, format="png")
    assert again.getvalue().startswith(b"\x89PNG")
    assert "matplotlib.pyplot" not in sys.modules, "nothing is shown by itself, and no figure is kept open"


async def test_as_text(sales: list[PlotSale]) -> None:
    lines = (await rapyer_nb.plot(PlotSale, "city")).text().split("\n")
    assert lines[0] == "PlotSale.city"
    assert lines[1] == f"Oslo  {'█' * 50} 34"
    assert lines[3] == f"Rome  {'█' * 49} 33"
    assert lines[-1].startswith("100 values, ")


async def test_styles_of_the_user_do_not_make_it_unreadable(sales: list[PlotSale]) -> None:
    import matplotlib

    with matplotlib.rc_context({"text.color": "white", "text.usetex": True, "axes.facecolor": "black"}):
        plot = await rapyer_nb.plot(PlotSale, "price")
        assert matplotlib.rcParams["text.usetex"] is True
    assert plot.figure.axes[0].get_facecolor() == (1.0, 1.0, 1.0, 1.0)


async def test_hostile_names_are_only_text(source: ClientSource) -> None:
    names = ["$\\frac{", "<img src=x onerror=alert(1)>", "\x1b[31mred", "日本", "x" * 1_000_000, "a\nb"]
    await PlotSale.ainsert(*(PlotSale(city=name, number=at) for at, name in enumerate(names)))
    await PlotSale.acreate_index()
    for kind in (None, "line"):
        plot = await rapyer_nb.plot(PlotSale, "city", kind=kind)
        assert len(plot.text()) < 1_000 and "\x1b" not in plot.text()
        assert plot.text().count("\n") == len(names) + 1
        assert plot.picture.startswith(b"\x89PNG") and len(plot.picture) < 200_000
        assert "<img" not in plot.html()
    assert (await rapyer_nb.plot(PlotSale, "number", by="city", kind="hist")).picture
    assert (await rapyer_nb.plot(PlotSale, "number", by="city")).picture


async def test_numbers_that_cannot_be_drawn_are_counted(source: ClientSource) -> None:
    await PlotSale.ainsert(*(PlotSale(price=value, number=1) for value in (1.0, 2.0, None)))
    await PlotSale.acreate_index()
    plot = await rapyer_nb.plot(PlotSale, "price")
    assert plot.footer.startswith("2 values, 1 without a value on the scale, ")
    await PlotSale(cost=Decimal("1E400"), price=2.0).asave()
    plot = await rapyer_nb.plot(PlotSale, "cost")
    assert plot.footer.startswith("3 values, 1 without a value on the scale, ")
    await PlotSale.ainsert(PlotSale(price=-1e308), PlotSale(price=1e308))
    assert (await rapyer_nb.plot(PlotSale, "price")).picture


MISTAKES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: rapyer_nb.plot(PlotSale, "pric"), UnknownFieldError, "unknown field 'pric' on PlotSale; did you mean 'price'"),
    (lambda: rapyer_nb.plot(PlotSale, "price", by="citi"), UnknownFieldError, "did you mean 'city'"),
    (lambda: rapyer_nb.plot(PlotSale, "home"), UnsupportedArgumentTypeError, "home, which is a model with fields of its own"),
    (lambda: rapyer_nb.plot(PlotSale, "city", by="size", agg="mean"), UnsupportedArgumentTypeError, "mean needs numbers or time spans, which PlotSale.city has none of"),
    (lambda: rapyer_nb.plot(PlotSale, "paid", by="size", agg="max"), NotebookError, "the max of paid is no number to draw; try --agg count"),
    (lambda: rapyer_nb.plot(PlotSale, "price", by="size", agg="men"), NotebookError, "unknown aggregate 'men'; did you mean 'mean'"),
    (lambda: rapyer_nb.plot(PlotSale, "price", agg="mean"), NotebookError, "--agg mean needs groups to be computed of; say by what: --by FIELD"),
    (lambda: rapyer_nb.plot(PlotSale, "price", kind="pie"), NotebookError, "unknown kind 'pie'; there are hist, bar, line"),
    (lambda: rapyer_nb.plot(PlotSale, "paid", every="moth"), NotebookError, "unknown part of the calendar 'moth'; did you mean 'month'"),
    (lambda: rapyer_nb.plot(PlotSale, "price", every="month"), NotebookError, "price holds no times, so --every has no meaning; leave it out"),
    (lambda: rapyer_nb.plot(PlotSale, "city", bins=3), NotebookError, "city holds no numbers, so --bins has no meaning; leave it out"),
    (lambda: rapyer_nb.plot(PlotSale, "price", bins=0), NotebookError, "--bins takes a whole number from 1 to 500, not 0"),
    (lambda: rapyer_nb.plot(PlotSale, "price", bins=-3), NotebookError, "--bins takes a whole number from 1 to 500, not -3"),
    (lambda: rapyer_nb.plot(PlotSale, "price", bins=501), NotebookError, "--bins takes a whole number from 1 to 500, not 501"),
    (lambda: rapyer_nb.plot(PlotSale, "price", bins=10**4500), NotebookError, "--bins takes a whole number from 1 to 500, not "),
    (lambda: rapyer_nb.plot(PlotSale, "price", bins=cast("int", 2.5)), NotebookError, "--bins takes a whole number from 1 to 500, not 2.5"),
    (lambda: rapyer_nb.plot(PlotSale, "price", where="number > 1000"), NotebookError, "there are no values of price to draw; loosen the filter"),
    (lambda: rapyer_nb.plot(PlotSale, "price", where="numbr > 10"), NotebookError, "unknown field 'numbr' on PlotSale; did you mean 'number'"),
]  # fmt: skip


@pytest.mark.parametrize(("ask", "error", "message"), MISTAKES)
async def test_mistakes(
    sales: list[PlotSale], ask: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        await ask()
    assert message in str(raised.value)


async def test_without_matplotlib(source: ClientSource, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(MissingPackageError) as raised:
        await rapyer_nb.plot(PlotSale, "price")
    assert str(raised.value) == (
        "matplotlib is not installed; run `pip install matplotlib`, or install rapyer-nb[plot]"
    )


def test_parts_of_the_calendar() -> None:
    moment = dt.datetime(2024, 5, 15, 13, 45, 30, 5)
    starts = {part: calendar.written(calendar.start_of(moment, part), part) for part in calendar.EVERY}
    assert starts == {
        "second": "2024-05-15 13:45:30",
        "minute": "2024-05-15 13:45",
        "hour": "2024-05-15 13:00",
        "day": "2024-05-15",
        "week": "2024-05-13",
        "month": "2024-05",
        "quarter": "2024-Q2",
        "year": "2024",
    }
    december = dt.datetime(2023, 12, 1)
    assert calendar.after(december, "month") == dt.datetime(2024, 1, 1)
    assert calendar.after(dt.datetime(2023, 10, 1), "quarter") == dt.datetime(2024, 1, 1)
    assert calendar.after(dt.datetime(2024, 1, 1), "year") == dt.datetime(2025, 1, 1)
    assert calendar.after(dt.datetime(9999, 12, 1), "month") == dt.datetime.max
    assert calendar.after(dt.datetime(2024, 2, 28), "day") == dt.datetime(2024, 2, 29)
    zoned = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
    assert calendar.moment_of(zoned) == zoned.astimezone().replace(tzinfo=None)
    ends = [dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)]
    assert calendar.fitting(*ends) == "year"
    assert list(calendar.all_between(ends, "day")) == ends
    assert calendar.fitting(ends[0], ends[0]) == "second"


def test_as_a_magic(rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_notebook(rapyer_redis_url, monkeypatch) as notebook:
        shown = notebook.cell(
            'plot = %rapyer_plot User age --where status in {"new", "active"} --bins 2\nplot'
        )
        assert "User.age" in shown.text and "█" in shown.text
        assert [point.y for point in notebook["plot"].points] == [1.0, 1.0]
        bundle, _ = notebook.shell.display_formatter.format(notebook["plot"])
        assert bundle["image/png"]
        for line in (
            'age where status == "new"',
            "age --where \"status == 'new'\"",
            "age --where=status == 'new'",
        ):
            notebook.run(f"plot = %rapyer_plot User {line}")
            assert notebook["plot"].footer.startswith("1 value, ")
        notebook.run("young = User.age < 20\nplot = %rapyer_plot User age --where $young --by status")
        assert [point.y for point in notebook["plot"].points] == [12.0]
        mistakes = {
            "User agee": "UnknownFieldError: unknown field 'agee' on User; did you mean 'age'?",
            "User": "NotebookError: %rapyer_plot: the following arguments are required: FIELD; %rapyer_plot? shows the help",
            "User age --where": "NotebookError: %rapyer_plot: --where needs a value; %rapyer_plot? shows the help",
            "User age age > 3 --where age > 3": "NotebookError: %rapyer_plot: there are two filters; join them by 'and'",
        }
        for line, message in mistakes.items():
            assert notebook.cell(f"%rapyer_plot {line}").text.strip() == message
