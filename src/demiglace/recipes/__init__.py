"""Hyperparameters of whole runs; each number says whether it is the paper's, the released code's or ours."""
