"""What the validation runs: measures of scenarios in configurations, and how many campaigns of each."""

from dataclasses import dataclass

from benchmarks.validation.cells import Cell

DRIFTS = ("none", "white", "night", "slow20", "slow60", "slow150", "mixed", "mixed150")
SIZES = {"40x18": 5, "65x25": 5, "65x40": 5, "150x60": 5}


@dataclass(frozen=True)
class Part:
    """One measure: its scenarios, and the campaigns a round of each configuration."""

    measure: str
    scenarios: tuple[str, ...]
    campaigns: dict[str, int]


# A round has 20 floors and 13 campaigns of every other measure in each scenario: 154 rounds have 2002 or
# more. The largest fields cost more, so there are fewer of them.
PLAN = (
    Part("floor", DRIFTS, SIZES),
    Part("trends", DRIFTS[:-1], {"40x18": 7, "65x25": 6}),
    Part("steps", ("jitter",), {"30x16": 13}),
    Part("correction", ("none", "night", "slow60", "mixed"), {"65x25": 13}),
    Part("prediction", ("white", "night", "slow60", "mixed"), {"65x25": 13}),
    Part("variables", ("none", "slow60"), {"65x25": 13}),
    Part("floor", ("sky", "sky_night"), {"40x18": 7, "65x25": 6}),
    Part("variables", ("none",), {"65x200": 2}),
)


def cells_of_round() -> list[tuple[Cell, int]]:
    """Every cell of the plan with its campaigns a round."""
    return [
        (Cell(part.measure, scenario, configuration), n)
        for part in PLAN
        for scenario in part.scenarios
        for configuration, n in part.campaigns.items()
    ]
