"""spark-submit's way to `coterie run`: the same arguments."""

import sys

from coterie.cli import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
