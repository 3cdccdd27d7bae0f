//! Models behind HTTP and gRPC, with no Python.
