"""The contenders of `lm.py`."""
