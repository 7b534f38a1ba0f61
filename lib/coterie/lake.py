"""The one place that reads and writes tables: Delta tables under a folder, or in a `catalog.schema`."""

import contextlib
import json
import shlex
import uuid
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from coterie.errors import LakeError, UserError, one_of
from coterie.places import is_address, is_catalog
from coterie.schemas import SCHEMA_VERSION, TABLES, Table

AT_ONCE = 4  # queries that wait for Spark at the same time: the driver plans one while the cores run another
_VERSION_PROPERTY = "coterie.schemaVersion"
_ABSENT = ("PATH_NOT_FOUND", "TABLE_OR_VIEW_NOT_FOUND", "DELTA_MISSING_DELTA_TABLE", "DELTA_TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND", "not a Delta table")
_NO_CATALOG = ("CATALOG_NOT_FOUND", "REQUIRES_SINGLE_PART_NAMESPACE")
# What Delta calls a commit that came first; the last two where it made the table.
_RIVALS = ("DELTA_CONCURRENT", "ConcurrentAppendException", "ConcurrentModification", "DELTA_PROTOCOL_CHANGED", "DELTA_METADATA_CHANGED")
_CONSTRAINTS = ("DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES", "DELTA_REPLACE_WHERE_MISMATCH")


class Lake:
    """The tables of `schemas.TABLES` at one place.

    `place` is a folder, an object-store address, or `catalog.schema`. Nothing is made before the first write.
    Raises UserError for a place that is a file, LakeError for tables of another schema version, unless `is_upgraded` lets an older one in.
    """

    def __init__(self, spark: SparkSession, place: str, is_upgraded: bool = False) -> None:
        self.spark = spark
        self.place = place.rstrip("/") or "/"
        self.is_catalog = is_catalog(place)
        if not self.is_catalog and not is_address(place):
            if Path(place).is_file():
                raise UserError(f"the lake '{place}' is a file; expected a folder, an object-store address or catalog.schema")
            self.place = str(Path(place).absolute())
        self._known: set[str] = set()
        self._refuse_other_versions(is_upgraded)

    def _refuse_other_versions(self, is_upgraded: bool) -> None:
        found = int((self._properties("runs") or {}).get(_VERSION_PROPERTY, SCHEMA_VERSION))
        if found > SCHEMA_VERSION:
            raise LakeError(
                f"the lake '{self.place}' has tables of schema version {found}, and this Coterie knows versions up to {SCHEMA_VERSION}: install a newer Coterie"
            )
        if found < SCHEMA_VERSION and not is_upgraded:
            raise LakeError(
                f"the lake '{self.place}' has tables of schema version {found}, and this Coterie writes version {SCHEMA_VERSION}: "
                f"run `coterie upgrade --lake {shlex.quote(self.place)}`"
            )

    def _properties(self, table: str) -> dict[str, str] | None:
        """None where the table does not exist. Of all that tells a table, this looks at the fewest bytes."""
        try:
            found = {row["key"]: row["value"] for row in self.spark.sql(f"SHOW TBLPROPERTIES {self.name_of(table)}").collect()}
        except PySparkException as error:
            if any(word in str(error) for word in _ABSENT):
                return None
            if self.is_catalog and any(word in str(error) for word in _NO_CATALOG):
                raise UserError(f"there is no catalog '{self.place.split('.')[0]}'; for a folder of that name give ./{self.place}") from None
            raise
        self._known.add(table)
        return found

    def name_of(self, table: str) -> str:
        """The table's name in SQL, quoted."""
        if table not in TABLES:
            raise UserError(f"there is no table '{table}'; {one_of(table, TABLES)}")
        if self.is_catalog:
            catalog, schema = self.place.split(".")
            return f"`{catalog}`.`{schema}`.`{table}`"
        return "delta.`" + self._path(table).replace("`", "``") + "`"

    def _path(self, table: str) -> str:
        return f"{self.place}/{table}"

    def exists(self, table: str) -> bool:
        return table in self._known or self._properties(table) is not None

    def read(self, table: str, version: int | None = None) -> DataFrame:
        """The table's rows, columns in the schema's order; no rows where it does not exist yet. `version` reads an older state."""
        if not self.exists(table):
            return self.spark.createDataFrame([], ", ".join(f"`{column.name}` {column.type}" for column in TABLES[table].columns))
        names = TABLES[table].names
        if version is None:
            return self.spark.read.table(self.name_of(table)).select(*names)
        return self.spark.sql(f"SELECT * FROM {self.name_of(table)} VERSION AS OF {version}").select(*names)

    def version(self, table: str) -> int | None:
        """The number of the table's newest commit; None where it does not exist."""
        if not self.exists(table):
            return None
        return int(self.spark.sql(f"DESCRIBE HISTORY {self.name_of(table)} LIMIT 1").select("version").collect()[0][0])

    def versions(self, tables: Iterable[str]) -> dict[str, int | None]:
        """`version` of several tables, asked for side by side: what takes time is to wait for each answer."""
        names = list(tables)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(names, pool.map(self.version, names), strict=True))

    def changes(self, table: str, since_version: int) -> DataFrame | None:
        """Rows changed after `since_version`: the table's columns and `_change_type` (insert, delete, update_preimage, update_postimage).

        None where the log no longer reaches back that far, or files of that time may have been deleted.
        """
        now = self.version(table)
        if now is None or since_version >= now:
            return self.read(table).select("*", F.lit("").alias("_change_type")).limit(0)
        operations = self._operations(table, since_version)
        if operations is None or any(name.startswith(("VACUUM", "RESTORE")) for name, _ in operations):
            return None
        feed = self.spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", since_version + 1)
        changed = feed.table(self.name_of(table)) if self.is_catalog else feed.load(self._path(table))
        return changed.select(*TABLES[table].names, "_change_type")

    def is_as_left(self, table: str, version: int, harmless: Collection[str] = ()) -> bool:
        """Whether the table's rows are those of that version: since then it was compacted or marked at most, or written to by `harmless` runs."""
        operations = self._operations(table, version)
        untouched = ("OPTIMIZE", "VACUUM", "SET TBLPROPERTIES")
        return operations is not None and all(name.startswith(untouched) or run_id in harmless for name, run_id in operations)

    def _operations(self, table: str, since_version: int) -> list[tuple[str, str | None]] | None:
        """What was done to the table after that version, newest first, and by which run; None where the log does not reach back, or on, that far."""
        known = self.spark.sql(f"DESCRIBE HISTORY {self.name_of(table)}").where(F.col("version") >= since_version)
        commits = known.select("version", "operation", "userMetadata").collect()  # a few bytes a commit
        later = [(row["operation"], row["userMetadata"]) for row in commits if row["version"] > since_version]
        is_whole = max((row["version"] for row in commits), default=-1) - since_version == len(later)
        return later if is_whole else None

    def create(self, table: str) -> None:
        """The empty table with its comments, constraints and properties, where it does not exist yet."""
        if not self.exists(table):
            self._define(table, "CREATE TABLE IF NOT EXISTS")

    def remake(self, table: str) -> None:
        """The table as `create` would make it, in the place of the one that is there, in one commit."""
        self._define(table, "REPLACE TABLE")

    def mark(self, table: str) -> None:
        """Says that the table is of this schema version. Raises LakeError, before anything is changed, where its columns are others."""
        self._fitted(TABLES[table], self.spark.read.table(self.name_of(table)))
        self.spark.sql(f"ALTER TABLE {self.name_of(table)} SET TBLPROPERTIES ('{_VERSION_PROPERTY}' = '{SCHEMA_VERSION}')").collect()

    def _define(self, table: str, verb: str) -> None:
        spec = TABLES[table]
        if self.is_catalog:
            self.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {self.name_of(table).rpartition('.')[0]}")
        columns = ", ".join(f"`{c.name}` {c.type}{' NOT NULL' if c.required else ''} COMMENT {_quoted(c.comment)}" for c in spec.columns)
        partition = f"PARTITIONED BY ({', '.join(spec.partition)})" if spec.partition else ""
        properties = {_VERSION_PROPERTY: str(SCHEMA_VERSION)}
        if spec.has_feed:
            properties["delta.enableChangeDataFeed"] = "true"
        if spec.is_scratch:
            properties["delta.dataSkippingNumIndexedCols"] = "0"
        if spec.check is not None:  # as ADD CONSTRAINT would set it, without a commit of its own
            properties[f"delta.constraints.{spec.check[0]}"] = spec.check[1]
        with self._translated(table):
            self.spark.sql(
                f"{verb} {self.name_of(table)} ({columns}) USING delta {partition} COMMENT {_quoted(f'One row: {spec.grain}')} "
                f"TBLPROPERTIES ({', '.join(f'{_quoted(key)} = {_quoted(value)}' for key, value in properties.items())})"
            )
        self._known.add(table)

    def replace(self, table: str, frame: DataFrame, where: str | None = None) -> None:
        """Put `frame` in the place of the rows for which the SQL condition `where` holds (None: of all), in one commit.

        Every row of `frame` must satisfy the condition, else LakeError.
        """
        self._write(table, frame, "overwrite", {"replaceWhere": where} if where else {})

    def append(self, table: str, frame: DataFrame, once: str = "") -> None:
        """Add rows; where `once` names them, only if rows of that name were not added before, also by another writer at this moment."""
        self._write(table, frame, "append", {"txnAppId": once, "txnVersion": "1"} if once else {})

    def _write(self, table: str, frame: DataFrame, mode: str, options: dict[str, str]) -> None:
        fitted = self._fitted(TABLES[table], frame)
        self.create(table)
        writer = fitted.write.format("delta").mode(mode).options(**options)
        with self._translated(table):
            if self.is_catalog:
                writer.saveAsTable(self.name_of(table))
            else:
                writer.save(self._path(table))

    def merge(self, table: str, frame: DataFrame, delete: str | None = None) -> None:
        """Insert or update by the table's key, in one commit; rows that say the same already are left alone.

        Rows of `frame` whose boolean column `delete` is true are taken out of the table. The key must be unique in `frame`.
        """
        spec = TABLES[table]
        deleted = F.coalesce(F.col(delete), F.lit(False)) if delete else F.lit(False)
        fitted = self._fitted(spec, frame.drop(delete) if delete else frame)
        source = fitted if delete is None else frame.select(*fitted.columns, deleted.alias("_deleted"))
        self.create(table)
        # Maps have no equality in Spark: a table with one is updated without the comparison.
        compared = [c.name for c in spec.columns if c.name not in spec.key and not c.type.startswith("map")]
        comparable = len(compared) + len(spec.key) == len(spec.columns)
        differs = " OR ".join(f"NOT (t.`{name}` <=> s.`{name}`)" for name in compared) if comparable else "true"
        view = f"coterie_{uuid.uuid4().hex}"
        source.createOrReplaceTempView(view)
        try:
            with self._translated(table):
                self.spark.sql(
                    f"MERGE INTO {self.name_of(table)} t USING {view} s ON {' AND '.join(f't.`{name}` <=> s.`{name}`' for name in spec.key)} "
                    + ("WHEN MATCHED AND s._deleted THEN DELETE " if delete else "")
                    + f"WHEN MATCHED AND ({differs or 'false'}) THEN UPDATE SET {', '.join(f't.`{name}` = s.`{name}`' for name in spec.names)} "
                    + f"WHEN NOT MATCHED {'AND NOT s._deleted ' if delete else ''}THEN INSERT ({', '.join(f'`{name}`' for name in spec.names)}) "
                    + f"VALUES ({', '.join(f's.`{name}`' for name in spec.names)})"
                ).collect()
        finally:
            self.spark.catalog.dropTempView(view)

    def delete(self, table: str, where: str) -> None:
        """Take out the rows for which the SQL condition holds."""
        if self.exists(table):
            with self._translated(table):
                self.spark.sql(f"DELETE FROM {self.name_of(table)} WHERE {where}").collect()

    def compact(self, table: str, vacuum_hours: int) -> None:
        """Writes small files together, then deletes files that no version of the last `vacuum_hours` hours refers to."""
        self.spark.sql(f"OPTIMIZE {self.name_of(table)}").collect()
        self.spark.sql(f"VACUUM {self.name_of(table)} RETAIN {vacuum_hours} HOURS").collect()

    def _fitted(self, spec: Table, frame: DataFrame) -> DataFrame:
        """The frame's columns in the table's order. Raises LakeError naming each difference in names and types."""
        found = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
        expected = {column.name: column.type for column in spec.columns}
        differences = [f"{name} is missing" for name in expected if name not in found]
        differences += [f"{name} is not a column of it" for name in found if name not in expected]
        differences += [f"{name} is {found[name]}, expected {expected[name]}" for name in expected if name in found and found[name] != expected[name]]
        if differences:
            raise LakeError(f"the frame does not fit table '{spec.name}': {'; '.join(differences)}")
        return frame.select(*spec.names)

    @contextlib.contextmanager
    def _translated(self, table: str) -> Iterator[None]:
        """Delta's refusals as LakeError: a broken constraint arrives as another exception on Classic than on Connect."""
        try:
            yield
        except Exception as error:
            text = str(error)
            if any(word in text for word in _CONSTRAINTS):
                said = next(line for line in text.splitlines() if any(word in line for word in _CONSTRAINTS))
                raise LakeError(f"table '{table}' refuses a row: {said[said.index('[') :].split(' violated by row')[0]}") from error
            if "DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION" in text:
                whose = "another writer makes it at this moment, or they are of something else: give the lake a folder of its own"
                raise LakeError(f"'{self._path(table)}' holds files and is no table yet; {whose}") from error
            if any(word in text for word in _RIVALS):
                raise LakeError(f"table '{table}' was changed by another writer at the same time; nothing was written to it") from error
            raise


def _quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def as_json(value: object) -> str:
    """JSON with sorted keys: the same value gives the same text."""
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
