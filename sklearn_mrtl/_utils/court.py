"""Measures of a basketball court, in feet, as the NBA has it."""

from __future__ import annotations

# The whole court, along its length and across.
LENGTH, WIDTH = 94.0, 50.0
# Half a court, from the baseline and the sideline: the centre of the basket, and the part that is divided into cells.
BASKET = (5.25, 25.0)
COURT_BOUNDS = ((0.0, 40.0), (0.0, 50.0))
# Height of the rim, and radius of the three-point arc about the basket.
RIM_HEIGHT = 10.0
ARC_RADIUS = 23.75
# The box around the player with the ball, to his right and towards the basket. It has more room before him than behind
# him: he is in cell (6, 2) of 12 x 12 (appendix B of Park et al., 2020).
BOX_BOUNDS = ((-6.0, 6.0), (-2.0, 10.0))
