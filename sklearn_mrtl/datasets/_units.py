"""Units of temperature."""

from __future__ import annotations

KELVIN = {"k", "kelvin", "kelvins", "degk", "degreek", "degreesk", "degreekelvin", "degreeskelvin"}
CELSIUS = {"c", "°c", "degc", "celsius", "degreec", "degreesc", "degreecelsius", "degreescelsius"}
# A difference of temperatures in kelvin is one in degrees Celsius.
DIFFERENCES = ("anomal", "uncertain", "error", "deviation", "difference", "increment", "tendency")


def is_temperature(field) -> bool:
    """Tell whether a DataArray is in kelvin or degrees Celsius."""
    return _unit(field) in KELVIN | CELSIUS


def in_celsius(field):
    """Return temperatures in degrees Celsius with their unit called degC, and anything else as it is."""
    if not is_temperature(field):
        return field
    attrs = field.attrs | {"units": "degC"}
    is_difference = any(word in f"{field.name} {attrs.get('long_name', '')}".lower() for word in DIFFERENCES)
    shift = _unit(field) in KELVIN and not is_difference
    return (field - 273.15 if shift else field).assign_attrs(attrs)


def _unit(field) -> str:
    return str(field.attrs.get("units", "")).lower().replace(" ", "").replace("_", "").replace(".", "")
