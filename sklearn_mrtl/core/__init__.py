"""The mathematics, on torch tensors alone: what Algorithm 1 needs."""
