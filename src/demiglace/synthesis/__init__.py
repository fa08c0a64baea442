"""Known contents -> pictures, clips and questions."""
