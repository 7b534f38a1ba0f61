"""A file system that is too small, or cannot be written to."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from pyspark.sql import SparkSession
from tests.faults.drivers import wrongly_seen
from tests.faults.lakes import Stage, differing, prints, undisturbed
from tests.faults.processes import Ended, Running, finished
from tests.results import Result


@contextlib.contextmanager
def mounted(place: Path, megabytes: float) -> Iterator[None]:
    """A file system in memory at `place`."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", _size(megabytes), "coterie-faults", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


def _size(megabytes: float) -> str:
    return f"size={int(megabytes * 1024)}k"


def full(spark: SparkSession, stage: Stage, place: Path, share: float) -> Result:
    """`share`: how much of what the job adds has room. After the failure the disk is made larger, and the same command run again."""
    had, needed = _megabytes(stage.before), _megabytes(stage.after)
    room = had + share * (needed - had) + 1
    lake = place / "lake"
    with mounted(place, max(room, 2)):
        stage.begin(lake)
        end = Running(stage.command(lake), place.with_name("full")).ended()
        unseen = wrongly_seen(spark, stage, lake)
        remount(place, _size(needed * 4 + 100))
        finished(stage.command(lake), place.with_name("full-again"))
        wrong = differing(prints(spark, lake), undisturbed(spark, stage.after))
    told = {"job": stage.name, "room_mb": round(room, 1), "code": end.code, "said": end.last, "clear": _is_clear(end, "No space left")}
    return {**told, "wrong_before": unseen, "wrong_after": wrong}


def read_only(spark: SparkSession, stage: Stage, place: Path) -> Result:
    lake = place / "lake"
    with mounted(place, _megabytes(stage.after) * 4 + 100):
        stage.begin(lake)
        before = prints(spark, lake)
        remount(place, "ro")
        end = Running(stage.command(lake), place.with_name("read-only")).ended()
        changed = differing(prints(spark, lake), before)
        remount(place, "rw")
    return {"code": end.code, "said": end.last, "clear": _is_clear(end, "Read-only file system"), "wrong_after": changed}


def _is_clear(end: Ended, words: str) -> bool:
    return end.code == 0 or (end.code in (1, 2) and words in end.last and "unexpected" not in end.last and "Traceback" not in end.err)


def _megabytes(folder: Path | None) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20 if folder else 0.0


def can_mount() -> bool:
    return shutil.which("mount") is not None and subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0
