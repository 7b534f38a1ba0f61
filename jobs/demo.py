"""spark-submit's way to `coterie demo`: the same arguments."""

import sys

from coterie.cli import main

if __name__ == "__main__":
    main(["demo", *sys.argv[1:]])
