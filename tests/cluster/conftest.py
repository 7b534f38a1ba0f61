"""What the cluster's tests share; plain pytest leaves them out, since each starts a cluster and takes minutes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.cluster.compare import Compared, compared, differing
from tests.cluster.standalone import Standalone
from tests.end_to_end.conftest import Demo, demo

from coterie.lake import Lake

__all__ = ["cluster", "demo", "unlike_local"]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    with Standalone(tmp_path_factory.mktemp("standalone")) as one:
        yield one


@pytest.fixture
def unlike_local(demo: Demo, spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> Callable[[Path], list[Compared]]:
    """Of a lake, the tables that differ from the local run's; all are printed, so that the near ties are seen."""

    def unlike(lake: Path) -> list[Compared]:
        tables = compared(Lake(spark, demo.lake), Lake(spark, str(lake)))
        with capsys.disabled():
            print("", *tables, sep="\n")  # noqa: T201 - see above
        return differing(tables)

    return unlike
