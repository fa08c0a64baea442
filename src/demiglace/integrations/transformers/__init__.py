"""Importing this registers our model with `transformers`, so that its Auto classes and pipelines load our checkpoints.

From then on the type `minicpmv` means this package, in this process, whatever code a checkpoint or the hub has for it.
"""

from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForMultimodalLM,
    AutoProcessor,
)

from demiglace.integrations.transformers.config import MiniCPMVPretrainedConfig
from demiglace.integrations.transformers.image_processor import MiniCPMVImageProcessor
from demiglace.integrations.transformers.model import MiniCPMVForConditionalGeneration
from demiglace.integrations.transformers.processor import MiniCPMVProcessor
from demiglace.model.adapters import TARGETS

__all__ = [
    "TARGETS",
    "MiniCPMVForConditionalGeneration",
    "MiniCPMVImageProcessor",
    "MiniCPMVPretrainedConfig",
    "MiniCPMVProcessor",
]

# Without `exist_ok`: should transformers bring the type itself one day, importing this says so and changes nothing.
AutoConfig.register(MiniCPMVPretrainedConfig.model_type, MiniCPMVPretrainedConfig)
# The first two are those that the released `auto_map` names: there too, the whole model with its head.
for auto_class in (AutoModel, AutoModelForCausalLM, AutoModelForImageTextToText, AutoModelForMultimodalLM):
    auto_class.register(MiniCPMVPretrainedConfig, MiniCPMVForConditionalGeneration)
AutoImageProcessor.register(
    MiniCPMVPretrainedConfig,
    image_processor_classes=dict.fromkeys(("pil", "torchvision"), MiniCPMVImageProcessor),
)
AutoProcessor.register(MiniCPMVPretrainedConfig, MiniCPMVProcessor)
