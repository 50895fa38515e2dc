/** A small catalogue, and a job that reads it repeatedly: for shares whose server fails. */

/** Python code that writes it to the directory in its argument. */
export const WRITE_STARS = `
import sys, pyarrow, pyarrow.parquet
table = pyarrow.table({"source_id": list(range(1000))})
pyarrow.parquet.write_table(table, sys.argv[1] + "/part-0.parquet")
`;

/** Its declaration. @param path of its directory */
export const STARS_SHARE = (path: string) => `
id: hanging
title: Stars
description: A few stars
path: ${path}
credit: nobody
provenance: made for a test
tables:
  - name: stars
    path: stars
    format: parquet
    description: Stars
`;

/** Almost a minute of short jobs; each opens the file again. */
export const READS_AND_READS = `
import time
until = time.time() + 40
while time.time() < until:
    assert spark.table("hanging.stars").where("source_id % 2 = 0").count() == 500
    print("read", flush=True)
    time.sleep(0.2)
`;
