"""Links to other projects by names written here: no inventory has to be fetched."""

import zlib
from pathlib import Path

SKLEARN = {
    "class": [
        "sklearn.utils.Bunch", "sklearn.pipeline.Pipeline", "sklearn.compose.ColumnTransformer",
        "sklearn.preprocessing.OneHotEncoder", "sklearn.preprocessing.StandardScaler", "sklearn.linear_model.Ridge",
        "sklearn.linear_model.RidgeCV", "sklearn.linear_model.LogisticRegression",
        "sklearn.model_selection.RandomizedSearchCV", "sklearn.model_selection.HalvingRandomSearchCV",
        "sklearn.model_selection.GridSearchCV", "sklearn.ensemble.HistGradientBoostingClassifier",
    ],
    "function": ["sklearn.base.clone", "sklearn.model_selection.cross_val_score", "sklearn.pipeline.make_pipeline",
                 "sklearn.compose.make_column_transformer"],
}  # fmt: skip
XARRAY = {"class": ["xarray.DataArray", "xarray.Dataset"], "function": ["xarray.open_dataset"]}
PANDAS = {"class": ["pandas.DataFrame", "pandas.Series"]}
PROJECTS = {
    "sklearn": ("https://scikit-learn.org/stable/", "modules/generated/$.html", SKLEARN),
    "xarray": ("https://docs.xarray.dev/en/stable/", "generated/$.html", XARRAY),
    "pandas": ("https://pandas.pydata.org/docs/", "reference/api/$.html", PANDAS),
}


def write_inventories(folder: Path) -> dict:
    """Files as Sphinx reads them, and the mapping that names them."""
    folder.mkdir(parents=True, exist_ok=True)
    for project, (_, page, names) in PROJECTS.items():
        lines = [
            f"{name} py:{kind} 1 {page.replace('$', name)}#{name} -\n" for kind, all_ in names.items() for name in all_
        ]
        head = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n# The rest is compressed by zlib.\n"
        (folder / f"{project}.inv").write_bytes(head.encode() + zlib.compress("".join(lines).encode()))
    return {project: (url, str(folder / f"{project}.inv")) for project, (url, _, _) in PROJECTS.items()}
