"""Write the tables of docs/models.md from the registry; ``--check`` only compares.

Run it as ``python docs/generate_models.py`` after registering a network. Each table stands between
two comments that name its family; what is around them is written by hand.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from edgecnn.models import architecture, model_names
from edgecnn.models.table import describe_network

TARGET = Path(__file__).with_name("models.md")
_TABLE = re.compile(r"<!-- family: (.+?) -->\n.*?<!-- end -->", re.DOTALL)


def filled(page: str) -> str:
    """Return the page with every family's table made anew."""
    families = dict.fromkeys(architecture(name).family for name in model_names())
    found = _TABLE.findall(page)
    if sorted(found) != sorted(families):
        missing = ", ".join(sorted(set(families) ^ set(found)))
        sys.exit(f"docs/models.md: families without a table, or tables without one: {missing}")
    return _TABLE.sub(lambda match: _table(match[1]), page)


def _table(family: str) -> str:
    lines = [
        f"<!-- family: {family} -->",
        "| network | what | reads | parameters | multiply-adds | FP32 | INT8 |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for name in model_names():
        entry = architecture(name)
        if entry.family != family:
            continue
        table = describe_network(name)
        reads = ", ".join("×".join(map(str, shape)) for shape in entry.inputs.values())
        lines.append(
            f"| `{name}` | {entry.summary} | {reads} | {entry.parameters:,} "
            f"| {table.multiply_adds / 1e6:,.1f} M | {_size(table.fp32_bytes)} "
            f"| {_size(table.int8_bytes)} |"
        )
    return "\n".join([*lines, "<!-- end -->"])


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    before = TARGET.read_text()
    page = filled(before)
    if not parser.parse_args().check:
        TARGET.write_text(page)
        return 0
    if before == page:
        return 0
    print("docs/models.md is out of date: run python docs/generate_models.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
