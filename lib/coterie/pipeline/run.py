"""One run of one job: what it reads and writes, its progress, and its rows in `runs`."""

import datetime
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from coterie import __version__
from coterie.errors import UserError
from coterie.lake import AT_ONCE, Lake, as_json
from coterie.lease import Lease
from coterie.rows import EPOCH
from coterie.schemas import RUNS, SCHEMA_VERSION, TABLES
from coterie.session import plain_plans, with_options
from coterie.settings import Settings, read_toml

OF_RUNS = ("runs", "lease")  # written beside the jobs, and always read as they are
RESULTS = frozenset(name for name, table in TABLES.items() if name not in OF_RUNS and not table.is_scratch)  # read as a finished run left them
_TOLD = {"spark.databricks.delta.vacuum.logging.enabled": "true"}  # else a table on S3 does not say that files of its versions are gone
Progress = Callable[[str, str], None]  # called with the job's name and what it is doing


@dataclass(frozen=True)
class Job:
    """A job: its function, the tables whose state decides its result, and the settings that do, with the file that one may name.

    `goes_on` from earlier dates: the result depends also on what the job itself made of them. `by_date`: the tables in which it replaces the
    rows of its as-of date and leaves those of others.
    """

    name: str
    function: Callable[["Run"], None]
    inputs: tuple[str, ...]
    sections: tuple[str, ...]
    has_as_of: bool = True
    file: Callable[[Settings], str] | None = None
    goes_on: bool = False
    by_date: tuple[str, ...] = ()


class Clock:
    """Instants that go forward from `after` on, whatever the machine's clock does: by its instant the newest run is known."""

    def __init__(self, after: datetime.datetime | None = None) -> None:
        self._last = after or datetime.datetime.min.replace(tzinfo=datetime.UTC)

    def now(self) -> datetime.datetime:
        self._last = max(datetime.datetime.now(datetime.UTC), self._last + datetime.timedelta(microseconds=1))
        return self._last


def clock_of(lake: Lake) -> Clock:
    """One that goes on from the newest of the lake's runs."""
    newest = lake.read("runs").agg(F.unix_micros(F.max("at"))).collect()[0][0]
    return Clock(EPOCH + datetime.timedelta(microseconds=newest)) if newest else Clock()


@dataclass
class Run:
    """What a job is given. Every read and write goes through it, so that versions are recorded and the lease is held."""

    job: str
    lake: Lake
    settings: Settings
    as_of: datetime.date | None
    lease: Lease
    command_id: str
    options: dict[str, Any] = field(default_factory=dict)
    progress: Progress = lambda job, words: None
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    measures: dict[str, float] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    versions_read: dict[str, int] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    clock: Clock = field(default_factory=Clock)
    afterwards: list[Callable[[], None]] = field(default_factory=list)  # done once the run counts as finished

    @property
    def spark(self) -> SparkSession:
        return self.lake.spark

    @property
    def day(self) -> datetime.date:
        """The as-of date, for a job that needs one. Raises UserError without."""
        if self.as_of is None:
            raise UserError(f"the job {self.job} needs an as-of date; give it with --as-of")
        return self.as_of

    def last_day(self) -> datetime.date:
        """The last day that is no mistake of the shop's or the user's: so many days from today, in the shop's time zone."""
        return self.clock.now().astimezone(ZoneInfo(self.settings.shop.time_zone)).date() + datetime.timedelta(days=self.settings.ingest.days_ahead)

    def read(self, table: str) -> DataFrame:
        if table not in self.versions_read and table not in self.written:
            version = self.lake.version(table)
            if version is not None:
                self.versions_read[table] = version
        return self.lake.read(table)

    def replace(self, table: str, frame: DataFrame, where: str | None = None) -> None:
        self._writing(table)
        self.lake.replace(table, frame, where)

    def merge(self, table: str, frame: DataFrame, delete: str | None = None) -> None:
        self._writing(table)
        self.lake.merge(table, frame, delete)

    def append(self, table: str, frame: DataFrame) -> None:
        self._writing(table)
        self.lake.append(table, frame)

    def delete(self, table: str, where: str) -> None:
        self._writing(table)
        self.lake.delete(table, where)

    def remake(self, table: str) -> None:
        self._writing(table)
        self.lake.remake(table)

    def compact(self, tables: Sequence[str], vacuum_hours: int) -> Iterator[str]:
        """Several side by side, since most of it is to wait for the driver; gives the name of each that is done."""

        def done(table: str) -> str:
            self._writing(table)
            self.lake.compact(table, vacuum_hours)
            return table

        with with_options(self.spark, _TOLD), ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(done, tables)

    def _writing(self, table: str) -> None:
        self.lease.check()
        self.written.add(table)

    def step(self, words: str) -> None:
        self.progress(self.job, words)

    def measure(self, **values: float) -> None:
        self.measures.update({name: float(value) for name, value in values.items()})

    def record(self, **values: Any) -> None:
        self.columns.update(values)

    def say(self, message: str) -> None:
        self.message = message

    def previous(self, job: str, as_of: datetime.date | None = None) -> Row | None:
        """The newest finished run of `job` (of that as-of date, where given); None where there is none."""
        return finished_run(self.lake, job, as_of)


