"""Looking at models and graphs: what they are made of, how they look, what they cost."""

from ferrule.flow._tools._plot import Plot, plot
from ferrule.flow._tools._profile import Profile, profile
from ferrule.flow._tools._summary import Summary, summary

__all__ = ["Plot", "Profile", "Summary", "plot", "profile", "summary"]
