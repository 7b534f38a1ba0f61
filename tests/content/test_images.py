"""Pictures in files to rows, on Spark: the three forms, and the accounting."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession
from tests.content.image_files import idx, png, striped, stripes_by_folder
from tests.end_to_end.conftest import coterie

from coterie.content.images import accepted_images, found, read_images
from coterie.errors import InputError
from coterie.lake import Lake

NAMES = ("across", "down")


def rows(spark: SparkSession, place: Path | str) -> list[dict]:
    return [row.asDict() for row in read_images(spark, found(spark, str(place)), 8, NAMES).orderBy("source_file", "position").collect()]


def test_idx_files_are_paired_named_and_told_apart_from_tests(spark: SparkSession, tmp_path: Path) -> None:
    idx(striped(3, True, 1), tmp_path, "train-images-idx3-ubyte.gz")
    idx(np.array([0, 1, 5]), tmp_path, "train-labels-idx1-ubyte.gz")
    idx(striped(1, False, 2), tmp_path, "t10k-images-idx3-ubyte.gz")
    idx(np.array([1]), tmp_path, "t10k-labels-idx1-ubyte.gz")
    read = [(Path(row["source_file"]).name[:5], row["position"], row["category"], row["is_test"]) for row in rows(spark, tmp_path)]
    assert read == [("t10k-", 0, "down", True), ("train", 0, "across", False), ("train", 1, "down", False), ("train", 2, "5", False)]


@pytest.mark.parametrize("twin", ["train-images-idx3-ubyte", "more/train-images-idx3-ubyte.gz"])
def test_two_idx_files_of_one_name_are_refused_by_name(spark: SparkSession, tmp_path: Path, twin: str) -> None:
    first = tmp_path / "train-images-idx3-ubyte.gz"
    idx(striped(3, True, 1), tmp_path, first.name)
    idx(np.array([0, 1, 0]), tmp_path, "train-labels-idx1-ubyte.gz")
    idx(striped(3, False, 2), (tmp_path / twin).parent, Path(twin).name)
    [row] = rows(spark, tmp_path)
    [reason] = row["reasons"]
    assert reason.startswith("incomplete: 2 files of one name, ")
    assert all(f"{name} and" in reason or f"{name}: leave one" in reason for name in (str(first), str(tmp_path / twin)))


def test_a_folder_is_a_category_and_each_broken_picture_has_its_reason(spark: SparkSession, tmp_path: Path) -> None:
    good = png(striped(1, True, 1)[0])
    files = {"bags/a.png": good, "bags/b.png": good[:80], "bags/c.jpg": b"", "test/bags/d.png": good, "e.png": good, "bags/notes.txt": b"x"}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    read = {Path(row["source_file"]).name: row for row in rows(spark, tmp_path)}
    assert {name: (row["category"], row["is_test"], [reason.split(":")[0] for reason in row["reasons"]]) for name, row in read.items()} == {
        "a.png": ("bags", False, []),
        "b.png": ("bags", False, ["broken"]),
        "d.png": ("bags", True, []),
        "e.png": (None, False, ["no_category"]),
        "c.jpg": ("bags", False, ["empty"]),
    }


def test_a_table_names_paths_categories_and_items(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.png").write_bytes(png(striped(1, True, 1)[0]))
    (tmp_path / "pictures.csv").write_text("path,category,item_id\nfiles/a.png,bags,i7\nfiles/gone.png,bags,i8\n")
    read = [(row["item_id"], row["category"], [reason.split(":")[0] for reason in row["reasons"]]) for row in rows(spark, tmp_path / "pictures.csv")]
    assert read == [("i7", "bags", []), ("i8", "bags", ["no_file"])]


def test_a_place_is_taken_whole_however_it_is_written(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own folders say nothing of tests, one name may come twice in it, and a relative place is as good as one in full."""
    folder = tmp_path / "test_x" / "bags" / "bags"
    (folder / "bags").mkdir(parents=True)
    (folder / "bags" / "a.png").write_bytes(png(striped(1, True, 1)[0]))
    (folder / "pictures.csv").write_text("path,category\nbags/a.png,bags\n")
    monkeypatch.chdir(folder)
    for place in (".", "pictures.csv", "../bags/pictures.csv", f"file:{folder}", f"file://{folder}/pictures.csv"):
        assert [(row["category"], row["is_test"], row["reasons"]) for row in rows(spark, place)] == [("bags", False, [])], place


