"""What SigLIP2 and Qwen3 bring along, earned from nothing."""
