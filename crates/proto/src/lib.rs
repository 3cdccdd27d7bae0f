//! Open Inference Protocol and Ferrule messages, generated and checked in.
