"""The job from pictures in folders to a contact sheet of each segment, with real torch processes that Spark launches."""

import io
import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.content.image_files import Image, stripes_by_folder
from tests.end_to_end.conftest import Result, coterie
from tests.recommend.market_rows import AS_OF, item_days, met, table

from coterie.content.pictures import of_png
from coterie.lake import Lake
from coterie.schemas import ITEMS, SEGMENTS

pytest.importorskip("torch", reason="torch is missing: install the extra `content`")

TINY = [
    "size=8", "min_category_images=10", "images_per_segment=4", "measure_images=100", "classifier_steps=40", "min_probability=0", "copy_distance=0",
    "threads=1", "gan.channels=4", "gan.batch=10", "gan.epochs=2", 'category_names={"Wide" = "across"}',
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Anna buys what the images call `across`, Bert half of each, Carl what has no images; Dora has not bought."""
    folder = tmp_path_factory.mktemp("content")
    lake = Lake(spark, str(folder / "lake"))
    lake.replace("items", table(spark, ITEMS, [{"item_id": item, "category": category, "is_sellable": True, "is_declared": True}
                                              for item, category in (("i1", "Wide"), ("i2", "down"), ("i3", "books"))]))  # fmt: skip
    lake.replace("customer_item_days", item_days(spark, met("anna", "i1", 3, 1), met("bert", "i1", 5, 1), met("bert", "i2", 5, 1), met("carl", "i3", 9, 1)))
    placed = [("anna", 1, "wide"), ("bert", 2, "both"), ("carl", 3, "readers"), ("dora", 0, "not bought yet")]
    segments = [
        {"as_of": AS_OF, "segmentation": "chosen", "customer_id": who, "segment_id": number, "segment_name": name, "model_id": "m"}
        for who, number, name in placed
    ]
    lake.replace("segments", table(spark, SEGMENTS, segments))
    stripes_by_folder(folder / "pictures", 40)
    return folder


def content(shop: Path, *more: str) -> Result:
    sets = [part for one in TINY for part in ("--set", f"content.{one}")]
    return coterie("content", "--lake", str(shop / "lake"), "--as-of", str(AS_OF), *sets, *more)


@pytest.fixture(scope="module")
def first(shop: Path) -> Result:
    """What the command said when it read the images, trained and drew."""
    result = content(shop, "--images", str(shop / "pictures"))
    assert result.returncode == 0, result.stderr
    return result


def test_every_segment_gets_images_of_what_it_buys(spark: SparkSession, shop: Path, first: Result) -> None:
    assert "2 of 2 epochs done" in first.stderr
    lake = Lake(spark, str(shop / "lake"))
    counts = lake.read("generated_images").groupBy("segment_id", "category").count().collect()
    # Shop: across 2, down 1. Bert's across 1/2 x (1/2)/(2/3) = 3/8, down 1/2 x (1/2)/(1/3) = 3/4: a third and two thirds of four images.
    assert {(row[0], row[1]): row[2] for row in counts} == {
        (1, "across"): 4, (2, "across"): 1, (2, "down"): 3, (3, "across"): 3, (3, "down"): 1, (0, "across"): 3, (0, "down"): 1,
    }  # fmt: skip
    sheets = {row["segment_id"]: row for row in lake.read("contact_sheets").collect()}
    assert {number: row["mix_source"] for number, row in sheets.items()} == {0: "shop", 1: "segment", 2: "segment", 3: "shop"}
    assert Image.open(io.BytesIO(bytes(sheets[1]["png"]))).width > 100
    assert "not bought yet, readers: buy nothing that has images" in " ".join(first.stdout.split())
    model = lake.read("models").where("kind = 'gan'").collect()
    assert len(model) == 1
    assert model[0]["is_current"]
    assert Path(model[0]["location"]).is_file()
    quality = {row["measure"] for row in lake.read("content_quality").collect()}
    assert quality == {"trained_on_generated", "agreement", "class_share", "diversity", "frechet_distance", "near_copies"}


def test_an_image_is_made_again_by_its_seed(spark: SparkSession, shop: Path, first: Result) -> None:
    import torch  # noqa: PLC0415 - skipped above where it is missing

    from coterie.content.checkpoint import unpacked_model  # noqa: PLC0415 - loads torch
    from coterie.content.loop import draw  # noqa: PLC0415 - loads torch

    lake = Lake(spark, str(shop / "lake"))
    row = lake.read("generated_images").where("category = 'down'").orderBy("image_id").limit(1).collect()[0]
    weights = Path(lake.read("models").where(F.col("model_id") == row["model_id"]).collect()[0]["location"]).read_bytes()
    generator, _ = unpacked_model(weights, torch.device("cpu"))
    again = draw(generator, torch.tensor([1]), [row["seed"]])[0].permute(1, 2, 0).numpy()
    assert abs(again.astype(int) - of_png(bytes(row["png"]))).max() <= 1


def test_running_again_trains_nothing_and_changes_no_table(spark: SparkSession, shop: Path, first: Result) -> None:
    lake, tables = Lake(spark, str(shop / "lake")), ("item_images", "generated_images", "contact_sheets", "content_quality", "models")
    before = {name: lake.version(name) for name in tables}
    result = content(shop, "--images", str(shop / "pictures"))
    assert result.returncode == 0, result.stderr
    assert {name: lake.version(name) for name in tables} == before
    assert "nothing changed" in result.stdout


def test_a_failure_in_the_task_is_told_in_its_own_words(spark: SparkSession, shop: Path, first: Result) -> None:
    weights = Path(Lake(spark, str(shop / "lake")).read("models").where("kind = 'gan'").collect()[0]["location"])
    kept = weights.read_bytes()
    weights.unlink()
    result = content(shop, "--force")
    weights.write_bytes(kept)
    assert result.returncode == 1
    assert "the torch task failed: the weights" in result.stderr
    assert "train anew with --refit" in result.stderr


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (["content.min_category_images=100"], "of 2 categories of images 0 can be learned"),
        (["content.gan.batch=1000"], "content.gan.batch is 1000"),
    ],
    ids=["too few in each", "fewer than a batch"],
)
def test_too_little_to_learn_from_is_told_before_anything_starts(shop: Path, first: Result, setting: list[str], said: str) -> None:
    result = content(shop, "--force", *(part for one in setting for part in ("--set", one)))
    assert result.returncode == 2
    assert said in result.stderr


def test_a_lake_without_images_or_without_segments_says_what_to_do(spark: SparkSession, shop: Path, tmp_path: Path) -> None:
    lake = Lake(spark, str(tmp_path / "lake"))
    lake.create("segments")
    result = coterie("content", "--lake", lake.place, "--as-of", str(AS_OF))
    assert result.returncode == 2
    assert "has no images to learn from; give their place with --images" in result.stderr
    other = content(shop, "--as-of", "2020-01-01")
    assert other.returncode == 2
    assert "there are no segments as of 2020-01-01; run `coterie segments" in other.stderr


def test_two_processes_in_a_barrier_of_spark_train_one_model(spark: SparkSession, shop: Path, first: Result) -> None:
    result = content(shop, "--refit", "--set", 'content.where="workers"', "--set", "content.processes=2", "--set", "content.gan.epochs=1", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)[0]["measures"]["trained_epochs"] == 1
    kept = Lake(spark, str(shop / "lake")).read("models").where("kind = 'gan'")
    assert {row["is_current"] for row in kept.collect()} == {True, False}
