"""A plugin of vLLM: with it, `--config-format demiglace` serves our checkpoints. Nothing else changes there.

vLLM has the architecture, but leaves three things to code that a checkpoint brings along or a rule of the released
model: the type of configuration, the cutting of pictures, and how many heads the resampler has. And it gives each frame
of a video tokens of its own: here frames come in packages.
"""

CONFIG_FORMAT = "demiglace"


def register() -> None:
    """What the entry point names: vLLM calls it in each of its processes, perhaps more than once."""
    from vllm import ModelRegistry  # here, as vLLM is slow to import and plugins are found without need of it
    from vllm.multimodal.video import VIDEO_LOADER_REGISTRY
    from vllm.transformers_utils.config import register_config_parser

    from demiglace.integrations.vllm.clips import LOADER
    from demiglace.integrations.vllm.config import ARCHITECTURE, ConfigParser
    from demiglace.integrations.vllm.video_loader import ClosedFiles

    register_config_parser(CONFIG_FORMAT)(ConfigParser)
    VIDEO_LOADER_REGISTRY.register(LOADER)(ClosedFiles)
    # By name: processes that only route requests never import the model.
    ModelRegistry.register_model(ARCHITECTURE, "demiglace.integrations.vllm.model:MiniCPMVForDemiglace")
