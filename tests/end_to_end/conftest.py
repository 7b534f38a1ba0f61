"""A seeded shop made and run through the command a user types, once for all tests here, in the session of the suite."""

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from coterie.cli import main

CHOICES = [
    'recommend.models=["user_knn", "ease", "blend"]',
    "segments.k=[4, 5]",
    'segments.feature_sets=["rfm"]',
    'segments.methods=["kmeans", "hierarchical"]',
]
SMALL = [part for choice in CHOICES for part in ("--set", choice)]


@dataclass(frozen=True)
class Result:
    returncode: int
    stdout: str
    stderr: str


def coterie(*arguments: str) -> Result:
    """The command, which uses the active session. A process of its own for each would start Spark each time."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as left:
        main([*arguments])
    return Result(int(left.value.code or 0), out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Demo:
    folder: Path
    results: list[dict[str, Any]]

    @property
    def lake(self) -> str:
        return str(self.folder / "lake")


@pytest.fixture(scope="session")
def demo(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    result = coterie("demo", "--lake", str(folder / "lake"), "--customers", "150", "--days", "90", "--format", "csv", "--json", *SMALL)
    assert result.returncode == 0, result.stderr
    return Demo(folder, json.loads(result.stdout))
