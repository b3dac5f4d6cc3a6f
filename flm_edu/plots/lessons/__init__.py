"""The pictures of the course: pure functions from tensors to figures, in the colours of `style`.

A notebook is read on a light page and on a dark one, and its pictures are kept as images, so each stands on a white
card. Words and vocabulary sizes have colours of their own, which no model family has.
"""

from flm_edu.plots.lessons.cards import SEQUENCE, WORDS, on_card
from flm_edu.plots.lessons.charts import against_steps, bars, beside, lines, runs, shares, stacked
from flm_edu.plots.lessons.planes import cuts, landscape, plane_grid, to_plane, triangles
from flm_edu.plots.lessons.tables import ROWS, decisions, headline, heat, judged, pair_tables, row_name, rows_of, tables
