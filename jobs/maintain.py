"""spark-submit's way to `coterie maintain`: the same arguments."""

import sys

from coterie.cli import main

if __name__ == "__main__":
    main(["maintain", *sys.argv[1:]])
