"""One supervised loop: stage -> checkpoint."""
