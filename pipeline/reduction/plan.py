"""What to run, in which order, on which files: a plan, computed from tree and times alone.

A call is identified by what goes into it. Two exposures that share calibrations, or two groups
of one tree that list the same biases, therefore ask for the same call, and it runs once.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import CalibrationMissing
from pipeline.muse.association import Association
from pipeline.muse.geometry import N_CHANNELS
from pipeline.muse.illumination import FrameFacts, choose_illum, facts_of, hours_apart
from pipeline.reduction import recipes
from pipeline.reduction.recipes import Recipe, parameters_of

ALL_CHANNELS = tuple(range(1, N_CHANNELS + 1))
FLAT_TAGS = ("MASTER_FLAT", "TRACE_TABLE")


@dataclass(frozen=True)
class Input:
    """A file that goes into a call: a file by name, or a product of another call."""

    tag: str
    name: str = ""  # identity in the archive, or a path
    call: str = ""  # id of the call that makes it
    product: str = ""  # its tag there, where it is not ``tag``

    @property
    def made_as(self) -> str:
        """Tag under which the other call makes it."""
        return self.product or self.tag


@dataclass(frozen=True)
class Call:
    """One call of a recipe."""

    recipe: str
    channel: int  # 0: all channels at once
    inputs: tuple[Input, ...]
    parameters: tuple[tuple[str, str], ...] = ()  # those not at their default
    n_channels: int = 1  # how many channels' data it holds in memory

    @property
    def id(self) -> str:
        """Name of the call: recipe, channel, and a digest of everything that goes in."""
        content = json.dumps(
            [
                self.recipe,
                self.channel,
                [[i.tag, i.name, i.call, i.product] for i in self.inputs],
                self.parameters,
            ]
        )
        short = hashlib.sha256(content.encode()).hexdigest()[:10]
        return f"{self.recipe.removeprefix('muse_')}-{short}-{self.channel:02d}"

    @property
    def makes(self) -> tuple[str, ...]:
        """Tags of its products."""
        return recipes.RECIPES[self.recipe].makes


@dataclass(frozen=True)
class Plan:
    """The calls that make one cube, each after those that it needs."""

    standard: str  # dp_id of the exposure
    calls: tuple[Call, ...]
    cube: str  # id of the call that makes DATACUBE_FINAL
    uncalibrated: str = ""  # id of the call that makes the cube without flux calibration
    notes: tuple[str, ...] = ()
    installed: tuple[str, ...] = ()  # kinds of static tables taken from the installation


@dataclass(frozen=True)
class Choices:
    """What the campaign decides about every reduction."""

    parameters: tuple[str, ...] = ()  # recipe.parameter=value
    channels: tuple[int, ...] = ALL_CHANNELS
    response: Input | None = None  # the campaign's STD_RESPONSE; None derives one here
    grid: Input | None = None  # the campaign's OUTPUT_WCS; None: this exposure defines it
    uncalibrated: bool = False
    installed: tuple[Input, ...] = ()  # static tables for what the tree lacks


def plan_reduction(
    group: Association, choices: Choices, facts: Mapping[str, FrameFacts] | None = None
) -> Plan:
    """The calls from the raw frames of a standard's group to its cube.

    Parameters
    ----------
    facts : mapping of str to FrameFacts or None
        What is known of raw frames beyond the time in their names, by name.

    Raises
    ------
    CalibrationMissing
        If a recipe lacks a frame that it must have.
    """
    return _Planner(group, choices, facts or {}).plan()


def merge(plans: Iterable[Plan]) -> tuple[Call, ...]:
    """All calls of several plans, each once, in an order that respects what needs what."""
    calls: dict[str, Call] = {}
    for plan in plans:
        for call in plan.calls:
            calls.setdefault(call.id, call)
    return tuple(calls.values())


class _Planner:
    """Walks one standard's group; every method returns the inputs that its calls make."""

    def __init__(
        self, group: Association, choices: Choices, facts: Mapping[str, FrameFacts]
    ) -> None:
        self._group, self._choices, self._facts = group, choices, facts
        self._calls: dict[str, Call] = {}
        self._notes: list[str] = []
        self._name = next(file.name for file in group.files if file.category == "STD")
        # by kind: the first in the standard's tree, else the installed one
        self._first = {one.tag: one.name for one in choices.installed} | {
            file.category: file.name for file in reversed(group.all_files())
        }

    def plan(self) -> Plan:
        group, channels = self._group, self._choices.channels
        twilight = self._twilight()
        illum = self._illum("the exposure", self._name)
        tables = []
        for channel in channels:
            inputs = [
                Input("STD", self._name),
                *illum,
                *self._basic(group, channel),
                *twilight,
            ]
            call = self._add(recipes.SCIBASIC, channel, inputs)
            tables.append(Input("PIXTABLE_OBJECT", call=call.id, product="PIXTABLE_STD"))
        cube = self._cube(tables)
        bare = self._bare_cube(tables) if self._choices.uncalibrated else ""
        calls = tuple(self._calls.values())
        names = {one.name for one in self._choices.installed}
        installed = sorted({i.tag for call in calls for i in call.inputs if i.name in names})
        return Plan(
            self._name,
            calls,
            cube,
            bare,
            tuple(dict.fromkeys(self._notes)),
            tuple(installed),
        )

    def _cube(self, tables: list[Input]) -> str:
        response = self._choices.response or self._response(tables)
        inputs = [
            *tables,
            response,
            *self._static("EXTINCT_TABLE", "ASTROMETRY_WCS", "FILTER_LIST"),
        ]
        return self._add(recipes.SCIPOST, 0, [*inputs, *self._grid()]).id

    def _bare_cube(self, tables: list[Input]) -> str:
        """The cube without flux calibration: muse_scipost_make_cube reads one table only."""
        merged = self._add(recipes.COMBINE, 0, tables)
        table = Input("PIXTABLE_OBJECT", call=merged.id, product="PIXTABLE_COMBINED")
        return self._add(recipes.MAKE_CUBE, 0, [table, *self._static("FILTER_LIST")]).id

    def _response(self, tables: list[Input]) -> Input:
        raw = [Input("PIXTABLE_STD", call=table.call) for table in tables]
        static = self._static("EXTINCT_TABLE", "STD_FLUX_TABLE", "FILTER_LIST")
        call = self._add(recipes.STANDARD, 0, [*raw, *static])
        self._notes.append("the response is derived from this exposure")
        return Input("STD_RESPONSE", call=call.id)

    def _grid(self) -> list[Input]:
        if self._choices.grid is None:
            self._notes.append("this exposure defines the grid")
            return []
        return [self._choices.grid]

    def _twilight(self) -> list[Input]:
        """The twilight correction: ready-made in the tree, or from twilight flats of all channels."""
        ready = self._static("TWILIGHT_CUBE")
        group = self._find(self._group, "SKYFLAT")
        if ready or group is None:
            if not ready:
                self._notes.append("no twilight flats: no twilight correction")
            return ready
        if self._choices.channels != ALL_CHANNELS:
            self._notes.append("muse_twilight needs all 24 channels: no twilight correction")
            return []
        frames = self._raw(group, "SKYFLAT")
        middle = frames[len(frames) // 2].name
        inputs = [*frames, *self._illum("the twilight flats", middle)]
        for channel in self._choices.channels:
            basic = self._basic(group, channel)
            inputs += [one for one in basic if one.call]
        inputs += self._static("GEOMETRY_TABLE", "BADPIX_TABLE", "VIGNETTING_MASK")
        return [Input("TWILIGHT_CUBE", call=self._add(recipes.TWILIGHT, 0, inputs).id)]

    def _basic(self, group: Association, channel: int) -> list[Input]:
        """Master calibrations of one channel that belong to a group."""
        flat = self._flat(group, channel)
        return [
            self._bias(group, channel),
            *(Input(tag, call=flat.id) for tag in FLAT_TAGS),
            Input("WAVECAL_TABLE", call=self._wavecal(group, channel).id),
            *self._static("GEOMETRY_TABLE", "BADPIX_TABLE"),
        ]

    def _bias(self, group: Association, channel: int) -> Input:
        inputs = [*self._raw(group, "BIAS"), *self._static("BADPIX_TABLE")]
        return Input("MASTER_BIAS", call=self._add(recipes.BIAS, channel, inputs).id)

    def _flat(self, group: Association, channel: int) -> Call:
        own = self._find(group, "FLAT") or group
        bias = self._bias(own, channel)  # the lamp flats may come with biases of their own
        inputs = [*self._raw(group, "FLAT"), bias, *self._static("BADPIX_TABLE")]
        return self._add(recipes.FLAT, channel, inputs)

    def _wavecal(self, group: Association, channel: int) -> Call:
        own = self._find(group, "ARC") or group
        trace = Input("TRACE_TABLE", call=self._flat(own, channel).id)
        static = self._static("LINE_CATALOG", "BADPIX_TABLE")
        inputs = [*self._raw(group, "ARC"), self._bias(own, channel), trace, *static]
        return self._add(recipes.WAVECAL, channel, inputs)

    def _illum(self, of: str, name: str) -> list[Input]:
        """The lamp flat of the illumination at the time of a frame: the recipes take one."""
        frame = self._fact(name)
        names = sorted({f.name for f in self._group.all_files() if f.category == "ILLUM"})
        flat = choose_illum(frame, [self._fact(one) for one in names])
        if flat is None:
            self._notes.append(f"no illumination flat near {of}: no illumination correction")
            return []
        self._notes.append(
            f"illumination flat of {of}: {flat.name}, {hours_apart(flat, frame):.1f} h away"
        )
        return [Input("ILLUM", flat.name)]

    def _fact(self, name: str) -> FrameFacts:
        return self._facts.get(name) or facts_of(name)

    def _find(self, group: Association, tag: str) -> Association | None:
        """The child of a group that holds files of a kind; else the standard's; else any."""
        for parent in (group, self._group):
            for child in parent.children:
                if any(file.category == tag for file in child.files):
                    return child
        groups = (one for one in self._group.walk() if one is not self._group)
        return next((g for g in groups if any(f.category == tag for f in g.files)), None)

    def _raw(self, group: Association, tag: str) -> list[Input]:
        """Raw frames of a kind that calibrate a group."""
        own = group if any(file.category == tag for file in group.files) else None
        found = own or self._find(group, tag)
        files = sorted({f.name for f in found.files if f.category == tag}) if found else []
        if not files:
            raise CalibrationMissing(f"{self._name}: no {tag} frames for its {group.category}")
        return [Input(tag, name) for name in files]

    def _static(self, *tags: str) -> list[Input]:
        """Static files of these kinds, as far as there are any."""
        return [Input(tag, self._first[tag]) for tag in tags if tag in self._first]

    def _add(self, recipe: Recipe, channel: int, inputs: Sequence[Input]) -> Call:
        tags = [one.tag for one in inputs]
        missing = [tag for tag in (recipe.raw[0], *recipe.needs) if tag not in tags]
        if missing or tags.count(recipe.raw[0]) < recipe.min_raw:
            what = ", ".join(missing) or f"{recipe.min_raw} {recipe.raw[0]} frames"
            raise CalibrationMissing(f"{self._name}: {recipe.name} needs {what}")
        call = Call(
            recipe.name,
            channel,
            tuple(dict.fromkeys(inputs)),
            parameters_of(recipe, self._choices.parameters),
            1 if channel else len(self._choices.channels),
        )
        return self._calls.setdefault(call.id, call)
