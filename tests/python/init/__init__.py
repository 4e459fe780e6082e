"""What `narthex init` writes, with the servers that it is written for."""

import pytest

# Its assertions are the tests'.
pytest.register_assert_rewrite("init.sites")
