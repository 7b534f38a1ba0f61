"""spark-submit's way to `coterie segments`: the same arguments."""

import sys

from coterie.cli import main

if __name__ == "__main__":
    main(["segments", *sys.argv[1:]])
