import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.py"))
# What each is to have made: its names after the run, and what it printed.
MADE: dict[str, Callable[[dict[str, Any], str], bool]] = {
    "01_segments_and_recommendations": lambda found, said: found["segments"].count() >= 55 and "big_basket_professionals" in said,
    "02_features": lambda found, said: found["newest"].count() >= 55 and "days from the last day with an order" in said,
    "03_report": lambda found, said: "Who the customers are" in found["page"].read_text() and "Customer C" in said,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One shop for all: the first notebook makes it, the others find it."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.mark.timeout(900)  # all jobs, from files to recommendations
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_as_a_plain_script(
    spark: SparkSession, notebook: Path, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COTERIE_PLACE", str(place))
    monkeypatch.setenv("COTERIE_CUSTOMERS", "60")
    monkeypatch.setenv("COTERIE_DAYS", "30")
    found = runpy.run_path(str(notebook))
    assert MADE[notebook.stem](found, capsys.readouterr().out)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_databricks_source_and_defines_nothing(notebook: Path) -> None:
    text = notebook.read_text()
    assert text.startswith("# Databricks notebook source\n# MAGIC %md\n")
    assert "# COMMAND ----------\n" in text
    assert not re.search(r"^\s*(def|class|lambda)\b|= lambda", text, re.MULTILINE)
