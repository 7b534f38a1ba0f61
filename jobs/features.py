"""spark-submit's way to `coterie features`: the same arguments."""

import sys

from coterie.cli import main

if __name__ == "__main__":
    main(["features", *sys.argv[1:]])
