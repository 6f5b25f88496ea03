// Code images: what the compiler makes and the virtual machine runs.
//
// An image is immutable. Its words are generic instructions with zero caches; an interpreter that runs it makes its
// own copy (Objects/code/code.h). Constants and names are Python objects: of the interpreter that owns a private image,
// or immortal and sealed in a shared one. Nested code stands in `children`; the constant at that index is NULL.
#pragma once

#include <atomic>

#include "Python/runtime/ref.h"

namespace atl {

enum class Opcode : uint16_t {
#define ATOLL_OP(name, a, b, c, cache, flags) k##name,
#include "Objects/code/opcodes.def"
#undef ATOLL_OP
  kGenericCount,
  kBeforeSpecialised = kGenericCount - 1,
#define ATOLL_SPEC(name, from) k##name,
#include "Objects/code/specialised.def"
#undef ATOLL_SPEC
  kCount
};
inline constexpr Opcode kFirstStub = Opcode::kExit;

// Operand kinds and flags of opcodes.def.
enum class Operand : uint8_t { None, Dst, Dst2, Dst3, DstN, Src, Keep, InOut, Win, Local, K, Name, Free, Imm, Jump };
enum OpFlags : uint8_t { kRaises = 1, kRunsPy = 2, kJumps = 4, kEnds = 8, kSuspends = 16, kPolls = 32 };

struct OpInfo {
  const char* name;
  Operand a, b, c;
  uint8_t cache;
  uint8_t flags;
};
extern const OpInfo kOpInfo[static_cast<int>(Opcode::kGenericCount)];
// The generic instruction that a (possibly quickened) one comes from.
Opcode generic_opcode(Opcode op);

inline constexpr int kFrameHeader = 5;  // base[0..4]; temporaries start here

constexpr uint64_t encode_word(Opcode op, int a = 0, int b = 0, int c = 0) {
  return static_cast<uint64_t>(static_cast<uint16_t>(op)) | static_cast<uint64_t>(static_cast<uint16_t>(a)) << 16 |
         static_cast<uint64_t>(static_cast<uint16_t>(b)) << 32 | static_cast<uint64_t>(static_cast<uint16_t>(c)) << 48;
}

// While a pc in [start, end) raises and no row further down the list that also covers it comes first: rows are ordered
// innermost first. At `handler` the temporaries alive are those of its live set; exc_register receives the exception.
struct HandlerRow {
  uint32_t start;
  uint32_t end;
  uint32_t handler;
  int32_t exc_register;
};

// From this pc until the next row's: the temporaries that are alive ACROSS the instruction (those it consumes and
// those it writes are not among them): live_pool[first … first+count-1]. Ordered by pc; a row stands wherever the set
// changes. At a handler's pc: without its exc_register.
struct LiveRow {
  uint32_t pc;
  uint32_t first;
  uint32_t count;
};

// Source position from this pc until the next row's. line 0: none; column -1: unknown. Columns are UTF-8 byte offsets.
struct PositionRow {
  uint32_t pc;
  int32_t line;
  int32_t end_line;
  int32_t column;
  int32_t end_column;
};

// Kinds of local slots, with the values that co_localspluskinds has in 3.11.
enum LocalKind : uint8_t { kLocalPlain = 0x20, kLocalCell = 0x40, kLocalFree = 0x80 };

// In functions constant 0 is the docstring, or None.
struct CodeImage {
  std::atomic<uint32_t> refs{1};
  bool shared = false;  // sealed, immortal
  bool unchecked = false;  // put together by a program: verified before it runs

  uint32_t flags = 0;   // CO_…
  uint32_t argcount = 0;  // positional (including positional-only)
  uint32_t posonlyargcount = 0;
  uint32_t kwonlyargcount = 0;
  uint32_t nlocals = 0;  // register slots below base: parameters, then the other locals, then cells that are no
                         // parameter or local, then (namespace code) the namespace. Free variables are not among them.
  uint32_t ntemps = 0;   // registers from base[0] that the frame needs: header + temporaries (window args included)
  int32_t firstlineno = 1;

  PyObject* name = nullptr;
  PyObject* qualname = nullptr;
  PyObject* filename = nullptr;

  const uint64_t* words = nullptr;
  uint32_t word_count = 0;
  PyObject** consts = nullptr;
  uint32_t const_count = 0;
  CodeImage** children = nullptr;   // const_count entries or NULL: child i stands for constant i
  PyObject** names = nullptr;       // interned strs
  uint32_t name_count = 0;
  PyObject** local_names = nullptr; // of the slots, in order (a namespace slot has none), then the free variables
  uint8_t* local_kinds = nullptr;   // LocalKind bits, same order
  uint32_t local_name_count = 0;    // slots with names + free variables
  uint32_t free_count = 0;
  uint32_t cell_count = 0;

  HandlerRow* handlers = nullptr;
  uint32_t handler_count = 0;
  LiveRow* live = nullptr;
  uint32_t live_count = 0;
  uint16_t* live_pool = nullptr;
  uint32_t live_pool_count = 0;
  PositionRow* positions = nullptr;
  uint32_t position_count = 0;

  // Of shared images: what all their code objects have in common. consts_tuple: without nested code only.
  PyObject* names_tuple = nullptr;
  PyObject* slots_tuple = nullptr;
  PyObject* kinds_bytes = nullptr;
  PyObject* consts_tuple = nullptr;
};

// A zeroed private image; its arrays are malloc'ed by whoever fills it. NULL without memory (no exception is set).
CodeImage* image_new();
inline CodeImage* image_ref(CodeImage* image) {
  if (image->shared) return image;
  image->refs.fetch_add(1, std::memory_order_relaxed);
  return image;
}
// Frees arrays, children and constants with the last reference; the owner's lock is held.
void image_unref(CodeImage* image);
// A shared copy, immortal with all it holds; NULL, without an exception, when it can't be had. One thread at a time: whoever
// publishes the copy holds the lock that orders this.
CodeImage* image_seal(ThreadState& ts, const CodeImage* image);
// The rows for a pc; NULL when there is none.
const PositionRow* image_position(const CodeImage* image, uint32_t pc);
const LiveRow* image_live(const CodeImage* image, uint32_t pc);

}  // namespace atl
