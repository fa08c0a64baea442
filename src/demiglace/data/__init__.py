"""Records -> samples packed into rows; a run resumes exactly where it stopped."""
