"""Run by the Python of lmms-eval's environment: its evaluation of the task beside this file, without its other tasks.

    python ask.py MODEL MODEL_ARGS FOLDER

The last line of stdout is {"score": of the kit, "texts": of the answers}. Its command line does the same after reading
the files of all its tasks, which takes most of a minute.
"""

import json
import sys

from lmms_eval.evaluator import simple_evaluate
from lmms_eval.tasks import TaskManager

TASK = "demiglace_questions"

if __name__ == "__main__":
    model, arguments, folder = sys.argv[1:]
    tasks = TaskManager(include_path=folder, include_defaults=False, model_name=model)
    told = simple_evaluate(model, arguments, tasks=[TASK], batch_size=16, task_manager=tasks, log_samples=True)
    rows = sorted(told["samples"][TASK], key=lambda row: row["doc_id"])
    found = {"score": told["results"][TASK]["exact_match,none"], "texts": [row["filtered_resps"][0] for row in rows]}
    print(json.dumps(found))
