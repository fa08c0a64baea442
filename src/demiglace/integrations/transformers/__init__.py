"""Importing this registers our model with `transformers`, so that its Auto classes and pipelines load our checkpoints.

From then on the model type `minicpmv` means this package, in this process, whatever code a checkpoint or the hub has.
"""

try:
    from transformers import (
        AutoConfig,
        AutoImageProcessor,
        AutoModel,
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
        AutoModelForMultimodalLM,
        AutoProcessor,
    )
except ImportError as error:  # without it, or with an old one
    if error.name != "transformers":
        raise
    told = "demiglace.integrations.transformers takes the extra: pip install 'demiglace[transformers]'"
    raise type(error)(told, name=error.name) from error
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES,
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

# Without `exist_ok`: should transformers add the type itself one day, importing this raises and changes nothing.
AutoConfig.register(MiniCPMVPretrainedConfig.model_type, MiniCPMVPretrainedConfig)
# The released `auto_map` names the first two, also for the whole model with its head.
for auto_class in (AutoModel, AutoModelForCausalLM, AutoModelForImageTextToText, AutoModelForMultimodalLM):
    auto_class.register(MiniCPMVPretrainedConfig, MiniCPMVForConditionalGeneration)
AutoImageProcessor.register(
    MiniCPMVPretrainedConfig,
    image_processor_classes=dict.fromkeys(("pil", "torchvision"), MiniCPMVImageProcessor),
)
AutoProcessor.register(MiniCPMVPretrainedConfig, MiniCPMVProcessor)
# `transformers serve` does not use the registry. It loads types in the first table by their Auto class. A class in the
# second table takes pictures and clips; in the first it would also take audio, so that table has another name.
MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES[MiniCPMVPretrainedConfig.model_type] = "MiniCPMV"
MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES[MiniCPMVPretrainedConfig.model_type] = (
    MiniCPMVForConditionalGeneration.__name__
)
# By this table `Trainer` knows that with `label_smoothing_factor` it has to move the labels by one place itself.
MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[MiniCPMVPretrainedConfig.model_type] = MiniCPMVForConditionalGeneration.__name__
