"""spark-submit against a standalone cluster of two workers, as the README's cluster section says, beside the local run of the same shop."""

import json
import subprocess
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.cluster.compare import compared, differing
from tests.cluster.standalone import Standalone, package
from tests.end_to_end.conftest import SMALL, Demo

from coterie.lake import Lake


def test_the_workers_do_not_find_the_package_by_themselves(cluster: Standalone) -> None:
    found = subprocess.run([cluster.python, "-c", "import scipy, numba, pyspark; import coterie.cli"], capture_output=True, text=True, check=False)
    assert "No module named 'coterie.cli'" in found.stderr


@pytest.mark.timeout(1800)
def test_spark_submit_gives_the_rows_of_the_local_run(
    demo: Demo, cluster: Standalone, tmp_path: Path, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = str(tmp_path / "lake")
    arguments = ["--lake", lake, "--source", "coterie", "--input", str(demo.folder / "lake-raw"), "--json", *SMALL]
    command = cluster.submit(package(tmp_path), "run", arguments)
    result = subprocess.run(command, capture_output=True, text=True, env=cluster.env, cwd=tmp_path, timeout=1500, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    assert [values["job"] for values in json.loads(result.stdout[result.stdout.index("[\n") :])] == ["ingest", "features", "segments", "recommend"]
    tables = compared(Lake(spark, demo.lake), Lake(spark, lake))
    with capsys.disabled():
        print("", *tables, sep="\n")  # noqa: T201 - the near ties are to be seen
    assert differing(tables) == []
