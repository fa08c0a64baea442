"""The model and its processor in other libraries: as an extra of this package, or in an environment of theirs."""
