"""The gallery in the order in which it reads best."""

ORDER = [
    "el_nino", "midwest", "divisions", "shot_charts", "intensity", "defenders", "tracking", "random_start", "criteria",
    "theory", "halving", "tuning", "raw_files", "spectra", "volume",
]  # fmt: skip


class Key:
    """Sort key of sphinx-gallery: the place in ORDER, new scripts last."""

    def __init__(self, src_dir):
        del src_dir

    def __call__(self, filename):
        """Place and name."""
        name = filename.removeprefix("plot_").removesuffix(".py")
        return (ORDER.index(name) if name in ORDER else len(ORDER), name)


key = Key
