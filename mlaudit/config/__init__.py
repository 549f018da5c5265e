"""Personal settings and the team's policy."""
