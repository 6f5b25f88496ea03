// What types carry per interpreter, and the register of static types.
#include "Python/runtime/type_state.h"

#include <cstring>

#include "Python/runtime/runtime.h"

namespace atl {

Status type_state_init(Interpreter& interp) {
  interp.types = TypeState{};
  interp.types.next_version = kFirstHeapVersion;
  return Status::kOk;
}

void type_state_clear(Interpreter& interp) {
  // The lists of subclasses lie in the interpreter's heap, which goes as a whole.
  for (uint32_t i = 0; i < interp.types.page_count; ++i) std::free(interp.types.pages[i]);
  std::free(interp.types.pages);
  std::free(interp.types.method_cache);
  interp.types = TypeState{};
}

TypeMutable* type_peek_mutable(Interpreter& interp, PyTypeObject* type) {
  TypeRecord* r = type_record(type);
  if (r == nullptr) return nullptr;
  if (r->static_index < 0) return &r->own;
  auto index = static_cast<uint32_t>(r->static_index);
  uint32_t page = index / kStaticsPerPage;
  if (page >= interp.types.page_count || interp.types.pages[page] == nullptr) return nullptr;
  return &interp.types.pages[page][index % kStaticsPerPage];
}

TypeMutable* type_mutable(Interpreter& interp, PyTypeObject* type) {
  TypeRecord* r = type_record(type);
  if (r == nullptr) return nullptr;
  if (r->static_index < 0) return &r->own;
  TypeState& types = interp.types;
  auto index = static_cast<uint32_t>(r->static_index);
  uint32_t page = index / kStaticsPerPage;
  if (page >= types.page_count) {
    uint32_t n = page + page / 2 + 8;
    auto** grown = static_cast<TypeMutable**>(std::realloc(types.pages, n * sizeof(TypeMutable*)));
    if (grown == nullptr) return nullptr;
    std::memset(grown + types.page_count, 0, (n - types.page_count) * sizeof(TypeMutable*));
    types.pages = grown;
    types.page_count = n;
  }
  if (types.pages[page] == nullptr) {
    types.pages[page] = static_cast<TypeMutable*>(std::calloc(kStaticsPerPage, sizeof(TypeMutable)));
    if (types.pages[page] == nullptr) return nullptr;
  }
  return &types.pages[page][index % kStaticsPerPage];
}

// ---- the register ------------------------------------------------------------------------------------------------

bool static_type_register(TypeRecord* record) {
  StaticTypeRegistry& all = runtime().static_types;
  std::lock_guard hold(all.lock);
  uint32_t index = all.first_free;
  while (index < all.count && all.records[index] != nullptr) ++index;
  if (index == all.capacity) {
    uint32_t n = all.capacity != 0 ? all.capacity * 2 : 512;
    auto** grown = static_cast<TypeRecord**>(std::realloc(all.records, n * sizeof(TypeRecord*)));
    if (grown == nullptr) return false;
    all.records = grown;
    all.capacity = n;
  }
  all.records[index] = record;
  all.first_free = index + 1;
  if (index == all.count) ++all.count;
  record->static_index = static_cast<int32_t>(index);
  return true;
}

TypeRecord* lasting_type_new(PyTypeObject* type) {
  auto* t = static_cast<LastingType*>(std::calloc(1, sizeof(LastingType)));
  if (t == nullptr) return nullptr;
  t->record.type = type;
  if (!static_type_register(&t->record)) {
    std::free(t);
    return nullptr;
  }
  return &t->record;
}

void* lasting_alloc(TypeRecord* record, size_t size) {
  static_assert(offsetof(LastingType, record) == 0);
  auto* t = reinterpret_cast<LastingType*>(record);
  constexpr size_t kHead = (sizeof(LastingBlock) + 15) & ~size_t{15};
  size = (size + 15) & ~size_t{15};
  LastingBlock* b = t->blocks;
  if (b == nullptr || b->size - b->used < size) {
    constexpr size_t kUsual = 2048;
    size_t room = kHead + size > kUsual / 2 ? kHead + size : kUsual;
    b = static_cast<LastingBlock*>(std::calloc(1, room));
    if (b == nullptr) return nullptr;
    b->used = kHead;
    b->size = room;
    if (t->blocks != nullptr && room != kUsual) {  // of its own: the one before still has room
      b->next = t->blocks->next;
      t->blocks->next = b;
    } else {
      b->next = t->blocks;
      t->blocks = b;
    }
  }
  void* p = reinterpret_cast<char*>(b) + b->used;
  b->used += size;
  return p;
}

void static_types_forget(const void* begin, const void* end) {
  StaticTypeRegistry& all = runtime().static_types;
  std::lock_guard hold(all.lock);
  for (uint32_t i = 0; i < all.count; ++i) {
    TypeRecord* record = all.records[i];
    if (record == nullptr || static_cast<const void*>(record->type) < begin || static_cast<const void*>(record->type) >= end) continue;
    if (record->type->tp_flags & kTypeStaticBuiltin) continue;
    all.records[i] = nullptr;
    if (i < all.first_free) all.first_free = i;
    auto* t = reinterpret_cast<LastingType*>(record);
    for (LastingBlock* b = t->blocks; b != nullptr;) std::free(std::exchange(b, b->next));
    std::free(t);
  }
}

}  // namespace atl
