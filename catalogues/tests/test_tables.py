"""Tables as Spark sees them: declared by YAML, written by the builder."""

import re
from pathlib import Path

import pytest

from builder import declaration
from builder.bucketed import BUCKETS, PARTITION
from builder.download import sha256
from builder.sample import ROWS

CATALOGUES = Path(__file__).resolve().parent.parent
DECLARATIONS = sorted(CATALOGUES.glob("*.yaml"))


@pytest.fixture(scope="session")
def registered(spark, source):
    """All shares, registered by the SQL of their YAML; bigsky is the small sky."""
    _, data = source
    for file in DECLARATIONS:
        share = declaration.load(file)
        for statement in declaration.registration_sql(
            share, declaration.folder_of(share, file, data)
        ):
            spark.sql(statement)
    return spark


def plan(frame):
    return frame._jdf.queryExecution().executedPlan().toString()


@pytest.mark.parametrize("file", DECLARATIONS, ids=lambda file: file.stem)
def test_a_declared_table_has_the_columns_and_types_that_its_files_have(file, registered):
    share = declaration.load(file)
    for table in share["tables"]:
        name = f"{share['id']}.{table['name']}"
        location = registered.sql(f"DESCRIBE EXTENDED {name}").where("col_name = 'Location'")
        files = registered.read.parquet(location.first()["data_type"])
        declared = {field.name: field.dataType for field in registered.table(name).schema}
        assert declared == {field.name: field.dataType for field in files.schema}


@pytest.mark.parametrize("file", DECLARATIONS, ids=lambda file: file.stem)
def test_a_column_has_known_fields_only(file):
    # A comma in an unquoted description would end it, and make a field of the rest.
    for table in declaration.load(file)["tables"]:
        for column in table["columns"]:
            assert set(column) <= {"name", "type", "unit", "description"}, column
            assert all(isinstance(value, str) for value in column.values()), column


@pytest.mark.parametrize("name", ["gaia", "panstarrs"])
def test_committed_files_are_the_ones_declared(name, registered):
    share = declaration.load(CATALOGUES / f"{name}.yaml")
    folder = declaration.folder_of(share, CATALOGUES / f"{name}.yaml", "unused")
    for table in share["tables"]:
        files = {file.name: sha256(file) for file in (folder / table["path"]).glob("*.parquet")}
        assert files == table["checksums"]
        assert registered.table(f"{share['id']}.{table['name']}").count() == table["rows"]


def test_the_declaration_of_bigsky_agrees_with_the_builder():
    (table,) = declaration.load(CATALOGUES / "bigsky.yaml")["tables"]
    assert table["rows"] == ROWS
    assert table["bucketing"]["buckets"] == BUCKETS
    assert table["partitionedBy"] == [PARTITION]


def test_no_row_is_lost_between_builder_and_table(registered, source):
    frame, _ = source
    table = registered.table("bigsky.source")
    assert table.count() == len(frame)
    assert {row.source_id for row in table.select("source_id").collect()} == set(frame.source_id)


def test_there_is_one_file_per_bucket_and_part_of_the_sky(source):
    _, data = source
    files = (data / "catalogues/bigsky/source").rglob("*.parquet")
    places = [re.search(r"hpx0=(\d+)/.*_(\d{5})\.c", str(file)).groups() for file in files]
    assert len(places) == len(set(places)) == 12 * BUCKETS


def test_a_join_on_the_id_needs_no_shuffle(registered):
    left, right = (registered.table("bigsky.source") for _ in range(2))
    joined = left.alias("a").join(right.alias("b"), "source_id").groupBy("source_id").count()
    assert "Exchange" not in plan(joined)
    assert joined.count() == left.count()


def test_one_part_of_the_sky_is_read_from_its_folder_alone(registered):
    part = registered.table("bigsky.source").where("hpx0 = 4")
    assert re.search(r"PartitionFilters: \[[^]]*hpx0#\d+ = 4", plan(part))
    assert 0 < part.count() < registered.table("bigsky.source").count() / 4
    outside = part.where("source_id >> 59 != 4")
    assert outside.count() == 0
