"""
What the official scoring code makes of drawn judgements: `judged.json`, for the tests of the suites with a judge.

    python judged.py --arena DIR --alpaca DIR --creative DIR --simple-evals DIR --out judged.json

The folders hold arena-hard-auto, alpaca_eval (`src`), creative-writing-bench and simple-evals as published. Needs torch,
pandas, patsy, scikit-learn and huggingface_hub; fetches nothing. Only numbers and words drawn here are written.
"""
import argparse
import importlib
import json
import random
import sys
import types

import numpy as np
import pandas as pd

WORDS = "river stone lamp winter garden copper window paper music bread north engine silver valley thread".split()


def drawn_text(rnd, longest):
    parts = []
    for _ in range(rnd.randint(1, longest)):
        words = " ".join(rnd.choice(WORDS) for _ in range(rnd.randint(2, 14)))
        form = rnd.random()
        if form < 0.15:
            words = "#" * rnd.randint(1, 4) + " " + words
        elif form < 0.35:
            words = rnd.choice(["- ", "* ", "1. ", "  2. ", "+ "]) + words
        elif form < 0.5:
            words = f"**{words}** and {rnd.choice(WORDS)}"
        elif form < 0.55:
            words = f"```\n# {words}\n- no list\n```"
        parts.append(words)
    return rnd.choice(["\n", "\n\n"]).join(parts)


def arena(folder, rnd):
    """Votes, official weights, official normalised features, and the win rate of the official fit on all votes."""
    sys.path.insert(0, folder)
    import torch
    from utils.math_utils import fit_pairwise_model, one_hot_encode, to_winrate_probabilities

    sys.modules.setdefault("tiktoken", types.ModuleType("tiktoken"))
    from utils.add_markdown_info import count_markdown_elements, remove_pattern
    import re

    labels = ["A>>B", "A>B", "A=B", "B>A", "B>>A", "A<B", "B<<A"]
    questions = []
    for _ in range(60):
        answer, baseline = drawn_text(rnd, 12), drawn_text(rnd, 8)
        drift = 2 if len(answer) > len(baseline) else 0
        first = labels[min(4, max(0, rnd.randint(0, 4) + drift))] if rnd.random() < 0.8 else rnd.choice(labels)
        second = labels[min(4, max(0, rnd.randint(0, 4) - drift))] if rnd.random() < 0.8 else rnd.choice(labels)
        questions.append({"answer": answer, "baseline": baseline, "games": [first, second]})
    weight = 3
    label_to_score = {"A>B": [1], "A>>B": [1] * weight, "A=B": [0.5], "A<<B": [0] * weight, "A<B": [0]}
    label_to_score |= {"B>A": [0], "B>>A": [0] * weight, "B=A": [0.5], "B<<A": [1] * weight, "B<A": [1]}

    def metadata(text):
        counts = count_markdown_elements(remove_pattern(text, re.compile("```([^`]*)```")), "")
        # A count of words and marks stands for the tokens of a tokenizer that cannot be had here.
        return [len(re.findall(r"\w+|[^\w\s]", text))] + [sum(v.values()) for v in counts.values()]

    votes, mine, theirs = [], [], []
    for question in questions:
        one, two = question["games"]
        scores = label_to_score[two] + [1 - score for score in label_to_score[one]]
        question["counts"] = [metadata(question["answer"]), metadata(question["baseline"])]
        for score in scores:
            votes.append(float(score))
            mine.append(question["counts"][0])
            theirs.append(question["counts"][1])
    # From here on the lines of show_result.py's style control, on one model.
    mine, theirs = torch.tensor(mine, dtype=torch.float32), torch.tensor(theirs, dtype=torch.float32)
    features = torch.zeros_like(mine)
    features[:, 0] = (mine[:, 0] - theirs[:, 0]) / (mine[:, 0] + theirs[:, 0])
    density, other = mine[:, 1:] / (mine[:, :1] + 1), theirs[:, 1:] / (theirs[:, :1] + 1)
    features[:, 1:] = (density - other) / (density + other + 1)
    normalised = (features - torch.mean(features, axis=0)) / torch.std(features, axis=0)
    hot, models = one_hot_encode(["model"] * len(votes), baseline="baseline")
    logits, _ = fit_pairwise_model(torch.cat([hot, normalised], dim=1), torch.tensor(votes))
    # The official 50 steps end before the minimum; the same function run on is there.
    further, _ = fit_pairwise_model(torch.cat([hot, normalised], dim=1), torch.tensor(votes), lr=1.0, max_epochs=2000)
    rate = [to_winrate_probabilities(fit[None, :-4], models, baseline_model="baseline")[0, models.index("model")].item()
            for fit in (logits, further)]
    return {
        "questions": questions,
        "share": sum(votes) / len(votes),
        "votes": len(votes),
        "styleControlled": rate[0],
        "styleControlledConverged": rate[1],
    }


