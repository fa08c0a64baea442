"""The command line. Modules here import torch and decoders inside their commands."""
