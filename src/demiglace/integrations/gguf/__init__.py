"""The model in llama.cpp's GGUF format: the decoder with its tokenizer, and the projector (encoder and resampler)."""
