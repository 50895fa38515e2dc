"""Ids that begin with a HEALPix cell, like those of Gaia.

A Gaia source_id is `HEALPix index · 2³⁵ + the rest`, the index being nested, of level 12
(nside 4096), in ICRS (Gaia EDR3 data model, `source_id`). So `source_id >> 35` is the level-12
cell, and two bits less make each coarser one. Neighbours on the sky have neighbouring ids.
"""

import astropy.units as u
import numpy as np
from astropy_healpix import HEALPix

LEVEL = 12
SHIFT = 35  # bits below the level-12 index


def cell_of(ra, dec, level=LEVEL):
    """Nested HEALPix cell of each position (degrees) at `level`; array of int64."""
    grid = HEALPix(nside=2**level, order="nested")
    lon = np.asarray(ra, dtype=float) * u.deg
    return np.asarray(
        grid.lonlat_to_healpix(lon, np.asarray(dec, dtype=float) * u.deg), dtype="int64"
    )


def cell_of_id(source_id, level=LEVEL):
    """Nested HEALPix cell at `level` (0 … 12) that an id begins with."""
    return np.asarray(source_id, dtype="int64") >> (SHIFT + 2 * (LEVEL - level))


def make_id(cell, number):
    """Id of the star with running `number` (0 ≤ number < 2³⁵) in a level-12 `cell`."""
    return (np.asarray(cell, dtype="int64") << SHIFT) + np.asarray(number, dtype="int64")


def running_number(cell):
    """0, 1, 2 … for stars that share a cell, in their order in the file."""
    cell = np.asarray(cell)
    order = np.argsort(cell, kind="stable")
    ordered = cell[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    first = np.repeat(starts, np.diff(np.r_[starts, len(ordered)]))
    number = np.empty(len(cell), dtype="int64")
    number[order] = np.arange(len(cell)) - first
    return number


def scatter_within(cell, level, random):
    """A random position (ra, dec in degrees) inside each nested `cell`; uniform over its area.

    All cells are of `level`; `random` is a numpy Generator.
    """
    grid = HEALPix(nside=2**level, order="nested")
    cell = np.asarray(cell, dtype="int64")
    # HEALPix cells have equal areas, and so have equal steps of dx and dy within one.
    dx, dy = random.random((2, len(cell)))
    lon, lat = grid.healpix_to_lonlat(cell, dx=dx, dy=dy)
    return lon.to_value(u.deg) % 360.0, lat.to_value(u.deg)
