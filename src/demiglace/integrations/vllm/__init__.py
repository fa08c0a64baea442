"""A vLLM plugin: with it, `--config-format demiglace` serves our checkpoints. Nothing else changes in vLLM.

vLLM has the architecture, but leaves three things to a checkpoint's remote code or to a rule for the released model:
the config type, the slicing of pictures, and the number of heads of the resampler. And in vLLM each frame of a video
has its own tokens; here frames share them in packages.
"""

CONFIG_FORMAT = "demiglace"


def register() -> None:
    """The entry point: vLLM calls it in each of its processes, possibly more than once."""
    from vllm import ModelRegistry  # here, because vLLM is slow to import and plugin discovery does not need it
    from vllm.multimodal.video import VIDEO_LOADER_REGISTRY
    from vllm.transformers_utils.config import register_config_parser

    from demiglace.integrations.vllm.clips import LOADER
    from demiglace.integrations.vllm.config import ARCHITECTURE, ConfigParser
    from demiglace.integrations.vllm.video_loader import ClosedFiles

    register_config_parser(CONFIG_FORMAT)(ConfigParser)
    VIDEO_LOADER_REGISTRY.register(LOADER)(ClosedFiles)
    # By name, so that processes that only route requests never import the model.
    ModelRegistry.register_model(ARCHITECTURE, "demiglace.integrations.vllm.model:MiniCPMVForDemiglace")