def alpaca(folder, rnd):
    """Win rates of the official code, length-controlled with and without the file of gamed baselines."""
    sys.path.insert(0, folder)
    package = types.ModuleType("alpaca_eval")
    package.__path__ = [folder + "/alpaca_eval"]
    sys.modules["alpaca_eval"] = package
    package.constants = types.SimpleNamespace(DATASETS_TOKEN=None, DATASETS_FORCE_DOWNLOAD=False, DEFAULT_CACHE_DIR=None)
    package.types = types.SimpleNamespace(AnyLoadableDF=object)
    package.utils = types.SimpleNamespace(
        convert_to_dataframe=pd.DataFrame,
        validate_alpacaeval_preference=lambda x, is_allow_nan=True: (not np.isnan(x)) and 1 <= x <= 2,
    )
    for name in ("constants", "types", "utils"):
        sys.modules[f"alpaca_eval.{name}"] = getattr(package, name)
    metrics = types.ModuleType("alpaca_eval.metrics")
    metrics.__path__ = [folder + "/alpaca_eval/metrics"]
    sys.modules["alpaca_eval.metrics"] = metrics
    glm = importlib.import_module("alpaca_eval.metrics.glm_winrate")

    n = 150
    difficulty = [rnd.gauss(0, 1) for _ in range(n)]
    gamed = []
    for sign in (1, -1):
        for i in range(n):
            delta = sign * abs(rnd.gauss(1, 0.6))
            p = 1 / (1 + np.exp(1.2 * delta + 0.4 * difficulty[i]))
            gamed.append({"index": i, "preference": float(min(1, max(0, p + rnd.gauss(0, 0.1)))), "std_delta_len": delta,
                          "instruction_difficulty": difficulty[i], "not_gamed_baseline": False, "model": "gamed"})
    frame = pd.DataFrame(gamed)
    frame.to_csv("/tmp/df_gamed.csv", index=False)
    glm.hf_hub_download = lambda **_: "/tmp/df_gamed.csv"
    cases = []
    for skill in (-1.0, 0.3, 1.5):
        rows = []
        for i in range(n):
            lengths = [rnd.randint(20, 900), rnd.randint(20, 1500)]
            z = skill + 0.7 * difficulty[i] + (lengths[1] - lengths[0]) / 500 + rnd.gauss(0, 1)
            rows.append({"preference": round(1 + 1 / (1 + float(np.exp(-z))), 6), "lengths": lengths})
        table = pd.DataFrame([{"index": i, "preference": row["preference"], "output_1": "x" * row["lengths"][0],
                               "output_2": "y" * row["lengths"][1], "generator_1": "base", "generator_2": "model",
                               "annotator": "judge"} for i, row in enumerate(rows)])
        case = {"rows": rows}
        for name in ("length_controlled_v1", "length_controlled_minimal"):
            found = glm.get_length_controlled_winrate(table.copy(), glm_name=name, save_weights_dir=None,
                                                      is_add_glm_preference_inplace=False)
            case[name] = float(found["length_controlled_winrate"]) / 100
        case["winRate"] = float(found["win_rate"]) / 100
        case["discrete"] = float(found["discrete_win_rate"]) / 100
        cases.append(case)
    # What is written is what was read from the file.
    kept = [{key: float(row[key]) for key in ("index", "preference", "std_delta_len", "instruction_difficulty")}
            for row in pd.read_csv("/tmp/df_gamed.csv").to_dict("records")]
    return {"gamed": kept, "cases": cases}


