"""Evaluation on benchmarks: asking, scores, comparisons and reports (the extra `eval` installs what it needs)."""
