"""
Reads exports as their trainers do: `read_export.py TRAINER CHECKOUT TOKENIZER FOLDER…`, JSON on stdout.

Of each folder: `error`, or `unknown` keys, `settings` as the trainer's own parser has them, and `rows`: what its data reader makes of them.
Nothing is trained. CHECKOUT is a checkout of the trainer's source, or `-` where it is an installed package.
"""
import ast
import json
import os
import subprocess
import sys
import tempfile
import types

trainer, checkout, tokenizer_dir, *folders = sys.argv[1:]


def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tokenizer_dir)


def json_rows(path="train.jsonl"):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def yaml_file():
    import yaml

    with open("config.yaml", encoding="utf-8") as file:
        return yaml.safe_load(file)


def trl():
    import importlib

    with open("train.sh", encoding="utf-8") as file:
        script = file.read().split("exec trl ")[1].split()[0]
    parser = importlib.import_module(f"trl.scripts.{script}").make_parser()
    # On a machine without a GPU the parser itself refuses bf16 unless it is told so.
    _, args, _, _ = parser.parse_args_and_config(
        args=["--config", "config.yaml", "--use_cpu"], fail_with_unknown_args=True
    )
    settings = {
        "beta": getattr(args, "beta", None),
        "learning_rate": args.learning_rate,
        "schedule": str(getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type)),
        "batch": args.per_device_train_batch_size * args.gradient_accumulation_steps,
        "max_length": args.max_length,
        "epochs": args.num_train_epochs,
        "warmup": args.warmup_steps,
    }
    return {"unknown": [], "settings": settings, "rows": json_rows()}


def axolotl():
    sys.path.insert(0, f"{checkout}/src")
    from axolotl.prompt_strategies.dpo.chat_template import default
    from axolotl.utils.schemas.config import AxolotlInputConfig
    from axolotl.utils.schemas.datasets import DPODataset

    given = yaml_file()
    unknown = [key for key in given if key not in AxolotlInputConfig.model_fields]
    # Its own validation first makes each data set of the kind that the objective has.
    unknown += [key for entry in given["datasets"] for key in entry if key not in DPODataset.model_fields]
    datasets = [DPODataset(**entry) for entry in given["datasets"]]
    config = AxolotlInputConfig(**{**given, "datasets": datasets})
    transform, _ = default({"datasets": [entry.model_dump(exclude_none=True) for entry in datasets]})
    reader = tokenizer()
    settings = {
        "beta": config.rl_beta,
        "learning_rate": float(config.learning_rate),
        "schedule": config.lr_scheduler,
        "batch": config.micro_batch_size * config.gradient_accumulation_steps,
        "max_length": config.sequence_len,
        "epochs": config.num_epochs,
        "warmup": config.warmup_steps,
    }
    rows = [transform(row, tokenizer=reader) for row in json_rows(datasets[0].path)]
    return {"unknown": unknown, "settings": settings, "rows": rows}


def llamafactory():
    sys.path.insert(0, f"{checkout}/src")
    # Settings and data are what is asked here; which versions of other packages it was released with is not.
    os.environ["DISABLE_VERSION_CHECK"] = "1"
    from llamafactory.hparams import get_train_args

    # The data package as a whole wants what only pictures and sound need.
    package = types.ModuleType("llamafactory.data")
    package.__path__ = [f"{checkout}/src/llamafactory/data"]
    sys.modules.setdefault("llamafactory.data", package)
    from llamafactory.data.converter import get_dataset_converter
    from llamafactory.data.parser import get_dataset_list

    _, data, args, tuning, _ = get_train_args({**yaml_file(), "use_cpu": True})
    (described,) = get_dataset_list(data.dataset, data.dataset_dir)
    convert = get_dataset_converter(described.formatting, described, data)
    settings = {
        "beta": tuning.pref_beta,
        "learning_rate": args.learning_rate,
        "schedule": str(getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type)),
        "batch": args.per_device_train_batch_size * args.gradient_accumulation_steps,
        "max_length": data.cutoff_len,
        "epochs": args.num_train_epochs,
        "warmup": args.warmup_steps,
    }
    rows = [convert(row) for row in json_rows(os.path.join(data.dataset_dir, described.dataset_name))]
    return {"unknown": [], "settings": settings, "rows": rows}


def openrlhf():
    sys.path.insert(0, checkout)
    from openrlhf.datasets.reward_dataset import preprocess_data
    from openrlhf.utils.config import hierarchize

    args = hierarchize(openrlhf_parser().parse_args(words_of("train.sh")))
    reader = tokenizer()
    rows = [
        preprocess_data(
            row,
            prompt_key=args.data.prompt_key,
            chosen_key=args.data.chosen_key,
            rejected_key=args.data.rejected_key,
            apply_chat_template=reader.apply_chat_template if args.data.apply_chat_template else None,
            is_dpo=True,
        )
        for row in json_rows(args.data.dataset)
    ]
    settings = {
        "beta": args.model.beta,
        "learning_rate": args.adam.lr,
        "schedule": args.lr_scheduler,
        "batch": args.train.batch_size,
        "max_length": args.data.max_len,
        "epochs": args.train.max_epochs,
        "warmup": args.lr_warmup_ratio,
    }
    return {"unknown": [], "settings": settings, "rows": rows}


def openrlhf_parser():
    """The parser stands under `if __name__ == "__main__"` of a file that wants DeepSpeed: its statements alone are run."""
    with open(f"{checkout}/openrlhf/cli/train_dpo.py", encoding="utf-8") as file:
        module = ast.parse(file.read())
    main = next(node for node in module.body if isinstance(node, ast.If))
    stop = next(i for i, node in enumerate(main.body) if "parse_args" in ast.dump(node))
    imports = [node for node in module.body if isinstance(node, ast.Import) or getattr(node, "module", "") == "datetime"]
    names = {}
    exec(compile(ast.Module([*imports, *main.body[:stop]], []), "train_dpo", "exec"), names)
    return names["parser"]


def words_of(script):
    """What a shell makes of the script, without the launcher and the module's name."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "deepspeed")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
        os.chmod(path, 0o755)
        env = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
        said = subprocess.run(["sh", script], env=env, check=True, capture_output=True, text=True).stdout
    return said.split("\0")[2:-1]


read = {"trl": trl, "axolotl": axolotl, "llamafactory": llamafactory, "openrlhf": openrlhf}[trainer]
results = []
for folder in folders:
    os.chdir(folder)
    try:
        results.append({"error": None, **read()})
    except (Exception, SystemExit) as error:
        results.append({"error": f"{type(error).__name__}: {error}", "unknown": [], "settings": {}, "rows": []})
json.dump(results, sys.stdout, default=str)
