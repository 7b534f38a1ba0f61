"""Pictures in files to rows of `item_images`: IDX files, a folder a category, or a table with paths. On any storage that Spark reads."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from coterie.errors import InputError, said_by_spark
from coterie.places import is_address

_IDX = r"(^|/)([^/]*?)[-.]?(images|labels)[-.]idx[13][-.]ubyte(\.gz)?$"
_PICTURE = r"(?i)\.(png|jpe?g)$"
_TABLE = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json"}
_TEST = r"(?i)^(t10k|test)"
_BATCH = 1000  # pictures handed back to Spark at a time
READ = "source_file string, position int, category string, item_id string, is_test boolean, channels int, image_id string, png binary, reasons array<string>"


@dataclass(frozen=True)
class Found:
    """What lies at a place. `form`: idx, folder or table; `listing`: hash of the names, sizes and times of its files."""

    place: str
    form: str
    listing: str
    files: int


def found(spark: SparkSession, place: str) -> Found:
    """Looks at the names of the files only. Raises InputError where nothing is there, or nothing that is known."""
    hashed = F.xxhash64("path", "length", "modificationTime").cast("decimal(38,0)")
    is_idx, is_picture = F.col("path").rlike(_IDX), F.col("path").rlike(_PICTURE)
    try:
        files = _files(spark, _folder(place)).drop("content")
        row = files.agg(F.count(F.lit(1)), F.count_if(is_idx), F.count_if(is_picture), F.sum(hashed).cast("string")).collect()[0]
    except PySparkException as error:
        if "PATH_NOT_FOUND" in str(error):
            raise InputError(f"the images '{place}' are not there; give a folder or a table of paths") from None
        raise
    form = "table" if _ending(place) else "idx" if row[1] else "folder" if row[2] else ""
    if not form:
        raise InputError(
            f"the folder '{place}' has {row[0]} files and no image among them; expected IDX files (...-images-idx3-ubyte and ...-labels-idx1-ubyte, "
            "or .gz), folders of PNG or JPEG files named by category, or a .parquet, .csv or .json file with the columns path and category"
        )
    return Found(place, form, f"{row[0]} files {row[3]}", row[1] if form == "idx" else row[2])


def read_images(spark: SparkSession, what: Found, size: int, labels: Sequence[str]) -> DataFrame:
    """(READ) every image of the place: fitted to `size` pixels, or with reasons why it is refused.

    labels: names of the labels 0, 1, ... of IDX files. A path part that begins with `test` (or t10k) says that an image is kept for tests.
    """
    files = _files(spark, _folder(what.place)).select("path", "content")
    if what.form == "idx":
        part, kind = (F.regexp_extract("path", _IDX, group).alias(name) for group, name in ((2, "part"), (3, "kind")))
        pairs = files.where(F.col("path").rlike(_IDX)).select(part, kind, "*")
        of = {kind: F.when(F.col("kind") == kind, F.col("path")) for kind in ("images", "labels")}
        paths = (F.sort_array(F.collect_list(path)).alias(f"{kind}_paths") for kind, path in of.items())  # one, or a few that are refused
        contents = (F.min_by("content", path).alias(f"{kind}_content") for kind, path in of.items())
        both, names = pairs.groupBy("part").agg(*paths, *contents).withColumn("is_test", F.col("part").rlike(_TEST)), tuple(labels)
        return both.mapInArrow(lambda batches: _packed(_of_idx(batches, size, names)), READ)
    pictures = _from_folder(files.unionByName(_empty(spark, files)), what.place) if what.form == "folder" else _from_table(spark, files, what.place)
    return pictures.mapInArrow(lambda batches: _packed(_of_pictures(batches, size)), READ)


def _empty(spark: SparkSession, files: DataFrame) -> DataFrame:
    """(path, content) of the files without bytes: Spark passes over them, but knows their names (and writes local ones in another way)."""
    names = [(unquote(re.sub("^file:/+", "file:/", name)),) for name in files.inputFiles()]
    return spark.createDataFrame(names, "path string").join(files.select("path"), on="path", how="left_anti").withColumn("content", F.lit(b""))


def _from_folder(files: DataFrame, place: str) -> DataFrame:
    """The category is the name of the folder that holds the picture."""
    parts = F.split(_below(_folder(place)), "/")
    category = F.when(F.size(parts) > 1, F.element_at(parts, -2))
    is_test = F.exists(F.slice(parts, 1, F.greatest(F.size(parts) - 2, F.lit(0))), lambda part: part.rlike(_TEST))
    return files.where(F.col("path").rlike(_PICTURE)).select(
        F.col("path").alias("source_file"), category.alias("category"), F.lit(None).cast("string").alias("item_id"), is_test.alias("is_test"), "content"
    )


def _from_table(spark: SparkSession, files: DataFrame, place: str) -> DataFrame:
    """Rows of (path, category, item_id?, is_test?); paths are relative to the table's folder."""
    try:
        table = spark.read.options(header="true").format(_TABLE[_ending(place)]).load(_full(place))
        missing = {"path", "category"} - set(table.columns)
    except Exception as error:  # of a damaged one Spark Classic tells in Java's own exceptions
        raise InputError(f"the table '{place}' is not readable: {said_by_spark(error)}") from None
    if missing:
        raise InputError(f"the table '{place}' has no column {' and '.join(sorted(missing))}; it has {', '.join(table.columns)}")
    item_id = (F.col("item_id") if "item_id" in table.columns else F.lit(None)).cast("string").alias("item_id")
    is_test = F.coalesce(F.col("is_test").cast("boolean") if "is_test" in table.columns else F.lit(None), F.lit(False)).alias("is_test")
    rows = table.select(F.col("path").cast("string").alias("source_file"), F.col("category").cast("string").alias("category"), item_id, is_test)
    named = files.select(_below(_folder(place)).alias("source_file"), "content")
    return rows.join(named, on="source_file", how="left").select("source_file", "category", "item_id", "is_test", "content")


