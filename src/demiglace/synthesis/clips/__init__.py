"""Known contents over time -> clips and questions about them."""
