"""One Spark session for the whole suite: Classic, or Connect with COTERIE_TEST_SESSION=connect, or with the address of a server, sc://host:port."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.servers import connect_server

from coterie.java import java_options, require_java
from coterie.lake import Lake
from coterie.session import LOCAL, get_session
from coterie.settings import load_settings

# Rows are few and plans are many here: compiling a query to byte code takes longer than running it as it is.
UNCOMPILED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}


def served() -> dict[str, str]:
    """What a session started by this process would set for itself: a server is started with it."""
    java = java_options(require_java(), class_archive=True, brief=False)
    return LOCAL | UNCOMPILED | {"spark.driver.memory": "2g", "spark.sql.shuffle.partitions": "4", "spark.driver.extraJavaOptions": java}


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    wanted = os.environ.get("COTERIE_TEST_SESSION", "")
    with contextlib.ExitStack() as stack:
        if wanted == "connect":
            python = {"PYSPARK_PYTHON": sys.executable, **os.environ}
            wanted = stack.enter_context(connect_server("local[2]", served(), python, tmp_path_factory.mktemp("server")))
        options = {"master": "local[2]", "remote": wanted, "driver_memory": "2g", "shuffle_partitions": 4, "conf": UNCOMPILED}
        session = get_session(load_settings([{"spark": options}]).spark)
        yield session
        session.stop()


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    """An empty lake of its own."""
    return Lake(spark, str(tmp_path / "lake"))


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Real data beside the checkout, or where COTERIE_DATA says; a test that asks for it is skipped where there is none."""
    folder = Path(os.environ.get("COTERIE_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder}: set COTERIE_DATA")
    return folder
