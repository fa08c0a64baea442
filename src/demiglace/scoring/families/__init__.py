"""Our scorers of benchmarks, a file for each family: from a response and the expected answers to a verdict."""
