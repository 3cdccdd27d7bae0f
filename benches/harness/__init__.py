"""What every benchmark shares: machine facts, measured limits, rounds, results."""
