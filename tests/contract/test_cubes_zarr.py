"""The folder that `Cubes.write` makes is an array to the zarr package."""

import numpy as np
import pytest

from ferrule.data import Cubes

zarr = pytest.importorskip("zarr", minversion="3")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_zarr_reads_what_we_write(tmp_path, dtype):
    stack = np.random.default_rng(0).random((3, 20, 15)).astype(dtype)
    cubes = Cubes(stack, (3, 5, 7), seed=4, total=600)
    cubes.write(tmp_path / "cubes", format="zarr")
    array = zarr.open_array(tmp_path / "cubes", mode="r")
    assert (array.shape, array.dtype, array.chunks) == ((600, 3, 5, 7), cubes.dtype, (3, 3, 5, 7))
    assert array.metadata.dimension_names == ("cube", "frame", "row", "col")
    assert array[:].tobytes() == cubes.batch(0, 600).tobytes()
    assert array[599].tobytes() == cubes[599].tobytes()
