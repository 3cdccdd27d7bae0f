"""What all tests share."""

import os
import signal

import hypothesis

# The references' thread pools wait busily for each other, which on a machine that has other work
# takes many times what their tiny problems do alone. To be set before NumPy and scikit-learn load.
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

# The same cases on every run: a failure is of the change at hand, not of the day's luck.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None)
hypothesis.settings.load_profile("fixed")

# A shell that starts the tests in the background has Ctrl-C ignored, which processes inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
