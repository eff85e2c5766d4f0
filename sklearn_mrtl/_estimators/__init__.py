"""The estimators: scikit-learn's contract in, core objects out."""
