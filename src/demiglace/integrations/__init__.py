"""The model and its processor as other libraries want to meet them; transformers is an extra, vLLM wants an environment of its own."""
