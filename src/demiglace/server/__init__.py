"""An OpenAI-compatible server, with packages of frames for videos."""
