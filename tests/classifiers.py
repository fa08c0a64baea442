"""A tiny sequence classifier in a folder, as transformers writes it."""

import tokenizers
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
)

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "which", "colour", "?", "red", "blue", "green", "it", "is", "."]


def write_classifier(folder, num_labels=1, vocab_size=13, chat_template=None, positions=24):
    write_tokenizer(folder, "[PAD]", chat_template)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=vocab_size, max_position_embeddings=positions, num_labels=num_labels, **sizes)
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    return folder


def write_decoder(folder, pad_token):
    """A decoder, whose score is that of the last token; its config names another token for padding than [PAD]."""
    write_tokenizer(folder, pad_token)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}
    config = LlamaConfig(vocab_size=13, intermediate_size=16, num_labels=1, pad_token_id=3, **sizes)
    LlamaForSequenceClassification(config).eval().save_pretrained(folder)
    return folder


def write_tokenizer(folder, pad_token, chat_template=None):
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: n for n, word in enumerate(WORDS)}, "[UNK]"))
    backend.normalizer = tokenizers.normalizers.Lowercase()
    backend.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    backend.add_special_tokens(WORDS[:4])
    backend.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token=pad_token, unk_token="[UNK]")
    made.chat_template = chat_template
    made.save_pretrained(folder)
