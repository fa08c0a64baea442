"""Runs in the kits' environment: ask_kits.py CASES.json VERDICTS.json

A case is [family, response, answers, choices]; a verdict is [by lmms-eval, by VLMEvalKit], each a score, or null where
the kit reads nothing: it draws a letter, or asks a judge. The kits' own functions say so. Their packages are entered
past their `__init__`, which would import every model and benchmark. A case of the family "column" has a column of
responses, and what VLMEvalKit reads back from the sheet where it stores them.
"""

import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pandas


def enter(*names):
    """Let the modules of these packages be imported without running the packages."""
    for name in names:
        package = ModuleType(name)
        package.__path__ = [str(Path(folder) / name.replace(".", "/")) for folder in sys.path]
        sys.modules[name] = package


enter("lmms_eval", "lmms_eval.tasks", "lmms_eval.tasks._task_utils", "lmms_eval.filters", "lmms_eval.models")
enter("vlmeval", "vlmeval.dataset", "vlmeval.dataset.utils")

sys.modules["vlmeval.dataset.utils"].build_judge = sys.modules["vlmeval.dataset.utils"].DEBUG_MESSAGE = None

metrics = import_module("lmms_eval.api.metrics")
mcq_extract = import_module("lmms_eval.tasks._task_utils.mcq_extract")
mmmu_mcq = import_module("lmms_eval.tasks._task_utils.mmmu_mcq_utils")
ai2d = import_module("lmms_eval.tasks.ai2d.utils")
chartqa = import_module("lmms_eval.tasks.chartqa.utils")
mme = import_module("lmms_eval.tasks.mme.utils")
mmmu = import_module("lmms_eval.tasks.mmmu.utils")
ocrbench = import_module("lmms_eval.tasks.ocrbench.utils")
pope = import_module("lmms_eval.tasks.pope.utils")
textvqa = import_module("lmms_eval.tasks.textvqa.utils")
vqa_eval = import_module("vlmeval.dataset.utils.vqa_eval")
multiple_choice = import_module("vlmeval.dataset.utils.multiple_choice")
image_vqa = import_module("vlmeval.dataset.image_vqa")
videomme = import_module("vlmeval.dataset.utils.videomme")
yorn = import_module("vlmeval.dataset.utils.yorn")

mmmu_mcq.random.choice = lambda choices: "by chance"


def lmms_choice(response, answers, choices):
    said = ai2d.MultiChoiceRegexFilter(regex_pattern="x").apply([[response]], [{}])[0]
    found = metrics.exact_match_hf_evaluate([said], [answers[0]], ignore_case=True, ignore_punctuation=True)
    return float(found["exact_match"])


def lmms_mmmu_choice(response, answers, choices):
    said = mmmu_mcq.parse_mmmu_multi_choice_response(response, list(choices), choices)
    return None if said == "by chance" else float(said in answers)


def lmms_mmmu_open(response, answers, choices):
    return float(mmmu.eval_open(answers if len(answers) > 1 else answers[0], mmmu.parse_open_response(response)))


def lmms_video(response, answers, choices):
    said = mcq_extract.extract_mcq_answer(response, choices=["A", "B", "C", "D"])
    return float(said == answers[0]) if said else None


def lmms_mme(response, answers, choices):
    said = mme.parse_pred_ans(response)
    return None if said == "other" else float(said == answers[0])


def lmms_pope(response, answers, choices):
    found = pope.pope_process_results({"answer": answers[0], "question_id": 0}, [response])["pope_accuracy"]
    return found["score"] if found["prediction"] in ("yes", "no") else None


def lmms_relaxed(response, answers, choices):
    return float(chartqa.relaxed_correctness(response, answers[0]))


def lmms_anls(response, answers, choices):
    return float(metrics.anls(answers, [response])["anls"])


def lmms_vqa(response, answers, choices):
    return textvqa.textvqa_process_results({"answers": list(answers), "question_id": 0}, [response])["exact_match"]


def lmms_contained(response, answers, choices, dataset="IIIT5K"):
    question = {"answer": answers, "dataset": dataset, "question_type": ""}
    return float(ocrbench.ocrbench_process_results(question, [response])["ocrbench_accuracy"]["score"])


def lmms_formula(response, answers, choices):
    return lmms_contained(response, answers, choices, "HME100k")


def vlmeval_choice(response, answers, choices):
    said = multiple_choice.can_infer(response, dict(choices))
    return None if said in (False, "Z") else float(said in answers)


def vlmeval_mmmu_open(response, answers, choices):
    return vlmeval_choice(response, ["A"], {"A": answers[0], "B": "Other Answers"})


def vlmeval_video(response, answers, choices):
    said = videomme.extract_characters_regex(response)
    return float(said in answers) if said else vlmeval_choice(response, answers, choices)


def vlmeval_yes_no(response, answers, choices):
    said = yorn.YOrN_Extraction(response)
    return None if said == "Unknown" else float(said.lower() == answers[0])


def vlmeval_vqa(method, dataset):
    def score(response, answers, choices):
        line = {"answer": str(answers) if len(answers) > 1 else answers[0], "prediction": response}
        return float(vqa_eval.hit_calculate([vqa_eval.process_line(line, method)], dataset)[0])

    return score


def vlmeval_contained(category):
    def score(response, answers, choices):
        with tempfile.TemporaryDirectory() as folder:
            row = {"index": 0, "category": category, "answer": str(answers), "prediction": response}
            pandas.DataFrame([row]).to_excel(f"{folder}/said.xlsx", index=False, engine="xlsxwriter")
            return float(image_vqa.OCRBench.evaluate(f"{folder}/said.xlsx")["Final Score"])

    return score


def stored_column(responses, answers, choices):
    with tempfile.TemporaryDirectory() as folder:
        table = pandas.DataFrame({"index": range(len(responses)), "prediction": responses})
        image_vqa.dump(table, f"{folder}/said.xlsx")
        return [str(said) for said in image_vqa.load(f"{folder}/said.xlsx")["prediction"]]


FAMILIES = {
    "choice": (lmms_choice, vlmeval_choice),
    "choice of MMMU": (lmms_mmmu_choice, vlmeval_choice),
    "open question of MMMU": (lmms_mmmu_open, vlmeval_mmmu_open),
    "choice of a video": (lmms_video, vlmeval_video),
    "yes or no": (lmms_mme, vlmeval_yes_no),
    "yes or no of POPE": (lmms_pope, vlmeval_yes_no),
    "relaxed number": (lmms_relaxed, vlmeval_vqa("relaxed_accuracy", "ChartQA")),
    "ANLS": (lmms_anls, vlmeval_vqa("anls", "DocVQA")),
    "VQA accuracy": (lmms_vqa, vlmeval_vqa("vqa_score", "TextVQA")),
    "contained text": (lmms_contained, vlmeval_contained("Scene Text-centric VQA")),
    "contained formula": (lmms_formula, vlmeval_contained("Handwritten Mathematical Expression Recognition")),
    "column": (lambda *case: None, stored_column),
}

if __name__ == "__main__":
    cases = json.loads(Path(sys.argv[1]).read_text())
    verdicts = [[kit(*case) for kit in FAMILIES[family]] for family, *case in cases]
    Path(sys.argv[2]).write_text(json.dumps(verdicts))
