"""Is the input usable, and how much of it is there: one aggregate over the rows, before anything else."""

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from coterie.errors import UserError

_LARGEST = 1e100  # a product of two such values, summed over any number of columns, is still a number
_SHOWN = 200  # characters of an id in a message


@dataclass(frozen=True)
class Size:
    """About how many rows, values and columns there are, and bytes of an id (row's and column's together)."""

    rows: int
    entries: int
    columns: int
    id_bytes: int


def measured(*sides: DataFrame) -> list[Size]:
    """Of each side: sparse rows (row_id, column_id, value) or dense ones (row_id, factors).

    Raises UserError, which names row and column, where an id is null, a sparse value is null, nan, infinite, negative or above 1e100, or
    factors are not numbers of at most 1e15 or not of one length.
    """
    counted = [(_dense if is_dense(rows) else _sparse)(rows).select(F.lit(side).alias("side"), "*") for side, rows in enumerate(sides)]
    found = sorted(reduce(DataFrame.unionByName, counted).collect(), key=lambda row: row["side"])  # a row a side
    return [_size(rows, counts) for rows, counts in zip(sides, found, strict=True)]


def is_dense(rows: DataFrame) -> bool:
    """Raises UserError where the columns are neither those of sparse rows nor of dense ones."""
    names = set(rows.columns)
    if {"row_id", "factors"} <= names:
        return True
    if {"row_id", "column_id", "value"} <= names:
        return False
    raise UserError(f"rows have the columns {', '.join(rows.columns)}; expected row_id, column_id, value, or row_id, factors")


def refuse_count(k: int) -> None:
    if k < 1:
        raise UserError(f"k is {k}; at least one neighbour must be asked for")


def _is_bad(rows: DataFrame) -> Column:
    if is_dense(rows):
        usable = F.forall("factors", lambda factor: factor.between(-1e15, 1e15))
    else:
        usable = F.col("column_id").isNotNull() & F.col("value").between(0.0, _LARGEST)
    return ~F.coalesce(F.col("row_id").isNotNull() & usable, F.lit(False))


def _sparse(rows: DataFrame) -> DataFrame:
    return rows.agg(
        F.approx_count_distinct("row_id").alias("rows"),
        F.count("*").alias("entries"),
        F.approx_count_distinct("column_id").alias("columns"),
        F.approx_count_distinct("column_id").alias("shortest"),
        F.avg(F.octet_length("row_id") + F.octet_length("column_id")).alias("id_bytes"),
        F.count_if(_is_bad(rows)).alias("bad"),
    )


def _dense(rows: DataFrame) -> DataFrame:
    longest, shortest = (F.coalesce(of(F.size("factors")), F.lit(0)).cast("bigint") for of in (F.max, F.min))
    return rows.agg(
        F.count("*").alias("rows"),
        (F.count("*") * longest).alias("entries"),
        longest.alias("columns"),
        shortest.alias("shortest"),
        F.avg(F.octet_length("row_id")).alias("id_bytes"),
        F.count_if(_is_bad(rows)).alias("bad"),
    )


def _size(rows: DataFrame, found: Row) -> Size:
    if found["bad"]:
        raise UserError(_said_of_bad(rows, found["bad"]))
    if found["shortest"] != found["columns"]:
        raise UserError(f"factors have from {found['shortest']} to {found['columns']} numbers; expected one length for all")
    return Size(max(1, found["rows"]), found["entries"], max(1, found["columns"]), int(found["id_bytes"] or 0))


def _said_of_bad(rows: DataFrame, count: int) -> str:
    bad = rows.where(_is_bad(rows))
    if is_dense(rows):
        row = _first(bad.select(_text("row_id")))["row_id"]
        return f"row {row!r} has factors that are missing, null, nan, or beyond 1e15; ids and factors must be there: correct or remove it"
    shown = _first(bad.select(_text("row_id"), _text("column_id"), F.coalesce(F.col("value").cast("string"), F.lit("null")).alias("value")))
    return (
        f"row {shown['row_id']!r}, column {shown['column_id']!r} has the value {shown['value']}, and {count - 1} more cannot be used; "
        f"ids must be there, and values numbers from 0 to {_LARGEST:g}: correct or remove such rows"
    )


def _first(bad: DataFrame) -> Row:
    """One to show, the same whatever the partitions."""
    shown = bad.orderBy(*bad.columns).first()
    assert shown is not None
    return shown


def _text(name: str) -> Column:
    return F.coalesce(F.substring(name, 1, _SHOWN), F.lit("null")).alias(name)
