// unicodedata: the Unicode Character Database, and its view of Unicode 3.2.0 (the object ucd_3_2_0).
//
// Every function serves both: as a function of the module it answers by the current database, as a method of
// ucd_3_2_0 by the old one.
#include <cstring>
#include <structmember.h>

#include "Modules/module_def.h"
#include "Objects/bytes.h"
#include "Objects/float/float.h"
#include "Objects/int/int.h"
#include "Objects/str/layout.h"
#include "Objects/str/unicode_tables.h"

namespace atl {
namespace {

// A str of length 1.
struct CharArg {
  uint32_t c = 0;
};

constexpr const char* kCurrentVersion = "14.0.0";
constexpr size_t kLongestName = 256;

struct UcdObject {
  PyObject ob_base;
  const char* version;
};

bool is_old(PyObject* self) { return !is_module(self); }

}  // namespace

template <>
struct ArgTraits<CharArg> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& p, CharArg* out) {
    if (is_str(o) && str_length(o) == 1) {
      out->c = str_at(o, 0);
      return true;
    }
    static_cast<void>(raise_bad_argument(ts, p, "a unicode character", o));
    return false;
  }
};

namespace {

// ---- properties ------------------------------------------------------------------------------------------------------

Ref<> ucd_decimal(ThreadState& ts, PyObject* self, CharArg chr, PyObject* fallback) {
  int value = is_old(self) ? uc_old_to_decimal(chr.c) : uc_to_decimal(chr.c);
  if (value >= 0) return int_from_i64(ts, value);
  if (fallback != nullptr) return dup(fallback);
  return raise(ts, PyExc_ValueError, "not a decimal");
}

Ref<> ucd_digit(ThreadState& ts, PyObject*, CharArg chr, PyObject* fallback) {
  int value = uc_to_digit(chr.c);
  if (value >= 0) return int_from_i64(ts, value);
  if (fallback != nullptr) return dup(fallback);
  return raise(ts, PyExc_ValueError, "not a digit");
}

Ref<> ucd_numeric(ThreadState& ts, PyObject* self, CharArg chr, PyObject* fallback) {
  double value = is_old(self) ? uc_old_to_numeric(chr.c) : uc_to_numeric(chr.c);
  if (value != -1.0) return new_float(ts, value);
  if (fallback != nullptr) return dup(fallback);
  return raise(ts, PyExc_ValueError, "not a numeric character");
}

Ref<> ucd_category(ThreadState& ts, PyObject* self, CharArg chr) {
  return str_from_ascii(ts, is_old(self) ? uc_old_category_name(chr.c) : uc_category_name(chr.c));
}
Ref<> ucd_bidirectional(ThreadState& ts, PyObject* self, CharArg chr) {
  return str_from_ascii(ts, is_old(self) ? uc_old_bidi_name(chr.c) : uc_bidi_name(chr.c));
}
Ref<> ucd_combining(ThreadState& ts, PyObject* self, CharArg chr) {
  return int_from_i64(ts, is_old(self) ? uc_old_combining(chr.c) : uc_combining(chr.c));
}
Ref<> ucd_mirrored(ThreadState& ts, PyObject* self, CharArg chr) {
  return int_from_i64(ts, is_old(self) ? uc_old_is_mirrored(chr.c) : uc_is_mirrored(chr.c));
}
Ref<> ucd_east_asian_width(ThreadState& ts, PyObject* self, CharArg chr) {
  return str_from_ascii(ts, is_old(self) ? uc_old_width_name(chr.c) : uc_width_name(chr.c));
}

Ref<> ucd_decomposition(ThreadState& ts, PyObject* self, CharArg chr) {
  if (is_old(self) && uc_old_is_unassigned(chr.c)) return dup(empty_str());
  UcDecomposition d = uc_decomposition(chr.c);
  StrWriter w(ts);
  if (failed(w.write_ascii(d.tag))) return {};
  for (int i = 0; i < d.count; ++i) {
    char text[16];
    int n = std::snprintf(text, sizeof text, w.length() != 0 ? " %04X" : "%04X", d.code_points[i]);
    if (failed(w.write_ascii({text, static_cast<size_t>(n)}))) return {};
  }
  return w.finish();
}

// ---- names -----------------------------------------------------------------------------------------------------------

Ref<> ucd_name(ThreadState& ts, PyObject* self, CharArg chr, PyObject* fallback) {
  char name[kUcNameBuffer];
  size_t n = is_old(self) && uc_old_is_unassigned(chr.c) ? 0 : uc_name(chr.c, name);
  if (n != 0) return str_from_ascii(ts, {name, n});
  if (fallback != nullptr) return dup(fallback);
  return raise(ts, PyExc_ValueError, "no such name");
}

Ref<> lookup_text(ThreadState& ts, PyObject* self, std::string_view name) {
  if (name.size() > kLongestName) return raise(ts, PyExc_KeyError, "name too long");
  uint32_t found[kUcSequenceBuffer];
  bool old = is_old(self);
  int n = uc_lookup(name, old ? UcNames::kCharactersAndAliases : UcNames::kAll, found);
  if (n == 0 || (old && uc_old_is_unassigned(found[0]))) {
    char shown[kLongestName + 1];
    std::memcpy(shown, name.data(), name.size());
    shown[name.size()] = 0;
    return raise(ts, PyExc_KeyError, "undefined character name '%s'", shown);
  }
  return str_from_ucs4(ts, found, n);
}

Ref<> ucd_lookup(ThreadState& ts, PyObject* self, PyObject* name) {
  if (is_str(name)) {
    Py_ssize_t size;
    const char* text = str_utf8(ts, name, &size);
    return text != nullptr ? lookup_text(ts, self, {text, static_cast<size_t>(size)}) : Ref<>();
  }
  Py_buffer view;
  if (PyObject_GetBuffer(name, &view, PyBUF_SIMPLE) < 0) return {};
  Ref<> r = lookup_text(ts, self, {static_cast<const char*>(view.buf), static_cast<size_t>(view.len)});
  PyBuffer_Release(&view);
  return r;
}

PyObject* ucd_lookup_entry(PyObject* self, PyObject* name) { return ucd_lookup(current_thread(), self, name).release(); }

// ---- normal forms ----------------------------------------------------------------------------------------------------

struct Form {
  bool compose, compatibility;
  UcForm form;
};

bool form_of(PyObject* name, Form* out) {
  struct Row {
    const char* name;
    Form form;
  };
  static constexpr Row kRows[] = {{"NFC", {true, false, UcForm::kNfc}},
                                  {"NFKC", {true, true, UcForm::kNfkc}},
                                  {"NFD", {false, false, UcForm::kNfd}},
                                  {"NFKD", {false, true, UcForm::kNfkd}}};
  for (const Row& row : kRows) {
    if (str_equals_ascii(name, row.name)) {
      *out = row.form;
      return true;
    }
  }
  return false;
}

// Code points that grow as needed.
class Points {
 public:
  Points() = default;
  Points(const Points&) = delete;
  Points& operator=(const Points&) = delete;
  ~Points() {
    if (data_ != few_) std::free(data_);
  }
  bool put(uint32_t c) {
    if (size_ == room_ && !grow()) return false;
    data_[size_++] = c;
    return true;
  }
  uint32_t& operator[](Py_ssize_t i) { return data_[i]; }
  Py_ssize_t size() const { return size_; }
  void resize_down(Py_ssize_t n) { size_ = n; }
  const uint32_t* data() const { return data_; }

