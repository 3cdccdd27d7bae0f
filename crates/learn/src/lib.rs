//! Learners: K-Means and its kin.
