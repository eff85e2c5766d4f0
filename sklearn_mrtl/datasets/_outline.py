"""Means over the part of a grid that lies within an outline.

The test whether a point lies in a polygon is our own ten lines, because shapely and regionmask (which brings geopandas)
would be compiled dependencies for nothing else.
"""

from __future__ import annotations

import numpy as np

from sklearn_mrtl._utils.arrays import row_blocks


def clip(field, outline):
    """Return the rows and columns of a field that an outline spans, with longitudes as in the outline.

    Parameters
    ----------
    field : xarray.DataArray of dimensions (time, lat, lon)
    outline : array-like of shape (n_vertices, 2)
        Longitude and latitude of the vertices of a polygon, in order, in degrees.

    Returns
    -------
    xarray.DataArray of dimensions (time, lat, lon)

    Raises
    ------
    ValueError
        If the outline is no polygon, reaches beyond the grid, or has no cells inside.
    """
    outline = _check_outline(outline)
    lat = field.lat.values.astype(np.float64)
    middle = (outline[:, 0].min() + outline[:, 0].max()) / 2
    # Within 180 degrees of the outline's middle.
    lon = middle + (field.lon.values.astype(np.float64) - middle + 180) % 360 - 180
    _check_on_grid(outline, lon, lat)
    columns, rows = (
        np.flatnonzero((centres >= vertices.min()) & (centres <= vertices.max()))
        for centres, vertices in zip((lon, lat), outline.T, strict=True)
    )
    clipped = field.isel(lat=rows, lon=columns).assign_coords(lat=lat[rows], lon=lon[columns])
    if not _weights(clipped, outline).any():
        raise ValueError(f"no cell of the grid has its centre within the outline, {_extent(*outline.T)}.")
    return clipped


def mean_within(clipped, outline):
    """Return the mean of the cells whose centres lie within the outline, weighted by their area; NaN is left out.

    Parameters
    ----------
    clipped : xarray.DataArray of dimensions (time, lat, lon)
        What `clip` returns.
    outline : array-like of shape (n_vertices, 2)

    Returns
    -------
    xarray.DataArray of dimension (time)
    """
    weights = _weights(clipped, np.asarray(outline, dtype=np.float64))
    values = clipped.values[:, weights > 0]  # (n_times, n_cells)
    weights = weights[weights > 0]
    means = np.empty(len(values), values.dtype)
    for rows in row_blocks(values):
        known = ~np.isnan(values[rows])
        total = known @ weights
        sums = np.where(known, values[rows], 0.0) @ weights
        means[rows] = np.divide(sums, total, out=np.full(len(total), np.nan), where=total > 0)
    return clipped.isel(lat=0, lon=0, drop=True).copy(data=means)


def _weights(field, outline: np.ndarray) -> np.ndarray:
    """Return the cosine of latitude within the outline, 0 outside; shape (n_lat, n_lon)."""
    lon, lat = field.lon.values[None, :], field.lat.values[:, None]
    return contains(outline, lon, lat) * np.cos(np.deg2rad(lat))


def contains(outline: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Tell whether points lie within a polygon.

    A ray from a point inside towards greater x crosses its edges an odd number of times.

    Shapes: outline (n_vertices, 2); x and y broadcast to that of the result.
    """
    inside = np.zeros(np.broadcast_shapes(x.shape, y.shape), dtype=bool)
    for edge in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        (x0, y0), (x1, y1) = sorted(edge, key=lambda vertex: vertex[1])
        inside ^= (y0 <= y) & (y < y1) & ((x - x0) * (y1 - y0) < (y - y0) * (x1 - x0))
    return inside


def _check_outline(outline) -> np.ndarray:
    vertices = np.asarray(outline, dtype=np.float64)
    if vertices.ndim != 2 or vertices.shape[1] != 2 or len(vertices) < 3 or not np.isfinite(vertices).all():
        raise ValueError(
            "outline must be at least three finite vertices (longitude, latitude), shape (n_vertices, 2), got shape "
            f"{vertices.shape}."
        )
    if (np.abs(vertices[:, 1]) > 90).any():
        raise ValueError("outline has latitudes beyond 90 degrees; its vertices are (longitude, latitude).")
    return vertices


def _check_on_grid(outline: np.ndarray, lon: np.ndarray, lat: np.ndarray) -> None:
    """Refuse an outline that reaches beyond the outer edges of the grid's cells."""
    for vertices, centres in zip(outline.T, (lon, lat), strict=True):
        half = (centres.max() - centres.min()) / max(1, len(centres) - 1) / 2
        if vertices.min() < centres.min() - half or vertices.max() > centres.max() + half:
            raise ValueError(
                f"the outline, {_extent(*outline.T)}, reaches beyond the grid, whose cells have their centres at "
                f"{_extent(lon, lat)}."
            )


def _extent(lon: np.ndarray, lat: np.ndarray) -> str:
    return f"longitudes {lon.min():g} to {lon.max():g}, latitudes {lat.min():g} to {lat.max():g}"
