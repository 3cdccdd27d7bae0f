"""Training steps and element-wise chains, as each contender writes them."""
