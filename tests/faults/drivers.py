"""The driver killed at a random moment, or asked to end: what a reader sees then, what `runs` says, and what the same command again makes of it."""

import random
import signal
import time
from pathlib import Path

from pyspark.sql import SparkSession
from tests.faults.lakes import Stage, differing, prints, seen, undisturbed, undisturbed_seen
from tests.faults.processes import Running, finished
from tests.results import Result

from coterie.lake import Lake
from coterie.pipeline.shop import Shop


def killed(spark: SparkSession, stage: Stage, lake: Path, moment: float, whole_group: bool) -> Result:
    """`moment`: share of its steps that are done by then."""
    stage.begin(lake)
    running = Running(stage.command(lake), lake)
    was_running = running.runs_after(*stage.moment(moment))
    end = running.kill(whole_group) if was_running else running.ended()
    return {"job": stage.name, "killed": was_running, "at": end.last, "jvm_too": whole_group, **_afterwards(spark, stage, lake, "interrupted")}


def signalled(spark: SparkSession, stage: Stage, lake: Path, moment: float, number: signal.Signals) -> Result:
    stage.begin(lake)
    running = Running(stage.command(lake), lake)
    if running.runs_after(*stage.moment(moment)):
        running.interrupt(number)
    end = running.ended()
    is_clear = end.code == 0 or (end.code == 128 + number and "run the same command again to go on" in end.last)
    return {"job": stage.name, "signal": number.name, "code": end.code, "said": end.last, "clear": is_clear, **_afterwards(spark, stage, lake, "failed")}


def _afterwards(spark: SparkSession, stage: Stage, lake: Path, state: str) -> Result:
    """wrong_before: tables of which a reader then sees something else than a finished run left; wrong_after: those that differ in the end."""
    _free(spark, lake)
    half_seen, states = wrongly_seen(spark, stage, lake), [row["state"] for row in Shop(str(lake), spark).history()]
    finished(stage.command(lake), Path(f"{lake}-again"))
    wrong = differing(prints(spark, lake), undisturbed(spark, stage.after))
    wrong += [name for name in differing(seen(spark, lake), undisturbed_seen(spark, stage.after)) if name not in wrong]
    told = [one for one in states if one not in ("finished", state)]
    return {"wrong_before": half_seen, "wrong_after": wrong, "states": states[:4], "wrong_states": told}


def _free(spark: SparkSession, place: Path) -> None:
    """Waits until the lease of one that died has run out."""
    lake = Lake(spark, str(place))
    while lake.read("lease").where("expires_at > current_timestamp()").count():
        time.sleep(1)


def wrongly_seen(spark: SparkSession, stage: Stage, lake: Path) -> list[str]:
    """Tables that a reader does not see as they are after the job, where it has finished, and as before it, where not."""
    newest = Shop(str(lake), spark).history()[:1]
    has_finished = any(row["job"] == stage.job and row["state"] == "finished" and row["run_id"] not in _runs(spark, stage.before) for row in newest)
    expected = stage.after if has_finished else stage.before or lake.with_name("nothing")
    return differing(seen(spark, lake), undisturbed_seen(spark, expected))


def _runs(spark: SparkSession, place: Path | None) -> set[str]:
    return {row["run_id"] for row in Shop(str(place), spark).history()} if place else set()


def moments(count: int, seed: int) -> list[float]:
    """Random shares of a run, one in each of `count` equal parts, in random order."""
    chance = random.Random(seed)
    found = [(part + chance.random()) / count for part in range(count)]
    chance.shuffle(found)
    return found
