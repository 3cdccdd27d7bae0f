"""What all tests share."""

import hypothesis

# The same cases on every run: a failure is of the change at hand, not of the day's luck.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None)
hypothesis.settings.load_profile("fixed")
