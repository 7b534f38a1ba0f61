"""A small shop, what each job makes of it undisturbed, and how a lake that was disturbed is compared with that."""

import functools
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from tests.cluster.compare import COMPARED
from tests.faults.processes import finished

from coterie.lake import Lake
from coterie.pipeline.shop import Shop

# Everything a run does, on little data: what is compiled would be slower to compile than to run as it is.
CHOICES = (
    'recommend.models=["popular", "als", "user_knn"]',
    'segments.feature_sets=["rfm"]',
    'segments.methods=["kmeans"]',
    "segments.k=[4, 4]",
    "lake.lease_seconds=20",
    "spark.brief=true",
    "spark.shuffle_partitions=2",
    'spark.conf={"spark.sql.codegen.wholeStage" = "false", "spark.sql.codegen.factoryMode" = "NO_CODEGEN"}',
)
SMALL = [part for choice in CHOICES for part in ("--set", choice)]
JOBS = ("ingest", "features", "segments", "recommend")
LATE_DAYS = 7

Prints = dict[str, tuple[int, str]]  # of each table: its rows, and the sum of their hashes


@dataclass(frozen=True)
class Stage:
    """A job, the lake that it finds (None: there is none) and the one that it leaves undisturbed. `is_late`: the last days' files have arrived."""

    job: str
    work: Path
    is_late: bool
    before: Path | None
    after: Path

    @property
    def name(self) -> str:
        return self.after.name

    def moment(self, share: float) -> tuple[int, float]:
        """When so much of it is done, as steps told of and seconds since the last: how fast the machine is does not matter."""
        told = self.after.with_suffix(".err").read_text().splitlines()
        begun = [float(line.split()[0]) for line in told if line.split()[1:2] == ["s"]]
        steps = int(share * len(begun))
        until = begun[steps + 1] if steps + 1 < len(begun) else begun[-1] + 1
        return steps + 1, (share * len(begun) - steps) * (until - begun[steps]) / 2

    def begin(self, lake: Path) -> None:
        """Puts what the job finds at `lake` and `raw`. A file has the same path whenever it is read."""
        shutil.rmtree(lake, ignore_errors=True)
        if self.before is not None:
            shutil.copytree(self.before, lake)
        here, there = self.work / "late", self.work / "raw" / "events"
        if not self.is_late:
            here, there = there, here
        for day in late_days(self.work):
            if (here / day).exists():
                (here / day).rename(there / day)

    def arguments(self, lake: Path) -> list[str]:
        source = ["--source", "coterie", "--input", str(self.work / "raw")] if self.job == "ingest" else []
        return ["--lake", str(lake), *source, *SMALL]

    def command(self, lake: Path) -> list[str]:
        return [self.job, *self.arguments(lake)]


def late_days(work: Path) -> list[str]:
    days = {path.name for folder in (work / "raw" / "events", work / "late") for path in folder.glob("date=*")}
    return sorted(days)[-LATE_DAYS:]


def stages(work: Path) -> list[Stage]:
    """The jobs on an empty lake, and again when a week has passed; each made undisturbed once, by the command."""
    found: list[Stage] = []
    for is_late in (False, True):
        for job in JOBS:
            after = work / f"{len(found)}-{job}{'-later' if is_late else ''}"
            found.append(Stage(job, work, is_late, found[-1].after if found else None, after))
    if not (work / "late").exists():
        finished(["synth", "--out", str(work / "raw"), "--customers", "150", "--days", "90", "--format", "csv", "--quiet"], work / "synth")
        (work / "late").mkdir()
    for stage in found:
        if not stage.after.with_suffix(".done").exists():
            stage.begin(stage.after)
            finished(stage.command(stage.after), stage.after)
            stage.after.with_suffix(".done").touch()
    return found


def prints(spark: SparkSession, place: Path) -> Prints:
    """The tables as they lie there."""
    lake = Lake(spark, str(place))
    return _of_each(lake.read)


def seen(spark: SparkSession, place: Path) -> Prints:
    """The tables as a reader sees them, who is shown finished runs alone."""
    return _of_each(Shop(str(place), spark).table)


@functools.cache
def undisturbed(spark: SparkSession, place: Path) -> Prints:
    """`prints` of a lake that nothing changes any more."""
    return prints(spark, place)


@functools.cache
def undisturbed_seen(spark: SparkSession, place: Path) -> Prints:
    return seen(spark, place)


def differing(one: Prints, other: Prints) -> list[str]:
    return sorted(name for name in one if one[name] != other[name])


def _of_each(read: Callable[[str], DataFrame]) -> Prints:
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(COMPARED, pool.map(lambda name: _print(read(name)), COMPARED), strict=True))


def _print(rows: DataFrame) -> tuple[int, str]:
    hashed = F.xxhash64(F.to_json(F.struct("*"), {"ignoreNullFields": "false"})).cast("decimal(38,0)")
    count, total = rows.agg(F.count(F.lit(1)), F.sum(hashed)).collect()[0]
    return count, str(total)