def was_interrupted(run: Run, of_date: bool = False) -> bool:
    """Whether a run of this job (of this as-of date) began after the last one that finished, and came to no such end itself."""
    others = run.lake.read("runs").where((F.col("job") == run.job) & (F.col("run_id") != run.run_id))
    if of_date:
        others = others.where(F.col("as_of") == F.lit(run.as_of))
    began, finished = (F.max(F.when(F.col("event") == event, F.col("at"))) for event in ("started", "finished"))
    return bool(others.agg(F.coalesce(began > finished, began.isNotNull())).collect()[0][0])


def finished_run(lake: Lake, job: str, as_of: datetime.date | None = None, has_written: bool = False) -> Row | None:
    """The newest that finished (of that as-of date, where given; of those that were no repeats of a run before, with `has_written`)."""
    runs = _finished(lake, job, has_written)
    return _newest(runs if as_of is None else runs.where(F.col("as_of") == F.lit(as_of)))


def _finished(lake: Lake, job: str, has_written: bool) -> DataFrame:
    runs = lake.read("runs").where((F.col("event") == "finished") & (F.col("job") == job))
    return runs.where(F.size("tables_written") > 0) if has_written else runs


def _newest(runs: DataFrame) -> Row | None:
    found = runs.orderBy(F.col("at").desc(), "run_id").limit(1).collect()
    return found[0] if found else None


def recorded_versions(lake: Lake) -> dict[str, int]:
    """The version of each table that the newest finished run which wrote it left."""
    finished = lake.read("runs").where("event = 'finished'").select("at", F.explode("tables_written").alias("table", "version"))
    newest = finished.groupBy("table").agg(F.max_by("version", "at").alias("version")).collect()  # a row a table
    return {row["table"]: row["version"] for row in newest}


def fingerprint(job: Job, lake: Lake, settings: Settings, as_of: datetime.date | None) -> str:
    """What the result depends on: the inputs' versions, the settings that matter, the date, what was made of earlier ones, and the program."""
    values = settings.model_dump(mode="json", include=set(job.sections))
    versions = lake.versions(job.inputs)
    file = read_toml(job.file(settings)) if job.file else None
    earlier = _newest(_finished(lake, job.name, has_written=True).where(F.col("as_of") < F.lit(as_of))) if job.goes_on else None
    text = as_json([job.name, str(as_of), values, file, versions, earlier and earlier["run_id"], __version__, SCHEMA_VERSION])
    return hashlib.sha256(text.encode()).hexdigest()


def write_event(run: Run, event: str, digest: str | None = None) -> dict[str, Any]:
    """Appends the run's started, finished or failed row to `runs`, and gives its values."""
    finished = event == "finished"
    values: dict[str, Any] = dict.fromkeys(RUNS.names)
    values |= {
        "run_id": run.run_id,
        "event": event,
        "job": run.job,
        "at": run.clock.now(),
        "command_id": run.command_id,
        "as_of": run.as_of,
        "settings": run.settings.model_dump_json(exclude={"spark"}),  # Spark's may hold passwords
        "fingerprint": digest,
        "message": run.message or None,
        "version": __version__,
    }
    if finished:
        written = run.lake.versions(sorted(run.written & RESULTS))
        there = {table: version for table, version in written.items() if version is not None}
        values |= {"measures": run.measures, "tables_read": run.versions_read, "tables_written": there, **run.columns}
    schema = ", ".join(f"{column.name} {column.type}" for column in RUNS.columns)
    run.lake.append("runs", run.spark.createDataFrame([tuple(values[name] for name in RUNS.names)], schema))
    return values


def finish(run: Run, digest: str | None = None) -> dict[str, Any]:
    """Appends the run's finished row, does what was to be done after it, and gives the row's values."""
    values = write_event(run, "finished", digest)
    for action in run.afterwards:
        action()
    return values


def recorded_shop(lake: Lake) -> dict[str, Any]:
    """The shop's settings as the newest ingest recorded them: time zone, currency and country belong to the lake."""
    with plain_plans(lake.spark, 0):
        newest = finished_run(lake, "ingest")
    return {"shop": json.loads(newest["settings"])["shop"]} if newest else {}


def require_lake(lake: Lake) -> None:
    """Raises UserError where there is no table of a lake: its name may be mistyped."""
    if not lake.exists("runs") and not any(map(lake.exists, TABLES)):
        raise UserError(f"there is no lake at '{lake.place}'; give the place of one with --lake, or make one with `coterie ingest`")


def latest_event_date(run: Run) -> datetime.date:
    """The default as-of date. Raises UserError for a lake without events."""
    events = run.lake.read("events").where(F.col("event_date") <= F.lit(run.last_day()))
    latest = events.agg(F.max("event_date")).collect()[0][0]
    if latest is None:
        raise UserError(f"the lake '{run.lake.place}' has no events yet; run `coterie ingest` first")
    found: datetime.date = latest
    return found
