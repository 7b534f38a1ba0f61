#!/usr/bin/env bash
# The suite on the Spark versions that Databricks has, beside the one of pyproject.toml: tests/versions.sh [pytest's arguments]
# Each in an environment of its own, kept in VERSIONS (else a folder that is thrown away).
set -euo pipefail
cd "$(dirname "$0")/.."
place=${VERSIONS:-$(mktemp -d)}

while read -r spark delta <&3; do
  python="$place/$spark/bin/python"
  if ! test -x "$python"; then
    python3 -m venv "$place/$spark"
    "$python" -m pip install -q -e '.[dev]'
    "$python" -m pip install -q "pyspark[connect]==$spark" "delta-spark==$delta" 2> /dev/null  # pip says that pyproject.toml wants another
  fi
  echo "== pyspark $spark, delta-spark $delta"
  "$python" -m pytest "$@"
done 3<<'PAIRS'
4.0.5 4.0.1
4.1.1 4.1.0
PAIRS
