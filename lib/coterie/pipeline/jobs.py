"""The jobs by name, and how they are run one after another under one lease."""

import contextlib
import datetime
import time
import uuid
from collections.abc import Sequence
from typing import Any

from coterie.errors import CoterieError, UserError, first_line, storage_error
from coterie.lake import Lake
from coterie.lease import Lease
from coterie.pipeline.content import run_content
from coterie.pipeline.evaluation import run_evaluate
from coterie.pipeline.features import run_features
from coterie.pipeline.images import run_images
from coterie.pipeline.ingest import run_ingest
from coterie.pipeline.maintain import run_maintain
from coterie.pipeline.recommend import run_recommend
from coterie.pipeline.run import Job, Progress, Run, clock_of, fingerprint, finish, finished_run, latest_event_date, require_lake, was_interrupted, write_event
from coterie.pipeline.segments import run_segments
from coterie.pipeline.tuning import run_tune
from coterie.pipeline.undo import take_back
from coterie.pipeline.upgrade import run_upgrade
from coterie.session import plain_plans, with_options
from coterie.settings import Settings

JOBS: dict[str, Job] = {
    job.name: job
    for job in (
        Job("ingest", run_ingest, (), (), has_as_of=False),
        Job("features", run_features, ("events", "items", "customers"), ("shop", "features"), by_date=("customer_features",)),
        Job(
            "segments",
            run_segments,
            ("customer_features", "customer_item_days", "items"),
            ("vector", "segments", "feature_sets"),
            file=lambda settings: settings.segments.rules,
            goes_on=True,
            by_date=(
                "segment_agreement", "segment_candidates", "segment_flows", "segment_moves", "segment_profiles", "segment_projection", "segments",
            ),
        ),
        Job(
            "recommend",
            run_recommend,
            ("customer_features", "customer_item_days", "cancellations", "items", "segments"),
            ("recommend", "items"),
            by_date=("recommendation_quality", "recommendations", "segment_recommendations", "similar_customers"),
        ),
        Job("images", run_images, (), (), has_as_of=False),
        Job(
            "content",
            run_content,
            ("item_images", "segments", "customer_item_days", "cancellations", "items"),
            ("content",),
            by_date=("contact_sheets", "generated_images"),
        ),
        Job("evaluate", run_evaluate, (), (), has_as_of=False),
        Job("tune", run_tune, (), ()),
        Job("maintain", run_maintain, (), (), has_as_of=False),
        Job("upgrade", run_upgrade, (), (), has_as_of=False),
    )
}

_MAKERS = {"ingest", "images", "evaluate"}  # they make a lake where there is none


def execute(
    lake: Lake,
    names: Sequence[str],
    settings: Settings,
    as_of: datetime.date | None = None,
    options: dict[str, Any] | None = None,
    progress: Progress = lambda job, words: None,
    force: bool = False,
) -> list[dict[str, Any]]:
    """Runs the named jobs in turn and gives the values of their `finished` rows, `seconds` added.

    `as_of` None means the latest event date. A job whose inputs, settings and date are those of its last finished run
    is not done again, unless `force`. Whatever a job raises is recorded as `failed` and passed on; of what a disk or store refuses
    StorageError is made.
    """
    try:
        return _in_turn(lake, names, settings, as_of, dict(options or {}), progress, force)
    except CoterieError:
        raise
    except Exception as error:
        refused = storage_error(error, lake.place)
        if refused is None:
            raise
        raise refused from error


def _in_turn(
    lake: Lake, names: Sequence[str], settings: Settings, as_of: datetime.date | None, options: dict[str, Any], progress: Progress, force: bool
) -> list[dict[str, Any]]:
    if not _MAKERS & {*names}:
        require_lake(lake)
    command_id, done = uuid.uuid4().hex, []
    lease = Lease(lake, f"coterie {'+'.join(names)} ({command_id[:8]})", settings.lake.lease_seconds)
    with contextlib.ExitStack() as held:
        with plain_plans(lake.spark, 0):
            held.enter_context(lease)
            clock = clock_of(lake)
        for name in names:
            job = JOBS[name]
            run = Run(name, lake, settings, as_of if job.has_as_of else None, lease, command_id, dict(options), progress, clock=clock)
            if job.has_as_of:
                as_of = run.as_of = _checked(as_of, run) if as_of else latest_event_date(run)
            began = time.monotonic()
            values = _one(job, run, force)
            values["seconds"] = time.monotonic() - began
            done.append(values)
    return done


def _checked(as_of: datetime.date, run: Run) -> datetime.date:
    """Raises UserError for a date that has not come: it would be the newest of all for good."""
    if as_of > run.last_day():
        raise UserError(f"the as-of date {as_of} has not come yet; give a day up to {run.last_day()}, or leave it out for the latest day with an event")
    return as_of


def _one(job: Job, run: Run, force: bool) -> dict[str, Any]:
    run.step("looking what is new")
    with plain_plans(run.spark, 0):  # of `runs` a row a run
        digest = fingerprint(job, run.lake, run.settings, run.as_of) if job.inputs else None
        last = finished_run(run.lake, job.name, run.as_of) if digest and not force else None
        if last is not None and last["fingerprint"] == digest and not was_interrupted(run, of_date=True):
            run.measures, run.versions_read = dict(last["measures"] or {}), dict(last["tables_read"] or {})
            run.say("nothing changed since the last run: its results stand")
            return finish(run, digest)
        write_event(run, "started")
    try:
        with with_options(run.spark, {"spark.databricks.delta.commitInfo.userMetadata": run.run_id}):
            if job.has_as_of:
                take_back(run, job.by_date)
            job.function(run)
    except BaseException as error:
        run.say(f"{type(error).__name__}: {first_line(error)[:500]}")
        with contextlib.suppress(Exception):  # what went wrong is what is told: where nothing can be written it shows as interrupted
            write_event(run, "failed")
        raise
    with plain_plans(run.spark, 0):
        return finish(run, digest)
