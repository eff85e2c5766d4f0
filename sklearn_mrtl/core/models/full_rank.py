"""The full-rank model, eq. (1)."""

from __future__ import annotations

from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters, TensorModel
from sklearn_mrtl.core.penalties.smoothness import roughness


class FullRank(TensorModel):
    """W itself, eq. (1): parameter "weights"."""

    def initial(self, like: Tensor) -> Parameters:
        """Return weights of 0."""
        shape = [axis.size for axis in self.axes]
        return {"weights": like.new_zeros(shape), **self.initial_intercepts(like)}

    @property
    def parameter_axes(self):
        return {"weights": self.axes}

    def weight_scores(self, parameters, inputs):
        weights = parameters["weights"]
        for dim, (axis, n_rows) in enumerate(zip(self.input_axes, inputs.sizes, strict=True)):
            weights = axis.effective(weights, dim, n_rows)
        return inputs.linear_scores(weights.reshape(*inputs.sizes, self.n_outputs))

    def scaled(self, parameters, scale):
        weights = parameters["weights"]
        return {**parameters, "weights": weights * scale if self.n_outputs > 1 else weights * scale[0]}

    def dense(self, parameters):
        return parameters["weights"]

    def penalty_sums(self, parameters):
        weights = parameters["weights"]
        return roughness(weights, [axis.smoothness for axis in self.axes]), weights.square().sum()

    def weight_curvatures(self, parameters, mean_squares, loss_curvature, alphas):
        product, diagonal = mean_squares[0].new_ones(()), mean_squares[0].new_zeros(())
        for axis, rows in zip(self.axes, mean_squares, strict=True):
            product, diagonal = product[..., None] * rows, diagonal[..., None] + axis.laplacian_diagonal(rows)
        penalty = 2 / self.n_entries * (alphas.spatial * diagonal + alphas.l2)
        return {"weights": loss_curvature * product + penalty}
