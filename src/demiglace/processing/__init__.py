"""Conversation -> Sample -> Batch."""
