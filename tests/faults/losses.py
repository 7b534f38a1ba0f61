"""A worker of a cluster lost in the middle of a job, and slow tasks done twice: the rows are those of the cluster left alone."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from pyspark.sql import SparkSession
from tests.cluster.standalone import Standalone, package
from tests.faults.drivers import moments
from tests.faults.lakes import Stage, differing, prints, undisturbed
from tests.faults.processes import Ended, Running
from tests.results import Result

# A task that takes half as long again as the middle one of its stage is begun a second time elsewhere: the first to end counts.
_SPECULATION = {
    "spark.speculation": "true", "spark.speculation.interval": "50ms", "spark.speculation.multiplier": "1.1", "spark.speculation.quantile": "0.3",
    "spark.speculation.minTaskRuntime": "0ms",
}  # fmt: skip


class Losses:
    """A cluster, and the lakes that its jobs make when they are left alone."""

    def __init__(self, work: Path, cluster: Standalone) -> None:
        self.work, self.cluster = work, cluster
        self.package = package(work / "package")

    def begin(self, stage: Stage, lake: Path, conf: Mapping[str, str] | None = None) -> Running:
        stage.begin(lake)
        return Running(stage.arguments(lake), lake, self.cluster.submit(self.package, stage.job, [], conf), self.cluster.env)

    def alone(self, stage: Stage) -> Path:
        """The lake of the job left alone, made once."""
        lake = self.work / f"cluster-{stage.name}"
        if not lake.with_suffix(".done").exists():
            end = self.begin(stage, lake).ended()
            if end.code:
                raise RuntimeError(end.err)
            lake.with_suffix(".done").touch()
        return lake

    def lost(self, spark: SparkSession, stage: Stage, lake: Path, moment: float) -> Result:
        self.alone(stage)
        running = self.begin(stage, lake)
        was_running = running.runs_after(*stage.moment(moment))
        self.cluster.lose_worker()
        return {"job": stage.name, "lost": was_running, "moment": round(moment, 2), **self._told(spark, stage, lake, running.ended())}

    def doubled(self, spark: SparkSession, stage: Stage, lake: Path) -> Result:
        self.alone(stage)
        return {"job": stage.name, **self._told(spark, stage, lake, self.begin(stage, lake, _SPECULATION).ended())}

    def _told(self, spark: SparkSession, stage: Stage, lake: Path, end: Ended) -> Result:
        """A job that failed must say so in a line; one that ended must have made the same rows."""
        wrong = differing(prints(spark, lake), undisturbed(spark, self.alone(stage))) if end.code == 0 else []
        return {"code": end.code, "seconds": round(end.seconds), "clear": end.code == 0 or "Traceback" not in end.err, "said": end.last if end.code else "",
                "wrong_after": wrong}  # fmt: skip


def cases(spark: SparkSession, found: Sequence[Stage], cluster: Standalone, lake: Path, count: int, seed: int) -> list[Callable[[], Result]]:
    """Workers lost in each job in turn, later moments as likely as early ones; then each job with slow tasks done twice."""
    losses = Losses(lake.parent, cluster)
    lost = [partial(losses.lost, spark, found[number % len(found)], lake, moment) for number, moment in enumerate(moments(count, seed))]
    return [*lost, *(partial(losses.doubled, spark, stage, lake) for stage in found)]
