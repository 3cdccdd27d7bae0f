"""Training: `ferrule.flow.fit`."""

from ferrule.flow._fit._early_stopping import EarlyStopping
from ferrule.flow._fit._fit import fit
from ferrule.flow._fit._history import History

__all__ = ["EarlyStopping", "History", "fit"]
