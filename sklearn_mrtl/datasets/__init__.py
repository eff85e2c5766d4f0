"""Data sets: real ones that come with the package, and generators with a known truth."""

from sklearn_mrtl.datasets._ocean import make_ocean
from sklearn_mrtl.datasets._read_ocean import read_ocean
from sklearn_mrtl.datasets._read_precipitation import read_precipitation
from sklearn_mrtl.datasets._shots import make_shots
from sklearn_mrtl.datasets._sportvu import read_sportvu
from sklearn_mrtl.datasets._sst_precipitation import load_sst_precipitation

__all__ = ["load_sst_precipitation", "make_ocean", "make_shots", "read_ocean", "read_precipitation", "read_sportvu"]
