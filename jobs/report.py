"""spark-submit's way to `coterie report`: the same arguments."""

import sys

from coterie.cli import main

if __name__ == "__main__":
    main(["report", *sys.argv[1:]])
