"""Ids that begin with a HEALPix cell."""

from pathlib import Path

import numpy as np
import pandas as pd

from builder import healpix_id
from builder.source_columns import to_source

CATALOGUES = Path(__file__).resolve().parent.parent


def test_gaias_own_ids_begin_with_the_cell_that_we_compute():
    gaia = pd.read_parquet(CATALOGUES / "data/gaia/gd1").head(5000)
    ours = healpix_id.cell_of(gaia["ra"], gaia["dec"])
    theirs = healpix_id.cell_of_id(gaia["source_id"])
    # Gaia numbers a star by an early position; a few have crossed a border of their 50" cell since.
    assert (ours == theirs).mean() > 0.99


def test_a_coarser_cell_is_a_prefix_of_the_id():
    ra, dec = np.array([10.0, 266.4, 359.9]), np.array([89.0, -29.0, 0.1])
    ids = healpix_id.make_id(healpix_id.cell_of(ra, dec), [0, 7, 2**35 - 1])
    for level in (0, 3, 8, 12):
        assert list(healpix_id.cell_of_id(ids, level)) == list(
            healpix_id.cell_of(ra, dec, level=level)
        )


def test_stars_of_one_cell_are_numbered_from_zero():
    assert list(healpix_id.running_number([5, 9, 5, 5, 9])) == [0, 0, 1, 2, 1]


def test_a_scattered_star_stays_in_its_cell():
    random = np.random.default_rng(1)
    cell = random.integers(0, 12 * 4**6, 2000)
    ra, dec = healpix_id.scatter_within(cell, 6, random)
    assert (healpix_id.cell_of(ra, dec, level=6) == cell).all()


def test_every_star_has_a_unique_id_also_at_the_same_position(big_sky):
    source = to_source(big_sky)
    assert len(source) == len(big_sky)
    assert source["source_id"].is_unique
    assert source["source_id"].is_monotonic_increasing
    cell = healpix_id.cell_of(source["ra"], source["dec"])
    assert (healpix_id.cell_of_id(source["source_id"]) == cell).all()


def test_the_same_star_gets_the_same_id_whatever_the_order_of_the_file(big_sky):
    shuffled = big_sky.sample(frac=1, random_state=5)
    pd.testing.assert_frame_equal(to_source(big_sky), to_source(shuffled))


def test_values_that_big_sky_does_not_have_are_null_and_not_zero(big_sky):
    source = to_source(big_sky).set_index("tycho_id")
    unknown = [f"{number}-1-1" for number in range(10)]
    assert source.loc[unknown, ["pmra", "pmdec", "parallax"]].isna().all().all()
    # A single zero is a measurement.
    assert source.loc["10-1-1", "pmdec"] == 0
    assert source["pmra"].notna().sum() == len(big_sky) - 10
