"""
The names that other trainers take in their settings, from their own parsers: `make-trainer-keys.py AXOLOTL LLAMAFACTORY OPENRLHF` writes
trainer-keys.json beside this file.

The arguments are checkouts of their sources; TRL is the installed package. LLaMA-Factory needs omegaconf, Axolotl's schema torch, transformers and pydantic.
"""
import ast
import dataclasses
import importlib
import json
import os
import pathlib
import subprocess
import sys

axolotl, llamafactory, openrlhf = sys.argv[1:]
sys.path[:0] = [f"{axolotl}/src", f"{llamafactory}/src"]
os.environ["DISABLE_VERSION_CHECK"] = "1"


def commit(checkout):
    said = subprocess.run(["git", "-C", checkout, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return said.stdout.strip() or "unknown"


def fields(kinds):
    return sorted({field.name for kind in kinds for field in dataclasses.fields(kind) if field.init})


def of_trl():
    import trl

    scripts = {}
    for name in ["dpo", "kto", "sft"]:
        scripts[name] = fields(importlib.import_module(f"trl.scripts.{name}").make_parser().dataclass_types)
    return {"version": trl.__version__, **scripts}


def of_axolotl():
    from axolotl.utils.schemas.config import AxolotlInputConfig
    from axolotl.utils.schemas.datasets import DPODataset

    return {
        "version": open(f"{axolotl}/VERSION", encoding="utf-8").read().strip(),
        "commit": commit(axolotl),
        "config": sorted(AxolotlInputConfig.model_fields),
        "dataset": sorted(DPODataset.model_fields),
    }


def of_llamafactory():
    from llamafactory.extras.env import VERSION
    from llamafactory.hparams.parser import _TRAIN_ARGS

    return {"version": VERSION, "commit": commit(llamafactory), "config": fields(_TRAIN_ARGS)}


def of_openrlhf():
    with open(f"{openrlhf}/openrlhf/cli/train_dpo.py", encoding="utf-8") as file:
        calls = [node for node in ast.walk(ast.parse(file.read())) if isinstance(node, ast.Call)]
    flags = {
        call.args[0].value for call in calls if getattr(call.func, "attr", "") == "add_argument" and len(call.args) > 0
    }
    return {
        "version": open(f"{openrlhf}/version.txt", encoding="utf-8").read().strip(),
        "commit": commit(openrlhf),
        "flags": sorted(flags),
    }


keys = {
    "trl": of_trl(),
    "axolotl": of_axolotl(),
    "llamafactory": of_llamafactory(),
    "openrlhf": of_openrlhf(),
}
text = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in keys.items())
pathlib.Path(__file__).with_name("trainer-keys.json").write_text(f"{{\n{text}\n}}\n", encoding="utf-8")
