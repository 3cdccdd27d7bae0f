//! Sockets: the accept loops, the I/O threads, and one connection's life.

pub(crate) mod body;
pub(crate) mod budget;
pub(crate) mod connection;
pub(crate) mod listener;
pub(crate) mod sending;
pub(crate) mod stream;
pub(crate) mod worker;
