// _locale: the C library's locale, which is the process's: what one interpreter sets, all see.
#include <langinfo.h>
#include <libintl.h>
#include <limits.h>
#include <locale.h>
#include <wchar.h>

#include <cstring>
#include <memory>

#include "Modules/module_tools.h"
#include "Modules/posix/posix.h"
#include "Objects/list.h"

namespace atl {

namespace {

struct State {
  PyObject* error;
};
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }

// A str, or None, as UTF-8.
struct OptionalText {
  const char* c = nullptr;
};

}  // namespace

template <>
struct ArgTraits<OptionalText> {
  static bool convert(ThreadState& ts, PyObject* o, const ArgPlace& place, OptionalText* out) {
    if (o == Py_None) return true;
    if (!is_str(o)) {
      (void)raise_bad_argument(ts, place, "str or None", o);
      return false;
    }
    Py_ssize_t n;
    out->c = PyUnicode_AsUTF8AndSize(o, &n);
    if (out->c == nullptr) return false;
    if (std::strlen(out->c) == static_cast<size_t>(n)) return true;
    (void)raise(ts, PyExc_ValueError, "embedded null character");
    return false;
  }
};

namespace {

Ref<> decode(const char* s) { return Ref<>::steal(PyUnicode_DecodeLocale(s, nullptr)); }
// A str argument as UTF-8 without null characters.
const char* text_of(ThreadState& ts, PyUnicodeObject* s) {
  Py_ssize_t n;
  const char* c = PyUnicode_AsUTF8AndSize(obj(s), &n);
  if (c != nullptr && std::strlen(c) != static_cast<size_t>(n)) return raise(ts, PyExc_ValueError, "embedded null character");
  return c;
}

Ref<> f_setlocale(ThreadState& ts, PyObject* m, int category, OptionalText name) {
  if (category < LC_CTYPE || category > LC_IDENTIFICATION) return raise(ts, state_of(m)->error, name.c != nullptr ? "unsupported locale setting" : "locale query failed");
  const char* result = setlocale(category, name.c);
  if (result == nullptr) return raise(ts, state_of(m)->error, name.c != nullptr ? "unsupported locale setting" : "locale query failed");
  return decode(result);
}

// The digits in each group, with 0 at the end: repeat the last; CHAR_MAX: no further grouping.
Ref<> grouping(ThreadState& ts, const char* s) {
  Ref<> list = list_new(ts, 0);
  if (!list || *s == 0) return list;
  for (;; ++s) {
    if (failed(list_append(ts, list.get(), int_from_i64(ts, *s)))) return {};
    if (*s == 0 || *s == CHAR_MAX) return list;
  }
}

// Texts of LC_NUMERIC or LC_MONETARY may be in another encoding than LC_CTYPE's: read them under their own.
class CtypeOf {
 public:
  explicit CtypeOf(int category) {
    const char* wanted = setlocale(category, nullptr);
    const char* now = setlocale(LC_CTYPE, nullptr);
    if (wanted == nullptr || now == nullptr || std::strcmp(wanted, now) == 0) return;
    saved_ = strdup(now);
    if (saved_ != nullptr) setlocale(LC_CTYPE, std::unique_ptr<char, decltype(&free)>(strdup(wanted), &free).get());
  }
  CtypeOf(const CtypeOf&) = delete;
  CtypeOf& operator=(const CtypeOf&) = delete;
  ~CtypeOf() {
    if (saved_ == nullptr) return;
    setlocale(LC_CTYPE, saved_);
    free(saved_);
  }

