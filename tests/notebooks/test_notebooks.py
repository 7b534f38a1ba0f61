import re
import runpy
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.py"))


@pytest.mark.timeout(900)  # all jobs, from files to recommendations
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_as_a_plain_script(
    spark: SparkSession, notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COTERIE_PLACE", str(tmp_path))
    monkeypatch.setenv("COTERIE_CUSTOMERS", "60")
    monkeypatch.setenv("COTERIE_DAYS", "30")
    found = runpy.run_path(str(notebook))
    assert found["segments"].count() >= 55
    assert "big_basket_professionals" in capsys.readouterr().out


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_databricks_source_and_defines_nothing(notebook: Path) -> None:
    text = notebook.read_text()
    assert text.startswith("# Databricks notebook source\n# MAGIC %md\n")
    assert "# COMMAND ----------\n" in text
    assert not re.search(r"^\s*(def|class|lambda)\b|= lambda", text, re.MULTILINE)
