"""Solvers: they see an objective and nothing else."""
