"""A plan as text, for ``--dry-run``."""

from collections import Counter

from pipeline.reduction.plan import Call, Input, Plan


def describe(plan: Plan) -> str:
    """The plan as text; calls that differ only in their channel are joined."""
    families: dict[tuple[str, ...], list[Call]] = {}
    labels: dict[str, str] = {}  # call: recipe and number of its family
    for call in plan.calls:
        key = (call.recipe, *(_shown(one, labels) for one in call.inputs))
        members = families.setdefault(key, [])
        members.append(call)
        n_before = sum(key[0] == call.recipe for key in list(families)[:-1])
        labels[call.id] = labels.get(members[0].id, f"{call.recipe} #{n_before + 1}")
    lines = [f"{plan.standard}: {len(plan.calls)} calls"]
    for (_, *inputs), members in families.items():
        channels = ",".join(str(call.channel) for call in members if call.channel)
        options = " ".join(f"--{name}={value}" for name, value in members[0].parameters)
        where = f"channels {channels} " if channels else ""
        lines.append(f"  {labels[members[0].id]} {where}{options}".rstrip())
        lines += [
            f"      {text}" + (f" x {n}" if n > 1 else "") for text, n in Counter(inputs).items()
        ]
        lines.append(f"      -> {', '.join(members[0].makes)}")
    return "\n".join([*lines, *(f"  note: {note}" for note in plan.notes)])


def _shown(one: Input, labels: dict[str, str]) -> str:
    return f"{one.tag} from {labels[one.call]}" if one.call else f"{one.tag} {one.name}"
