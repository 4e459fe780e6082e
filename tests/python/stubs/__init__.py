"""Tests of the stubs."""
