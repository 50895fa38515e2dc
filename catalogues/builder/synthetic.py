"""The sky of `bigsky.source` with any number of stars, for benchmarks.

Each row is a real star resampled. It keeps its proper motion, parallax, magnitude and colour, so
all joint distributions stay, and moves to a random place in its own HEALPix cell of level 6 (0.9°,
finer than the Milky Way's structure in a catalogue this bright). Ids stay Gaia-like and unique.
Rows stream through in batches: memory does not grow with their number, scratch on disk does.
"""

import time
from pathlib import Path

import yaml

from . import BuildError, atomic_folder, declaration
from .sample import build_sample

SCATTER_LEVEL = 6
BATCH = 50_000
SHARE = "bigsky_synthetic"
DECLARATION = Path(__file__).resolve().parent.parent / "bigsky.yaml"


def build_synthetic(data, rows, log):
    """Makes `<data>/catalogues/bigsky_synthetic` with `rows` stars; returns its manifest.

    Also writes `share.yaml` there, which declares it. The sample is built first if it is missing.
    """
    build_sample(data, log)
    share = Path(data).absolute() / "catalogues" / SHARE
    recipe = {"table": f"{SHARE}.source", "version": 1, "rows": rows}
    if manifest := atomic_folder.read_manifest(share / "source", recipe):
        return manifest
    with atomic_folder.build_lock(share, log):
        began = time.monotonic()
        _build(Path(data).absolute(), share, recipe, rows, log)
        (share / "share.yaml").write_text(
            yaml.safe_dump(declare(rows, share), sort_keys=False, allow_unicode=True)
        )
    manifest = atomic_folder.read_manifest(share / "source", recipe)
    took = time.monotonic() - began
    size = atomic_folder.size_mib(manifest)
    log(f"{SHARE}.source is ready: {rows:,} rows, {size:.0f} MiB in {took:.0f} s")
    log(f"its declaration is {share / 'share.yaml'}")
    return manifest


def copies(star, rows, stars):
    """Number of rows of each star (numbered from 0), so that all `stars` have exactly `rows`.

    The remainder of the division is spread evenly over the numbering, which is
    the order on the sky.
    """
    return (star + 1) * rows // stars - star * rows // stars


def scatter(frames, rows, stars, seed):
    """Turns batches of real stars (with `star`, their number) into batches of synthetic ones.

    `stars` is how many real stars there are in all batches together. For Spark's mapInPandas;
    yields pandas frames of at most BATCH rows.
    """
    import numpy as np

    from . import healpix_id

    for frame in frames:
        star = frame["star"].to_numpy()
        count = copies(star, rows, stars)
        ends = np.cumsum(count)
        # In chunks: a batch of stars may become millions of rows.
        for start in range(0, int(ends[-1]) if len(ends) else 0, BATCH):
            place_in_batch = np.arange(start, min(start + BATCH, int(ends[-1])))
            which = np.searchsorted(ends, place_in_batch, side="right")
            copy = place_in_batch - (ends[which] - count[which])
            out = frame.iloc[which].drop(columns="star").reset_index(drop=True)
            random = np.random.default_rng([seed, int(star[0]), start])
            cell = healpix_id.cell_of_id(out["source_id"], SCATTER_LEVEL)
            out["ra"], out["dec"] = healpix_id.scatter_within(cell, SCATTER_LEVEL, random)
            # The pair (star, copy) is unique, so the id is.
            number = star[which] + copy * stars
            out["source_id"] = healpix_id.make_id(healpix_id.cell_of(out["ra"], out["dec"]), number)
            out["synthetic"] = True
            yield out


def declare(rows, folder):
    """The share declaration of the synthetic catalogue."""
    share = declaration.load(DECLARATION)
    share.update(
        id=SHARE,
        title="Synthetic sky (for benchmarks)",
        description=f"SYNTHETIC: {rows:,} rows resampled from Big Sky. Never for science.",
        path=str(folder),
        provenance="Made by catalogues/build.py synthetic from bigsky.source.",
    )
    table = share["tables"][0]
    table.update(
        rows=rows, description=f"SYNTHETIC: {rows:,} resampled stars, for benchmarks only."
    )
    table["columns"].insert(
        -1, {"name": "synthetic", "type": "BOOLEAN", "description": "Always true"}
    )
    return share


def _build(data, share, recipe, rows, log):
    from .bucketed import BUCKETS, local_spark, scratch_below, write_table

    real = data / "catalogues" / "bigsky" / "source"
    facts = {"synthetic": True, "buckets": BUCKETS}
    with (
        atomic_folder.atomic_build(share / "source", recipe, facts) as partial,
        scratch_below(partial.parent) as scratch,
    ):
        log(f"making {rows:,} synthetic stars …")
        with local_spark(scratch) as spark:
            # Stars are numbered in the order of their ids, that is, of their place on the sky.
            numbered, stars = _numbered(spark, real, scratch)
            schema = numbered.drop("star").schema.add("synthetic", "boolean")
            made = numbered.mapInPandas(lambda some: scatter(some, rows, stars, seed=1), schema)
            write_table(made, partial)
            written = spark.read.parquet(str(partial)).count()
        if written != rows:
            raise BuildError(
                f"{written:,} rows were written where {rows:,} were asked for. Nothing was kept."
            )


def _numbered(spark, real, scratch):
    """The real stars with their number, in small pieces for all cores; and how many they are."""
    import pandas as pd

    stars = pd.read_parquet(real).drop(columns="hpx0").sort_values("source_id")
    stars["hip"] = stars["hip"].astype("Int32")
    stars["star"] = range(len(stars))
    plain = Path(scratch) / "numbered.parquet"
    stars.to_parquet(plain, index=False)
    spark.conf.set("spark.sql.files.maxPartitionBytes", str(4 * 2**20))
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "5000")
    return spark.read.parquet(str(plain)), len(stars)
