"""What `User.aggregate().agg(…)` can compute of a group."""

from rapyer.search.reducers import (
    Reducer,
    count,
    count_distinct,
    first,
    max,
    mean,
    min,
    quantile,
    stddev,
    sum,
    to_list,
)

__all__ = (
    "Reducer",
    "count",
    "count_distinct",
    "first",
    "max",
    "mean",
    "min",
    "quantile",
    "stddev",
    "sum",
    "to_list",
)
