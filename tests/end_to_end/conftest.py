"""A seeded shop made and run through the command a user types, once for all tests here."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]
SMALL = ["--set", "recommend.rank=8", "--set", "recommend.iterations=3", "--set", "segments.k=[4, 5]", "--set", 'spark.master="local[2]"']


def coterie(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as its own process, on Spark Connect where the suite is."""
    environment = dict(os.environ)
    if os.environ.get("COTERIE_TEST_SESSION") == "connect":
        environment["SPARK_REMOTE"] = "local[2]"
    command = [sys.executable, "-c", "from coterie.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=CHECKOUT, timeout=800, check=False)


@dataclass(frozen=True)
class Demo:
    folder: Path
    results: list[dict[str, Any]]

    @property
    def lake(self) -> str:
        return str(self.folder / "lake")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    result = coterie("demo", "--lake", str(folder / "lake"), "--customers", "150", "--days", "90", "--format", "csv", "--json", *SMALL)
    assert result.returncode == 0, result.stderr
    return Demo(folder, json.loads(result.stdout))
