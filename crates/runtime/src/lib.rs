//! Models in memory: signature, prediction, registry of names and versions.
