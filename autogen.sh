#!/bin/sh
# Make ./configure from configure.ac.
cd "$(dirname "$0")" || exit 1
command -v autoconf >/dev/null || { echo "autogen.sh: install the package autoconf" >&2; exit 1; }
autoconf && rm -rf autom4te.cache