def creative(folder, rnd):
    """Replies of a judge in the official form, the scores that the official parser reads, and the benchmark's score."""
    sys.path.insert(0, folder)
    sys.modules.pop("utils", None)
    scoring = importlib.import_module("core.scoring")
    names = [f"Quality {i}" for i in range(1, 14)] + [f"Fault {i}" for i in range(1, 10)]
    negative = [name for name in names if name.startswith("Fault")]
    replies = []
    for _ in range(40):
        lines = []
        for name in names:
            if rnd.random() < 0.08:
                continue
            value = rnd.choice([rnd.randint(0, 20), round(rnd.uniform(0, 20), 1), 25])
            lines.append(f"{name}: " + rnd.choice(["{}", "[{}]", "Score {}"]).format(value))
        replies.append("[Analysis]\n\nA quiet piece that holds together.\n\n[Scores]\n\n" + "\n\n".join(lines))
    parsed = [scoring.parse_judge_scores_creative(reply) for reply in replies]
    tasks = [{"results_by_modifier": {"seed": {"judge_scores": scores}}} for scores in parsed]
    return {"criteria": names, "negative": negative, "replies": replies, "parsed": parsed,
            "score": scoring.compute_creative_scores(tasks, negative)}


def health(folder, rnd):
    """Graded rubrics, every metric that the official code gives each answer, and its clipped means."""
    for missing in ("blobfile", "openai", "anthropic", "jinja2", "requests", "tqdm"):
        if importlib.util.find_spec(missing) is None:
            sys.modules[missing] = types.SimpleNamespace(Environment=lambda **_: types.SimpleNamespace(from_string=lambda _t: None),
                                                         select_autoescape=lambda *_: None, OpenAI=None, tqdm=lambda x, **_: x)
    package = types.ModuleType("simple_evals")
    package.__path__ = [folder]
    sys.modules["simple_evals"] = package
    official = importlib.import_module("simple_evals.healthbench_eval")
    official.common.map_with_progress = lambda f, xs, **_: [f(x) for x in xs]
    axes, themes = ["axis:accuracy", "axis:completeness", "axis:communication_quality"], ["theme:hedging", "theme:context_seeking"]

    class Grader:
        def __init__(self, met):
            self.met = iter(met)

        def __call__(self, _messages):
            text = json.dumps({"explanation": "drawn", "criteria_met": next(self.met)})
            return types.SimpleNamespace(response_text=text)

    examples, results = [], []
    for i in range(40):
        rubrics = [{"criterion": f"criterion {k}", "points": rnd.choice([10, 7, 5, 3, -2, -6, -9]),
                    "tags": [rnd.choice(["level:example", "level:cluster"]), rnd.choice(axes)]} for k in range(rnd.randint(2, 8))]
        rubrics[0]["points"] = 4
        met = [rnd.random() < (0.3 if rubric["points"] > 0 else 0.6) for rubric in rubrics]
        tags = [rnd.choice(themes)]
        grader = types.SimpleNamespace(grader_model=Grader(met))
        metrics, _, _ = official.HealthBenchEval.grade_sample(
            grader, prompt=[{"role": "user", "content": "hello"}], response_text="answer", example_tags=tags,
            rubric_items=[official.RubricItem.from_dict(rubric) for rubric in rubrics])
        examples.append({"rubrics": rubrics, "tags": tags, "met": met, "score": metrics["overall_score"]})
        results.append(types.SimpleNamespace(metrics=metrics, score=metrics["overall_score"], html="", convo=[], example_level_metadata={}))
    official.EvalResult = lambda **kwargs: types.SimpleNamespace(**kwargs)
    total = official._aggregate_get_clipped_mean(results)
    means = {key: float(value) for key, value in total.metrics.items() if not key.endswith("bootstrap_std")}
    return {"examples": examples, "score": float(total.score), "metrics": means}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("arena", "alpaca", "creative", "simple-evals", "out"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    made = {
        "arena": arena(args.arena, random.Random(1)),
        "alpaca": alpaca(args.alpaca, random.Random(2)),
        "creative": creative(args.creative, random.Random(3)),
        "health": health(args.simple_evals, random.Random(4)),
    }
    with open(args.out, "w") as file:
        json.dump(made, file)


if __name__ == "__main__":
    main()