def accepted_images(read: DataFrame, size: int, listing: str, test_share: float) -> DataFrame:
    """Rows of `item_images`: each image once, the first by part, file and position. Where no file names a test part, one is drawn by hash."""
    order = Window.partitionBy("image_id").orderBy("is_test", "source_file", "position")
    once = read.where(F.size("reasons") == 0).withColumn("_nth", F.row_number().over(order)).where(F.col("_nth") == 1)
    has_test = read.agg(F.max("is_test").alias("_has_test"))
    is_drawn = F.pmod(F.xxhash64("image_id"), F.lit(10_000)) < int(test_share * 10_000)
    side, is_test = F.lit(size), F.when(F.col("_has_test"), F.col("is_test")).otherwise(is_drawn)
    return once.crossJoin(F.broadcast(has_test)).select(
        "image_id", "item_id", "category", is_test.alias("is_test"), side.alias("height"), side.alias("width"), "channels", "png", "source_file", "position",
        F.lit(listing).alias("listing"),
    )  # fmt: skip


def rejected_images(read: DataFrame) -> DataFrame:
    """Rows of `rejected_images`."""
    return read.where(F.size("reasons") > 0).select("source_file", "position", "category", "reasons")


def _files(spark: SparkSession, folder: str) -> DataFrame:
    escaped = re.sub(r"([\\*?\[\]{}])", r"\\\1", folder)
    return spark.read.format("binaryFile").options(recursiveFileLookup="true").load(escaped)


def _ending(place: str) -> str:
    return next((ending for ending in _TABLE if place.rstrip("/").lower().endswith(ending)), "")


def _full(place: str) -> str:
    """The place as Spark names its files: a local one absolute, without `.` and `..`."""
    if is_address(place):
        return place.rstrip("/")
    return Path(os.path.abspath(place)).as_posix()  # noqa: PTH100 - a Path keeps its `..`


def _folder(place: str) -> str:
    """Where the pictures lie: of a table of paths the folder that holds it."""
    full = _full(place)
    return (full.rpartition("/")[0] or "/") if _ending(place) else full


