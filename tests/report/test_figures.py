"""What the figures of a report show."""

import pytest
from core.oracle import histogram_of

from bfpack_spark import explore
from bfpack_spark.report.drawing import draw
from bfpack_spark.report.figures import truncations_figure


@pytest.mark.parametrize("lengths", [[20_000, 30_000], [5], [5, 3000], [1_000_000]])
def test_there_is_a_line_to_see_however_long_the_documents_are(lengths: list[int]) -> None:
    (at,) = explore.corpus_stats(histogram_of(lengths), (2048,)).at
    _, cuts = draw(truncations_figure(at)).panels
    for path in cuts.paths:
        assert len(path.points.split()) >= 2
