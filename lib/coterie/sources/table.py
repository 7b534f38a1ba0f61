"""A table of one's own, as it is: CSV with a header, Parquet, or Delta, by the ending of its name."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from coterie.errors import UserError, said_by_spark
from coterie.sources.files import escaped

_EXPECTED = "CSV with a header and as many fields in every row, Parquet, or a Delta table"
_OF_FILES = ("[FAILED_READ_FILE", "[DELTA_")


def read_table(spark: SparkSession, file: str, infers: bool, otherwise: str) -> DataFrame:
    """The rows of a file, or of a folder of files. `infers`: columns of CSV have the types that their values have, else all are texts;
    `otherwise`: the format, "csv" or "delta", where the name has no ending that says one.

    A row of CSV with fields too few or too many fails the first action, whatever columns it asks for: do that within `reading`.
    Raises UserError where there is no such file, or it cannot be opened.
    """
    place, ending = file.rstrip("/"), Path(file.rstrip("/")).suffix.lower()
    with reading(file):
        if ending in (".parquet", ".pq"):
            frame = spark.read.parquet(escaped(place))
        elif ending in (".csv", ".tsv", ".txt") or otherwise == "csv":
            options = {"header": "true", "inferSchema": str(infers), "mode": "FAILFAST", "columnPruning": "false", "sep": "\t" if ending == ".tsv" else ","}
            frame = spark.read.options(**options).csv(escaped(place))
        else:
            frame = spark.read.format("delta").load(place)
        _ = frame.columns  # on Connect the file is looked at only here
    return frame


@contextlib.contextmanager
def reading(file: str) -> Iterator[None]:
    """What Spark says of the file within it becomes a UserError."""
    try:
        yield
    except Exception as error:
        said = str(error)
        if "PATH_NOT_FOUND" in said:
            raise UserError(f"there is no file '{file}'; expected {_EXPECTED}") from None
        if not isinstance(error, PySparkException) and not any(word in said for word in _OF_FILES):  # a failed task is none on Spark Classic
            raise
        raise UserError(f"'{file}' cannot be read: {said_by_spark(error)}; expected {_EXPECTED}") from None
