"""Segmentations in the table `models`: known by the hash of their content, newest first, and when a new one is due."""

import datetime
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StoredModel:
    """What a row of `models` says of a segmentation.

    `revision`: 1 for the first of its kind and date; a fit that gives another result on the same date is the next one. `ids`: the segment
    id of each cluster. `settings`: those it was fitted with, as JSON.
    """

    kind: str
    as_of: datetime.date
    revision: int
    settings: str
    ids: tuple[int, ...]
    content: Mapping[str, Any]

    @property
    def payload(self) -> str:
        values = {"kind": self.kind, "as_of": str(self.as_of), "revision": self.revision, "ids": list(self.ids), "content": self.content}
        return json.dumps(values, sort_keys=True, ensure_ascii=False)

    @property
    def model_id(self) -> str:
        return hashlib.sha256(self.payload.encode()).hexdigest()

    def row(self, measures: Mapping[str, float], schema_version: int) -> dict[str, Any]:
        """The row of `models`, as the current model."""
        return {
            "model_id": self.model_id,
            "kind": self.kind,
            "as_of": self.as_of,
            "settings": self.settings,
            "measures": dict(measures),
            "schema_version": schema_version,
            "is_current": True,
            "payload": self.payload,
            "location": None,
        }

    @property
    def is_empty(self) -> bool:
        """Whether nobody had bought when it was fitted, so that it knows segment 0 alone."""
        return self.content.get("model", self.content.get("rules")) is None

    @staticmethod
    def from_row(settings: str, payload: str) -> "StoredModel":
        """The model of the columns `settings` and `payload`."""
        values = json.loads(payload)
        as_of = datetime.date.fromisoformat(values["as_of"])
        return StoredModel(values["kind"], as_of, values["revision"], settings, tuple(values["ids"]), values["content"])

    @staticmethod
    def outline(kind: str, as_of: datetime.date, revision: str, ids: str) -> "StoredModel":
        """What decides between models and which ids are taken, from the payload's parts as JSON: without settings and content, so it cannot assign."""
        return StoredModel(kind, as_of, int(revision), "", tuple(json.loads(ids)), {})


def newest(models: Iterable[StoredModel], as_of: datetime.date = datetime.date.max) -> StoredModel | None:
    """The model to assign with as of a date: of those fitted on the date or before, the newest date's newest revision.

    Models of later dates do not count, so that a date that is done again is done with the model it had.
    """
    known = [model for model in models if model.as_of <= as_of]
    return max(known, key=lambda model: (model.as_of, model.revision), default=None)


def why_fit(model: StoredModel | None, as_of: datetime.date, settings: str, refit: bool, refit_days: int, buyers: int) -> str:
    """Why a new fit is due, in words; empty where `model` goes on assigning. `buyers`: customers who have bought."""
    if model is None:
        return "there is no model yet"
    if model.is_empty and buyers:
        return "nobody had bought when the model was fitted"
    if refit:
        return "a refit was asked for"
    if json.loads(model.settings) != json.loads(settings):
        return "settings changed"
    age = (as_of - model.as_of).days
    return f"the model is {age} days old, above {refit_days}" if age > refit_days else ""


def registered(kind: str, as_of: datetime.date, settings: str, content: Mapping[str, Any], ids: Sequence[int], last: StoredModel | None) -> StoredModel:
    """A fit as it is stored: `last` again where the same date gave the same result with the same settings, else a new revision."""
    content = json.loads(json.dumps(content))  # as it will be read again
    if last is None or last.as_of != as_of:
        return StoredModel(kind, as_of, 1, settings, tuple(ids), content)
    again = StoredModel(kind, as_of, last.revision, settings, tuple(ids), content)
    return last if again == last else StoredModel(kind, as_of, last.revision + 1, settings, tuple(ids), content)


def highest_id(models: Iterable[StoredModel], as_of: datetime.date) -> int:
    """The largest segment id that models of other dates have given; 0 where there is none. What this date had is about to be replaced."""
    return max((segment_id for model in models if model.as_of != as_of for segment_id in model.ids), default=0)
