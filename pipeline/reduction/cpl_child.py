"""One recipe through python-cpl, as a program: reads a request, leaves products in this folder.

Runs outside of the package, so that the start of a recipe costs the import of ``cpl`` and nothing
else. Ends with 128 + n if the recipe died of signal n.
"""

import json
import signal
import sys
from pathlib import Path

import cpl


def main(request_path: str) -> int:
    """Run the recipe of a request; returns the exit status."""
    request = json.loads(Path(request_path).read_text())
    here = Path.cwd()
    cpl.Recipe.path = request["plugins"]
    cpl.esorex.msg.level = "off"
    cpl.esorex.log.filename = str(here / request["log"])
    cpl.esorex.log.level = "info"
    recipe = cpl.Recipe(request["recipe"])
    recipe.output_dir, recipe.temp_dir = str(here), str(here / "tmp")
    recipe.mtrace = False
    known = {parameter.name: parameter for parameter in recipe.param}
    for name, text in request["parameters"].items():
        if name not in known:  # python-cpl would ignore it without a word
            print(f"{request['recipe']} has no parameter {name}", file=sys.stderr)
            return 2
        setattr(recipe.param, name, _typed(text, known[name].default))
    raw: dict[str, list[str]] = {}
    calib: dict[str, list[str]] = {}
    for tag, path in request["files"]:
        (raw if tag in request["raw_tags"] else calib).setdefault(tag, []).append(path)
    recipe.tag = request["raw_tags"][0]
    recipe.calib = calib
    try:
        recipe(raw=raw)
    except cpl.RecipeCrash as crash:
        print(crash, file=sys.stderr)
        return 128 + int(getattr(crash, "signal", signal.SIGSEGV) or signal.SIGSEGV)
    except (cpl.CplError, OSError) as error:
        print(error, file=sys.stderr)
        # all that python-cpl tells of a recipe that was killed from outside
        return 128 + signal.SIGKILL if "Recipe crashed" in str(error) else 1
    return 0


def _typed(text: str, default: object) -> object:
    if isinstance(default, bool):
        return text.lower() == "true"
    return type(default)(text) if isinstance(default, int | float) else text


def list_parameters(plugins: str, name: str) -> int:
    """Print the parameters of a recipe as esorex does; returns the exit status."""
    cpl.Recipe.path = plugins
    print("Recipe Parameters :")
    for parameter in cpl.Recipe(name).param:
        print(f"  {parameter.name} : {parameter.default}")
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "--parameters":
        sys.exit(list_parameters(*sys.argv[2:4]))
    sys.exit(main(sys.argv[1]))
