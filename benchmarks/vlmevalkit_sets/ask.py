"""Run by the Python of VLMEvalKit's environment: its own command line, which here knows drawn sets beside its own.

    LMUData=FOLDER python ask.py --data drawn_choice ... --model NAME --base-url URL/v1 ...

Each set is FOLDER/NAME.tsv and is asked and scored by the class of a public one.
"""

from vlmeval import run
from vlmeval.dataset.image_mcq import ImageMCQDataset
from vlmeval.dataset.image_vqa import OCRBench
from vlmeval.dataset.image_yorn import ImageYORNDataset

SETS = {"drawn_choice": ImageMCQDataset, "drawn_yes_no": ImageYORNDataset, "drawn_text": OCRBench}


for name, dataset in SETS.items():
    dataset.DATASET_URL[name] = ""

if __name__ == "__main__":
    run.main()
