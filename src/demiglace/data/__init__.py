"""Records -> packed rows of samples; a run goes on exactly where it stopped."""
