//! A model on disk: one durable, verified .safetensors file.
