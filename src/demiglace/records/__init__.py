"""Records of chat formats -> conversations."""
