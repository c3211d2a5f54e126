from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_page_of_networks_is_up_to_date(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate_models.py", "--check"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
