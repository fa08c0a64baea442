"""The files that benchmarks come in, read row by row."""
