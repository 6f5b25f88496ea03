// The process-wide strings: core identifiers, the one-character strings up to U+00FF, the empty string, and the table
// that finds them. Constant-initialised but for hashes and the table, which bring-up fills in; sealed from then on.
#include "Objects/str/identifiers.h"

#include <array>
#include <cstring>

#include "Objects/bytes.h"
#include "Objects/str/hash.h"
#include "Objects/str/intern.h"
#include "Objects/str/kernel_codec.h"
#include "Objects/str/layout.h"
#include "Objects/str/str.h"
#include "Python/runtime/runtime.h"

namespace atl {
namespace {

constexpr PyASCIIObject sealed_head(size_t length, bool ascii) {
  PyASCIIObject head{};
  head.ob_base.ob_refcnt = kImmortalRefcnt;
  head.ob_base.ob_type = &PyUnicode_Type;
  head.length = static_cast<Py_ssize_t>(length);
  head.hash = -1;
  head.state.interned = SSTATE_INTERNED_IMMORTAL;
  head.state.kind = PyUnicode_1BYTE_KIND;
  head.state.compact = 1;
  head.state.ascii = ascii;
  head.state.ready = 1;
  return head;
}

struct Latin1Char {
  PyCompactUnicodeObject head;
  char text[8];
};

struct Utf8Pairs {
  char text[128][3];
};
constexpr Utf8Pairs make_utf8_pairs() {
  Utf8Pairs pairs{};
  for (int i = 0; i < 128; ++i) {
    pairs.text[i][0] = static_cast<char>(0xC0 | (0x80 + i) >> 6);
    pairs.text[i][1] = static_cast<char>(0x80 | (i & 0x3F));
  }
  return pairs;
}
constexpr Utf8Pairs kUtf8Pairs = make_utf8_pairs();

struct CharStrings {
  StaticAscii<2> ascii[128];
  Latin1Char latin1[128];
  StaticAscii<1> empty;
};
constexpr CharStrings make_chars() {
  CharStrings chars{};
  for (int i = 0; i < 128; ++i) {
    chars.ascii[i].head = sealed_head(1, true);
    chars.ascii[i].text[0] = static_cast<char>(i);
    chars.latin1[i].head._base = sealed_head(1, false);
    chars.latin1[i].head.utf8_length = 2;
    chars.latin1[i].head.utf8 = const_cast<char*>(kUtf8Pairs.text[i]);
    chars.latin1[i].text[0] = static_cast<char>(0x80 + i);
  }
  chars.empty.head = sealed_head(0, true);
  return chars;
}
ATOLL_SEALED constinit CharStrings g_chars = make_chars();

constexpr size_t kIdentifierOffsets[] = {
#define ATOLL_ID(name) offsetof(Identifiers, id_##name),
#define ATOLL_ID_TEXT(name, text) offsetof(Identifiers, id_##name),
#include "Objects/str/identifiers.def"
#undef ATOLL_ID
#undef ATOLL_ID_TEXT
};

struct IdentifierTable {
  IdentifierTable* before;
  size_t mask;
  size_t count;
  PyObject* slots[1];
};

// Not sealed: names are added as long as the process lives. A table that was replaced stays, for readers take no lock.
IdentifierTable* new_table(size_t size, IdentifierTable* before) {
  auto* table = static_cast<IdentifierTable*>(std::calloc(1, sizeof(IdentifierTable) + (size - 1) * sizeof(PyObject*)));
  if (table == nullptr) return nullptr;
  table->mask = size - 1;
  table->before = before;
  return table;
}

// Readers take no lock: an entry is stored when its string is complete, a grown table when all are in it, and nothing is
// ever taken out or freed.
const IdentifierTable* identifier_table() { return static_cast<const IdentifierTable*>(__atomic_load_n(&runtime().identifiers, __ATOMIC_ACQUIRE)); }

void table_enter(IdentifierTable* table, PyObject* s) {
  size_t i = static_cast<size_t>(str_head(s)->hash) & table->mask;
  while (table->slots[i] != nullptr) {
    if (str_equal(table->slots[i], s)) return;
    i = (i + 1) & table->mask;
  }
  __atomic_store_n(&table->slots[i], s, __ATOMIC_RELEASE);
  ++table->count;
}

// Every string here is compact: its text follows its head.
void fill_hash(PyObject* s) {
  PyASCIIObject* head = str_head(s);
  const void* text = head->state.ascii ? static_cast<const void*>(head + 1) : reinterpret_cast<PyCompactUnicodeObject*>(head) + 1;
  head->hash = hash_memory(text, static_cast<size_t>(head->length));
}

}  // namespace

ATOLL_SEALED constinit Identifiers g_identifiers = {
#define ATOLL_ID(name) .id_##name = {sealed_head(sizeof(#name) - 1, true), #name},
#define ATOLL_ID_TEXT(name, text) .id_##name = {sealed_head(sizeof(text) - 1, true), text},
#include "Objects/str/identifiers.def"
#undef ATOLL_ID
#undef ATOLL_ID_TEXT
};

// [c]: the string of one character. An identifier of one character is that string.
ATOLL_SEALED PyObject* g_latin1_chars[256] = {};

PyObject* empty_str() { return obj(&g_chars.empty.head); }

PyObject* peek_identifier(PyObject* s) {
  const IdentifierTable* table = identifier_table();
  if (ATOLL_UNLIKELY(table == nullptr)) return nullptr;
  Py_hash_t hash = str_hash(s);
  for (size_t i = static_cast<size_t>(hash) & table->mask;; i = (i + 1) & table->mask) {
    PyObject* found = __atomic_load_n(&table->slots[i], __ATOMIC_ACQUIRE);
    if (found == nullptr) return nullptr;
    if (str_head(found)->hash == hash && str_equal(found, s)) return found;
  }
}

void identifiers_bringup(Runtime& rt) {
  hash_bringup(rt.hash_secret);
  IdentifierTable* table = new_table(8192, nullptr);  // about 4000 names once the static types are there
  ATOLL_ENSURE(table != nullptr);
  for (int i = 0; i < 128; ++i) {
    g_latin1_chars[i] = obj(&g_chars.ascii[i].head);
    g_latin1_chars[128 + i] = obj(&g_chars.latin1[i].head);
  }
  for (size_t offset : kIdentifierOffsets) {
    auto* s = reinterpret_cast<PyObject*>(reinterpret_cast<char*>(&g_identifiers) + offset);
    fill_hash(s);
    if (str_length(s) == 1) g_latin1_chars[str_at(s, 0)] = s;
    table_enter(table, s);
  }
  for (PyObject* s : g_latin1_chars) {
    fill_hash(s);
    table_enter(table, s);
  }
  fill_hash(empty_str());
  table_enter(table, empty_str());
  rt.identifiers = table;
  bytes_bringup();
}

PyObject* str_immortal(std::string_view ascii) {
  Runtime& rt = runtime();
  auto* table = const_cast<IdentifierTable*>(identifier_table());
  Py_hash_t hash = hash_memory(ascii.data(), ascii.size());
  for (size_t i = static_cast<size_t>(hash) & table->mask;; i = (i + 1) & table->mask) {
    PyObject* found = __atomic_load_n(&table->slots[i], __ATOMIC_ACQUIRE);
    if (found == nullptr) break;
    if (str_head(found)->hash == hash && str_equals_ascii(found, ascii)) return found;
  }
  auto* head = static_cast<PyASCIIObject*>(sealed_alloc(sizeof(PyASCIIObject) + ascii.size() + 1));
  if (head == nullptr) return nullptr;
  *head = sealed_head(ascii.size(), true);
  head->hash = hash;
  std::memcpy(head + 1, ascii.data(), ascii.size());
  constexpr size_t kLongestName = 64;  // longer ones are documentation, which nobody looks up
  if (ascii.size() > kLongestName) return obj(head);
  if ((table->count + 1) * 2 > table->mask) {
    IdentifierTable* grown = new_table((table->mask + 1) * 2, table);
    if (grown == nullptr) return nullptr;
    for (size_t k = 0; k <= table->mask; ++k) {
      if (table->slots[k] != nullptr) table_enter(grown, table->slots[k]);
    }
    table = grown;
    __atomic_store_n(&rt.identifiers, static_cast<void*>(grown), __ATOMIC_RELEASE);
  }
  table_enter(table, obj(head));
  return obj(head);
}

PyObject* str_shared_name(PyObject* s) {
  if (PyObject* known = peek_identifier(s)) return known;
  if (!str_is_ascii(s)) return str_sealed_copy(s, Sealing::kInterned);
  return str_immortal({static_cast<const char*>(str_data(s)), static_cast<size_t>(str_length(s))});
}

PyObject* str_sealed_copy(PyObject* s, Sealing sealing) {
  return str_immortal_copy(s, sealing, [](void*, size_t size) { return sealed_alloc(size); }, nullptr);
}

PyObject* str_immortal_copy(PyObject* s, Sealing sealing, void* (*alloc)(void*, size_t), void* context) {
  Py_ssize_t n = str_length(s);
  if (n == 0) return empty_str();
  if (n == 1 && str_at(s, 0) < 0x100) return latin1_char(str_at(s, 0));
  uint32_t max_class = str_max_class(s);
  size_t size = str_prefix_size(max_class) + (static_cast<size_t>(n) + 1) * str_kind(s);
  void* memory = alloc(context, size);
  if (memory == nullptr) return nullptr;
  std::memcpy(str_init(memory, n, max_class), str_data(s), static_cast<size_t>(n) * str_kind(s));
  auto* head = static_cast<PyASCIIObject*>(memory);
  head->ob_base.ob_refcnt = kImmortalRefcnt;
  head->state.interned = sealing == Sealing::kInterned ? SSTATE_INTERNED_IMMORTAL : SSTATE_NOT_INTERNED;
  fill_hash(obj(head));
  if (max_class == 0x7F) return obj(head);
  EncodeScan scan = utf8_measure(str_view(s), 0);
  if (scan.reason != nullptr) return obj(head);  // surrogates: there is no such form
  auto* utf8 = static_cast<uint8_t*>(alloc(context, static_cast<size_t>(scan.size) + 1));
  if (utf8 == nullptr) return nullptr;
  *utf8_encode(str_view(s), utf8) = 0;
  auto* compact = static_cast<PyCompactUnicodeObject*>(memory);
  compact->utf8 = reinterpret_cast<char*>(utf8);
  compact->utf8_length = scan.size;
  return obj(head);
}

}  // namespace atl
