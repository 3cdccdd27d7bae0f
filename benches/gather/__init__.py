"""What `cubes.py` times: the article's steps, NumPy's best, copies, and ours."""
