"""spark-submit's way to `coterie recommend`: the same arguments."""

import sys

from coterie.cli import main

if __name__ == "__main__":
    main(["recommend", *sys.argv[1:]])
