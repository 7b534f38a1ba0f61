"""Sessions: what a user is told where Spark cannot start. Each case is a process of its own."""

import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from coterie.jars import known_jars, remember_jars
from coterie.java import java_options
from coterie.lake import Lake
from coterie.session import plain_plans


def coterie(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SPARK_", "PYSPARK_", "COTERIE_"))}
    command = [sys.executable, "-c", "from coterie.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=kept | environment, timeout=200, check=False)


def java_that_says(folder: Path, version: str, modules: str) -> str:
    """A JAVA_HOME whose java answers as an old or a trimmed one does."""
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f'#!/bin/sh\ncase "$1" in -version) echo \'openjdk version "{version}"\' >&2;; --list-modules) echo {modules};; esac\n')
    java.chmod(java.stat().st_mode | stat.S_IXUSR)
    return str(folder)


@pytest.mark.parametrize(
    ("version", "modules", "said"),
    [
        ("1.8.0_392", "java.base", 'found openjdk version "1.8.0_392"; Spark 4 needs a JDK 17 or 21'),
        ("17.0.9", "java.base@17", "a trimmed one, without jdk.incubator.vector; Spark needs a full JDK 17 or 21"),
    ],
)
def test_a_java_too_old_or_trimmed_is_named_with_what_to_install(tmp_path: Path, version: str, modules: str, said: str) -> None:
    result = coterie("runs", "--lake", str(tmp_path / "lake"), JAVA_HOME=java_that_says(tmp_path / "jdk", version, modules))
    assert (result.returncode, said in result.stderr) == (2, True), result.stderr
    assert "Traceback" not in result.stderr


def test_no_java_at_all_is_told(tmp_path: Path) -> None:
    result = coterie("runs", "--lake", str(tmp_path / "lake"), PATH=str(tmp_path), JAVA_HOME="")
    assert (result.returncode, "found no Java" in result.stderr) == (2, True), result.stderr


def test_a_resolver_out_of_reach_is_told_with_the_way_around_it(tmp_path: Path) -> None:
    settings = tmp_path / "ivy.xml"
    settings.write_text(
        '<ivysettings><settings defaultResolver="gone"/><resolvers>'
        '<ibiblio name="gone" m2compatible="true" root="http://127.0.0.1:9/"/></resolvers></ivysettings>'
    )
    override = f'spark.conf={{"spark.jars.ivySettings" = "{settings}", "spark.jars.ivy" = "{tmp_path / "ivy"}"}}'
    conf = tmp_path / "conf.toml"
    conf.write_text(f"[spark]\n{override.replace('spark.conf=', 'conf = ')}\n")
    result = coterie("ingest", "--lake", str(tmp_path / "lake"), "--source", "cdnow", "--input", "x", "--conf", str(conf))
    assert result.returncode == 2, result.stderr
    assert "could not fetch Delta's JAR" in result.stderr


def test_a_connect_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    conf = tmp_path / "conf.toml"
    conf.write_text('[spark]\nremote = "sc://127.0.0.1:9/"\n')
    result = coterie("maintain", "--lake", str(tmp_path / "lake"), "--conf", str(conf))
    assert (result.returncode, "no Spark Connect server answers at sc://127.0.0.1:9/" in result.stderr) == (2, True), result.stderr


def test_what_delta_says_of_a_vacuum_stands_neither_in_a_commands_json_nor_in_a_file_that_stays(lake: Lake, tmp_path: Path) -> None:
    lake.create("segment_agreement")
    result = coterie("maintain", "--lake", lake.place, "--json", "--quiet", TMPDIR=str(tmp_path))
    assert list(tmp_path.glob("coterie-*")) == []
    assert [row["measures"] for row in json.loads(result.stdout)] == [{"tables": 3.0}], result.stderr


def test_the_first_session_writes_the_archive_of_classes_and_later_ones_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    written = java_options("a java", True, brief=False).partition("-XX:ArchiveClassesAtExit=")[2]
    assert Path(written).parent == tmp_path / "coterie"
    assert java_options("another java", True, brief=False).partition("-XX:ArchiveClassesAtExit=")[2] != written
    Path(written).touch()
    assert java_options("a java", True, brief=False).endswith(f"-XX:SharedArchiveFile={written}")
    assert "Archive" not in java_options("a java", False, brief=False)
    assert "TieredStopAtLevel=1" in java_options("a java", False, brief=True)


@pytest.mark.parametrize(("rows", "adaptive"), [(0, "false"), (50_000, "false"), (50_001, "true")])
def test_plans_over_few_rows_run_as_they_are_and_others_as_before(spark: SparkSession, rows: int, adaptive: str) -> None:
    before = spark.conf.get("spark.sql.adaptive.enabled"), spark.conf.get("spark.sql.shuffle.partitions")
    with plain_plans(spark, rows):
        assert spark.conf.get("spark.sql.adaptive.enabled") == adaptive
        assert spark.range(5).repartition("id").count() == 5
    assert (spark.conf.get("spark.sql.adaptive.enabled"), spark.conf.get("spark.sql.shuffle.partitions")) == before


def test_where_there_is_no_place_for_the_archive_none_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "Archive" not in java_options("a java", True, brief=False)
    remember_jars("a:b:1", "file:///x.jar")
    with known_jars("a:b:1") as jars:
        assert jars == ""


def test_the_jars_that_were_resolved_once_are_used_while_they_are_all_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jars = [tmp_path / "one.jar", tmp_path / "two.jar"]
    for jar in jars:
        jar.touch()
    found = ",".join(f"file://{jar}" for jar in jars)
    with known_jars("a:b:1") as before:
        remember_jars("a:b:1", found)
    with known_jars("a:b:1") as known, known_jars("a:b:2") as others:
        assert (before, known, others) == ("", found, "")
    jars[1].unlink()
    with known_jars("a:b:1") as gone:
        assert gone == ""


def test_one_session_at_a_time_asks_the_resolver_and_the_next_starts_with_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jar = tmp_path / "one.jar"
    jar.touch()

    def next_session() -> str:
        with known_jars("a:b:1") as jars:
            return jars

    with ThreadPoolExecutor() as sessions:
        with known_jars("a:b:1") as jars:
            waiting = sessions.submit(next_session)
            assert jars == ""
            assert not wait([waiting], timeout=0.5).done
            remember_jars("a:b:1", f"file://{jar}")
        assert waiting.result(10) == f"file://{jar}"
