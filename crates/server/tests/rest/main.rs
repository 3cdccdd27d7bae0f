//! What REST promises, held on [`ferrule_server::rest::handle`] with a model on disk.

mod fixture;
mod infer;
mod predict;
mod routes;
