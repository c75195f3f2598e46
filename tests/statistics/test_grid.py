"""Nodes of the grid of (tau, theta): the few that are wanted, in the order of all."""

import numpy as np
import pytest

from pipeline.statistics.grid import (
    TAU_DAYS,
    grid_nodes,
    halved,
    in_order,
    nodes_near,
)


@pytest.mark.parametrize("level", range(4))
def test_nodes_near_kept_ones_are_of_the_grid_and_come_in_its_order(level: int) -> None:
    taus, thetas = np.array(TAU_DAYS), np.linspace(0, np.pi / 2, 5)
    kept = {(8.0, 0.0), (32.0, float(thetas[2])), (float(taus[0]), float(thetas[-1]))}
    for _ in range(level):
        taus, thetas = halved(taus, geometric=True), halved(thetas, geometric=False)
    wanted = nodes_near(kept, taus, thetas)
    everything = list(grid_nodes(taus, thetas))
    assert wanted <= set(everything)
    assert in_order(wanted) == [node for node in everything if node in wanted]
    assert in_order(set(everything)) == everything
