"""Commands: what a terminal shows. Modules here import heavy things inside their commands."""
