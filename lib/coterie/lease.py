"""One writer a lake: a lease, taken and renewed by conditional commits to a one-row Delta table.

Delta's optimistic concurrency is the compare-and-set: of two jobs that take a free lease at once, one commit fails.
"""

import os
import socket
import threading
from types import TracebackType

from coterie.errors import LakeError, LeaseError
from coterie.lake import Lake


class Lease:
    """A context manager that holds the lake. Raises LeaseError, saying who holds it since when, where another job does."""

    def __init__(self, lake: Lake, run: str, seconds: int) -> None:
        self.lake, self.seconds = lake, seconds
        self.holder = f"{run} on {socket.gethostname()} (process {os.getpid()})"
        self._stop, self._lost = threading.Event(), False

    def __enter__(self) -> "Lease":
        self._ensure_row()
        if not self._update("taken_at = current_timestamp(), ", "(holder IS NULL OR expires_at < current_timestamp())"):
            held = self.lake.read("lease").selectExpr("holder", "CAST(taken_at AS string)", "CAST(expires_at AS string)").collect()[0]
            raise LeaseError(
                f"the lake '{self.lake.place}' is being written by {held[0]} since {held[1]} UTC; "
                f"wait for it to end (if it died, its lease runs out at {held[2]} UTC)"
            )
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()
        return self

    def check(self) -> None:
        """Raises LeaseError where the lease ran out meanwhile (a process that slept, say) and another job may be writing."""
        if self._lost:
            raise LeaseError(f"{self.holder} lost its lease of the lake '{self.lake.place}'; run the job again")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        if not self._lost:
            self.lake.spark.sql(f"UPDATE {self._table} SET holder = NULL, expires_at = NULL WHERE holder = '{self.holder}'").collect()

    @property
    def _table(self) -> str:
        return self.lake.name_of("lease")

    def _ensure_row(self) -> None:
        if self._has_row():
            return
        free = self.lake.spark.createDataFrame([("writer",)], "name string").selectExpr(
            "name", "CAST(NULL AS string) AS holder", "CAST(NULL AS timestamp) AS taken_at", "CAST(NULL AS timestamp) AS expires_at"
        )
        try:
            self.lake.append("lease", free, once="lease")
        except LakeError:
            if not self._has_row():  # else another job put it there first
                raise

    def _has_row(self) -> bool:
        return bool(self.lake.read("lease").limit(1).collect())  # the table has one row at most

    def _update(self, also: str, condition: str) -> bool:
        """Sets holder and expiry where the condition holds; false where it did not, or another commit came first."""
        try:
            changed = self.lake.spark.sql(
                f"UPDATE {self._table} SET {also} holder = '{self.holder}', "
                f"expires_at = current_timestamp() + INTERVAL {self.seconds} SECONDS WHERE name = 'writer' AND {condition}"
            ).collect()[0][0]
        except LakeError:
            raise
        except Exception as error:  # the same refusal has another type on Classic than on Connect
            if "DELTA_CONCURRENT" in str(error) or "Concurrent" in type(error).__name__:
                return False
            raise
        return bool(changed == 1)

    def _renew(self) -> None:
        while not self._stop.wait(self.seconds / 3):
            self._lost = not self._update("", f"holder = '{self.holder}'")
            if self._lost:
                return
