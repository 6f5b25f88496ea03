#include "Objects/code/image.h"

#include <cstdlib>
#include <new>

namespace atl {

const OpInfo kOpInfo[] = {
#define ATOLL_OP(name, a, b, c, cache, flags) {#name, Operand::a, Operand::b, Operand::c, cache, flags},
#include "Objects/code/opcodes.def"
#undef ATOLL_OP
};

Opcode generic_opcode(Opcode op) {
  static constexpr Opcode kFrom[] = {
#define ATOLL_SPEC(name, from) Opcode::k##from,
#include "Objects/code/specialised.def"
#undef ATOLL_SPEC
  };
  if (op < Opcode::kGenericCount) return op;
  return kFrom[static_cast<int>(op) - static_cast<int>(Opcode::kGenericCount)];
}

CodeImage* image_new() {
  void* memory = PyObject_Malloc(sizeof(CodeImage));
  return memory == nullptr ? nullptr : new (memory) CodeImage();
}

namespace {
void drop_all(PyObject** items, uint32_t n) {
  if (items == nullptr) return;
  for (uint32_t i = 0; i < n; ++i) xdecref(items[i]);
  PyObject_Free(items);
}
}  // namespace

void image_unref(CodeImage* image) {
  if (image == nullptr || image->shared) return;
  if (image->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (image->children != nullptr) {
    for (uint32_t i = 0; i < image->const_count; ++i) image_unref(image->children[i]);
    PyObject_Free(image->children);
  }
  drop_all(image->consts, image->const_count);
  drop_all(image->names, image->name_count);
  drop_all(image->local_names, image->local_name_count);
  xdecref(image->name);
  xdecref(image->qualname);
  xdecref(image->filename);
  PyObject_Free(const_cast<uint64_t*>(image->words));
  PyObject_Free(image->local_kinds);
  PyObject_Free(image->handlers);
  PyObject_Free(image->live);
  PyObject_Free(image->live_pool);
  PyObject_Free(image->positions);
  PyObject_Free(image);
}

namespace {
// The last row that begins at or before pc.
template <class Row>
const Row* find_row(const Row* rows, uint32_t n, uint32_t pc) {
  uint32_t low = 0, high = n;
  while (low < high) {
    uint32_t mid = low + (high - low) / 2;
    if (rows[mid].pc <= pc) {
      low = mid + 1;
    } else {
      high = mid;
    }
  }
  return low == 0 ? nullptr : &rows[low - 1];
}
}  // namespace

const PositionRow* image_position(const CodeImage* image, uint32_t pc) {
  return find_row(image->positions, image->position_count, pc);
}

const LiveRow* image_live(const CodeImage* image, uint32_t pc) { return find_row(image->live, image->live_count, pc); }

}  // namespace atl
