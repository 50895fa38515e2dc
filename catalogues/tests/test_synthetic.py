"""Scaling the sky for benchmarks."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from builder import atomic_folder, declaration, healpix_id, synthetic
from builder.sample import RECIPE
from builder.source_columns import to_source

STARS = 981_853
ROWS = 120_017
BUILD = Path(__file__).resolve().parent.parent / "build.py"


@pytest.mark.parametrize("rows", [1, 7, STARS - 1, STARS, 3 * STARS + 12345, 10**9])
def test_the_copies_of_all_stars_add_up_to_exactly_the_requested_rows(rows):
    count = synthetic.copies(np.arange(STARS), rows, STARS)
    assert count.sum() == rows
    assert count.max() - count.min() <= 1


@pytest.fixture(scope="module")
def real(big_sky):
    stars = to_source(big_sky)
    stars["star"] = np.arange(len(stars))
    return stars


@pytest.fixture(scope="module")
def made(real):
    batches = [real.iloc[start : start + 500] for start in range(0, len(real), 500)]
    return list(synthetic.scatter(batches, ROWS, len(real), seed=1))


def test_batches_stay_small_however_many_rows_there_are(made):
    assert max(len(batch) for batch in made) <= synthetic.BATCH
    one_star = synthetic.scatter([made[0].assign(star=0).head(1)], 500_000, 1, seed=1)
    assert len(next(one_star)) == synthetic.BATCH


def test_every_row_is_marked_and_has_a_unique_id(made):
    rows = pd.concat(made)
    assert rows["synthetic"].all()
    assert rows["source_id"].is_unique
    assert len(rows) == ROWS


def test_a_synthetic_star_stays_in_the_cell_of_its_original(made, real):
    rows = pd.concat(made)
    cells = healpix_id.cell_of(rows["ra"], rows["dec"], synthetic.SCATTER_LEVEL)
    originals = rows["tycho_id"].map(
        real.set_index("tycho_id")["source_id"].map(
            lambda i: int(healpix_id.cell_of_id(i, synthetic.SCATTER_LEVEL))
        )
    )
    assert (cells == originals.to_numpy()).all()
    assert (healpix_id.cell_of_id(rows["source_id"], synthetic.SCATTER_LEVEL) == cells).all()
    assert rows.groupby("tycho_id")["ra"].nunique().min() > 30  # and is scattered in it


@pytest.mark.parametrize("column", ["pmra", "pmdec", "parallax", "v_mag", "b_v", "ra", "dec"])
def test_the_distribution_of_each_column_is_that_of_the_real_sky(made, real, column):
    rows = pd.concat(made)
    assert ks_2samp(rows[column].dropna(), real[column].dropna()).statistic < 0.02
    assert rows[column].isna().mean() == pytest.approx(real[column].isna().mean(), abs=0.001)


def test_related_columns_stay_consistent(made, real):
    rows = pd.concat(made)
    pairs = ["pmra", "pmdec", "parallax", "v_mag", "b_v"]
    assert (rows[pairs].corr() - real[pairs].corr()).abs().max().max() < 0.01


def test_its_declaration_says_synthetic_and_makes_a_table_of_all_columns(tmp_path):
    share = synthetic.declare(1234, tmp_path)
    assert share["id"] == "bigsky_synthetic"
    assert share["tables"][0]["rows"] == 1234
    assert "SYNTHETIC" in share["description"]
    sql = declaration.registration_sql(share, tmp_path)[1]
    assert "`synthetic` BOOLEAN" in sql
    assert "INTO 4 BUCKETS" in sql


def test_the_command_makes_a_table_that_spark_reads(source, spark, tmp_path_factory):
    frame, small_sky = source
    data = tmp_path_factory.mktemp("benchmark")
    table = data / "catalogues" / "bigsky" / "source"
    with atomic_folder.atomic_build(table, RECIPE, {"rows": len(frame)}) as partial:
        shutil.copytree(small_sky / "catalogues/bigsky/source", partial, dirs_exist_ok=True)
    command = [sys.executable, str(BUILD), "synthetic", "--rows", "20_001", "--data", str(data)]
    subprocess.run(command, cwd="/", check=True)

    share = declaration.load(data / "catalogues/bigsky_synthetic/share.yaml")
    for statement in declaration.registration_sql(share, share["path"]):
        spark.sql(statement)
    made = spark.table("bigsky_synthetic.source")
    assert made.count() == made.select("source_id").distinct().count() == 20_001
    assert made.where("NOT synthetic OR hpx0 != source_id >> 59").count() == 0
    assert [path.name for path in data.rglob(f"{atomic_folder.PARTIAL}*")] == []
