"""The full-rank model, eq. (1)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.base import Alphas, Parameters, WeightTensor
from sklearn_mrtl.core.penalties.smoothness import laplacians, quadratic_form, roughness


class FullRank(WeightTensor):
    """W itself, eq. (1): parameter "weights"."""

    def initial(self, like: Tensor) -> Parameters:
        """Return weights of 0."""
        shape = [axis.size for axis in self.axes]
        return {"weights": like.new_zeros(shape), **self.initial_intercept(like)}

    @property
    def parameter_axes(self) -> dict[str, tuple[Axis, ...]]:
        return {"weights": self.axes}

    def weight_scores(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        return inputs.linear_scores(parameters["weights"].reshape(*inputs.sizes, self.n_outputs))

    def scaled(self, parameters: Parameters, scale: Tensor) -> Parameters:
        weights = parameters["weights"]
        return {**parameters, "weights": weights * scale if self.has_outputs else weights * scale[0]}

    def dense(self, parameters: Parameters) -> Tensor:
        return parameters["weights"]

    def penalty(self, parameters: Parameters, alphas: Alphas) -> Tensor:
        modes = [axis.smoothness for axis in self.axes] if alphas.spatial else []

        def product(weights: Tensor) -> Tensor:
            return laplacians(weights, modes).mul_(alphas.spatial).add_(weights * alphas.l2)

        return quadratic_form(parameters["weights"], product) / self.n_entries

    def penalty_sums(self, parameters: Parameters) -> tuple[Tensor, Tensor]:
        weights = parameters["weights"]
        return roughness(weights, [axis.smoothness for axis in self.axes]), weights.square().sum()

    def weight_curvatures(
        self, parameters: Parameters, mean_squares: Sequence[Tensor], loss_curvature: float, alphas: Alphas
    ) -> Parameters:
        product, diagonal = mean_squares[0].new_ones(()), mean_squares[0].new_zeros(())
        for axis, rows in zip(self.axes, mean_squares, strict=True):
            product, diagonal = product[..., None] * rows, diagonal[..., None] + axis.laplacian_diagonal(rows)
        penalty = 2 / self.n_entries * (alphas.spatial * diagonal + alphas.l2)
        return {"weights": loss_curvature * product + penalty}
