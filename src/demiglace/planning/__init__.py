"""What a job will take, before it starts: memory by part, time, energy and money, by formula."""
