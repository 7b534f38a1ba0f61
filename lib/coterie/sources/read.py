"""Files to rows: the source's own columns, with the file and the row as read beside them. Nothing is typed yet, and no row is dropped."""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from coterie.sources.files import SourceFile, escaped
from coterie.sources.inspection import MIXED, OWN_NAMES, is_wide, nanosecond_columns
from coterie.sources.mapping import Files

# Options within which frames of `read_rows` are made and run: Spark has no type for the nanoseconds that pandas writes, and refuses them else.
READ_OPTIONS = {"spark.sql.legacy.parquet.nanosAsLong": "true"}
FILE, RAW, MALFORMED = "_source_file", "_raw", "_is_malformed"
_BROKEN = "_broken"  # the line that could not be split
_END = "_end"  # the field of the object behind a line of JSON
# No shop writes so many kinds of file, or files so wide: of damaged ones the odd columns, side by side, would be hundreds of thousands.
_MANY_SHAPES, _MANY_COLUMNS = 50, 2_000
_MOST_COLUMNS = 200_000  # a line of delimiters alone is a row that cannot be split; Spark's own limit, 20,480, ends the job


def quoted(name: str) -> str:
    """The name as Spark's column functions and SQL take it, whatever is in it."""
    return "`" + name.replace("`", "``") + "`"


def read_rows(spark: SparkSession, files: Sequence[SourceFile], layout: Files, names: Sequence[str]) -> list[DataFrame]:
    """Frames of `_source_file` (its address), `_raw` (the row as read: the line, or its columns by name as JSON without the nulls),
    `_is_malformed`, and the source's columns: strings from text files, their own types from Parquet and Delta.

    One frame for each set of columns and types; all text files together make one. `names`: the columns looked for in JSON, and the only ones
    of CSV where its files are of many shapes or have thousands; `_raw` has the others in any case.
    """
    frames, texts = [], []
    groups: dict[tuple[object, ...], list[SourceFile]] = {}
    for file in files:
        seen = file.findings
        groups.setdefault((file.format, tuple(seen.header or ()), seen.shape, seen.has_quoted_newlines), []).append(file)
    asked, is_many = {name.lower() for name in names}, sum(kind == "csv" for kind, *_ in groups) > _MANY_SHAPES
    for (kind, header, shape, runs_over), members in groups.items():
        paths = [escaped(file.path) for file in members]
        if kind == "json":
            texts.append(_json(spark, paths, layout, names))
        elif kind == "csv" and layout.delimiter == "whitespace":
            texts.append(_blanks(spark, paths, layout, [str(name) for name in header]))  # type: ignore[attr-defined]
        elif kind == "csv":
            named = [str(name) for name in header]  # type: ignore[attr-defined]
            kept = [name for name in named if name.lower() in asked] if is_many or len(named) > _MANY_COLUMNS else named
            texts.append(_csv(spark, paths, layout, named, kept, bool(runs_over), shape == MIXED))
        elif kind == "delta":
            frames.append(_with_raw(spark.read.format("delta").load(members[0].path), F.lit(members[0].source_file)))
        else:
            frames.append(_with_raw(_in_microseconds(spark.read.parquet(*paths), nanosecond_columns(str(shape))), F.col("_metadata.file_path")))
    if texts:
        frames.append(united(texts))
    return frames


def united(frames: Sequence[DataFrame]) -> DataFrame:
    """The rows of all, columns by name, null where a frame lacks one. Raises ValueError for no frame.

    Two and two: Spark looks through the whole plan at every union, and files of hundreds of shapes, one after another, would take minutes.
    """
    if len(frames) < 2:
        (only,) = frames
        return only
    middle = len(frames) // 2
    return united(frames[:middle]).unionByName(united(frames[middle:]), allowMissingColumns=True)


def _in_microseconds(rows: DataFrame, nanoseconds: Mapping[str, bool]) -> DataFrame:
    """The columns that were read as numbers of nanoseconds as the timestamps they are, cut to microseconds."""
    kinds = {name: "timestamp" if is_instant else "timestamp_ntz" for name, is_instant in nanoseconds.items()}
    instants = {name: F.timestamp_micros(F.expr(f"{quoted(name)} DIV 1000")) for name in kinds}
    return rows.withColumns({name: instants[name].cast(kind) for name, kind in kinds.items()}) if kinds else rows


def as_json(names: Sequence[str]) -> Column:
    """The columns as one JSON object, in the order of their names, so that files with other column orders hold the same row."""
    return F.expr(f"to_json(struct({', '.join(quoted(name) for name in sorted(names))}))")  # one call, where a column each would be thousands


