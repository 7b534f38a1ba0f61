"""spark-submit against a standalone cluster of two workers, as the README's cluster section says, beside the local run of the same shop."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cluster.compare import Compared
from tests.cluster.standalone import Standalone, package
from tests.end_to_end.conftest import SMALL, Demo


def test_the_workers_do_not_find_the_package_by_themselves(cluster: Standalone) -> None:
    found = subprocess.run([cluster.python, "-c", "import scipy, numba, pyspark; import coterie.cli"], capture_output=True, text=True, check=False)
    assert "No module named 'coterie.cli'" in found.stderr


@pytest.mark.timeout(1800)
def test_spark_submit_gives_the_rows_of_the_local_run(
    demo: Demo, cluster: Standalone, tmp_path: Path, unlike_local: Callable[[Path], list[Compared]]
) -> None:
    lake = tmp_path / "lake"
    arguments = ["--lake", str(lake), "--source", "coterie", "--input", str(demo.folder / "lake-raw"), "--json", *SMALL]
    command = cluster.submit(package(tmp_path), "run", arguments)
    result = subprocess.run(command, capture_output=True, text=True, env=cluster.env, cwd=tmp_path, timeout=1500, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    assert [values["job"] for values in json.loads(result.stdout[result.stdout.index("[\n") :])] == ["ingest", "features", "segments", "recommend"]
    assert unlike_local(lake) == []
