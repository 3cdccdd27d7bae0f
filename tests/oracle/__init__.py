"""Random graphs that TensorFlow and Ferrule both build, and what TensorFlow makes of them."""
