"""What the validation runs: measures of scenarios in configurations, and how many campaigns of each."""

from dataclasses import dataclass

from benchmarks.validation.cells import Cell

DRIFTS = ("none", "white", "night", "slow20", "slow60", "slow150", "mixed", "mixed150")
SIZES = {"40x18": 5, "65x25": 5, "65x40": 2, "150x60": 1}


@dataclass(frozen=True)
class Part:
    """One measure: its scenarios, and the campaigns a round of each configuration."""

    measure: str
    scenarios: tuple[str, ...]
    campaigns: dict[str, int]


# Large campaigns cost more, so a round holds fewer of them.
PLAN = (
    Part("floor", DRIFTS, SIZES),
    Part("trends", DRIFTS[:-1], {"40x18": 2, "65x25": 2}),
    Part("steps", ("jitter",), {"30x16": 1}),
    Part("correction", ("none", "night", "slow60", "mixed"), {"65x25": 1}),
    Part("prediction", ("white", "night", "slow60", "mixed"), {"65x25": 1}),
    Part("variables", ("none", "slow60"), {"65x25": 1}),
    Part("floor", ("sky", "sky_night"), {"40x18": 1, "65x25": 1}),
    Part("variables", ("none",), {"65x200": 1}),
)


def cells_of_round() -> list[tuple[Cell, int]]:
    """Every cell of the plan with its campaigns a round."""
    return [
        (Cell(part.measure, scenario, configuration), n)
        for part in PLAN
        for scenario in part.scenarios
        for configuration, n in part.campaigns.items()
    ]
