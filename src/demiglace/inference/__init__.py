"""From files and questions to answers: single, streamed, in a chat, or in batches."""
