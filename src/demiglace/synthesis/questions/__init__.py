"""Known contents -> pictures and questions about them."""
