"""Tests of the engine inside a host that is no Python."""
