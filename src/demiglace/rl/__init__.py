"""Reinforcement learning: ask, score, learn; an objective of the one training loop."""
