"""spark-submit's way to `coterie content`: the same arguments."""

import sys

from coterie.cli import main

if __name__ == "__main__":
    main(["content", *sys.argv[1:]])
