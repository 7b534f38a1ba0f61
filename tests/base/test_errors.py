"""What is told of a disk or store that refuses, and out of the pages that others say."""

import pytest

from coterie.errors import class_of, first_line, said_by_spark, storage_error

FULL = "An error occurred while calling o1.save.\n: org.apache.hadoop.fs.FSError: java.io.IOException: No space left on device\n\tat java.base/..."


def test_a_full_disk_is_told_in_one_line_out_of_pages_of_java() -> None:
    told = str(storage_error(Exception(FULL), "lake"))
    assert told.startswith("'lake', or a disk that Spark works on, cannot be written to (org.apache.hadoop.fs.FSError: java.io.IOException: No space left")
    assert told.endswith("then run the same command again")
    assert "\n" not in told


@pytest.mark.parametrize("said", ["Read-only file system", "Permission denied", "AccessControlException"])
def test_so_is_a_place_that_may_not_be_written_to(said: str) -> None:
    assert said in str(storage_error(OSError(30, said), "lake"))


def test_what_was_refused_is_told_where_it_ends_a_long_line() -> None:
    told = str(storage_error(Exception(f"Job aborted: {'lost task, ' * 60}FileNotFoundException: /lake/part-0 (Read-only file system)"), "lake"))
    assert "FileNotFoundException: /lake/part-0 (Read-only file system); a reader" in told


def test_another_error_is_not_taken_for_one_of_storage() -> None:
    assert storage_error(ValueError("no column 'space'"), "lake") is None


def test_of_what_others_say_the_first_line_is_told_and_of_a_failed_task_no_row() -> None:
    assert said_by_spark(Exception(FULL)) == "org.apache.hadoop.fs.FSError: java.io.IOException: No space left on device"
    failed = "An error occurred while calling o1.save."
    assert first_line(Exception(f"{failed}\n: org.x.Failed: [CAST_INVALID_INPUT] The value 'Ann'")) == failed  # it goes into `runs`
    assert first_line(ValueError("\n a\nb")) == "a"
    assert first_line(ValueError()) == "ValueError"


def test_spark_and_delta_are_heard_where_they_name_the_class_of_an_error() -> None:
    told = said_by_spark(Exception("An error occurred while calling o1.sql.\n: org.x.DeltaError: [DELTA_A_2] The log\nwas lost.\n\tat org.x"))
    assert told == "[DELTA_A_2] The log"
    assert class_of(Exception("An error occurred while calling o1.x.\n: org.x.Failed: [CAST_INVALID_INPUT] The value 'Ann'")) == "[CAST_INVALID_INPUT]"
    assert class_of(ValueError("Ann")) == "ValueError"
    assert said_by_spark(Exception("column [X] is not there")) == "column [X] is not there"
