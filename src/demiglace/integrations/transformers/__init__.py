"""Importing this registers our model with `transformers`, so that its Auto classes and pipelines load our checkpoints.

From then on the type `minicpmv` means this package, in this process; no code from a checkpoint or the hub runs for it.
"""

from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from demiglace.integrations.transformers.config import MiniCPMVPretrainedConfig
from demiglace.integrations.transformers.model import MiniCPMVForConditionalGeneration
from demiglace.integrations.transformers.processor import MiniCPMVProcessor

__all__ = ["MiniCPMVForConditionalGeneration", "MiniCPMVPretrainedConfig", "MiniCPMVProcessor"]

# Without `exist_ok`: should transformers bring the type itself one day, importing this says so and changes nothing.
AutoConfig.register(MiniCPMVPretrainedConfig.model_type, MiniCPMVPretrainedConfig)
AutoModelForImageTextToText.register(MiniCPMVPretrainedConfig, MiniCPMVForConditionalGeneration)
AutoProcessor.register(MiniCPMVPretrainedConfig, MiniCPMVProcessor)
