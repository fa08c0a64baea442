"""Reinforcement learning: sample, score, learn; an objective of the training loop."""
