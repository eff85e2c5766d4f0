from sklearn_mrtl.core.plan import Decompose, Finegrain, Initialize, Train, full_rank_plan, paper_plan
from sklearn_mrtl.core.settings import FULL_RANK, LOW_RANK


def test_the_plan_is_that_of_the_paper():
    assert paper_plan(3, 2) == [
        Initialize(0, FULL_RANK), Train(0, FULL_RANK), Finegrain(1), Train(1, FULL_RANK), Decompose(1),
        Train(1, LOW_RANK), Finegrain(2), Train(2, LOW_RANK),
    ]  # fmt: skip
    assert paper_plan(2, 0) == [Initialize(0, LOW_RANK), Train(0, LOW_RANK), Finegrain(1), Train(1, LOW_RANK)]
    assert full_rank_plan(2, decompose=True) == [
        Initialize(0, FULL_RANK), Train(0, FULL_RANK), Finegrain(1), Train(1, FULL_RANK), Decompose(1),
    ]  # fmt: skip
    for n_levels in (1, 2):  # fewer levels are a prefix of more
        assert paper_plan(3, 1)[: len(paper_plan(n_levels, 1))] == paper_plan(n_levels, 1)
