"""Pre-training of encoder, decoder and resampler from random weights, in place of pre-trained SigLIP2 and Qwen3."""
