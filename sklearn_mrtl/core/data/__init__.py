"""Samples at one resolution, in the two layouts of the data contract."""
