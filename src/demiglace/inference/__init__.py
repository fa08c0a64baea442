"""Files and questions to answers: one at a time, streamed, in turns, many at once."""
