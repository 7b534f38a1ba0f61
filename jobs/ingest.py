"""spark-submit's way to `coterie ingest`: the same arguments."""

import sys

from coterie.cli import main

if __name__ == "__main__":
    main(["ingest", *sys.argv[1:]])
