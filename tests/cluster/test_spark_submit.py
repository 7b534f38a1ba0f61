"""spark-submit against a standalone master with one worker, as the README's cluster section says."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest
from pyspark.sql import SparkSession
from tests.end_to_end.conftest import SMALL, Demo

from coterie.lake import Lake

CHECKOUT = Path(__file__).parents[2]
SPARK_HOME = Path(pyspark.__file__).parent
# The suite may be on Spark Connect; what is submitted here is Classic.
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith(("SPARK_", "COTERIE_", "PYSPARK_GATEWAY"))} | {
    "SPARK_HOME": str(SPARK_HOME), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1",
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a standalone master with one worker of two cores."""
    port, folder = free_port(), tmp_path_factory.mktemp("standalone")
    address, launcher = f"spark://127.0.0.1:{port}", str(SPARK_HOME / "bin" / "spark-class")
    commands = [
        ["org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"],
        ["org.apache.spark.deploy.worker.Worker", "--cores", "2", "--memory", "2g", "--webui-port", "0", "--work-dir", str(folder / "work"), address],
    ]
    started = []
    with (folder / "log").open("wb") as log:
        for command in commands:
            started.append(subprocess.Popen([launcher, *command], env=ENVIRONMENT, stdout=log, stderr=log, cwd=folder))
            time.sleep(3)
        yield address
        for process in reversed(started):
            process.terminate()
            process.wait(30)


def test_spark_submit_on_a_cluster_gives_the_rows_of_the_local_run(demo: Demo, master: str, tmp_path: Path, spark: SparkSession) -> None:
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--no-build-isolation", "-w", str(tmp_path), str(CHECKOUT)], check=True)
    package = shutil.copy(next(tmp_path.glob("coterie-*.whl")), tmp_path / "coterie.zip")
    lake = str(tmp_path / "lake")
    result = subprocess.run(
        [
            str(SPARK_HOME / "bin" / "spark-submit"), "--master", master, "--properties-file", str(CHECKOUT / "conf" / "spark-cluster.conf"),
            "--conf", "spark.executor.memoryOverhead=256m", "--conf", "spark.sql.shuffle.partitions=4", "--executor-memory", "1g",
            "--py-files", str(package), str(CHECKOUT / "jobs" / "run.py"),
            "--lake", lake, "--source", "coterie", "--input", str(demo.folder / "lake-raw"), "--json", *SMALL,
        ],
        capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path, timeout=800, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    assert [values["job"] for values in json.loads(result.stdout[result.stdout.index("[\n") :])] == ["ingest", "features", "segments", "recommend"]
    here, there = Lake(spark, demo.lake), Lake(spark, lake)
    for table in ("events", "daily_activity", "customer_item_days", "customer_features"):
        assert here.read(table).exceptAll(there.read(table)).count() == 0
        assert there.read(table).exceptAll(here.read(table)).count() == 0
    keys = {"segments": ["segmentation", "customer_id", "segment_id"], "recommendations": ["customer_id", "rank", "item_id"]}
    for table, columns in keys.items():
        assert here.read(table).select(columns).exceptAll(there.read(table).select(columns)).count() == 0
