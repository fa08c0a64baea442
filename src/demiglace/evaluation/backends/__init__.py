"""What answers: our engine, a server that speaks OpenAI's API, a model of transformers."""
