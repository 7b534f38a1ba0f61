"""The files of an input: which there are, which are new, and whether they can be read. On any file system that Spark reads."""

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from coterie.errors import InputError, MappingError, said_by_spark
from coterie.sources.inspection import CSV, INSPECTED, Expected, Findings, format_of, header_problem, inspect_batches, shape_of
from coterie.sources.mapping import Files, Part

_NO_TABLE = ("DELTA_MISSING_DELTA_TABLE", "DELTA_TABLE_NOT_FOUND", "DELTA_PATH_DOES_NOT_EXIST", "PATH_NOT_FOUND")


@dataclass(frozen=True)
class SourceFile:
    """A file: `source_file` names it in tables (its address, with %20 for a blank), `path` is how Hadoop writes it."""

    source_file: str
    path: str
    size_bytes: int
    modified_micros: int  # since 1970 UTC
    format: str
    content_hash: str = ""
    findings: Findings = field(default_factory=Findings)


def list_files(spark: SparkSession, place: str, files: Files, takes_one_file: bool = True) -> list[SourceFile]:
    """The files of one kind below `place`, by name; [] where their own folder is not there. `takes_one_file`: `place` may be a file of the kind.

    Raises InputError where `place` is not there. Files whose names begin with _ or . are Spark's and others' own: not listed.
    """
    if files.format == "delta":
        return [_delta_table(spark, f"{place.rstrip('/')}/{files.folder}".rstrip("/"))]
    listed = _listed(spark, f"{place.rstrip('/')}/{files.folder}", files.pattern) if files.folder else None
    if listed is None:
        listed = _listed(spark, place, files.pattern)
        if listed is None:
            raise InputError(f"the input '{place}' is not there; give a folder or a file")
        is_file = len(listed) == 1 and listed[0].path.endswith("/" + place.rstrip("/").rsplit("/", 1)[-1])
        if files.folder and not (is_file and takes_one_file):  # the kind's own folder is missing, and this is not the kind's one file either
            return []
    # Files of an unknown ending are kept: inspection tells what is wrong with them.
    return [replace(file, format=format_of(file.path, files.format) or "unknown") for file in listed]


def _listed(spark: SparkSession, place: str, pattern: str) -> list[SourceFile] | None:
    reader = spark.read.format("binaryFile").options(recursiveFileLookup="true", pathGlobFilter=pattern)
    try:
        found = reader.load(escaped(place))
        named = (F.col("_metadata.file_path"), F.col("path"), F.col("length"), F.unix_micros("modificationTime"))
        rows = [tuple(row) for row in found.select(*named).collect()]  # a row a file
        # Spark passes over files without bytes, but knows their names (and writes local ones in another way here).
        names = {re.sub("^file:/+", "file:/", name) for name in found.inputFiles()}
        rows += [(name, unquote(name), 0, 0) for name in names - {row[0] for row in rows}]
    except PySparkException as error:
        if "PATH_NOT_FOUND" in str(error):
            return None
        raise
    return sorted((SourceFile(row[0], row[1], row[2], row[3], "") for row in rows), key=lambda file: file.source_file)


def escaped(path: str) -> str:
    """The path as Spark's readers want it: its own brackets and stars are no patterns."""
    return re.sub(r"([\\*?\[\]{}])", r"\\\1", path)


def _delta_table(spark: SparkSession, place: str) -> SourceFile:
    """A Delta table counts as one file, whose content is its version. One whose log cannot be read has that for its problem."""
    try:
        name = f"delta.`{place.replace('`', '``')}`"
        detail = spark.sql(f"DESCRIBE DETAIL {name}").select("id", "sizeInBytes", F.unix_micros("lastModified").alias("modified")).collect()[0]
        version = spark.sql(f"DESCRIBE HISTORY {name} LIMIT 1").collect()[0]["version"]
    except Exception as error:  # of a damaged log Spark Classic tells in Java's own exceptions
        said = said_by_spark(error)
        if any(word in said for word in _NO_TABLE):
            raise InputError(f"the input '{place}' is no Delta table: {said}") from None
        return SourceFile(place, place, 0, 0, "delta", findings=Findings(f"Spark cannot open its log ({said})"))
    digest = hashlib.sha256(f"{detail['id']} {version}".encode()).hexdigest()
    return SourceFile(place, place, detail["sizeInBytes"], detail["modified"], "delta", digest)


def new_files(files: Sequence[SourceFile], known: Collection[tuple[str, int, int]]) -> list[SourceFile]:
    """Files not among the `known` (source_file, size_bytes, modified_micros): the others need not be opened."""
    seen = set(known)
    return [file for file in files if (file.source_file, file.size_bytes, file.modified_micros) not in seen]


