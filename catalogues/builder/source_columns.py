"""Converts the Big Sky star catalogue to the columns of `bigsky.source`."""

import pandas as pd

from . import healpix_id


def to_source(stars):
    """The table `bigsky.source` (without its partition column) from Big Sky's own table.

    Names follow Gaia where the quantity is Gaia's; the magnitude is Johnson V and says so.
    Big Sky writes 0 for a parallax or a proper motion that its sources do not give
    (Big Sky, docs/stars.md): here that is NULL, because an average over such zeros would be wrong.
    The order of the input does not matter: the same star always gets the same id.
    """
    names = ["magnitude", "tyc_id", "ccdm", "hip", "ra_degrees", "dec_degrees"]
    stars = stars.sort_values(names, kind="stable", na_position="last").reset_index(drop=True)
    cell = healpix_id.cell_of(stars["ra_degrees"], stars["dec_degrees"])
    no_motion = (stars["ra_mas_per_year"] == 0) & (stars["dec_mas_per_year"] == 0)
    source = pd.DataFrame(
        {
            "source_id": healpix_id.make_id(cell, healpix_id.running_number(cell)),
            "tycho_id": stars["tyc_id"].astype("string"),
            "hip": stars["hip"].astype("Int32"),
            "component": stars["ccdm"].astype("string"),
            "ra": stars["ra_degrees"],
            "dec": stars["dec_degrees"],
            "pmra": stars["ra_mas_per_year"].mask(no_motion),
            "pmdec": stars["dec_mas_per_year"].mask(no_motion),
            "parallax": stars["parallax_mas"].mask(stars["parallax_mas"] == 0),
            "v_mag": stars["magnitude"],
            "b_v": stars["bv"],
            "constellation": stars["constellation"].astype("string"),
        }
    )
    return source.sort_values("source_id", kind="stable").reset_index(drop=True)
