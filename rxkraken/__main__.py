"""`python -m rxkraken` is the `rxkraken` command."""

import sys

from rxkraken.cli import main

if __name__ == "__main__":
    sys.exit(main())
