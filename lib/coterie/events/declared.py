"""Rows of an items or customers file: typed, with reasons against them, one of them accepted for each key."""

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from coterie.events.convert import is_unreadable, reason
from coterie.events.stage import Limits

_TYPES = {"number": "decimal(18,4)", "date": "date", "boolean": "boolean", "whole": "int"}


def declared_rows(mapped: DataFrame, targets: Mapping[str, str], limits: Limits) -> DataFrame:
    """`source_file, row_hash, raw, reasons` and the typed targets of rows of `sources.apply.mapped`.

    `targets`: how each is read (text, number, date, boolean, whole), the id first. A value that is there and cannot be read is a reason
    against the whole row. A row without valid_from is valid from joined_on, else from the earliest date there is.
    """
    read = {name: F.col(name).try_cast(_TYPES[kind]) if kind in _TYPES else F.col(name) for name, kind in targets.items()}
    id_column = next(iter(targets))
    reasons = [
        reason(F.col("_raw").contains("\ufffd"), "not_in_encoding"),
        reason(F.col(id_column).isNull(), "id_missing"),
        reason(F.length(id_column) > limits.id_length, f"{id_column}_too_long"),
    ]
    for name, kind in targets.items():
        if kind in _TYPES:
            wrong = is_unreadable(F.col(name), read[name]) if kind == "number" else F.col(name).isNotNull() & read[name].isNull()
            reasons.append(reason(wrong & (F.trim(F.col(name).cast("string")) != ""), f"{name}_unreadable", F.col(name)))
    malformed = F.array(F.lit("malformed_row"))
    found = F.when(F.col("_is_malformed"), malformed).otherwise(F.array_sort(F.array_compact(F.array(*reasons))))
    if "valid_from" in targets:
        read["valid_from"] = F.coalesce(read["valid_from"], read["joined_on"], F.lit(limits.earliest))
    return mapped.select(
        F.col("_source_file").alias("source_file"),
        F.sha2(F.col("_raw"), 256).alias("row_hash"),
        F.col("_raw").alias("raw"),
        found.alias("reasons"),
        *(value.alias(name) for name, value in read.items()),
    )


def judged_rows(rows: DataFrame, key: Sequence[str]) -> DataFrame:
    """`declared_rows` of all files with `outcome` and, among equal rows of a file, `occurrence`: of the good rows with one key the last
    by file, then by row hash, is accepted, the others are duplicates."""
    is_bad = F.size("reasons") > 0
    last = Window.partitionBy(is_bad, *key).orderBy(F.col("source_file").desc(), F.col("row_hash").desc())
    equal = Window.partitionBy("source_file", "row_hash").orderBy(*key)
    outcome = F.when(is_bad, "rejected").when(F.row_number().over(last) == 1, "accepted").otherwise("duplicate")
    return rows.select("*", outcome.alias("outcome"), F.row_number().over(equal).alias("occurrence"))
