"""Tests of Atoll that are written in Python."""
