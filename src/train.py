"""Script entry: `python src/train.py [CONFIG]` trains the default example, or what CONFIG says."""

import sys
from pathlib import Path

from fasttrack.cli import main

DEFAULT = Path(__file__).parent.parent / "examples" / "linear" / "fasttrack.toml"

if __name__ == "__main__":
    sys.argv[1:] = ["train", *(sys.argv[1:] or [str(DEFAULT)])]
    main()
