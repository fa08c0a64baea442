"""From patches and tokens to logits: encoder, resampler, decoder, and the three as one model."""
