"""`jobs/run.py` against a Spark Connect server on a standalone cluster of two workers, beside the local run of the same shop."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cluster.compare import Compared
from tests.cluster.standalone import Standalone
from tests.end_to_end.conftest import SMALL, Demo
from tests.servers import CHECKOUT


@pytest.mark.timeout(1800)
def test_spark_connect_on_the_cluster_gives_the_rows_of_the_local_run(
    demo: Demo, cluster: Standalone, tmp_path: Path, unlike_local: Callable[[Path], list[Compared]]
) -> None:
    lake = tmp_path / "lake"
    arguments = ["--lake", str(lake), "--source", "coterie", "--input", str(demo.folder / "lake-raw"), "--quiet", *SMALL]
    environment = {key: value for key, value in cluster.env.items() if not key.startswith("PYSPARK_")}
    with cluster.connect_server() as address:
        command = [sys.executable, str(CHECKOUT / "jobs" / "run.py"), *arguments, "--set", f'spark.remote="{address}"']
        result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=1500, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    assert unlike_local(lake) == []
