// Code images of the library that all interpreters share. Part of Runtime.
#pragma once

#include "Python/runtime/leaf_lock.h"

namespace atl {

struct CodeImage;

struct LibraryEntry {
  char* path;
  CodeImage* image;  // shared, or NULL: could not be sealed, is not tried again
};

struct LibraryImages {
  LeafMutex lock{LockRank::kLibrary};  // guards all below; held while an image is sealed, so the sealed arena's lock may be taken inside
  LibraryEntry* entries = nullptr;  // open addressing by path
  size_t count = 0;
  size_t mask = 0;
};

}  // namespace atl
