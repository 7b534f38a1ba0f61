"""The lease: one writer, the second told who the first is."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coterie.errors import LeaseError
from coterie.lake import Lake
from coterie.lease import Lease


def take_away(lake: Lake, thief: str) -> None:
    """Another holder, whatever the lease says; tried again where the owner renews at this very moment."""
    for _ in range(5):
        with contextlib.suppress(Exception):
            lake.spark.sql(f"UPDATE {lake.name_of('lease')} SET holder = '{thief}'").collect()
            return


def lost(lease: Lease) -> bool:
    try:
        lease.check()
    except LeaseError:
        return True
    return False


def test_a_second_job_is_told_who_writes_and_gets_the_lake_when_the_first_ends(lake: Lake) -> None:
    with Lease(lake, "first", 60), pytest.raises(LeaseError, match=r"written by first on .* since 20"), Lease(lake, "second", 60):
        pass
    with Lease(lake, "second", 60):
        holder = lake.read("lease").collect()[0]["holder"]
    assert holder.startswith("second")
    assert lake.read("lease").collect()[0]["holder"] is None


def test_of_two_jobs_that_begin_at_once_on_an_empty_lake_one_gets_it(lake: Lake) -> None:
    def begin(name: str) -> str:
        try:
            Lease(Lake(lake.spark, lake.place), name, 60).__enter__()
        except LeaseError:
            return "refused"
        return "held"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(begin, ("one", "other"))) == ["held", "refused"]


def test_a_lease_is_renewed_while_it_is_held_and_lost_where_another_took_it(lake: Lake) -> None:
    with Lease(lake, "first", 6) as lease:
        before = lake.read("lease").collect()[0]["expires_at"]
        time.sleep(4.5)
        assert lake.read("lease").collect()[0]["expires_at"] > before
        lease.check()
        take_away(lake, "thief")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not lost(lease):
            time.sleep(0.2)
        with pytest.raises(LeaseError, match="lost its lease"):
            lease.check()
    assert lake.read("lease").collect()[0]["holder"] == "thief"


def test_a_lease_left_by_a_job_that_died_runs_out(lake: Lake) -> None:
    lease = Lease(lake, "dead", 60)
    lease._ensure_row()
    lake.spark.sql(f"UPDATE {lake.name_of('lease')} SET holder = 'dead', expires_at = current_timestamp() - INTERVAL 1 SECOND").collect()
    with Lease(lake, "heir", 60):
        assert lake.read("lease").collect()[0]["holder"].startswith("heir")


def test_a_lease_outlives_a_store_that_does_not_answer_for_a_while_but_not_for_longer_than_it_lasts(lake: Lake) -> None:
    table, away = Path(lake.place, "lease"), Path(lake.place, "away")

    def hide() -> None:  # a file in the folder's place: a renewal that is under way cannot make the folder again
        table.rename(away)
        table.touch()

    def put_back() -> None:
        table.unlink()
        away.rename(table)

    with Lease(lake, "first", 9) as lease:
        hide()
        time.sleep(4)
        put_back()
        time.sleep(7)
        lease.check()
        hide()
        time.sleep(10)
        with pytest.raises(LeaseError, match="lost its lease"):
            lease.check()
        put_back()
