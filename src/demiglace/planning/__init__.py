"""Estimates for a job before it starts, by formula: memory by part, time, energy and money."""
