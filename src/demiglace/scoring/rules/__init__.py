"""Scoring rules of benchmarks: ours, and those of evaluation kits unchanged, so that scores are comparable."""
