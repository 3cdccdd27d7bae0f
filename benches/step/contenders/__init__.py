"""Who takes part: a name, a module of this folder, and its class."""

CONTENDERS = {
    "ferrule": ("ferrule_session", "Ferrule"),
    "ferrule run_many": ("ferrule_session", "FerruleLoop"),
    "miniflow": ("miniflow_session", "MiniFlow"),
    "tf.compat.v1": ("tensorflow_session", "TensorFlow"),
    "torch eager": ("torch_eager", "Torch"),
    "jax.jit": ("jax_jit", "Jax"),
    "jax fori_loop": ("jax_jit", "JaxLoop"),
}
# What has to be installed for those that are not ours.
PACKAGES = {
    "miniflow": "miniflow",
    "tf.compat.v1": "tensorflow",
    "torch eager": "torch",
    "jax.jit": "jax",
    "jax fori_loop": "jax",
}
