"""The model in files of llama.cpp's format: the decoder with its tokenizer, and what makes visual tokens."""
