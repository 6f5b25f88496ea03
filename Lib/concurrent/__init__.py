"""Atoll's part of the package concurrent; concurrent.futures is the standard library's, which is found behind it."""
from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
del extend_path
