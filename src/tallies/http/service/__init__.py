"""What every HTTP service needs, whatever it answers: sign-in, problems, caches, metrics."""
