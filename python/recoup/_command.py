"""The ``recoup`` command, as the native program."""

from __future__ import annotations

import sys

from . import _recoup


def main() -> int:
    """Runs the command line of this process, and gives the exit code."""
    return _recoup.command(["recoup", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
