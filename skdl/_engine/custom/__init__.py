"""Networks of the user: what they are fed and draw, and whether they share programs."""
