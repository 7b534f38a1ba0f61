"""`coterie cluster` on tables of every awkward kind: what is found, what is said, what is written."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from coterie import clusters
from coterie.errors import UserError
from coterie.pipeline.clustering import Clustering, cluster_table
from coterie.session import with_options
from coterie.settings import load_settings

FEW = {"segments": {"methods": ["kmeans", "hierarchical", "density_hills"], "resamples": 2, "starts": 1}, "cluster": {"k": [2, 6]}}
_NOISE = np.random.default_rng(3).normal(size=(90, 2))
HEAPS = pd.DataFrame(np.repeat([[0.0, 0.0], [10.0, 10.0], [20.0, 0.0]], 30, axis=0) + _NOISE, columns=["x", "y"]).assign(
    **{"class": np.repeat(["a", "b", "c"], 30)}
)


def cluster(spark: SparkSession, place: Path, rows: pd.DataFrame, *columns: str, **options: Any) -> Clustering:
    file = place / "table.parquet"
    rows.to_parquet(file)
    return cluster_table(spark, load_settings([FEW]), str(file), columns, out=str(place / "labels.csv"), **options)


def test_heaps_are_found_scored_written_and_told(spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = HEAPS.rename(columns={"x": "customer_id"})  # a name of the file's own, whatever the rows are called by on the way
    rows.loc[0:4, "class"] = None  # a label that is not there counts nowhere
    found = cluster(spark, tmp_path, rows, label="class")
    assert (found.winner.segments, sorted(found.sizes.values())) == (3, [30, 30, 30])
    assert found.adjusted_rand[found.winner.name] == 1.0
    written = pd.read_csv(tmp_path / "labels.csv")
    assert list(written.columns) == ["customer_id", "y", "class", "cluster", "confidence"]
    assert written["customer_id"].round(9).tolist() == rows["customer_id"].round(9).tolist()
    assert written.groupby("cluster")["customer_id"].mean().round(-1).sort_values().tolist() == [0.0, 10.0, 20.0]
    told = json.loads(clusters.as_json(found))
    assert set(told) == {"candidates", "chosen"}
    assert (told["chosen"]["k"], told["chosen"]["adjusted_rand"]) == (3, 1.0)
    assert told["chosen"]["reason"].startswith("chosen: the best evidence")
    assert [row["is_chosen"] for row in told["candidates"]].count(True) == 1
    clusters.show(found)
    assert "(right for 100 %)" in capsys.readouterr().out


def test_what_is_left_out_and_filled_is_said(spark: SparkSession, tmp_path: Path) -> None:
    rows = HEAPS.assign(constant=1.0, twin=HEAPS["x"] * 2 + 1)
    rows.loc[3, "y"], rows.loc[4, "y"] = np.nan, np.inf
    found = cluster(spark, tmp_path, rows)
    assert found.winner.segments == 3
    assert any("column 'y': 2 missing or infinite values count as its median" in note for note in found.notes)
    assert any("column 'constant' is left out: constant" in note for note in found.notes)
    assert any("column 'twin' is left out: correlation of 1.000 with 'x'" in note for note in found.notes)


@pytest.mark.parametrize(
    ("rows", "clusters_found"),
    [(pd.DataFrame({"x": [1.0] * 20}), 1), (pd.DataFrame({"x": [1.0, 5.0, 9.0]}), 2), (pd.DataFrame({"x": [7]}), 1), (HEAPS[["x"]], 3)],
    ids=["all equal", "three rows", "one row", "one column"],
)
def test_little_to_divide_is_no_error(spark: SparkSession, tmp_path: Path, rows: pd.DataFrame, clusters_found: int) -> None:
    assert cluster(spark, tmp_path, rows).winner.segments == clusters_found


def test_many_columns_are_brought_down_to_components(spark: SparkSession, tmp_path: Path) -> None:
    signal = np.repeat([0.0, 10.0, 20.0], 30)[:, None]
    matrix = signal * np.sign(np.random.default_rng(1).normal(size=(1, 200))) + np.random.default_rng(2).normal(size=(90, 200))
    found = cluster(spark, tmp_path, pd.DataFrame(matrix, columns=[f"v{place}" for place in range(200)]))
    assert sorted(found.sizes.values()) == [30, 30, 30]


def test_mistakes_are_named(spark: SparkSession, tmp_path: Path) -> None:
    for columns, options, words in (
        (("class",), {}, "column 'class' is of type string; expected numbers, one of: x, y"),
        (("z",), {}, "the table has no column 'z'; known are: class, x, y"),
        ((), {"label": "klass"}, "the table has no column 'klass'; did you mean 'class'?"),
        (("class",), {"label": "class"}, "column 'class' is the label, which is not clustered on"),
    ):
        with pytest.raises(UserError) as caught:
            cluster(spark, tmp_path, HEAPS, *columns, **options)
        assert words in str(caught.value)
    with pytest.raises(UserError, match=r"there is no file 'nowhere\.csv'"):
        cluster_table(spark, load_settings([FEW]), "nowhere.csv")
    with pytest.raises(UserError, match="the table has no column of numbers; it has class"):
        cluster(spark, tmp_path, HEAPS[["class"]])
    with pytest.raises(UserError, match="has no row"):
        cluster(spark, tmp_path, HEAPS[:0])
    with pytest.raises(UserError, match="has a column 'Cluster' already, which the result is written to"):
        cluster(spark, tmp_path, HEAPS.assign(Cluster=1))
    with pytest.raises(UserError, match=r"a CSV file cannot hold 'basket' \(array<bigint>\); give --out a .parquet file"):
        cluster(spark, tmp_path, pd.DataFrame({"x": [1.0, 5.0, 9.0], "basket": [[1], [2], [3]]}))
    with pytest.raises(UserError, match="1,000,001 rows are too many for one file; give --out a folder"):
        cluster(spark, tmp_path, pd.DataFrame({"x": np.zeros(1_000_001)}))
    for folder in (str(tmp_path / "no"), "dbfs:/no"):
        with pytest.raises(UserError, match="there is no folder for"):
            cluster_table(spark, load_settings([FEW]), str(tmp_path / "table.parquet"), ["x"], out=f"{folder}/labels.csv")


@pytest.mark.parametrize("row", ["3,4", "3,4,5,6"], ids=["a field too few", "a field too many"])
def test_a_row_that_does_not_fit_the_header_is_told_before_the_search(spark: SparkSession, tmp_path: Path, row: str) -> None:
    file, *others = (tmp_path / name for name in ("table[1].csv", "table1.csv"))  # the brackets are no pattern
    file.write_text(f"x,y,z\n1,2,a\n{row}\n")
    others[0].write_text("x,y,z\n1,2,a\n")
    with pytest.raises(UserError, match=r"table\[1\]\.csv' cannot be read: \[FAILED_READ_FILE.*expected CSV with a header and as many fields in every row"):
        cluster_table(spark, load_settings([FEW]), str(file), ["x"], out=str(tmp_path / "labels.csv"))  # not of the columns that are short


def test_a_file_that_is_no_parquet_is_told_in_words(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "table.parquet").write_text("x\n1\n")
    with pytest.raises(UserError, match=r"table\.parquet' cannot be read: "):
        cluster_table(spark, load_settings([FEW]), str(tmp_path / "table.parquet"), out=str(tmp_path / "labels.csv"))


def test_a_label_that_is_no_class_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    rows = pd.DataFrame({"x": np.arange(1001.0), "id": [f"r{number}" for number in range(1001)]})
    with pytest.raises(UserError, match="column 'id' has 1,001 different values; a label has at most 1,000"):
        cluster(spark, tmp_path, rows, label="id")
    assert not (tmp_path / "labels.csv").exists()


@pytest.mark.parametrize("ending", [".csv", ".parquet", ""])
def test_a_file_at_an_address_is_looked_for_by_spark(spark: SparkSession, tmp_path: Path, ending: str) -> None:
    with pytest.raises(UserError, match=r"there is no file 'file:.*/nowhere"):
        cluster_table(spark, load_settings([FEW]), f"file:{tmp_path}/nowhere{ending}", out=str(tmp_path / "labels.csv"))


def test_an_address_of_one_slash_is_read(spark: SparkSession, tmp_path: Path) -> None:
    pd.DataFrame({"x": [1.0, 5.0, 9.0]}).to_parquet(tmp_path / "table.parquet")
    found = cluster_table(spark, load_settings([FEW]), f"file:{tmp_path}/table.parquet", out=str(tmp_path / "labels.csv"))
    assert found.winner.segments == 2


def test_the_number_of_cores_changes_no_result(spark: SparkSession, tmp_path: Path) -> None:
    file, told, written = tmp_path / "table.parquet", [], []
    pd.concat([HEAPS] * 5).to_parquet(file, row_group_size=50)
    for cores in ("1", "4"):
        with with_options(spark, {"spark.sql.leafNodeDefaultParallelism": cores, "spark.sql.files.openCostInBytes": "1"}):
            found = cluster_table(spark, load_settings([FEW | {"vector": {"sample_rows": 100}}]), str(file), out=str(tmp_path / "labels.csv"))
        told.append(clusters.as_json(found))
        written.append((tmp_path / "labels.csv").read_text())
    assert (told[0], written[0]) == (told[1], written[1])