def _with_raw(rows: DataFrame, source_file: Column) -> DataFrame:
    names = rows.columns
    head = (source_file.alias(FILE), as_json(names).alias(RAW), F.lit(False).alias(MALFORMED))
    return rows.select(*head, *(F.col(quoted(name)) for name in names))


def _csv(spark: SparkSession, paths: list[str], layout: Files, names: list[str], kept: list[str], runs_over: bool, is_mixed: bool) -> DataFrame:
    """The columns `kept` of those that the header names, and the row with all of them.

    Quotes are doubled inside a quoted field, as RFC 4180 has it. Only files with newlines inside quotes are read whole: the others can be
    split between tasks. So are those whose newlines take several bytes, which cannot be split at one. Lines of blanks and control characters
    alone are no rows.
    """
    whole = runs_over or is_wide(layout.encoding)
    schema = T.StructType([T.StructField(name, T.StringType()) for name in [*names, _BROKEN]])
    options = {"header": str(layout.header), "sep": layout.delimiter, "quote": layout.quote, "escape": layout.quote, "encoding": layout.encoding}
    reader = spark.read.schema(schema).options(**options, multiLine=str(whole), columnNameOfCorruptRecord=_BROKEN, maxColumns=_MOST_COLUMNS)
    # Spark takes the end of the first line for that of all: rows that end otherwise would be one row. With \n as the end it takes the \r of
    # others for a part of their last value.
    rows = (reader.option("lineSep", "\n") if is_mixed else reader).csv(paths)
    if whole:
        is_blank = F.col(_BROKEN).rlike(r"\A[\x00-\x20]*\z")
        rows = rows.where(F.col(_BROKEN).isNull() | ~is_blank)
        rows = rows.withColumn(names[-1], F.regexp_replace(F.col(quoted(names[-1])), r"\r\z", ""))
    raw = F.coalesce(F.col(_BROKEN), as_json(names))
    columns = [F.when(F.col(_BROKEN).isNull(), F.col(quoted(name))).alias(name) for name in kept]
    return rows.select(F.col("_metadata.file_path").alias(FILE), raw.alias(RAW), F.col(_BROKEN).isNotNull().alias(MALFORMED), *columns)


def _lines(spark: SparkSession, paths: list[str], encoding: str) -> DataFrame:
    """Lines that are not blank, decoded; bytes that are not the encoding's become U+FFFD."""
    line = F.col("value")
    if encoding.upper().replace("_", "-") in {"UTF-8", "UTF8"}:
        line = F.when(F.is_valid_utf8(line), line).otherwise(F.make_valid_utf8(line))
    else:
        line = F.decode(line.cast("binary"), encoding)
    lines = spark.read.text(paths).select(F.col("_metadata.file_path").alias(FILE), F.trim(line, F.lit(" \t\r")).alias(RAW))
    return lines.where(F.col(RAW) != "")


def _blanks(spark: SparkSession, paths: list[str], layout: Files, header: list[str]) -> DataFrame:
    """Columns with any number of blanks between them."""
    parts = F.split(F.col(RAW), r"\s+")
    lines = _lines(spark, paths, layout.encoding).select(FILE, RAW, parts.alias("parts"))
    is_header = F.col("parts") == F.array(*(F.lit(name) for name in header))
    is_malformed = F.size("parts") != len(header)
    columns = [F.when(~is_malformed, F.get("parts", F.lit(position))).alias(name) for position, name in enumerate(header)]
    data = lines.where(~is_header) if layout.header else lines
    return data.select(FILE, RAW, is_malformed.alias(MALFORMED), *columns)


def _json(spark: SparkSession, paths: list[str], layout: Files, names: Sequence[str]) -> DataFrame:
    """One object a line. Values are taken as text: nested ones as JSON.

    Spark reads the first object of a line and passes over what follows. So the line is read as the first of a list of two, whose other is an
    empty object: with more on the line the list is longer, or ends before it, or is no list.
    """
    own = [name for name in names if name not in OWN_NAMES]
    schema = T.ArrayType(T.StructType([T.StructField(name, T.StringType()) for name in [*own, _END]]))
    listed = F.concat(F.lit("["), F.col(RAW), F.lit(f',{{"{_END}":1}}]'))
    lines = _lines(spark, paths, layout.encoding).select(FILE, RAW, F.from_json(listed, schema).alias("parsed"))
    first, second = F.get("parsed", F.lit(0)), F.get("parsed", F.lit(1))
    is_whole = (F.size("parsed") == 2) & first.isNotNull() & second.getField(_END).isNotNull()
    columns = [F.when(is_whole, first.getField(name)).alias(name) for name in own]
    return lines.select(FILE, RAW, (~F.coalesce(is_whole, F.lit(False))).alias(MALFORMED), *columns)
