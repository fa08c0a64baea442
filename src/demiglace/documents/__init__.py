"""Pages of documents: their text with boxes, segmentation, and corruption."""