 private:
  char* saved_ = nullptr;
};

bool is_ascii_text(const char* s) {
  for (; *s != 0; ++s) {
    if (static_cast<unsigned char>(*s) >= 0x80) return false;
  }
  return true;
}
Ref<> decode_in(int category, const char* s) {
  if (is_ascii_text(s)) return decode(s);
  std::unique_ptr<char, decltype(&free)> copy(strdup(s), &free);  // setlocale may overwrite it
  CtypeOf own(category);
  return decode(copy.get());
}

Ref<> f_localeconv(ThreadState& ts, PyObject*) {
  const lconv* c = localeconv();
  Ref<> result = dict_new(ts);
  auto put = [&](const char* key, Ref<> value) {
    if (result && (!value || PyDict_SetItemString(result.get(), key, value.get()) < 0)) result = {};
  };
  // Changing the locale, as decode_in may, overwrites what localeconv() gave, so that comes last, from copies.
  struct {
    const char* key;
    int category;
    std::unique_ptr<char, decltype(&free)> text;
  } texts[] = {{"int_curr_symbol", LC_MONETARY, {strdup(c->int_curr_symbol), &free}},
               {"currency_symbol", LC_MONETARY, {strdup(c->currency_symbol), &free}},
               {"mon_decimal_point", LC_MONETARY, {strdup(c->mon_decimal_point), &free}},
               {"mon_thousands_sep", LC_MONETARY, {strdup(c->mon_thousands_sep), &free}},
               {"positive_sign", LC_MONETARY, {strdup(c->positive_sign), &free}},
               {"negative_sign", LC_MONETARY, {strdup(c->negative_sign), &free}},
               {"decimal_point", LC_NUMERIC, {strdup(c->decimal_point), &free}},
               {"thousands_sep", LC_NUMERIC, {strdup(c->thousands_sep), &free}}};
  Ref<> monetary_grouping = grouping(ts, c->mon_grouping), numeric_grouping = grouping(ts, c->grouping);
  const struct {
    const char* key;
    int value;
  } numbers[] = {{"int_frac_digits", c->int_frac_digits}, {"frac_digits", c->frac_digits},       {"p_cs_precedes", c->p_cs_precedes},
                 {"p_sep_by_space", c->p_sep_by_space},   {"n_cs_precedes", c->n_cs_precedes},   {"n_sep_by_space", c->n_sep_by_space},
                 {"p_sign_posn", c->p_sign_posn},         {"n_sign_posn", c->n_sign_posn}};
  for (int i = 0; i < 4; ++i) put(texts[i].key, decode_in(texts[i].category, texts[i].text.get()));
  put("mon_grouping", std::move(monetary_grouping));
  for (int i = 4; i < 6; ++i) put(texts[i].key, decode_in(texts[i].category, texts[i].text.get()));
  for (const auto& n : numbers) put(n.key, int_from_i64(ts, n.value));
  for (int i = 6; i < 8; ++i) put(texts[i].key, decode_in(texts[i].category, texts[i].text.get()));
  put("grouping", std::move(numeric_grouping));
  return result;
}

using WideText = std::unique_ptr<wchar_t, decltype(&PyMem_Free)>;
WideText wide_of(PyUnicodeObject* s) { return {PyUnicode_AsWideCharString(obj(s), nullptr), &PyMem_Free}; }

Ref<> f_strcoll(ThreadState& ts, PyObject*, PyUnicodeObject* a, PyUnicodeObject* b) {
  WideText x = wide_of(a);
  WideText y = x ? wide_of(b) : WideText(nullptr, &PyMem_Free);
  return y ? int_from_i64(ts, wcscoll(x.get(), y.get())) : Ref<>();
}
Ref<> f_strxfrm(ThreadState& ts, PyObject*, PyUnicodeObject* s) {
  WideText text = wide_of(s);
  if (!text) return {};
  size_t room = wcslen(text.get()) + 1;
  for (;;) {
    auto out = std::make_unique<wchar_t[]>(room);
    errno = 0;
    size_t n = wcsxfrm(out.get(), text.get(), room);
    if (errno != 0 && errno != ERANGE) return posix::call_error(ts);
    if (n < room) return Ref<>::steal(PyUnicode_FromWideChar(out.get(), static_cast<Py_ssize_t>(n)));
    room = n + 1;
  }
}

constexpr IntConstant kLanginfo[] = {
    {"ABDAY_1", ABDAY_1},
    {"ABDAY_2", ABDAY_2},
    {"ABDAY_3", ABDAY_3},
    {"ABDAY_4", ABDAY_4},
    {"ABDAY_5", ABDAY_5},
    {"ABDAY_6", ABDAY_6},
    {"ABDAY_7", ABDAY_7},
    {"ABMON_1", ABMON_1},
    {"ABMON_10", ABMON_10},
    {"ABMON_11", ABMON_11},
    {"ABMON_12", ABMON_12},
    {"ABMON_2", ABMON_2},
    {"ABMON_3", ABMON_3},
    {"ABMON_4", ABMON_4},
    {"ABMON_5", ABMON_5},
    {"ABMON_6", ABMON_6},
    {"ABMON_7", ABMON_7},
    {"ABMON_8", ABMON_8},
    {"ABMON_9", ABMON_9},
    {"ALT_DIGITS", ALT_DIGITS},
    {"AM_STR", AM_STR},
    {"CODESET", CODESET},
    {"CRNCYSTR", CRNCYSTR},
    {"DAY_1", DAY_1},
    {"DAY_2", DAY_2},
    {"DAY_3", DAY_3},
    {"DAY_4", DAY_4},
    {"DAY_5", DAY_5},
    {"DAY_6", DAY_6},
    {"DAY_7", DAY_7},
    {"D_FMT", D_FMT},
    {"D_T_FMT", D_T_FMT},
    {"ERA", ERA},
    {"ERA_D_FMT", ERA_D_FMT},
    {"ERA_D_T_FMT", ERA_D_T_FMT},
    {"ERA_T_FMT", ERA_T_FMT},
    {"MON_1", MON_1},
    {"MON_10", MON_10},
    {"MON_11", MON_11},
    {"MON_12", MON_12},
    {"MON_2", MON_2},
    {"MON_3", MON_3},
    {"MON_4", MON_4},
    {"MON_5", MON_5},
    {"MON_6", MON_6},
    {"MON_7", MON_7},
    {"MON_8", MON_8},
    {"MON_9", MON_9},
    {"NOEXPR", NOEXPR},
    {"PM_STR", PM_STR},
    {"RADIXCHAR", RADIXCHAR},
    {"THOUSEP", THOUSEP},
    {"T_FMT", T_FMT},
    {"T_FMT_AMPM", T_FMT_AMPM},
    {"YESEXPR", YESEXPR},
    {"_DATE_FMT", _DATE_FMT},
};

Ref<> f_nl_langinfo(ThreadState& ts, PyObject*, int key) {
  for (const IntConstant& item : kLanginfo) {
    if (item.value != key) continue;
    const char* text = nl_langinfo(key);
    return decode(text != nullptr ? text : "");
  }
  return raise(ts, PyExc_ValueError, "unsupported langinfo constant");
}

Ref<> f_gettext(ThreadState& ts, PyObject*, PyUnicodeObject* message) {
  const char* c = text_of(ts, message);
  return c != nullptr ? decode(gettext(c)) : Ref<>();
}
Ref<> f_dgettext(ThreadState& ts, PyObject*, OptionalText domain, PyUnicodeObject* message) {
  const char* c = text_of(ts, message);
  return c != nullptr ? decode(dgettext(domain.c, c)) : Ref<>();
}
Ref<> f_dcgettext(ThreadState& ts, PyObject*, OptionalText domain, PyUnicodeObject* message, int category) {
  const char* c = text_of(ts, message);
  return c != nullptr ? decode(dcgettext(domain.c, c, category)) : Ref<>();
}
Ref<> f_textdomain(ThreadState& ts, PyObject*, OptionalText domain) {
  const char* r = textdomain(domain.c);
  return r != nullptr ? decode(r) : Ref<>(posix::call_error(ts));
}
Ref<> f_bindtextdomain(ThreadState& ts, PyObject* m, PyUnicodeObject* domain, PyObject* directory) {
  const char* name = text_of(ts, domain);
  if (name == nullptr) return {};
  if (*name == 0) return raise(ts, state_of(m)->error, "domain must be a non-empty string");
  Ref<> path;
  if (directory != Py_None) {
    PyObject* encoded = nullptr;
    if (!PyUnicode_FSConverter(directory, &encoded)) return {};
    path = Ref<>::steal(encoded);
  }
  const char* r = bindtextdomain(name, path ? PyBytes_AsString(path.get()) : nullptr);
  return r != nullptr ? decode(r) : Ref<>(posix::call_error(ts));
}
Ref<> f_bind_textdomain_codeset(ThreadState& ts, PyObject*, PyUnicodeObject* domain, OptionalText codeset) {
  const char* name = text_of(ts, domain);
  if (name == nullptr) return {};
  const char* r = bind_textdomain_codeset(name, codeset.c);
  return r != nullptr ? decode(r) : new_none();
}
Ref<> f_getencoding(ThreadState&, PyObject*) {
  const char* name = nl_langinfo(CODESET);
  return decode(name != nullptr && *name != 0 ? name : "UTF-8");
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_setlocale, "setlocale", "($module, category, locale=<unrepresentable>, /)", "Set or ask the locale of a category."),
    ATOLL_METHOD(f_localeconv, "localeconv", "($module, /)", "How numbers and amounts of money are written: a dict."),
    ATOLL_METHOD(f_strcoll, "strcoll", "($module, os1, os2, /)", "Compare two strings according to the locale."),
    ATOLL_METHOD(f_strxfrm, "strxfrm", "($module, string, /)", "A string that compares, as such, as the given one does according to the locale."),
    ATOLL_METHOD(f_nl_langinfo, "nl_langinfo", "($module, key, /)", "A piece of information about the locale."),
    ATOLL_METHOD(f_gettext, "gettext", "($module, msg, /)", "The translation of a message."),
    ATOLL_METHOD(f_dgettext, "dgettext", "($module, domain, msg, /)", "The translation of a message in a domain."),
    ATOLL_METHOD(f_dcgettext, "dcgettext", "($module, domain, msg, category, /)", "The translation of a message in a domain and category."),
    ATOLL_METHOD(f_textdomain, "textdomain", "($module, domain, /)", "Set the C library's text domain; without one, ask for it."),
    ATOLL_METHOD(f_bindtextdomain, "bindtextdomain", "($module, domain, dir, /)", "Bind the C library's text domain to a directory."),
    ATOLL_METHOD(f_bind_textdomain_codeset, "bind_textdomain_codeset", "($module, domain, codeset, /)", "Say in which encoding a domain's messages come."),
    ATOLL_METHOD(f_getencoding, "getencoding", "($module, /)", "The locale's encoding."), ATOLL_METHOD_END};

constexpr IntConstant kConstants[] = {{"LC_CTYPE", LC_CTYPE},       {"LC_TIME", LC_TIME},         {"LC_COLLATE", LC_COLLATE},
                                      {"LC_MONETARY", LC_MONETARY}, {"LC_MESSAGES", LC_MESSAGES}, {"LC_NUMERIC", LC_NUMERIC},
                                      {"LC_ALL", LC_ALL},           {"CHAR_MAX", CHAR_MAX}};
int exec(PyObject* m) {
  if (add_int_constants(m, kConstants) < 0 || add_int_constants(m, kLanginfo) < 0) return -1;
  PyObject* error = PyErr_NewException("locale.Error", nullptr, nullptr);
  state_of(m)->error = error;
  return error == nullptr ? -1 : PyModule_AddObjectRef(m, "Error", error);
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  Py_VISIT(state_of(m)->error);
  return 0;
}
int clear(PyObject* m) {
  clear_field(state_of(m)->error);
  return 0;
}

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE_GC(PyInit__locale, "_locale", "Support for POSIX locales.", sizeof(atl::State), atl::kFunctions, atl::exec, atl::traverse, atl::clear,
                        nullptr)