def test_the_same_picture_twice_is_one_image(spark: SparkSession, tmp_path: Path) -> None:
    stripes_by_folder(tmp_path, 2)
    (tmp_path / "across" / "again.png").write_bytes((tmp_path / "across" / "0000.png").read_bytes())
    read = read_images(spark, found(spark, str(tmp_path)), 8, NAMES)
    kept = accepted_images(read, 8, "listing", 0.5).collect()
    assert len(kept) == 4
    assert sorted(Path(row["source_file"]).name for row in kept if row["category"] == "across") == ["0000.png", "0001.png"]


@pytest.mark.parametrize(("name", "said"), [("nothing", "are not there"), ("empty", "has 1 files and no image among them")])
def test_a_place_without_images_is_told(spark: SparkSession, tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "readme.txt").write_text("no image")
    with pytest.raises(InputError, match=said):
        found(spark, str(tmp_path / name))


def test_the_job_accounts_for_every_image_and_reads_once(lake: Lake, tmp_path: Path) -> None:
    from coterie.pipeline.shop import Shop  # noqa: PLC0415 - the job is tested by its method

    stripes_by_folder(tmp_path / "pictures", 6)
    (tmp_path / "pictures" / "down" / "broken.png").write_bytes(png(striped(1, True, 9)[0])[:80])
    (tmp_path / "pictures" / "down" / "twice.png").write_bytes((tmp_path / "pictures" / "down" / "0000.png").read_bytes())
    shop = Shop(lake.place, lake.spark, [{"content": {"size": 8}}])
    first, again = (shop.images(str(tmp_path / "pictures")) for _ in range(2))
    assert (first["rows_read"], first["rows_accepted"], first["rows_rejected"], first["rows_duplicate"]) == (14, 12, 1, 1)
    assert first["rejected_by_reason"] == {"broken": 1}
    assert lake.read("item_images").where("is_test").count() < 12
    assert "no image has changed" in again["message"]
    assert lake.version("item_images") == 1


@pytest.mark.parametrize("point", ["coterie.pipeline.images._account", "coterie.pipeline.run.Run.delete"])
def test_a_run_that_died_midway_is_made_up_for_by_the_next(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    from coterie.pipeline.shop import Shop  # noqa: PLC0415 - the job is tested by its method

    def die(*given: object) -> None:
        raise KeyboardInterrupt

    stripes_by_folder(tmp_path / "pictures", 6)
    (tmp_path / "pictures" / "down" / "broken.png").write_bytes(png(striped(1, True, 9)[0])[:80])
    shop = Shop(lake.place, lake.spark, [{"content": {"size": 8}}])
    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(point, die)
        shop.images(str(tmp_path / "pictures"))
    again = shop.images(str(tmp_path / "pictures"))
    assert (again["rows_read"], again["rows_accepted"], again["rows_rejected"], again["rows_duplicate"]) == (13, 12, 1, 0)
    assert [lake.read(table).count() for table in ("item_images", "rejected_images", "staged_images")] == [12, 1, 0]


def test_too_many_broken_images_stop_the_job(tmp_path: Path, spark: SparkSession) -> None:
    stripes_by_folder(tmp_path / "pictures", 1)
    (tmp_path / "pictures" / "down" / "broken.png").write_bytes(b"no picture")
    result = coterie("content", "--lake", str(tmp_path / "lake"), "--images", str(tmp_path / "pictures"))
    assert result.returncode == 2
    assert "1 of 3 images" in result.stderr
    assert "broken.png: unknown_format" in result.stderr
