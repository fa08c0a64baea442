"""Backends that answer: our engine, an OpenAI-compatible server, a transformers model."""
