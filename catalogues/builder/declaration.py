"""Share declarations (YAML): reading one, and the SQL that registers its tables in Spark."""

import os
from pathlib import Path

import yaml


def load(file):
    """The declaration in a YAML file; the schema is `Share` in protocol/src/share.ts."""
    return yaml.safe_load(Path(file).read_text())


def folder_of(share, file, data):
    """The share's folder: absolute, or relative to the YAML `file`; `${AGLAIS_DATA}` is `data`."""
    path = share["path"].replace("${AGLAIS_DATA}", str(data))
    return Path(os.path.normpath(Path(file).absolute().parent / path))


def registration_sql(share, folder):
    """Statements after which `spark.table("<share>.<table>")` works, in any catalog of Spark.

    Buckets need the columns spelled out (Spark: SPECIFY_BUCKETING_IS_NOT_ALLOWED), which also saves
    reading a file at the start. There is no PARTITIONED BY on purpose: with it Spark would show an
    *empty* table until `MSCK REPAIR TABLE`; without it, Spark discovers the partitions by the
    names of the directories and prunes them as well.
    """
    statements = [f"CREATE DATABASE IF NOT EXISTS {share['id']}"]
    for table in share["tables"]:
        columns = ", ".join(f"`{c['name']}` {c['type']}{_comment(c)}" for c in table["columns"])
        sql = f"CREATE TABLE IF NOT EXISTS {share['id']}.{table['name']} ({columns}) USING parquet"
        if bucketing := table.get("bucketing"):
            sql += f" CLUSTERED BY ({', '.join(bucketing['columns'])})"
            if bucketing.get("sortedBy"):
                sql += f" SORTED BY ({', '.join(bucketing['sortedBy'])})"
            sql += f" INTO {bucketing['buckets']} BUCKETS"
        sql += f" COMMENT {_quoted(table['description'])}"
        statements.append(f"{sql} LOCATION {_quoted(Path(folder) / table['path'])}")
    return statements


def _comment(column):
    words = " ".join(
        filter(
            None, [column.get("description"), f"[{column['unit']}]" if "unit" in column else None]
        )
    )
    return f" COMMENT {_quoted(words)}" if words else ""


def _quoted(text):
    return "'" + " ".join(str(text).split()).replace("\\", "\\\\").replace("'", "\\'") + "'"
