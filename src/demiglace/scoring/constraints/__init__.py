"""What can be checked of an answer without knowing whether it is true: pure values, each with one check."""
