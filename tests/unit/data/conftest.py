import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest


def write_table(path, table):
    """Write `table` with each format's reference writer."""
    name = path.name
    matrix = np.column_stack([column.to_numpy() for column in table.columns])
    if name.endswith((".csv", ".csv.gz")):
        with pa.output_stream(path, compression="detect") as stream:
            pyarrow.csv.write_csv(table, stream)
    elif name.endswith(".tsv"):
        pyarrow.csv.write_csv(table, path, pyarrow.csv.WriteOptions(delimiter="\t"))
    elif name.endswith(".parquet"):
        pq.write_table(table, path, row_group_size=7)
    elif name.endswith(".arrow"):
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table, max_chunksize=4)
    elif name.endswith(".ipc"):
        with pa.ipc.new_stream(path, table.schema) as file:
            file.write_table(table, max_chunksize=4)
    elif name.endswith(".feather"):
        pyarrow.feather.write_feather(table, path, chunksize=5)
    elif name.endswith(".npy"):
        np.save(path, matrix)
    else:
        np.savez_compressed(path, **dict(zip(table.column_names, matrix.T, strict=True)))


@pytest.fixture
def matrix():
    return np.random.default_rng(0).normal(size=(40, 4))


@pytest.fixture
def table(matrix):
    return pa.table({name: matrix[:, index] for index, name in enumerate("abcd")})


@pytest.fixture
def write():
    """Return what writes a table to a path, by its ending, with the format's reference writer."""
    return write_table
