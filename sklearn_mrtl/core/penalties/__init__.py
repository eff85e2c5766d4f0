"""The penalties of eq. (5) and the choice of their strengths."""
