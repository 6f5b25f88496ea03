// Code objects: an interpreter's runnable form of a code image.
//
// PyCodeObject has 3.11's layout; what the virtual machine needs stands behind it. `words` is this interpreter's own
// copy, made at the first execution; inline caches and quickened instructions live only there.
#pragma once

#include "Objects/code/image.h"
#include "Objects/object.h"

namespace atl {

struct CodeObject {
  PyCodeObject head;
  CodeImage* image;      // counted
  uint64_t* words;       // NULL until first executed
  uint8_t* heat;         // per word: how often a quickened instruction had to go back
  PyObject** consts;     // items of co_consts
  PyObject** names;      // items of co_names
  uint32_t nlocals;      // register slots below base
  uint32_t ntemps;       // registers from base[0] on
  uint32_t argcount;     // positional parameters
  uint32_t version;
  bool simple;           // function: only positional parameters, no cells to make by the call, not a generator
  bool is_generator;     // generator, coroutine or asynchronous generator
  bool has_namespace;    // the last local slot holds the namespace
};

ATOLL_INLINE CodeObject* as_code(PyObject* o) { return reinterpret_cast<CodeObject*>(o); }

// Consumes one count of the image. Makes constants' child codes too.
Ref<> code_new(ThreadState& ts, CodeImage* image);
// Makes the runnable copy; kError with MemoryError.
Status code_make_words(ThreadState& ts, CodeObject* code);
// Line of a word, or -1.
int code_line(const CodeObject* code, uint32_t pc);
ATOLL_INLINE uint32_t code_pc(const CodeObject* code, const uint64_t* at) { return static_cast<uint32_t>(at - code->words); }

}  // namespace atl
