"""Files whose damage lies behind a good header or footer: only reading them through finds it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from coterie.errors import CoterieError
from coterie.sources.files import SourceFile, escaped
from coterie.sources.read import as_json


def unreadable(spark: SparkSession, error: Exception, files: Sequence[SourceFile]) -> list[SourceFile]:
    """Those of `files` that Spark cannot read, with their problem: the one that `error` names, if it does, Parquet files that are like it, and
    Delta tables.

    [] where the error is about something else. What it says of a row is not repeated: it may be personal.
    """
    if isinstance(error, CoterieError) or _is_of_the_machine(error):
        return []
    named = {_plain(name) for name in re.findall(r"reading file (\S+?)\.?\s+SQLSTATE", str(error))[:1]}
    causes = re.findall(r"Caused by: (?:[\w$]+\.)*([\w$]+)", str(error))
    problem = f"damaged: Spark cannot read it through ({causes[-1] if causes else 'no cause given'})"
    found = named | _cut_short(spark, [file for file in files if file.format == "parquet"])
    found |= {_plain(file.source_file) for file in files if file.format == "delta" and not _is_readable(spark, file)}
    return [replace(file, findings=replace(file.findings, problem=problem)) for file in files if _plain(file.source_file) in found]


def _is_of_the_machine(error: Exception) -> bool:
    """No file is to blame for it."""
    return any(name in str(error) for name in ("OutOfMemory", "ExecutorLost", "No space left"))


def _plain(name: str) -> str:
    return re.sub("^file:/+", "file:/", unquote(name))


def _cut_short(spark: SparkSession, files: Sequence[SourceFile]) -> set[str]:
    """Parquet files that give fewer rows than their footers promise, where Spark is told to pass over what is damaged."""
    promised = _promised(spark, files) if files else {}
    given: dict[str, int] = {}
    shapes: dict[str, list[SourceFile]] = {}
    for file in files:
        shapes.setdefault(file.findings.shape, []).append(file)
    for members in shapes.values():
        given |= _given(spark, members)
    return {name for name, count in promised.items() if given.get(name, 0) != count}


def _given(spark: SparkSession, files: Sequence[SourceFile]) -> dict[str, int]:
    """Rows by file of one shape. Damage within a value is not passed over but raises, without the file's name: halves find it."""
    try:
        rows = spark.read.option("ignoreCorruptFiles", "true").parquet(*(escaped(file.path) for file in files))
        counted = rows.groupBy(F.col("_metadata.file_path")).agg(F.count(F.lit(1)), _of_every_value(rows))
        return {_plain(row[0]): row[1] for row in counted.collect()}  # a row a file
    except Exception as error:  # a failed task is no PySparkException on Spark Classic
        if _is_of_the_machine(error):
            raise
    half = len(files) // 2
    return _given(spark, files[:half]) | _given(spark, files[half:]) if half else {}


def _is_readable(spark: SparkSession, table: SourceFile) -> bool:
    """Whether all of a Delta table can be read. Its errors name a file within, if any."""
    try:
        rows = spark.read.format("delta").load(table.path)
        rows.agg(_of_every_value(rows)).collect()  # one number
    except Exception as error:  # a failed task is no PySparkException on Spark Classic
        if _is_of_the_machine(error):
            raise
        return False
    return True


def _of_every_value(rows: DataFrame) -> Column:
    """A number that takes each value to be read."""
    return F.sum(F.length(as_json(rows.columns)))


def _promised(spark: SparkSession, files: Sequence[SourceFile]) -> dict[str, int]:
    """Rows by file, as the footers say."""

    def counted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            contents = batch.column(1)
            rows = [pq.read_metadata(pa.BufferReader(contents[place].as_buffer())).num_rows for place in range(len(contents))]
            yield pa.RecordBatch.from_arrays([batch.column(0), pa.array(rows, pa.int64())], names=["source_file", "rows"])

    contents = spark.read.format("binaryFile").load([escaped(file.path) for file in files]).select("_metadata.file_path", "content")
    return {_plain(row[0]): row[1] for row in contents.mapInArrow(counted, "source_file string, rows bigint").collect()}
