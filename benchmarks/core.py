"""Steps of the core by themselves: value and gradient, beside plain gather and scatter."""

import torch
from _common import table, timed

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.fields import FieldInputs
from sklearn_mrtl.core.data.mode_encodings import OneHot
from sklearn_mrtl.core.losses import LogisticLoss, SquaredLoss
from sklearn_mrtl.core.models.axes import make_axes
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.objective import Objective

N_TURNS = 5
BANDWIDTH = 16e9  # bytes a second, of this machine's memory


def least_seconds(function, *args):
    function(*args)
    return min(timed(function, *args)[1] for _ in range(N_TURNS))


def encoded(n=600_000, sizes=(50, 2000, 144)):
    """Random samples without repeats."""
    indices = [torch.randint(0, size, (n,)) for size in sizes]
    modes = Feature("player", 50), Grid("court", (40, 50)), Grid("defenders", (12, 12))
    encodings = tuple(OneHot(index, size, torch.float32) for index, size in zip(indices, sizes, strict=True))
    return EncodedInputs(encodings, modes, tuple(mode.shape for mode in modes)), torch.rand(n, 1).round()


def gather_and_scatter(inputs, y, factors):
    """The same by whole arrays, what one would write first."""
    parts = [factor[e.index] for e, factor in zip(inputs.encodings, factors, strict=True)]
    residual = (torch.sigmoid((parts[0] * parts[1] * parts[2]).sum(1, keepdim=True)) - y) / len(y)
    for m, (encoding, factor) in enumerate(zip(inputs.encodings, factors, strict=True)):
        others = [part for n, part in enumerate(parts) if n != m]
        torch.zeros_like(factor).index_add_(0, encoding.index, others[0] * others[1] * residual)


def cp_step(rank=20):
    inputs, y = encoded()
    weight = torch.ones(inputs.n_rows)
    model = CP(make_axes(inputs, 1, None, weight))
    parameters = model.random(rank, weight, 1.0, 0)
    objective = Objective(model, inputs, y, weight, LogisticLoss, Alphas(1e-3, 1e-2))
    ours = least_seconds(objective.value_and_gradient, parameters)
    plain = least_seconds(gather_and_scatter, inputs, y, model.factors(parameters))
    # Indices and one value in, score and residual out and in, the rest stays in the cache.
    n_bytes = inputs.n_rows * (3 * (8 + 2 * 4) + 6 * 4)
    table(
        "CP, 600 000 random samples, 50 x 2000 x 144, rank 20: value and gradient",
        ["way", "seconds"],
        [
            ("this package, penalties included", f"{ours:.4f}"),
            ("gather and scatter of whole arrays", f"{plain:.4f}"),
            ("memory's limit", f"{n_bytes / BANDWIDTH:.4f}"),
        ],
    )


def full_rank_step(n=1057, shape=(80, 180)):
    modes = Feature("lag", 6), Feature("variable", 2), Grid("ocean", shape, quantity="mean")
    x = torch.randn(n, 6, 2, shape[0] * shape[1])
    inputs = FieldInputs(x, x.mean(0), modes, tuple(mode.shape for mode in modes), (None, None, None))
    weight = torch.ones(n)
    model = FullRank(make_axes(inputs, 1, None, weight))
    objective = Objective(model, inputs, torch.randn(n, 1), weight, SquaredLoss, Alphas(1e-3, 1e-2))
    parameters = model.initial(weight)
    ours = least_seconds(objective.value_and_gradient, parameters)
    n_bytes = 2 * x.numel() * 4
    dense = (shape[0] * shape[1]) ** 2 * 4 / 1e6
    table(
        f"Full rank, {n} months, 6 lags, 2 variables, {shape[0]} x {shape[1]}: value and gradient",
        ["way", "seconds"],
        [
            (f"this package (the kernel as a matrix would be {dense:.0f} MB)", f"{ours:.3f}"),
            ("memory's limit, X read twice", f"{n_bytes / BANDWIDTH:.3f}"),
        ],
    )


if __name__ == "__main__":
    torch.manual_seed(0)
    cp_step()
    full_rank_step()
