from dataclasses import replace

import pytest
import torch
from helpers import assert_same, fields, formed, inputs_of

from sklearn_mrtl import Feature, Grid


def test_coarse_land_is_where_no_cell_holds_data():
    modes = (Feature("lag", 2), Grid("sea", (4, 6), quantity="mean"))
    mask = torch.ones(4, 6, dtype=torch.bool)
    mask[:2, :2], mask[3, 5] = False, False
    inputs = fields(modes, masks={"sea": mask.reshape(-1)})
    coarse = inputs.coarsen(((2,), (2, 3)))
    assert torch.equal(coarse.masks[1].reshape(2, 3), torch.tensor([[False, True, True], [True, True, True]]))
    assert bool((formed(coarse)[:, :, 0] == 0).all()) and coarse.masks[0] is None
    assert inputs.x.shape[-1] == 19 and coarse.x.shape[-1] == 5  # land takes no memory


@pytest.mark.parametrize("block_entries", [1, 200, 10**6])
def test_fields_are_coarsened_in_blocks(block_entries):
    inputs = replace(inputs_of("fields"), block_entries=block_entries)
    coarse = inputs_of("fields").coarsen(((2,), (3,), (2, 4)))
    assert_same(formed(inputs.coarsen(((2,), (3,), (2, 4)))), formed(coarse), rtol=0, atol=1e-15)
