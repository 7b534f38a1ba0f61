"""What runs in a torch process, run here: checkpoints, and what goes wrong with them."""

import json
import os
import pickle
import resource
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.content.image_files import striped

torch = pytest.importorskip("torch", reason="torch is missing: install the extra `content`")

from coterie.content import task  # noqa: E402 - after the skip
from coterie.content.loop import State, train  # noqa: E402
from coterie.content.pictures import as_png  # noqa: E402
from coterie.content.plans import CHECKPOINT, FAILURE, PROGRESS, JudgePlan, Recipe, TrainPlan, Wish, judge_in_task, train_in_task  # noqa: E402
from coterie.content.storage import Place, read_pixels  # noqa: E402
from coterie.content.task import TaskError  # noqa: E402

SMALL = Recipe(8, 4, 10, 3, "least_squares", 1e-3, 1e-3, 0.9, 0.1, 0.4, 1, "float32")


@pytest.fixture
def plan(tmp_path: Path) -> TrainPlan:
    """Training data of 40 stripes across and 40 down, a quarter of them for tests, in two files."""
    rows = [
        {"label": label, "is_test": index % 4 == 0, "png": as_png(picture[:, :, None].repeat(3, 2))}
        for label in (0, 1)
        for index, picture in enumerate(striped(40, label == 0, label))
    ]
    (tmp_path / "images").mkdir()
    for part in (0, 1):
        pq.write_table(pa.Table.from_pylist(rows[part::2]), tmp_path / "images" / f"{part}.parquet")
    return TrainPlan(str(tmp_path / "images"), str(tmp_path / "work"), str(tmp_path / "models"), 60, ("across", "down"), "d1", 1, SMALL)


class Killed(BaseException):
    """Stands for a signal."""


def killed(plan: TrainPlan, epoch: int) -> None:
    """Trains until the checkpoint of the epoch is written, and is ended there without a note."""

    def cut(*given: Any) -> None:
        *others, after, told = given

        def end(state: State, metrics: dict[str, float]) -> None:
            after(state, metrics)
            if state.epoch == epoch:
                raise Killed

        train(*others, end, told)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task, "train", cut)
        with pytest.raises(Killed):
            train_in_task(plan)
    Place(plan.work).remove(FAILURE)


def test_each_process_reads_every_nth_file(plan: TrainPlan) -> None:
    whole, halves = read_pixels(Place(plan.images), 0, 1), [read_pixels(Place(plan.images), part, 2) for part in (0, 1)]
    assert whole[0].shape == (60, 3, 8, 8)
    assert [len(labels) for _, labels in halves] == [20, 40]  # index % 4 == 0 are all in the first file
    assert sorted(whole[1].tolist()) == [0] * 30 + [1] * 30
    assert len(read_pixels(Place(plan.images), 0, 1, is_test=True)[1]) == 20


def test_a_run_cut_short_goes_on_and_ends_with_the_same_weights(plan: TrainPlan, tmp_path: Path) -> None:
    undisturbed = train_in_task(plan)
    other = replace(plan, work=str(tmp_path / "again"))
    killed(other, 2)
    resumed = train_in_task(other)
    assert resumed["resumed_after"] == 2
    assert resumed["model_id"] == undisturbed["model_id"]
    assert [metrics["epoch"] for metrics in resumed["metrics"]] == [1, 2, 3]
    assert json.loads((tmp_path / "again" / PROGRESS).read_bytes())["epoch"] == 3


