import pytest

from demiglace.rl.policy_settings import PolicySettings
from demiglace.training.losses import ClipBounds


def test_the_limit_is_that_of_the_mode():
    settings = PolicySettings(short_limit=5, long_limit=50)
    assert (settings.limit("short"), settings.limit("long")) == (5, 50)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "ppo"}, "unknown policy loss 'ppo'"),
        ({"answers": 1}, "at least 2 to a prompt are needed, got 1"),
        ({"batch_prompts": 0}, "batch_prompts must be at least 1, got 0"),
        ({"batch_prompts": 4, "updates": 3}, "4 prompts cannot be dealt out evenly to 3 updates"),
    ],
)
def test_what_cannot_be_is_told(changes, message):
    with pytest.raises(ValueError, match=message):
        PolicySettings(**changes)


def test_clip_bounds_are_those_of_the_loss_unless_given():
    assert PolicySettings().clip_bounds == ClipBounds(0.2, 0.28)
    assert PolicySettings(loss="gspo").clip_bounds == ClipBounds(0.0003, 0.0004)
    assert PolicySettings(loss="gspo", clip=ClipBounds(0.1, 0.1)).clip_bounds == ClipBounds(0.1, 0.1)
