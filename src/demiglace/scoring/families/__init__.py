"""Our scorers of benchmarks, a file for each family: a response and what is expected -> a verdict."""
