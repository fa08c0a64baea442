"""The model and its processor in other libraries: by an extra of this package, or in those libraries' environments."""
