"""Records in chat formats -> conversations."""
