"""Segmentations in the table `models`."""

import datetime
import hashlib
import json
from typing import Any

from coterie.segments.stored import StoredModel, highest_id, newest, registered, why_fit

MARCH, APRIL, MAY = (datetime.date(2024, month, 1) for month in (3, 4, 5))


def stored(as_of: datetime.date, revision: int = 1, ids: tuple[int, ...] = (1, 2), **content: Any) -> StoredModel:
    return StoredModel("kmeans", as_of, revision, "{}", ids, content or {"model": {"centres": [[0.0]]}})


def test_the_id_is_the_hash_of_the_payload_and_a_row_reads_back_as_the_model() -> None:
    model = stored(MARCH)
    row = model.row({"silhouette": 0.4}, 1)
    assert row["model_id"] == hashlib.sha256(row["payload"].encode()).hexdigest()
    assert (row["kind"], row["as_of"], row["is_current"], row["measures"]) == ("kmeans", MARCH, True, {"silhouette": 0.4})
    assert StoredModel.from_row(row["settings"], row["payload"]) == model


def test_the_newest_model_up_to_the_date_assigns_and_later_ones_do_not_count() -> None:
    models = [stored(MARCH), stored(APRIL), stored(APRIL, 2), stored(MAY)]
    assert newest(models, APRIL) == models[2]
    assert newest(models, datetime.date(2024, 2, 1)) is None
    assert newest(models) == models[3]


def test_a_fit_is_due_with_its_reason() -> None:
    model, empty = stored(MARCH), stored(MARCH, model=None)
    assert why_fit(None, APRIL, "{}", False, 90, 5) == "there is no model yet"
    assert why_fit(model, APRIL, "{}", True, 90, 5) == "a refit was asked for"
    assert why_fit(model, APRIL, '{"k": 4}', False, 90, 5) == "settings changed"
    assert why_fit(model, APRIL, "{}", False, 30, 5) == "the model is 31 days old, above 30"
    assert why_fit(empty, APRIL, "{}", False, 90, 5) == "nobody had bought when the model was fitted"


def test_a_model_serves_until_it_is_too_old() -> None:
    assert why_fit(stored(MARCH), APRIL, "{}", False, 31, 5) == ""
    assert why_fit(stored(MARCH, model=None), APRIL, "{}", False, 31, 0) == ""


def test_the_same_fit_on_the_same_date_is_the_same_model() -> None:
    last = stored(MARCH, 3)
    assert registered("kmeans", MARCH, "{}", last.content, last.ids, last) is last


def test_another_result_on_the_same_date_is_the_next_revision() -> None:
    last = stored(MARCH, 3)
    found = registered("kmeans", MARCH, "{}", {"model": {"centres": [[1.0]]}}, last.ids, last)
    assert (found.revision, found.as_of) == (4, MARCH)
    assert registered("kmeans", APRIL, "{}", last.content, last.ids, last).revision == 1


def test_content_compares_as_it_is_read_again() -> None:
    last = stored(MARCH, model={"centres": [[0.1, 0.2]]})
    assert registered("kmeans", MARCH, "{}", {"model": {"centres": ((0.1, 0.2),)}}, last.ids, last) is last
    assert json.loads(last.payload)["content"] == {"model": {"centres": [[0.1, 0.2]]}}


def test_ids_of_the_date_that_is_replaced_do_not_count_as_used() -> None:
    assert highest_id([stored(MARCH, ids=(1, 5)), stored(APRIL, ids=(1, 9))], APRIL) == 5
    assert highest_id([], APRIL) == 0
