"""What a model that starts from nothing begins with."""

from demiglace.training.initialisation import fractional_sines


def test_fractional_sines_tell_neighbours_from_strangers():
    table = fractional_sines(70, 64)
    here = table[35 * 70 + 35]
    near, far = table[35 * 70 + 36], table[35 * 70 + 60]
    assert here @ here > here @ near > here @ far