def _below(folder: str) -> Column:
    """A file's path within the folder. Spark writes addresses in full, with a scheme and, for a store, what holds the folder."""
    path = re.sub("/+", "/", "/" + re.sub(r"^[A-Za-z][\w+.-]+:(//[^/]*)?", "", folder)).rstrip("/")
    return F.regexp_replace("path", f"^([A-Za-z][\\w+.-]+:)?(//[^/]*)?{re.escape(path)}/", "")


def _of_idx(batches: Iterable[pa.RecordBatch], size: int, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The images of pairs of files: columns part, images_paths, images_content, labels_paths, labels_content, is_test."""
    from coterie.content import pictures  # noqa: PLC0415 - Pillow is the extra's, and only the tasks need it

    for row in _rows(batches):
        told = {"source_file": (row["images_paths"] or row["labels_paths"])[0], "item_id": None, "is_test": row["is_test"], "channels": 1}
        try:
            for same in (row["images_paths"], row["labels_paths"]):
                if len(same) > 1:
                    raise pictures.PictureError(f"incomplete: {len(same)} files of one name, {' and '.join(same)}: leave one of them there")
            if not (row["images_paths"] and row["labels_paths"]):
                raise pictures.PictureError(f"incomplete: a file of images and one of labels belong together, there is {told['source_file']} alone")
            images, labels = pictures.idx_images(row["images_content"]), pictures.idx_labels(row["labels_content"])
            if len(images) != len(labels):
                raise pictures.PictureError(f"incomplete: {len(images)} images and {len(labels)} labels")
        except pictures.PictureError as error:
            yield {**told, "position": 0, "category": None, "image_id": None, "png": None, "reasons": [str(error)]}
            continue
        for position, (image, label) in enumerate(zip(images, labels, strict=True)):
            category = names[label] if label < len(names) else str(label)
            pixels = pictures.fitted(image[:, :, None].repeat(3, axis=2), size)
            known = {"image_id": pictures.image_id(category, pixels), "png": pictures.as_png(pixels), "reasons": []}
            yield {**told, "position": position, "category": category, **known}


def _of_pictures(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[dict[str, Any]]:
    """The images of files: columns source_file, category, item_id, is_test, content."""
    from coterie.content import pictures  # noqa: PLC0415 - Pillow is the extra's, and only the tasks need it

    for row in _rows(batches):
        told = {name: row[name] for name in ("source_file", "category", "item_id", "is_test")} | {"position": 0}
        reasons, pixels, channels = [] if row["category"] else ["no_category: expected a folder or a column that names it"], None, 0
        try:
            if row["content"] is None:
                raise pictures.PictureError("no_file: there is no file of that path beside the table")
            pixels, channels = pictures.decoded(row["content"], size)
        except pictures.PictureError as error:
            reasons.append(str(error))
        if reasons or pixels is None:
            yield {**told, "channels": channels, "image_id": None, "png": None, "reasons": sorted(reasons)}
        else:
            known = {"image_id": pictures.image_id(row["category"], pixels), "png": pictures.as_png(pixels)}
            yield {**told, "channels": channels, **known, "reasons": []}


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        for index in range(batch.num_rows):
            yield batch.slice(index, 1).to_pylist()[0]


_ARROW = pa.schema(
    [
        ("source_file", pa.string()), ("position", pa.int32()), ("category", pa.string()), ("item_id", pa.string()), ("is_test", pa.bool_()),
        ("channels", pa.int32()), ("image_id", pa.string()), ("png", pa.binary()), ("reasons", pa.list_(pa.string())),
    ]
)  # fmt: skip


def _packed(rows: Iterator[dict[str, Any]]) -> Iterator[pa.RecordBatch]:
    held: list[dict[str, Any]] = []
    for row in rows:
        held.append(row)
        if len(held) == _BATCH:
            yield pa.RecordBatch.from_pylist(held, _ARROW)
            held = []
    if held:
        yield pa.RecordBatch.from_pylist(held, _ARROW)
