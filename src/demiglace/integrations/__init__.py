"""The model and its processor as other libraries want to meet them: an extra of ours, or an environment of theirs."""
