"""Theorems 5.3 and 5.5 in numbers: what examples/plot_theory.py computes, as tables."""

import runpy
from unittest.mock import patch

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from trials import markdown, timed, write_page
from versions import ROOT, commit, training_code

TEXT = """Ridge regression on smooth fields of one axis, 8 to 2048 cells, by gradient descent with one step size, and
the package's own interpolation: the problem of `examples/plot_theory.py`, whose numbers these are. There is one data
set, so that nothing has a spread.

**Theorem 5.3** (convergence). The bound is written out with all constants, ||P|| in the norm that counts cells by their
area. It has to hold at every one of the steps.

{convergence}

**Theorem 5.5** (cost). A smaller error needs a finer grid. Fixed training takes more and more steps, while each level
of coarse-to-fine training takes a number that hardly changes; the theorem says that their costs differ by
log(1/((1 - gamma) epsilon)).

{cost}

The measured ratio grows with the logarithm, by {slope:.3f} for each unit of it on the finer half of the grids (the
theorem leaves the constant open). Below {break_even} cells coarse-to-fine training saves nothing. On a given
grid the ratio falls when epsilon becomes smaller, from {first:.1f} at 1e-2 to {last:.1f} at 1e-8."""


def run_example():
    """The global names of the example, without its figures."""
    with patch.object(plt, "show"), patch("builtins.print"):
        found = runpy.run_path(str(ROOT / "examples/plot_theory.py"))
    plt.close("all")
    return found


def main():
    found, times = timed(run_example)
    errors, bounds = np.array(found["errors"]), np.array(found["bounds"])
    norms = [np.linalg.norm(found["finer"](np.eye(n), 2 * n), 2) for n in (8, 64)]
    convergence = [
        ["steps", "bound holds", "largest error / bound", "error / bound at the end",
         "norm of P, linear, of raw weights", "of weights by area"],
        [len(errors), f"{np.sum(errors <= bounds)} of {len(errors)}", f"{np.max(errors / bounds):.3f}",
         f"{errors[-1] / bounds[-1]:.2g}", f"{norms[1] / 2:.4f}", f"{norms[1] / np.sqrt(2):.4f}"],
    ]  # fmt: skip
    cells = found["LEVELS"][1:-1]
    measured, predicted = found["measured"], found["predicted"]
    rows = [[n, f"{p:.2f}", f"{m:.2f}"] for n, p, m in zip(cells, predicted, measured, strict=True)]
    cost = markdown([["cells of the finest grid", "log factor", "cost, fixed / coarse to fine"], *rows])
    text = TEXT.format(
        convergence=markdown(convergence), cost=cost, slope=found["slope"],
        break_even=next(n for n, m in zip(cells, measured, strict=True) if m > 1),
        first=found["ratios"][0], last=found["ratios"][-1],
    )  # fmt: skip
    trials = pd.DataFrame({"cells": cells, "log_factor": predicted, "cost_ratio": measured})
    trials = trials.assign(
        holds=bool(np.all(errors <= bounds)), slope=found["slope"], **times, commit=commit(), code=training_code()
    )
    trials["cpu"] /= len(trials)
    write_page("theory", "Theorems 5.3 and 5.5", text, trials)


if __name__ == "__main__":
    main()
