// The charmap codec, its EncodingMap, and str.translate.
#include <cstring>

#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/str/codecs.h"
#include "Objects/str/layout.h"
#include "Objects/type/spec.h"
#include "Objects/type/static_types_decl.h"

extern "C" {
ATOLL_SEALED PyTypeObject _PyUnicodeEncodingMap_Type = {};
}

namespace atl {
namespace {

constexpr const char* kUndefined = "character maps to <undefined>";
constexpr uint32_t kNoChar = 0xFFFE;  // what tables hold where nothing is defined

// ---- EncodingMap ---------------------------------------------------------------------------------------------------

// From a character below U+10000 to the byte that stands for it. Two levels: the page of a character by its upper byte
// (0: none), then the byte, 0 where there is none but for the character NUL, which is always byte 0.
struct EncodingMapObject {
  PyObject ob_base;
  uint32_t pages;
  uint8_t page_of[256];
  uint8_t bytes[1][256];  // page p (from 1) is bytes[p - 1]
};

int map_lookup(const EncodingMapObject* map, uint32_t c) {
  if (c == 0) return 0;
  if (c > 0xFFFF) return -1;
  unsigned page = map->page_of[c >> 8];
  if (page == 0) return -1;
  uint8_t byte = map->bytes[page - 1][c & 0xFF];
  return byte != 0 ? byte : -1;
}

size_t map_size(uint32_t pages) { return offsetof(EncodingMapObject, bytes) + pages * size_t{256}; }

void map_dealloc(ThreadState& ts, PyObject* o) { free_object(ts, o); }

Ref<> map_size_method(ThreadState& ts, EncodingMapObject* map) {
  return int_from_u64(ts, map_size(map->pages));
}

constexpr MethodSpec kMapMethods[] = {ATOLL_METHOD_FLAGS(map_size_method, "size", "($self, /)", "Size in memory, in bytes.", 0),
                                      ATOLL_METHOD_END};

}  // namespace

constinit const TypeSpec encoding_map_spec{
    .name = "EncodingMap",
    .basicsize = sizeof(EncodingMapObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .dealloc = ATOLL_SLOT(map_dealloc),
    .methods = kMapMethods,
};

Ref<> charmap_build(ThreadState& ts, PyObject* table) {
  Py_ssize_t n = str_length(table);
  if (n > 256) n = 256;
  bool simple = n > 0 && str_at(table, 0) == 0;
  bool used[256] = {};
  uint32_t pages = 0;
  for (Py_ssize_t i = 1; i < n && simple; ++i) {
    uint32_t c = str_at(table, i);
    if (c == 0 || c > 0xFFFF) {
      simple = false;
    } else if (c != kNoChar && !used[c >> 8]) {
      used[c >> 8] = true;
      ++pages;
    }
  }
  if (!simple || pages > 255) {
    Ref<> dict = dict_new(ts);
    if (!dict) return {};
    for (Py_ssize_t i = 0; i < n; ++i) {
      Ref<> key = int_from_i64(ts, str_at(table, i)), value = int_from_i64(ts, i);
      if (!key || !value || failed(dict_set(ts, dict.get(), key.get(), value.get()))) return {};
    }
    return dict;
  }
  PyObject* o = new_object_sized(ts, &_PyUnicodeEncodingMap_Type, map_size(pages > 0 ? pages : 1));
  if (o == nullptr) return {};
  auto* map = reinterpret_cast<EncodingMapObject*>(o);
  std::memset(&map->pages, 0, map_size(pages > 0 ? pages : 1) - offsetof(EncodingMapObject, pages));
  for (Py_ssize_t i = 1; i < n; ++i) {
    uint32_t c = str_at(table, i);
    if (c == kNoChar) continue;
    uint8_t& page = map->page_of[c >> 8];
    if (page == 0) page = static_cast<uint8_t>(++map->pages);
    map->bytes[page - 1][c & 0xFF] = static_cast<uint8_t>(i);
  }
  return steal(o);
}

// ---- decoding ------------------------------------------------------------------------------------------------------

namespace {

// mapping[key]; empty without an exception where that raises LookupError.
Status map_item(ThreadState& ts, PyObject* mapping, uint32_t key, Ref<>* out) {
  Ref<> index = int_from_i64(ts, key);
  if (!index) return Status::kError;
  if (is_exact_dict(mapping)) return dict_lookup(ts, mapping, index.get(), out);  // without making a KeyError
  *out = object_getitem(ts, mapping, index.get());
  if (*out) return Status::kOk;
  return error_clear_if(ts, PyExc_LookupError) ? Status::kOk : Status::kError;
}

// Writes what the mapping gives for a byte; kFalse: undefined.
Tri decode_byte(ThreadState& ts, PyObject* mapping, uint8_t byte, StrWriter* w) {
  Ref<> item;
  if (failed(map_item(ts, mapping, byte, &item))) return Tri::kError;
  if (!item || item.get() == Py_None) return Tri::kFalse;
  if (is_int(item.get())) {
    int overflow;
    int64_t c = int_as_i64_overflow(item.get(), &overflow);
    if (overflow == 0 && c == kNoChar) return Tri::kFalse;
    if (overflow != 0 || c < 0 || c > 0x10FFFF) {
      return raise(ts, PyExc_TypeError, "character mapping must be in range(0x%lx)", 0x110000ul);
    }
    return failed(w->put(static_cast<uint32_t>(c))) ? Tri::kError : Tri::kTrue;
  }
  if (is_str(item.get())) {
    if (str_length(item.get()) == 1 && str_at(item.get(), 0) == kNoChar) return Tri::kFalse;
    return failed(w->write(item.get())) ? Tri::kError : Tri::kTrue;
  }
  return raise(ts, PyExc_TypeError, "character mapping must return integer, None or str");
}

}  // namespace

Ref<> decode_charmap(ThreadState& ts, std::string_view input, PyObject* mapping, const char* errors) {
  if (mapping == nullptr) return decode_latin1(ts, input);
  DecodeErrors err(ts, "charmap", input, errors);
  StrWriter w(ts);
  bool table = is_exact_str(mapping);
  Py_ssize_t table_length = table ? str_length(mapping) : 0;
  if (table && failed(w.prepare(err.size, str_max_class(mapping)))) return {};
  for (Py_ssize_t pos = 0; pos < err.size;) {
    uint8_t byte = err.data[pos];
    bool defined;
    if (table) {
      uint32_t c = byte < table_length ? str_at(mapping, byte) : kNoChar;
      defined = c != kNoChar;
      if (defined && failed(w.put(c))) return {};
    } else {
      Tri answer = decode_byte(ts, mapping, byte, &w);
      if (answer == Tri::kError) return {};
      defined = answer == Tri::kTrue;
    }
    if (defined) {
      ++pos;
    } else if (failed(err.handle(kUndefined, pos, pos + 1, &w, &pos))) {
      return {};
    }
  }
  return w.finish();
}

// ---- encoding ------------------------------------------------------------------------------------------------------

namespace {

// Writes what stands for a character; kFalse: undefined. w NULL only asks.
Tri encode_char(ThreadState& ts, PyObject* mapping, uint32_t c, BytesWriter* w) {
  if (mapping->ob_type == &_PyUnicodeEncodingMap_Type) {
    int byte = map_lookup(reinterpret_cast<EncodingMapObject*>(mapping), c);
    if (byte < 0) return Tri::kFalse;
    return w != nullptr && failed(w->put(static_cast<uint8_t>(byte))) ? Tri::kError : Tri::kTrue;
  }
  Ref<> item;
  if (failed(map_item(ts, mapping, c, &item))) return Tri::kError;
  if (!item || item.get() == Py_None) return Tri::kFalse;
  if (is_int(item.get())) {
    int overflow;
    int64_t v = int_as_i64_overflow(item.get(), &overflow);
    if (overflow != 0 || v < 0 || v > 255) return raise(ts, PyExc_TypeError, "character mapping must be in range(256)");
    return w != nullptr && failed(w->put(static_cast<uint8_t>(v))) ? Tri::kError : Tri::kTrue;
  }
  if (is_bytes(item.get())) return w != nullptr && failed(w->write(bytes_view(item.get()))) ? Tri::kError : Tri::kTrue;
  return raise(ts, PyExc_TypeError, "character mapping must return integer, bytes or None, not %.400T", item.get());
}

}  // namespace

Ref<> encode_charmap(ThreadState& ts, PyObject* s, PyObject* mapping, const char* errors) {
  if (mapping == nullptr) return encode_latin1(ts, s, errors);
  TextView text = str_view(s);
  EncodeErrors err(ts, "charmap", s, errors, EncodeErrors::Escape::kWhole);
  BytesWriter w(ts);
  for (Py_ssize_t pos = 0; pos < text.length;) {
    Tri answer = encode_char(ts, mapping, text_read(text.kind, text.data, pos), &w);
    if (answer == Tri::kError) return {};
    if (answer == Tri::kTrue) {
      ++pos;
      continue;
    }
    Py_ssize_t start = pos, end = pos + 1;
    for (; end < text.length; ++end) {
      answer = encode_char(ts, mapping, text_read(text.kind, text.data, end), nullptr);
      if (answer == Tri::kError) return {};
      if (answer == Tri::kTrue) break;
    }
    Ref<> replacement;
    if (failed(err.handle(kUndefined, start, end, &replacement, &pos))) return {};
    if (!replacement) continue;
    PyObject* r = replacement.get();
    if (is_bytes(r)) {
      if (failed(w.write(bytes_view(r)))) return {};
      continue;
    }
    for (Py_ssize_t i = 0; i < str_length(r); ++i) {
      answer = encode_char(ts, mapping, str_at(r, i), &w);
      if (answer == Tri::kError) return {};
      if (answer == Tri::kFalse) return err.fail(kUndefined, start, end);
    }
  }
  return w.finish();
}

// ---- translate -----------------------------------------------------------------------------------------------------

namespace {

enum class Translation : uint8_t { kError, kSame, kChar, kText, kNone };

// What table[c] says: kChar in *c, kText in *text.
Translation translate_char(ThreadState& ts, PyObject* table, uint32_t* c, Ref<>* text) {
  Ref<> item;
  if (failed(map_item(ts, table, *c, &item))) return Translation::kError;
  if (!item) return Translation::kSame;
  if (item.get() == Py_None) return Translation::kNone;
  if (is_int(item.get())) {
    int overflow;
    int64_t v = int_as_i64_overflow(item.get(), &overflow);
    if (overflow != 0 || v < 0 || v > 0x10FFFF) {
      static_cast<void>(raise(ts, PyExc_ValueError, "character mapping must be in range(0x%x)", 0x110000u));
      return Translation::kError;
    }
    *c = static_cast<uint32_t>(v);
    return Translation::kChar;
  }
  if (is_str(item.get())) {
    *text = std::move(item);
    return Translation::kText;
  }
  static_cast<void>(raise(ts, PyExc_TypeError, "character mapping must return integer, None or str"));
  return Translation::kError;
}

// Asks the error handler about [start, end), which the table maps to nothing.
Status translate_error(ThreadState& ts, PyObject* s, const char* errors, Py_ssize_t start, Py_ssize_t end, StrWriter* w,
                       Py_ssize_t* pos) {
  Ref<> exception = steal(_PyUnicodeTranslateError_Create(s, start, end, kUndefined));
  if (!exception) return Status::kError;
  ErrorMode mode = error_mode(errors);
  if (mode == ErrorMode::kStrict) return raise_object(ts, PyExc_UnicodeTranslateError, exception.get());
  Ref<> handler = codec_lookup_error(ts, errors);
  if (!handler) return Status::kError;
  Ref<> result = call(ts, handler.get(), exception.get());
  if (!result) return Status::kError;
  if (!PyTuple_Check(result.get()) || PyTuple_GET_SIZE(result.get()) != 2 || !is_str(PyTuple_GET_ITEM(result.get(), 0))) {
    return raise(ts, PyExc_TypeError, "translating error handler must return (str, int) tuple");
  }
  Py_ssize_t next, length = str_length(s);
  if (failed(index_as_ssize(ts, PyTuple_GET_ITEM(result.get(), 1), &next))) return Status::kError;
  Py_ssize_t given = next;
  if (next < 0) next += length;
  if (next < 0 || next > length) {
    return raise(ts, PyExc_IndexError, "position %zd from error handler out of bounds", given);
  }
  *pos = next;
  return w->write(PyTuple_GET_ITEM(result.get(), 0));
}

}  // namespace

Ref<> str_translate(ThreadState& ts, PyObject* s, PyObject* table, const char* errors) {
  TextView text = str_view(s);
  if (text.length == 0) return dup(empty_str());
  bool ignore = errors != nullptr && std::strcmp(errors, "ignore") == 0;
  StrWriter w(ts);
  if (failed(w.prepare_exact(text.length, 0x7F))) return {};
  // What ASCII characters become is asked once each.
  constexpr uint16_t kUnknown = 0xFFFF, kDeleted = 0xFFFE;
  uint16_t known[128];
  std::memset(known, 0xFF, sizeof known);
  for (Py_ssize_t pos = 0; pos < text.length;) {
    uint32_t from = text_read(text.kind, text.data, pos);
    if (from < 128 && known[from] != kUnknown) {
      ++pos;
      if (known[from] != kDeleted && failed(w.put(known[from]))) return {};
      continue;
    }
    uint32_t c = from;
    Ref<> piece;
    switch (translate_char(ts, table, &c, &piece)) {
      case Translation::kError:
        return {};
      case Translation::kSame:
      case Translation::kChar:
        if (from < 128 && c < kDeleted) known[from] = static_cast<uint16_t>(c);
        if (failed(w.put(c))) return {};
        ++pos;
        break;
      case Translation::kText:
        if (failed(w.write(piece.get()))) return {};
        ++pos;
        break;
      case Translation::kNone: {
        if (ignore) {
          if (from < 128) known[from] = kDeleted;
          ++pos;
          break;
        }
        Py_ssize_t end = pos + 1;
        for (; end < text.length; ++end) {
          uint32_t next = text_read(text.kind, text.data, end);
          Ref<> unused;
          Translation t = translate_char(ts, table, &next, &unused);
          if (t == Translation::kError) return {};
          if (t != Translation::kNone) break;
        }
        if (failed(translate_error(ts, s, errors, pos, end, &w, &pos))) return {};
        break;
      }
    }
  }
  return w.finish();
}

}  // namespace atl