 private:
  bool grow() {
    auto bytes = static_cast<size_t>(room_) * 2 * sizeof(uint32_t);
    auto* more = static_cast<uint32_t*>(data_ == few_ ? std::malloc(bytes) : std::realloc(data_, bytes));
    if (more == nullptr) return false;
    if (data_ == few_) std::memcpy(more, few_, sizeof few_);
    data_ = more;
    room_ *= 2;
    return true;
  }
  uint32_t few_[128];
  uint32_t* data_ = few_;
  Py_ssize_t size_ = 0, room_ = 128;
};

// Marks are ordered by the current database in both versions: that is what 3.11 does.
int class_of(uint32_t c) { return uc_combining(c); }

// Decomposes all the way and puts marks into canonical order.
bool decompose(PyObject* text, const Form& form, bool old, Points* out) {
  for (Py_ssize_t i = 0; i < str_length(text); ++i) {
    uint32_t pieces[kUcDecomposeMax], c = str_at(text, i);
    int n;
    if (c < 0x80) {
      pieces[0] = c;
      n = 1;
    } else if (old) {
      n = uc_old_is_unassigned(c) ? 0 : uc_old_decompose(c, form.compatibility, pieces);
      if (n == 0) pieces[n++] = c;
    } else {
      n = uc_decompose(c, form.compatibility, pieces);
    }
    for (int k = 0; k < n; ++k) {
      if (!out->put(pieces[k])) return false;
      // A mark moves before the marks of higher classes.
      int mark = class_of(pieces[k]);
      if (mark == 0) continue;
      Py_ssize_t at = out->size() - 1;
      while (at > 0 && class_of((*out)[at - 1]) > mark) {
        (*out)[at] = (*out)[at - 1];
        --at;
      }
      (*out)[at] = pieces[k];
    }
  }
  return true;
}

// Joins each starter with what follows and is not blocked from it.
void compose(Points* text) {
  Points& t = *text;
  Py_ssize_t out = 0, starter = -1;
  int last_class = 0;
  for (Py_ssize_t i = 0; i < t.size(); ++i) {
    uint32_t c = t[i];
    int mark = class_of(c);
    bool blocked = starter >= 0 && out - 1 > starter && (last_class == 0 || last_class >= mark);
    if (starter >= 0 && !blocked) {
      if (uint32_t joined = uc_compose(t[starter], c)) {
        t[starter] = joined;
        continue;
      }
    }
    if (mark == 0) starter = out;
    last_class = mark;
    t[out++] = c;
  }
  text->resize_down(out);
}

// Whether the text is certainly in the form, certainly not, or has to be normalised to know.
UcQuick quick_answer(PyObject* text, const Form& form) {
  UcQuick answer = UcQuick::kYes;
  int last = 0;
  for (Py_ssize_t i = 0; i < str_length(text); ++i) {
    uint32_t c = str_at(text, i);
    if (c < 0x80) {
      last = 0;
      continue;
    }
    int mark = uc_combining(c);
    if (mark != 0 && last > mark) return UcQuick::kNo;
    last = mark;
    UcQuick q = uc_quick_check(c, form.form);
    if (q == UcQuick::kNo) return q;
    if (q == UcQuick::kMaybe) answer = q;
  }
  return answer;
}

Ref<> normalized(ThreadState& ts, PyObject* self, const Form& form, PyObject* text) {
  bool old = is_old(self);
  if (str_is_ascii(text) || (!old && quick_answer(text, form) == UcQuick::kYes)) return str_exact(ts, text);
  Points points;
  if (!decompose(text, form, old, &points)) return raise_memory(ts);
  if (form.compose) compose(&points);
  return str_from_ucs4(ts, points.data(), points.size());
}

Ref<> ucd_normalize(ThreadState& ts, PyObject* self, PyUnicodeObject* form_name, PyUnicodeObject* text) {
  if (str_length(obj(text)) == 0) return str_exact(ts, obj(text));
  Form form;
  if (!form_of(obj(form_name), &form)) return raise(ts, PyExc_ValueError, "invalid normalization form");
  return normalized(ts, self, form, obj(text));
}

Ref<> ucd_is_normalized(ThreadState& ts, PyObject* self, PyUnicodeObject* form_name, PyUnicodeObject* text) {
  if (str_length(obj(text)) == 0) return new_bool(true);
  Form form;
  if (!form_of(obj(form_name), &form)) return raise(ts, PyExc_ValueError, "invalid normalization form");
  if (!is_old(self)) {
    UcQuick quick = quick_answer(obj(text), form);
    if (quick != UcQuick::kMaybe) return new_bool(quick == UcQuick::kYes);
  }
  Ref<> other = normalized(ts, self, form, obj(text));
  return other ? new_bool(str_equal(other.get(), obj(text))) : Ref<>();
}

// ---- the module ------------------------------------------------------------------------------------------------------

#define ATOLL_DEFAULT_SIG "($self, chr, default=<unrepresentable>, /)"

constinit const MethodSpec kMethods[] = {
    ATOLL_METHOD(ucd_decimal, "decimal", ATOLL_DEFAULT_SIG, "The decimal digit that a character stands for, as an int."),
    ATOLL_METHOD(ucd_digit, "digit", ATOLL_DEFAULT_SIG, "The digit that a character stands for, as an int."),
    ATOLL_METHOD(ucd_numeric, "numeric", ATOLL_DEFAULT_SIG, "The number that a character stands for, as a float."),
    ATOLL_METHOD(ucd_category, "category", "($self, chr, /)", "The general category of a character."),
    ATOLL_METHOD(ucd_bidirectional, "bidirectional", "($self, chr, /)", "The bidirectional class of a character, or ''."),
    ATOLL_METHOD(ucd_combining, "combining", "($self, chr, /)", "The canonical combining class of a character."),
    ATOLL_METHOD(ucd_mirrored, "mirrored", "($self, chr, /)", "1 if a character is mirrored in bidirectional text, else 0."),
    ATOLL_METHOD(ucd_east_asian_width, "east_asian_width", "($self, chr, /)", "The East Asian width of a character."),
    ATOLL_METHOD(ucd_decomposition, "decomposition", "($self, chr, /)", "How a character decomposes, as the database writes it, or ''."),
    ATOLL_METHOD(ucd_name, "name", ATOLL_DEFAULT_SIG, "The name of a character."),
    ATOLL_METHOD_RAW(ucd_lookup_entry,
                     "lookup", METH_O, "lookup($self, name, /)\n--\n\nThe character, or sequence of characters, of that name."),
    ATOLL_METHOD(ucd_is_normalized, "is_normalized", "($self, form, unistr, /)", "Is a text in the normal form 'NFC', 'NFKC', 'NFD' or 'NFKD'?"),
    ATOLL_METHOD(ucd_normalize, "normalize", "($self, form, unistr, /)", "A text in the normal form 'NFC', 'NFKC', 'NFD' or 'NFKD'."),
    ATOLL_METHOD_END};

void ucd_dealloc(PyObject* o) {
  PyTypeObject* type = o->ob_type;
  type->tp_free(o);
  decref(obj(type));
}

constinit const PyMemberDef kMembers[] = {
    {const_cast<char*>("unidata_version"), T_STRING, offsetof(UcdObject, version), READONLY, nullptr}, {}};

// What compiled code finds in the capsule.
struct NameApi {
  int (*get_name)(Py_UCS4 code, char* buffer, int size, int with_aliases);
  int (*get_code)(const char* name, int size, Py_UCS4* code, int with_sequences);
};

int api_get_name(Py_UCS4 code, char* buffer, int size, int) {
  char name[kUcNameBuffer];
  size_t n = uc_name(code, name);
  if (n == 0 || size <= 0 || n >= static_cast<size_t>(size)) return 0;
  std::memcpy(buffer, name, n);
  buffer[n] = 0;
  return 1;
}
int api_get_code(const char* name, int size, Py_UCS4* code, int with_sequences) {
  uint32_t found[kUcSequenceBuffer];
  int n = uc_lookup({name, static_cast<size_t>(size)}, with_sequences ? UcNames::kAll : UcNames::kCharactersAndAliases, found);
  if (n != 1) return 0;
  *code = found[0];
  return 1;
}
constexpr NameApi kNameApi{api_get_name, api_get_code};

int fill(PyObject* module) {
  ThreadState& ts = current_thread();
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(ucd_dealloc)},
                         {Py_tp_methods, const_cast<MethodSpec*>(kMethods)},
                         {Py_tp_members, const_cast<PyMemberDef*>(kMembers)},
                         {0, nullptr}};
  PyType_Spec spec{"unicodedata.UCD", static_cast<int>(sizeof(UcdObject)), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};
  Ref<> type = steal(PyType_FromSpec(&spec));
  if (!type) return -1;
  auto old = new_object<UcdObject>(ts, reinterpret_cast<PyTypeObject*>(type.get()));
  if (!old) return -1;
  old->version = "3.2.0";
  Ref<> capsule = steal(PyCapsule_New(const_cast<NameApi*>(&kNameApi), "unicodedata._ucnhash_CAPI", nullptr));
  Ref<> version = str_from_ascii(ts, kCurrentVersion);
  if (!capsule || !version || failed(module_add(ts, module, "unidata_version", std::move(version))) ||
      failed(module_add(ts, module, "UCD", std::move(type))) ||
      failed(module_add(ts, module, "ucd_3_2_0", Ref<>(std::move(old)))) ||
      failed(module_add(ts, module, "_ucnhash_CAPI", std::move(capsule)))) {
    return -1;
  }
  return 0;
}

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit_unicodedata, "unicodedata",
                     "What the Unicode Character Database says about each character, by version 14.0.0.", 0, atl::kMethods, atl::fill)
