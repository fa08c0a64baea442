"""Commands of the terminal. Modules here import torch and decoders inside their commands."""
