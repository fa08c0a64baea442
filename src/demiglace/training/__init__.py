"""One training loop: stage -> checkpoint."""
