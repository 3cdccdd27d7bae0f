"""Cubes as files: one format a module, one file a chunk.

A module has ``NAME``, ``prepare(folder, cubes, chunk)``, which writes what describes the whole, and
``path(index, first)``, the chunk's place below the folder; ``write(file, values, first, chunk)``
writes it.
"""
