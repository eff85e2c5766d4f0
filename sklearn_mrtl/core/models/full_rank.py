"""The full-rank model, eq. (1)."""

from __future__ import annotations

from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters, TensorModel, intercepts_of
from sklearn_mrtl.core.penalties.smoothness import roughness


class FullRank(TensorModel):
    """W itself, eq. (1): parameter "weights"."""

    def initial(self, like: Tensor) -> Parameters:
        shape = [axis.size for axis in self.axes]
        return {"weights": like.new_zeros(shape), **self.initial_intercepts(like)}

    @property
    def parameter_axes(self):
        return {"weights": self.axes}

    def rank(self, parameters):
        return None

    def weight_scores(self, parameters, inputs):
        """Eq. (1), shape (n, T)."""
        weights = parameters["weights"]
        for dim, (axis, n_rows) in enumerate(zip(self.input_axes, inputs.sizes, strict=True)):
            weights = axis.effective(weights, dim, n_rows)
        return inputs.linear_scores(weights.reshape(*inputs.sizes, self.n_outputs))

    def scaled(self, parameters, scale):
        weights = parameters["weights"]
        return {**parameters, "weights": weights * scale if self.n_outputs > 1 else weights * scale[0]}

    def dense(self, parameters):
        return parameters["weights"]

    def rough_and_squares(self, parameters):
        weights = parameters["weights"]
        return roughness(weights, [axis.smoothness for axis in self.axes]), weights.square().sum()

    def weight_curvatures(self, parameters, masses, strengths):
        mass, slopes = masses[0].new_ones(()), masses[0].new_zeros(())
        for axis, rows in zip(self.axes, masses, strict=True):
            mass, slopes = mass[..., None] * rows, slopes[..., None] + axis.slopes(rows)
        penalty = 2 / self.n_entries * (strengths.alpha_spatial * slopes + strengths.alpha_l2)
        return {"weights": strengths.curvature * mass + penalty}

    def finegrain(self, parameters, finer):
        """Line 11 of Algorithm 1."""
        weights = parameters["weights"]
        for dim, (axis, fine) in enumerate(zip(self.axes, finer.axes, strict=True)):
            weights = axis.finegrain(weights, dim, fine)
        return {"weights": weights, **intercepts_of(parameters)}