def inspected(spark: SparkSession, files: Sequence[SourceFile], part: Part, needed: Sequence[str], max_bytes: int) -> list[SourceFile]:
    """The files with content hash and findings. One above `max_bytes` is known by size and time, and only its header is looked at."""
    expected = _expected(part.files, needed)
    small = [file for file in files if file.format != "delta" and 0 < file.size_bytes <= max_bytes and not _has_colon(file)]
    found = _findings(spark, small, expected) if small else {}
    return [_with(file, found.get(file.source_file), spark, part.files, expected) for file in files]


def _expected(files: Files, needed: Sequence[str]) -> Expected:
    return Expected(files.format, files.encoding, files.delimiter, files.quote, files.header, files.columns, tuple(needed))


def _findings(spark: SparkSession, files: Sequence[SourceFile], expected: Expected) -> dict[str, tuple[str, Findings]]:
    """Content hash and findings by source_file."""

    def inspect(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return inspect_batches(batches, expected)

    contents = spark.read.format("binaryFile").load([escaped(file.path) for file in files])
    rows = contents.select("_metadata.file_path", "content").mapInArrow(inspect, INSPECTED).collect()  # a row a file
    return {row[0]: (row[1], Findings(*row[2:])) for row in rows}


def _with(file: SourceFile, found: tuple[str, Findings] | None, spark: SparkSession, files: Files, expected: Expected) -> SourceFile:
    if found is not None:
        return replace(file, content_hash=found[0], findings=found[1])
    if file.findings.problem:
        findings = file.findings
    elif _has_colon(file):
        findings = Findings("its name has a colon, which Hadoop does not open on a local disk: rename it")
    elif file.size_bytes == 0 and file.format != "delta":
        findings = Findings("empty: it has no bytes")
    elif file.format in {"json", "unknown"}:
        findings = Findings() if file.format == "json" else Findings("its ending says no format; set files.format in the mapping")
    else:
        try:
            columns, shape = _header(spark, file, files)
            # Nobody looked for quoted newlines in so large a file: expect them.
            findings = Findings(header_problem(columns, expected), columns, shape, has_quoted_newlines=True)
        except Exception as error:  # a failed task is no PySparkException on Spark Classic
            said = re.findall(r"\[[A-Z_.]+\]|Caused by: (?:[\w$]+\.)*[\w$]+", str(error)) or [type(error).__name__]
            findings = Findings(f"Spark cannot open it ({said[-1]})")
    digest = file.content_hash or hashlib.sha256(f"{file.size_bytes} {file.modified_micros}".encode()).hexdigest()
    return replace(file, content_hash=digest, findings=findings)


def _has_colon(file: SourceFile) -> bool:
    return file.source_file.startswith("file:") and ":" in file.path.rsplit("/", 1)[-1]


def _header(spark: SparkSession, file: SourceFile, files: Files) -> tuple[list[str], str]:
    """The columns of a file too large to be inspected, as Spark sees them, and its shape."""
    if file.format != "csv":
        place = file.path if file.format == "delta" else escaped(file.path)  # Delta takes a path as it stands
        fields = spark.read.format(file.format).load(place).schema.fields
        return [field.name for field in fields], shape_of((field.name, field.dataType.simpleString()) for field in fields)
    if not files.header:
        return list(files.columns), CSV
    if files.delimiter == "whitespace":
        return str(spark.read.text(escaped(file.path)).limit(1).collect()[0][0]).split(), CSV
    reader = spark.read.options(header="true", sep=files.delimiter, quote=files.quote, encoding=files.encoding)
    return reader.csv(escaped(file.path)).columns, CSV


def refuse_bad(files: Sequence[SourceFile], kind: str, mapping_name: str, quarantine: bool) -> tuple[list[SourceFile], list[SourceFile]]:
    """Files that can be read, and those set aside.

    Raises MappingError where every file of the kind lacks a column that the mapping names, and InputError where some file is bad and
    is not to be set aside: both before anything is written.
    """
    bad = [file for file in files if file.findings.problem]
    problems = {str(file.findings.problem) for file in bad}
    if len(bad) == len(files) and len(problems) == 1 and next(iter(problems)).startswith("without column"):
        raise MappingError(f"mapping '{mapping_name}' names columns that no file of {kind} has: {problems.pop()}")
    if bad and not quarantine:
        first = "; ".join(f"{file.source_file}: {file.findings.problem}" for file in bad[:5])
        more = f"; and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise InputError(f"{len(bad)} file(s) cannot be read: {first}{more}. Mend them, or set ingest.on_bad_file to quarantine")
    return [file for file in files if not file.findings.problem], bad
