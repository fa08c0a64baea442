import pytest

from demiglace.rl.server_address import check_address


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000/v1", "https://judge.example/v1", "http://[::1]:80", "HTTP://a"]
)
def test_addresses_are_taken(address):
    check_address(address)


@pytest.mark.parametrize(
    "address",
    ["", "judge", "judge:8000/v1", "ftp://judge", "http://", "http:///v1", "http://judge:port/v1", "http://judge:0/v1",
     "http://judge:65536/v1", "http://[::1/v1", "http://judge/a b", "http://judge/\n", "http://jud\u2028ge"],
)  # fmt: skip
def test_what_is_no_address_is_an_error(address):
    with pytest.raises(ValueError, match="a server's address is such as"):
        check_address(address)
