"""The fifty segments by DuckDB: `by_duckdb.py FOLDER`, driven by benches/evaluate.rs.

Reads the columns that the benchmark wrote, says "ready", and for each line of its input runs the query into a table
and answers with the milliseconds; at the end of the input it writes the masks by patron to FOLDER/masks.
"""

import sys
import time
from pathlib import Path

import duckdb
import numpy

folder = Path(sys.argv[1])
NULL = -(2**31)
db = duckdb.connect()
db.execute("SET threads = 2")
columns = {}
for path in sorted(folder.iterdir()):
    if path.name not in ("query.sql", "masks"):
        table, name = path.name.split(".")
        columns.setdefault(table, {})[name] = numpy.fromfile(path, dtype="<i4")
for table, cells in columns.items():
    db.register("given", cells)
    chosen = ", ".join(f"nullif({name}, {NULL}) AS {name}" for name in cells)
    order = "id" if table == "patron" else "patron, day"
    db.execute(f"CREATE TABLE {table} AS SELECT {chosen} FROM given ORDER BY {order}")
    db.unregister("given")
query = (folder / "query.sql").read_text()
print("ready", flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    db.execute("CREATE OR REPLACE TABLE answer AS " + query)
    print((time.perf_counter() - started) * 1e3, flush=True)
masks = db.execute("SELECT mask::BIGINT FROM answer ORDER BY id").fetchnumpy()
list(masks.values())[0].astype("<i8").tofile(folder / "masks")
