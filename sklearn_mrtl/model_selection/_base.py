"""What the splitters into blocks have in common."""

from __future__ import annotations

from sklearn.model_selection import BaseCrossValidator


class BlockSplitter(BaseCrossValidator):
    """Base of splitters whose number of splits is their parameter `n_splits`."""

    n_splits: int

    def get_n_splits(self, X=None, y=None, groups=None, **metadata) -> int:
        """Return the number of splits.

        Parameters
        ----------
        X, y, groups : ignored
        **metadata : ignored
            Metadata that searches also pass to `split`.

        Returns
        -------
        int
        """
        return self.n_splits
