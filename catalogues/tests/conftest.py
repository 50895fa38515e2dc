"""One small sky and one Spark for all tests."""

import numpy as np
import pandas as pd
import pytest

from builder.bucketed import local_spark, write_table
from builder.source_columns import to_source


@pytest.fixture(scope="session")
def big_sky():
    """3,000 rows as in Big Sky, with zeros for unknown values, and two stars at one position."""
    random = np.random.default_rng(3)
    rows = 3000
    stars = pd.DataFrame(
        {
            "tyc_id": [f"{number}-1-1" for number in range(rows)],
            "hip": np.where(np.arange(rows) % 8 == 0, np.arange(rows) + 1.0, np.nan),
            "ccdm": None,
            "magnitude": random.normal(10, 1, rows).round(2),
            "bv": random.normal(0.8, 0.4, rows).round(2),
            "ra_degrees": random.uniform(0, 360, rows).round(4),
            "dec_degrees": np.degrees(np.arcsin(random.uniform(-1, 1, rows))).round(4),
            "ra_mas_per_year": random.normal(-2, 20, rows).round(1),
            "dec_mas_per_year": random.normal(-7, 20, rows).round(1),
            "parallax_mas": random.normal(3, 20, rows).round(2),
            "constellation": "ori",
            "epoch_year": 2000,
        }
    )
    stars.loc[:9, ["ra_mas_per_year", "dec_mas_per_year", "parallax_mas"]] = 0.0
    stars.loc[10, "dec_mas_per_year"] = 0.0
    stars.loc[21, ["ra_degrees", "dec_degrees"]] = stars.loc[20, ["ra_degrees", "dec_degrees"]]
    return stars


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    with local_spark(tmp_path_factory.mktemp("spark")) as session:
        session.conf.set("spark.sql.autoBroadcastJoinThreshold", "-1")
        yield session


@pytest.fixture(scope="session")
def source(big_sky, spark, tmp_path_factory):
    """`bigsky.source` of the small sky as pandas, and the data directory where Spark wrote it."""
    data = tmp_path_factory.mktemp("data")
    frame = to_source(big_sky)
    frame.to_parquet(data / "plain.parquet", index=False)
    plain = spark.read.parquet(str(data / "plain.parquet"))
    write_table(plain, data / "catalogues" / "bigsky" / "source")
    return frame, data
