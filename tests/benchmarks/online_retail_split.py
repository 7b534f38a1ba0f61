"""The Online Retail split that README's table is measured on: TRAIN before 2011-11-12, TEST from that day on.

usage: python tests/benchmarks/online_retail_split.py BY_DAY_FOLDER OUT_FOLDER

Product codes only (five digits first), positive quantity and price, known customers. Columns: user, item, time, title.
"""

import sys
from pathlib import Path

import pandas as pd

FIRST_TEST_DAY = "2011-11-12"


def main(source: Path, out: Path) -> None:
    kinds = {"StockCode": str, "InvoiceNo": str}
    rows = pd.concat(pd.read_csv(path, dtype=kinds) for path in sorted(source.glob("*.csv")))
    rows = rows[rows["StockCode"].str.match(r"^\d{5}") & (rows["Quantity"] > 0) & (rows["UnitPrice"] > 0) & rows["CustomerID"].notna()]
    split = pd.DataFrame(
        {
            "user": rows["CustomerID"].astype(int).astype(str),
            "item": rows["StockCode"].str.upper(),
            "time": rows["InvoiceDate"].str[:10],
            "title": rows["Description"],
        }
    )
    out.mkdir(parents=True, exist_ok=True)
    is_train = split["time"] < FIRST_TEST_DAY
    split[is_train].to_csv(out / "train.csv", index=False)
    split[~is_train].to_csv(out / "test.csv", index=False)
    sys.stdout.write(f"{is_train.sum():,} rows of TRAIN and {(~is_train).sum():,} of TEST in {out}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
