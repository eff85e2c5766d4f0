"""All tables and figures, one after the other: `make paper`. Names after the command choose some."""

import sys
import time
from importlib import import_module

# In the order in which they need each other's trials.
SCRIPTS = ["table2", "table1", "criteria", "curves", "batches", "protocol", "theory", "claims"]


def main(names):
    for name in names or SCRIPTS:
        began = time.perf_counter()
        import_module(name).main()
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
