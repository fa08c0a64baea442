"""Pages of documents: text with boxes, segmentation, and corruption."""
