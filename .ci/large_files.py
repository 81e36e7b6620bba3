"""Refuse files too large for the repository: data and outputs are made, not kept.

    python .ci/large_files.py [FILE ...]

Without arguments it looks at all files that git knows.
"""

import subprocess
import sys
from pathlib import Path

LARGEST = 300_000  # bytes

listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout
files = [Path(name) for name in sys.argv[1:] or listed.splitlines()]
large = [path for path in files if path.is_file() and path.stat().st_size > LARGEST]
for path in large:
    print(f"{path}: {path.stat().st_size:,} bytes; at most {LARGEST:,} are kept in the repository")
sys.exit(bool(large))
