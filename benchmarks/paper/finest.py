"""Table 1 on the finest grids of appendix B, a court of 40 x 50 and an ocean of 80 x 180 cells."""

from functools import partial

from models import FINE_OPTIONS
from table1 import COLUMNS, methods, where_time_goes
from trials import QUICK, run, write_table

TASKS = dict(list(FINE_OPTIONS.items())[: 1 if QUICK else None])
TEXT = """[Table 1](table1.md) with all levels of appendix B: MRTL trains at low rank to a court of 40 x 50 and a box of
12 x 12 cells (ocean: 12 x 27, 24 x 54, 40 x 90, 60 x 135, 80 x 180), and "fixed" trains there alone. Adam has the
settings that a [search of their own](table2_finest.md) on these grids found for each kind of training. The default
solver has the penalties of "default: MRTL" on both sides: to choose them on an ocean of 80 x 180 cells alone takes
about a minute. All else is as in Table 1, whose text says what the rows are."""


def main():
    trials = run("finest", TASKS, partial(methods, fine=True))
    write_table(
        "finest", "Table 1 on the finest grids of appendix B", TEXT, trials, COLUMNS, after=where_time_goes(trials)
    )


if __name__ == "__main__":
    main()