@pytest.mark.parametrize(("gpus", "processes", "device"), [(0, 1, "cpu"), (1, 1, "cuda:0"), (1, 2, "cpu"), (2, 2, "cuda:1")])
def test_gpus_are_used_where_each_process_has_one(monkeypatch: pytest.MonkeyPatch, gpus: int, processes: int, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    monkeypatch.setenv("LOCAL_RANK", str(processes - 1))
    assert str(task.own_device()) == device


def test_a_training_that_diverges_stops_and_keeps_nothing(plan: TrainPlan) -> None:
    with pytest.raises(TaskError, match=r"the training diverged in epoch 1 \(losses .*set lower rates"):
        train_in_task(replace(plan, recipe=replace(SMALL, generator_rate=1e30, discriminator_rate=1e30)))
    assert Place(plan.work).read(CHECKPOINT) is None
    assert not list(Path(plan.models).glob("*"))


def test_of_two_processes_the_one_that_failed_leaves_its_own_words(plan: TrainPlan) -> None:
    (Path(plan.images) / "1.parquet").write_bytes(b"PAR1 and no more")  # the second process's
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    call = "import pickle, sys; from coterie.content.plans import train_in_task; train_in_task(pickle.load(sys.stdin.buffer))"
    told = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    both = [
        subprocess.Popen([sys.executable, "-c", call], stdin=subprocess.PIPE, env={**os.environ, **told, "RANK": rank, "LOCAL_RANK": rank})
        for rank in ("0", "1")
    ]
    for one in both:
        one.stdin.write(pickle.dumps(plan))
        one.stdin.close()
    assert [one.wait(200) for one in both] == [1, 1]
    assert "arquet" in json.loads((Path(plan.work) / FAILURE).read_bytes())["message"]


def test_a_checkpoint_of_another_revision_is_refused(plan: TrainPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(plan, 1)
    monkeypatch.setattr(task, "REVISION", task.REVISION + 1)
    with pytest.raises(TaskError, match=r"is of another training \(its revision differ\)"):
        train_in_task(plan)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plan: replace(plan, recipe=replace(SMALL, channels=8)), "is of another training (its recipe differ)"),
        (lambda plan: replace(plan, recipe=replace(SMALL, epochs=4)), "is of another training (its recipe differ)"),
        (lambda plan: replace(plan, data="d2"), "is of another training (its data differ)"),
        (lambda plan: plan, "is not readable as one"),
    ],
    ids=["other architecture", "other epochs", "other images", "no checkpoint at all"],
)
def test_a_checkpoint_that_does_not_belong_is_refused_and_told_to_the_driver(plan: TrainPlan, change, said: str) -> None:
    killed(plan, 1)
    changed = change(plan)
    if changed is plan:
        (Path(plan.work) / CHECKPOINT).write_bytes(b"no checkpoint")
    with pytest.raises(TaskError, match="take it away to begin anew") as refused:
        train_in_task(changed)
    assert said in str(refused.value)
    assert json.loads((Path(plan.work) / FAILURE).read_bytes())["message"] == str(refused.value)


def test_bytes_cut_off_are_told_with_their_place(plan: TrainPlan, tmp_path: Path) -> None:
    killed(plan, 1)
    checkpoint = Path(plan.work) / CHECKPOINT
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    with pytest.raises(TaskError, match=f"the checkpoint {checkpoint} does not fit or is damaged: .*; take it away to begin anew"):
        train_in_task(plan)
    checkpoint.unlink()
    model = train_in_task(plan)["model_id"]
    weights = Path(plan.models) / f"{model}.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(TaskError, match=f"the weights {weights} are damaged .*; train anew with --refit"):
        judge_in_task(JudgePlan(plan.images, str(tmp_path / "notes"), plan.models, model, str(tmp_path / "out"), (), 4, 0.0, 0.0, 100, 30, 1, 1))


def test_a_disk_that_is_full_leaves_the_checkpoint_before(plan: TrainPlan) -> None:
    """A limit on the size of files stands for the disk: writing fails in the same call."""
    killed(plan, 1)
    before = (Path(plan.work) / CHECKPOINT).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(TaskError, match=r"the checkpoint of epoch 2 .* could not be written .*; that of epoch 1 stands"):
            train_in_task(plan)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (Path(plan.work) / CHECKPOINT).read_bytes() == before
    assert not list(Path(plan.work).glob("*.part"))
    assert train_in_task(plan)["resumed_after"] == 1


def test_judging_measures_and_draws_what_is_wished_and_counts_what_it_refuses(plan: TrainPlan, tmp_path: Path) -> None:
    model = train_in_task(plan)["model_id"]
    wishes = (Wish("chosen", 1, 0, 3), Wish("chosen", 2, 1, 2))
    ask = JudgePlan(plan.images, str(tmp_path / "notes"), plan.models, model, str(tmp_path / "out"), wishes, 4, 0.0, 0.0, 100, 30, 1, 1)
    result = judge_in_task(ask)
    assert result["refused"] == {}
    assert result["wanting"] == []
    drawn = pq.read_table(tmp_path / "out" / "drawn.parquet").to_pylist()
    assert [(row["segment_id"], row["label"]) for row in drawn] == [(1, 0)] * 3 + [(2, 1)] * 2
    assert len({row["image_id"] for row in drawn}) == 5
    measured = {(row["measure"], row["category"]): row for row in result["measures"]}
    assert measured["trained_on_generated", ""]["reference"] > 0.9  # stripes across and down are easily told apart
    assert measured["class_share", "down"]["reference"] == pytest.approx(0.5, abs=0.1)
    choosy = judge_in_task(replace(ask, min_probability=1.0))
    assert choosy["refused"] == {"unlike_category": 4 * 5}
    assert choosy["wanting"] == [(wishes[0], 3), (wishes[1], 2)]
    with pytest.raises(TaskError, match="train anew with --refit"):
        judge_in_task(replace(ask, model_id="gone"))
