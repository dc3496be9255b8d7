"""What is called: the team's models."""
