"""A server for everyone's clients: OpenAI's routes, with packages of frames."""
