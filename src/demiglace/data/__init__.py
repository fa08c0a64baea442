"""Records -> packed rows of samples; a run resumes exactly where it stopped."""
