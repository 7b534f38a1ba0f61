"""spark-submit's way to `coterie upgrade`: the same arguments."""

import sys

from coterie.cli import main

if __name__ == "__main__":
    main(["upgrade", *sys.argv[1:]])
