"""All tables and figures, one after the other: `make paper`. Names after the command choose some."""

import sys
import time
from importlib import import_module
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _common import DATA

# In the order in which they need each other's trials.
SCRIPTS = [
    "table2",
    "table1",
    "finest",
    "criteria",
    "curves",
    "batches",
    "protocol",
    "theory",
    "maps",
    "scaling",
    "millions",
    "beyond",
    "periods",
    "claims",
]


def main(names):
    if not DATA.exists():
        print(f"skipped: {DATA} is not here; MRTL_DATA names the folder of the larger data sets")
        return
    for name in names or SCRIPTS:
        began = time.perf_counter()
        try:
            import_module(name).main()
        except FileNotFoundError as missing:
            print(f"skipped: {name}, {missing}")
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
