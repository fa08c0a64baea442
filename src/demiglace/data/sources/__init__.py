"""Where conversations to learn from come from; `source` says what all of them give, the others are one each."""
