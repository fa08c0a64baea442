"""Reading the data files of benchmarks row by row."""
