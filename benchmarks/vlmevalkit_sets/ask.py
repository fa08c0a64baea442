"""Run by the Python of VLMEvalKit's environment: its own command line, which here knows drawn sets beside its own.

    LMUData=FOLDER python ask.py --data drawn_choice ... --model NAME --base-url URL/v1 ...

Each set is FOLDER/NAME.tsv and is asked and scored by the class of a public one. Clips lie in FOLDER/video.
"""

from functools import partial
from pathlib import Path

from vlmeval import run
from vlmeval.dataset.image_mcq import ImageMCQDataset
from vlmeval.dataset.image_vqa import OCRBench
from vlmeval.dataset.image_yorn import ImageYORNDataset
from vlmeval.dataset.video_dataset_config import supported_video_datasets
from vlmeval.dataset.videomme import VideoMME
from vlmeval.smp import LMUDataRoot

SETS = {"drawn_choice": ImageMCQDataset, "drawn_yes_no": ImageYORNDataset, "drawn_text": OCRBench}


class DrawnClips(VideoMME):
    def prepare_dataset(self, dataset_name: str) -> dict[str, str]:
        """Where the clips and the questions are; the public class fetches its own from the hub."""
        folder = Path(LMUDataRoot())
        return {"root": str(folder), "data_file": str(folder / f"{dataset_name}.tsv")}


for name, dataset in SETS.items():
    dataset.DATASET_URL[name] = ""
supported_video_datasets["drawn_clips"] = partial(DrawnClips, dataset="drawn_clips", nframe=8)

if __name__ == "__main__":
    run.main()
