// pyexpat: XML parsers by libexpat.
//
// A handler's attribute is set or cleared together with libexpat's; each callback makes the arguments, calls the handler, and stops the
// parser when something went wrong, so that the exception comes out of Parse(). Character data may be collected in a buffer,
// which is handed on before anything else is.
#include <expat.h>

#include <climits>
#include <cstring>

#include "Modules/module_tools.h"
#include "Objects/bytes.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Objects/tuple.h"
#include "Python/runtime/runtime.h"
#include "structmember.h"

namespace atl {

namespace {

// ORDER: handlers, as in kHandlers.
enum HandlerIndex {
  kStartElement,
  kEndElement,
  kProcessingInstruction,
  kCharacterData,
  kUnparsedEntityDecl,
  kNotationDecl,
  kStartNamespaceDecl,
  kEndNamespaceDecl,
  kComment,
  kStartCdataSection,
  kEndCdataSection,
  kDefault,
  kDefaultExpand,
  kNotStandalone,
  kExternalEntityRef,
  kStartDoctypeDecl,
  kEndDoctypeDecl,
  kEntityDecl,
  kXmlDecl,
  kElementDecl,
  kAttlistDecl,
  kSkippedEntity,
  kHandlerCount
};

struct State {
  PyTypeObject* parser_type;
  PyObject* error;
};
extern PyModuleDef g_definition;
State* state_of(PyObject* m) { return static_cast<State*>(PyModule_GetState(m)); }

struct Parser {
  PyObject ob_base;
  XML_Parser xml;
  PyObject* handlers[kHandlerCount];
  PyObject* intern;  // dict, or NULL
  PyObject* parent;  // of a parser of an external entity: it shares what the DTD says
  char* buffer;      // character data not handed on yet; NULL: none is collected
  int buffer_size, buffer_used;
  bool ordered_attributes, specified_attributes, namespace_prefixes, in_callback;
};
Parser* as_parser(PyObject* o) { return reinterpret_cast<Parser*>(o); }
Parser* self_of(void* user_data) { return static_cast<Parser*>(user_data); }
State* state_of_parser(const Parser* p) { return state_of(PyType_GetModuleByDef(p->ob_base.ob_type, &g_definition)); }

// ---- values ------------------------------------------------------------------------------------------------------

Ref<> text(const XML_Char* s) {
  if (s == nullptr) return new_none();
  return Ref<>::steal(PyUnicode_DecodeUTF8(s, static_cast<Py_ssize_t>(std::strlen(s)), "strict"));
}
Ref<> text(const XML_Char* s, int n) { return Ref<>::steal(PyUnicode_DecodeUTF8(s, n, "strict")); }
// The same string object for the same name, where names are interned.
Ref<> name(Parser* p, const XML_Char* s) {
  Ref<> value = text(s);
  if (!value || p->intern == nullptr || s == nullptr) return value;
  return Ref<>::dup_of(PyDict_SetDefault(p->intern, value.get(), value.get()));
}

Raised expat_error(ThreadState& ts, Parser* p, XML_Error code) {
  unsigned long line = XML_GetErrorLineNumber(p->xml), column = XML_GetErrorColumnNumber(p->xml);
  PyObject* type = state_of_parser(p)->error;
  Ref<> message = str_format(ts, "%s: line %lu, column %lu", XML_ErrorString(code), line, column);
  Ref<> exception = message ? call(ts, type, message.get()) : Ref<>();
  if (!exception) return already_raised();
  for (auto [attribute, value] : {std::pair{"code", static_cast<int64_t>(code)}, std::pair{"offset", static_cast<int64_t>(column)},
                                  std::pair{"lineno", static_cast<int64_t>(line)}}) {
    Ref<> number = int_from_i64(ts, value);
    if (!number || PyObject_SetAttrString(exception.get(), attribute, number.get()) < 0) return already_raised();
  }
  return raise_object(ts, type, exception.get());
}

// ---- calling handlers --------------------------------------------------------------------------------------------

void stop(Parser* p) { XML_StopParser(p->xml, XML_FALSE); }

// Calls a handler with a tuple of arguments; empty, with the parser stopped, when that raised.
Ref<> call_handler(ThreadState& ts, Parser* p, int which, Ref<> args) {
  Ref<> result;
  if (args) {
    Ref<> handler = dup(p->handlers[which]);
    bool outer = std::exchange(p->in_callback, true);
    result = Ref<>::steal(PyObject_Call(handler.get(), args.get(), nullptr));
    p->in_callback = outer;
  }
  if (!result) stop(p);
  (void)ts;
  return result;
}
// The same where the handler's result means nothing.
void notify(ThreadState& ts, Parser* p, int which, Ref<> args) { Ref<> ignored = call_handler(ts, p, which, std::move(args)); }
bool has_handler(const Parser* p, int which) { return p->handlers[which] != nullptr; }

bool hand_on_characters(ThreadState& ts, Parser* p, const char* data, int n) {
  if (!has_handler(p, kCharacterData)) return true;
  Ref<> value = text(data, n);
  return static_cast<bool>(call_handler(ts, p, kCharacterData, value ? tuple_of(ts, value.get()) : Ref<>()));
}
// What is collected goes to the handler.
bool flush(ThreadState& ts, Parser* p) {
  if (p->buffer == nullptr || p->buffer_used == 0) return true;
  int n = std::exchange(p->buffer_used, 0);
  return hand_on_characters(ts, p, p->buffer, n);
}
// The beginning of each callback but CharacterData's: false when the handler is not to be called.
bool ready(ThreadState& ts, Parser* p, int which) { return has_handler(p, which) && !error_set(ts) && flush(ts, p) && has_handler(p, which); }

void on_character_data(void* user, const XML_Char* data, int n) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (error_set(ts)) return;
  if (p->buffer == nullptr) {
    hand_on_characters(ts, p, data, n);
    return;
  }
  if (p->buffer_used + n > p->buffer_size) {
    if (!flush(ts, p)) return;
    if (!has_handler(p, kCharacterData)) return;
  }
  if (n > p->buffer_size) {
    hand_on_characters(ts, p, data, n);
  } else {
    std::memcpy(p->buffer + p->buffer_used, data, static_cast<size_t>(n));
    p->buffer_used += n;
  }
}
// Takes the handler's place when it goes while the parser is at work.
void on_ignored_characters(void*, const XML_Char*, int) {}

Ref<> attributes(ThreadState& ts, Parser* p, const XML_Char** pairs) {
  int n = 0;
  if (p->specified_attributes) {
    n = XML_GetSpecifiedAttributeCount(p->xml);
  } else {
    while (pairs[n] != nullptr) n += 2;
  }
  Ref<> result = p->ordered_attributes ? list_new(ts, 0) : dict_new(ts);
  for (int i = 0; result && i < n; i += 2) {
    Ref<> key = name(p, pairs[i]);
    Ref<> value = key ? text(pairs[i + 1]) : Ref<>();
    if (!value) return {};
    Status status = p->ordered_attributes ? list_append(ts, result.get(), std::move(key)) : dict_set(ts, result.get(), key.get(), value.get());
    if (!failed(status) && p->ordered_attributes) status = list_append(ts, result.get(), std::move(value));
    if (failed(status)) return {};
  }
  return result;
}
void on_start_element(void* user, const XML_Char* element, const XML_Char** pairs) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (!ready(ts, p, kStartElement)) return;
  Ref<> all = attributes(ts, p, pairs);
  Ref<> tag = all ? name(p, element) : Ref<>();
  notify(ts, p, kStartElement, tag ? tuple_of(ts, tag.get(), all.get()) : Ref<>());
}

// A handler whose arguments are a format of Py_BuildValue: N takes over a reference, and a failed one fails the whole.
template <class... A>
Ref<> build(const char* format, A... args) {
  return Ref<>::steal(Py_BuildValue(format, args...));
}
void on_end_element(void* user, const XML_Char* element) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (ready(ts, p, kEndElement)) notify(ts, p, kEndElement, build("(N)", name(p, element).release()));
}
void on_processing_instruction(void* user, const XML_Char* target, const XML_Char* data) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (!ready(ts, p, kProcessingInstruction)) return;
  notify(ts, p, kProcessingInstruction, build("(NN)", name(p, target).release(), text(data).release()));
}
void on_unparsed_entity(void* user, const XML_Char* entity, const XML_Char* base, const XML_Char* system, const XML_Char* pub, const XML_Char* notation) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (!ready(ts, p, kUnparsedEntityDecl)) return;
  notify(ts, p, kUnparsedEntityDecl,
               build("(NNNNN)", name(p, entity).release(), name(p, base).release(), name(p, system).release(), name(p, pub).release(), name(p, notation).release()));
}
void on_notation(void* user, const XML_Char* notation, const XML_Char* base, const XML_Char* system, const XML_Char* pub) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (!ready(ts, p, kNotationDecl)) return;
  notify(ts, p, kNotationDecl, build("(NNNN)", name(p, notation).release(), name(p, base).release(), name(p, system).release(), name(p, pub).release()));
}
void on_start_namespace(void* user, const XML_Char* prefix, const XML_Char* uri) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (ready(ts, p, kStartNamespaceDecl)) notify(ts, p, kStartNamespaceDecl, build("(NN)", name(p, prefix).release(), name(p, uri).release()));
}
void on_end_namespace(void* user, const XML_Char* prefix) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (ready(ts, p, kEndNamespaceDecl)) notify(ts, p, kEndNamespaceDecl, build("(N)", name(p, prefix).release()));
}
void on_comment(void* user, const XML_Char* data) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (ready(ts, p, kComment)) notify(ts, p, kComment, build("(N)", text(data).release()));
}
template <int kWhich>
void on_nothing(void* user) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (ready(ts, p, kWhich)) notify(ts, p, kWhich, dup(empty_tuple()));
}
template <int kWhich>
void on_default(void* user, const XML_Char* data, int n) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (ready(ts, p, kWhich)) notify(ts, p, kWhich, build("(N)", text(data, n).release()));
}
// A handler whose result is a number for the parser.
int number_from(ThreadState& ts, Parser* p, int which, Ref<> args) {
  Ref<> result = call_handler(ts, p, which, std::move(args));
  if (!result) return 0;
  int n = _PyLong_AsInt(result.get());
  if (!error_set(ts)) return n;
  stop(p);
  return 0;
}
int on_not_standalone(void* user) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  return ready(ts, p, kNotStandalone) ? number_from(ts, p, kNotStandalone, dup(empty_tuple())) : 0;
}
int on_external_entity(XML_Parser xml, const XML_Char* context, const XML_Char* base, const XML_Char* system, const XML_Char* pub) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(XML_GetUserData(xml));
  if (!ready(ts, p, kExternalEntityRef)) return 0;
  return number_from(ts, p, kExternalEntityRef, build("(NNNN)", text(context).release(), name(p, base).release(), name(p, system).release(), name(p, pub).release()));
}
void on_start_doctype(void* user, const XML_Char* doctype, const XML_Char* system, const XML_Char* pub, int internal_subset) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (!ready(ts, p, kStartDoctypeDecl)) return;
  notify(ts, p, kStartDoctypeDecl, build("(NNNi)", name(p, doctype).release(), name(p, system).release(), name(p, pub).release(), internal_subset));
}
void on_entity(void* user, const XML_Char* entity, int is_parameter, const XML_Char* value, int length, const XML_Char* base, const XML_Char* system,
               const XML_Char* pub, const XML_Char* notation) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (!ready(ts, p, kEntityDecl)) return;
  Ref<> content = value != nullptr ? text(value, length) : new_none();
  notify(ts, p, kEntityDecl,
               build("(NiNNNNN)", name(p, entity).release(), is_parameter, content.release(), name(p, base).release(), name(p, system).release(),
                     name(p, pub).release(), name(p, notation).release()));
}
void on_xml_decl(void* user, const XML_Char* version, const XML_Char* encoding, int standalone) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (ready(ts, p, kXmlDecl)) notify(ts, p, kXmlDecl, build("(NNi)", text(version).release(), text(encoding).release(), standalone));
}
// (type, quantifier, name, children)
Ref<> model_tuple(ThreadState& ts, Parser* p, const XML_Content& model) {
  RecursionGuard guard(ts, " in conv_content_model");
  if (!guard.ok()) return {};
  Ref<> children = tuple_new(ts, static_cast<Py_ssize_t>(model.numchildren));
  for (unsigned i = 0; children && i < model.numchildren; ++i) {
    Ref<> child = model_tuple(ts, p, model.children[i]);
    if (!child) return {};
    tuple_items(children.get())[i] = child.release();
  }
  if (!children) return {};
  return build("(iiNN)", static_cast<int>(model.type), static_cast<int>(model.quant), name(p, model.name).release(), children.release());
}
void on_element_decl(void* user, const XML_Char* element, XML_Content* model) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (ready(ts, p, kElementDecl)) {
    Ref<> content = model_tuple(ts, p, *model);
    notify(ts, p, kElementDecl, content ? build("(NN)", name(p, element).release(), content.release()) : Ref<>());
  }
  XML_FreeContentModel(p->xml, model);
}
void on_attlist(void* user, const XML_Char* element, const XML_Char* attribute, const XML_Char* type, const XML_Char* otherwise, int required) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (!ready(ts, p, kAttlistDecl)) return;
  notify(ts, p, kAttlistDecl,
               build("(NNNNi)", name(p, element).release(), name(p, attribute).release(), text(type).release(), text(otherwise).release(), required));
}
void on_skipped_entity(void* user, const XML_Char* entity, int is_parameter) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (ready(ts, p, kSkippedEntity)) notify(ts, p, kSkippedEntity, build("(Ni)", name(p, entity).release(), is_parameter));
}

// Encodings that libexpat does not know are asked for byte by byte.
int on_unknown_encoding(void* user, const XML_Char* encoding, XML_Encoding* info) {
  ThreadState& ts = current_thread();
  Parser* p = self_of(user);
  if (error_set(ts)) return XML_STATUS_ERROR;
  unsigned char bytes[256];
  for (unsigned i = 0; i < 256; ++i) bytes[i] = static_cast<unsigned char>(i);
  Ref<> characters = Ref<>::steal(PyUnicode_Decode(reinterpret_cast<char*>(bytes), 256, encoding, "replace"));
  if (characters && PyUnicode_GET_LENGTH(characters.get()) != 256) {
    (void)raise(ts, PyExc_ValueError, "multi-byte encodings are not supported");
    characters = {};
  }
  if (!characters) {
    stop(p);
    return XML_STATUS_ERROR;
  }
  for (int i = 0; i < 256; ++i) {
    Py_UCS4 c = PyUnicode_READ_CHAR(characters.get(), i);
    info->map[i] = c == 0xfffd ? -1 : static_cast<int>(c);
  }
  info->data = nullptr;
  info->convert = nullptr;
  info->release = nullptr;
  return XML_STATUS_OK;
}

// ---- handlers as attributes --------------------------------------------------------------------------------------

struct Handler {
  const char* attribute;
  void (*install)(XML_Parser xml, bool on);
};
// ORDER: handlers, as in HandlerIndex.
constexpr Handler kHandlers[kHandlerCount] = {
    {"StartElementHandler", [](XML_Parser x, bool on) { XML_SetStartElementHandler(x, on ? on_start_element : nullptr); }},
    {"EndElementHandler", [](XML_Parser x, bool on) { XML_SetEndElementHandler(x, on ? on_end_element : nullptr); }},
    {"ProcessingInstructionHandler", [](XML_Parser x, bool on) { XML_SetProcessingInstructionHandler(x, on ? on_processing_instruction : nullptr); }},
    {"CharacterDataHandler", [](XML_Parser x, bool on) { XML_SetCharacterDataHandler(x, on ? on_character_data : nullptr); }},
    {"UnparsedEntityDeclHandler", [](XML_Parser x, bool on) { XML_SetUnparsedEntityDeclHandler(x, on ? on_unparsed_entity : nullptr); }},
    {"NotationDeclHandler", [](XML_Parser x, bool on) { XML_SetNotationDeclHandler(x, on ? on_notation : nullptr); }},
    {"StartNamespaceDeclHandler", [](XML_Parser x, bool on) { XML_SetStartNamespaceDeclHandler(x, on ? on_start_namespace : nullptr); }},
    {"EndNamespaceDeclHandler", [](XML_Parser x, bool on) { XML_SetEndNamespaceDeclHandler(x, on ? on_end_namespace : nullptr); }},
    {"CommentHandler", [](XML_Parser x, bool on) { XML_SetCommentHandler(x, on ? on_comment : nullptr); }},
    {"StartCdataSectionHandler", [](XML_Parser x, bool on) { XML_SetStartCdataSectionHandler(x, on ? on_nothing<kStartCdataSection> : nullptr); }},
    {"EndCdataSectionHandler", [](XML_Parser x, bool on) { XML_SetEndCdataSectionHandler(x, on ? on_nothing<kEndCdataSection> : nullptr); }},
    {"DefaultHandler", [](XML_Parser x, bool on) { XML_SetDefaultHandler(x, on ? on_default<kDefault> : nullptr); }},
    {"DefaultHandlerExpand", [](XML_Parser x, bool on) { XML_SetDefaultHandlerExpand(x, on ? on_default<kDefaultExpand> : nullptr); }},
    {"NotStandaloneHandler", [](XML_Parser x, bool on) { XML_SetNotStandaloneHandler(x, on ? on_not_standalone : nullptr); }},
    {"ExternalEntityRefHandler", [](XML_Parser x, bool on) { XML_SetExternalEntityRefHandler(x, on ? on_external_entity : nullptr); }},
    {"StartDoctypeDeclHandler", [](XML_Parser x, bool on) { XML_SetStartDoctypeDeclHandler(x, on ? on_start_doctype : nullptr); }},
    {"EndDoctypeDeclHandler", [](XML_Parser x, bool on) { XML_SetEndDoctypeDeclHandler(x, on ? on_nothing<kEndDoctypeDecl> : nullptr); }},
    {"EntityDeclHandler", [](XML_Parser x, bool on) { XML_SetEntityDeclHandler(x, on ? on_entity : nullptr); }},
    {"XmlDeclHandler", [](XML_Parser x, bool on) { XML_SetXmlDeclHandler(x, on ? on_xml_decl : nullptr); }},
    {"ElementDeclHandler", [](XML_Parser x, bool on) { XML_SetElementDeclHandler(x, on ? on_element_decl : nullptr); }},
    {"AttlistDeclHandler", [](XML_Parser x, bool on) { XML_SetAttlistDeclHandler(x, on ? on_attlist : nullptr); }},
    {"SkippedEntityHandler", [](XML_Parser x, bool on) { XML_SetSkippedEntityHandler(x, on ? on_skipped_entity : nullptr); }}};

template <int kWhich>
PyObject* get_handler(PyObject* o, void*) {
  PyObject* handler = as_parser(o)->handlers[kWhich];
  return new_ref(handler != nullptr ? handler : Py_None);
}
int set_handler_of(PyObject* o, PyObject* value, int which) {
  ThreadState& ts = current_thread();
  Parser* p = as_parser(o);
  if (value == nullptr) return raise(ts, PyExc_RuntimeError, "Cannot delete attribute");
  if (which == kCharacterData && !flush(ts, p)) return -1;
  bool on = value != Py_None;
  set_field(p->handlers[which], on ? dup(value) : Ref<>());
  if (!on && which == kCharacterData && p->in_callback) {
    XML_SetCharacterDataHandler(p->xml, on_ignored_characters);
  } else {
    kHandlers[which].install(p->xml, on);
  }
  return 0;
}

template <int kWhich>
int set_handler(PyObject* o, PyObject* value, void*) {
  return set_handler_of(o, value, kWhich);
}

// ---- other attributes --------------------------------------------------------------------------------------------

template <auto kGet>
PyObject* get_number(PyObject* o, void*) {
  return int_from_i64(current_thread(), static_cast<int64_t>(kGet(as_parser(o)->xml))).release();
}
template <bool Parser::*kFlag>
PyObject* get_flag(PyObject* o, void*) {
  return new_ref(as_parser(o)->*kFlag ? Py_True : Py_False);
}
template <bool Parser::*kFlag>
int set_flag(PyObject* o, PyObject* value, void*) {
  ThreadState& ts = current_thread();
  if (value == nullptr) return raise(ts, PyExc_RuntimeError, "Cannot delete attribute");
  Tri truth = object_is_true(ts, value);
  if (failed(truth)) return -1;
  as_parser(o)->*kFlag = truth == Tri::kTrue;
  if constexpr (kFlag == &Parser::namespace_prefixes) XML_SetReturnNSTriplet(as_parser(o)->xml, truth == Tri::kTrue);
  return 0;
}
PyObject* get_buffer_size(PyObject* o, void*) { return PyLong_FromLong(as_parser(o)->buffer_size); }
PyObject* get_buffer_used(PyObject* o, void*) { return PyLong_FromLong(as_parser(o)->buffer_used); }
PyObject* get_buffer_text(PyObject* o, void*) { return new_ref(as_parser(o)->buffer != nullptr ? Py_True : Py_False); }
int set_buffer_size(PyObject* o, PyObject* value, void*) {
  ThreadState& ts = current_thread();
  Parser* p = as_parser(o);
  if (value == nullptr) return raise(ts, PyExc_RuntimeError, "Cannot delete attribute");
  if (!is_int(value)) return raise(ts, PyExc_TypeError, "buffer_size must be an integer");
  long size = PyLong_AsLong(value);
  if (error_set(ts)) return -1;
  if (size == p->buffer_size) return 0;
  if (size <= 0) return raise(ts, PyExc_ValueError, "buffer_size must be greater than zero");
  if (size > INT_MAX) return raise(ts, PyExc_ValueError, "buffer_size must not be greater than %i", INT_MAX);
  if (p->buffer != nullptr) {
    if (!flush(ts, p)) return -1;
    auto* fresh = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(size)));
    if (fresh == nullptr) return raise_memory(ts);
    PyMem_Free(std::exchange(p->buffer, fresh));
  }
  p->buffer_size = static_cast<int>(size);
  return 0;
}
int set_buffer_text(PyObject* o, PyObject* value, void*) {
  ThreadState& ts = current_thread();
  Parser* p = as_parser(o);
  if (value == nullptr) return raise(ts, PyExc_RuntimeError, "Cannot delete attribute");
  Tri truth = object_is_true(ts, value);
  if (failed(truth)) return -1;
  if (truth == Tri::kFalse) {
    if (p->buffer != nullptr && !flush(ts, p)) return -1;
    PyMem_Free(std::exchange(p->buffer, nullptr));
  } else if (p->buffer == nullptr) {
    p->buffer = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(p->buffer_size)));
    p->buffer_used = 0;
    if (p->buffer == nullptr) return raise_memory(ts);
  }
  return 0;
}

// ---- parsing -----------------------------------------------------------------------------------------------------

Ref<> parsed(ThreadState& ts, Parser* p, int status) {
  if (error_set(ts)) return {};
  if (status == XML_STATUS_ERROR) return expat_error(ts, p, XML_GetErrorCode(p->xml));
  if (!flush(ts, p)) return {};
  return int_from_i64(ts, status);
}
Ref<> m_parse(ThreadState& ts, Parser* p, PyObject* data, bool final_piece) {
  BufferArg bytes;
  const char* at;
  Py_ssize_t left;
  if (is_str(data)) {
    at = PyUnicode_AsUTF8AndSize(data, &left);
    if (at == nullptr) return {};
    // Whatever the document says of its encoding, this is UTF-8.
    (void)XML_SetEncoding(p->xml, "utf-8");
  } else {
    if (PyObject_GetBuffer(data, &bytes.view, PyBUF_SIMPLE) < 0) return {};
    at = static_cast<const char*>(bytes.view.buf);
    left = bytes.view.len;
  }
  Ref<> keep = dup(obj(p));
  constexpr Py_ssize_t kPiece = 1 << 20;  // the library counts in int
  for (; left > kPiece; at += kPiece, left -= kPiece) {
    int status = XML_Parse(p->xml, at, static_cast<int>(kPiece), 0);
    if (error_set(ts) || status == XML_STATUS_ERROR) return parsed(ts, p, status);
  }
  return parsed(ts, p, XML_Parse(p->xml, at, static_cast<int>(left), final_piece));
}
Ref<> m_parse_file(ThreadState& ts, Parser* p, PyObject* file) {
  Ref<> read = object_getattr(ts, file, "read");
  if (!read) {
    if (error_clear_if(ts, PyExc_AttributeError)) return raise(ts, PyExc_TypeError, "argument must have 'read' attribute");
    return {};
  }
  constexpr int kPiece = 2048;
  Ref<> size = int_from_i64(ts, kPiece);
  for (;;) {
    Ref<> piece = size ? call(ts, read.get(), size.get()) : Ref<>();
    if (!piece) return {};
    const char* data;
    Py_ssize_t n;
    if (PyByteArray_Check(piece.get())) {
      data = PyByteArray_AS_STRING(piece.get());
      n = PyByteArray_GET_SIZE(piece.get());
    } else if (PyBytes_Check(piece.get())) {
      data = PyBytes_AS_STRING(piece.get());
      n = PyBytes_GET_SIZE(piece.get());
    } else {
      return raise(ts, PyExc_TypeError, "read() did not return a bytes object (type=%.400s)", piece->ob_type->tp_name);
    }
    if (n > kPiece) return raise(ts, PyExc_ValueError, "read() returned too much data: %i bytes requested, %zd returned", kPiece, n);
    int status = XML_Parse(p->xml, data, static_cast<int>(n), n == 0);
    if (error_set(ts)) return {};
    if (status == XML_STATUS_ERROR || n == 0) return parsed(ts, p, status);
  }
}
Ref<> m_set_base(ThreadState& ts, Parser* p, PyUnicodeObject* base) {
  const char* c = PyUnicode_AsUTF8(obj(base));
  if (c == nullptr) return {};
  return XML_SetBase(p->xml, c) ? new_none() : Ref<>(raise_memory(ts));
}
Ref<> m_get_base(ThreadState&, Parser* p) { return text(XML_GetBase(p->xml)); }
Ref<> m_get_input_context(ThreadState& ts, Parser* p) {
  if (!p->in_callback) return new_none();
  int offset, size;
  const char* context = XML_GetInputContext(p->xml, &offset, &size);
  if (context == nullptr) return new_none();
  return bytes_from(ts, {context + offset, static_cast<size_t>(size - offset)});
}
Ref<> m_set_param_entity_parsing(ThreadState& ts, Parser* p, int flag) {
  return int_from_i64(ts, XML_SetParamEntityParsing(p->xml, static_cast<XML_ParamEntityParsing>(flag)));
}
Ref<> m_use_foreign_dtd(ThreadState& ts, Parser* p, PyObject* flag) {
  Tri truth = flag == nullptr ? Tri::kTrue : object_is_true(ts, flag);
  if (failed(truth)) return {};
  XML_Error code = XML_UseForeignDTD(p->xml, truth == Tri::kTrue);
  return code != XML_ERROR_NONE ? Ref<>(expat_error(ts, p, code)) : new_none();
}

Ref<> m_external_entity_parser(ThreadState& ts, Parser* p, PyObject* context_arg, PyUnicodeObject* encoding_arg) {
  if (context_arg != Py_None && !is_str(context_arg)) {
    return raise(ts, PyExc_TypeError, "ExternalEntityParserCreate() argument 1 must be str or None, not %T", context_arg);
  }
  const char* context = context_arg != Py_None ? PyUnicode_AsUTF8(context_arg) : nullptr;
  const char* encoding = encoding_arg != nullptr ? PyUnicode_AsUTF8(obj(encoding_arg)) : nullptr;
  if (error_set(ts)) return {};
  PyTypeObject* type = p->ob_base.ob_type;
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  Parser* q = as_parser(o.get());
  q->buffer_size = p->buffer_size;
  q->ordered_attributes = p->ordered_attributes;
  q->specified_attributes = p->specified_attributes;
  q->namespace_prefixes = p->namespace_prefixes;
  q->parent = new_ref(obj(p));
  if (p->intern != nullptr) q->intern = new_ref(p->intern);
  q->xml = XML_ExternalEntityParserCreate(p->xml, context, encoding);
  if (q->xml == nullptr) return raise_memory(ts);
  if (p->buffer != nullptr) {
    q->buffer = static_cast<char*>(PyMem_Malloc(static_cast<size_t>(q->buffer_size)));
    if (q->buffer == nullptr) return raise_memory(ts);
  }
  XML_SetUserData(q->xml, q);
  for (int i = 0; i < kHandlerCount; ++i) {
    if (p->handlers[i] == nullptr) continue;
    q->handlers[i] = new_ref(p->handlers[i]);
    kHandlers[i].install(q->xml, true);
  }
  return o;
}

// ---- the type and the module -------------------------------------------------------------------------------------

int parser_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(obj(o->ob_type));
  for (PyObject* handler : as_parser(o)->handlers) Py_VISIT(handler);
  Py_VISIT(as_parser(o)->intern);
  Py_VISIT(as_parser(o)->parent);
  return 0;
}
int parser_clear(PyObject* o) {
  Parser* p = as_parser(o);
  for (int i = 0; i < kHandlerCount; ++i) {
    if (p->handlers[i] == nullptr) continue;
    if (p->xml != nullptr) kHandlers[i].install(p->xml, false);
    clear_field(p->handlers[i]);
  }
  clear_field(p->intern);
  return 0;
}
void parser_dealloc(PyObject* o) {
  untrack(o);
  Parser* p = as_parser(o);
  parser_clear(o);
  if (p->xml != nullptr) XML_ParserFree(p->xml);
  p->xml = nullptr;
  PyMem_Free(p->buffer);
  clear_field(p->parent);
  heap_instance_free(o);
}

bool optional_text(ThreadState& ts, PyObject* o, const char* argument, const char** out) {
  *out = nullptr;
  if (o == nullptr || o == Py_None) return true;
  if (!is_str(o)) {
    (void)raise(ts, PyExc_TypeError, "ParserCreate() argument '%s' must be str or None, not %T", argument, o);
    return false;
  }
  *out = PyUnicode_AsUTF8(o);
  return *out != nullptr;
}
Ref<> f_parser_create(ThreadState& ts, PyObject* m, PyObject* encoding_arg, PyObject* separator_arg, PyObject* intern) {
  const char *encoding, *separator;
  if (!optional_text(ts, encoding_arg, "encoding", &encoding) || !optional_text(ts, separator_arg, "namespace_separator", &separator)) return {};
  if (separator != nullptr && std::strlen(separator) > 1) {
    return raise(ts, PyExc_ValueError, "namespace_separator must be at most one character, omitted, or None");
  }
  Ref<> names;
  if (intern == nullptr) {
    names = dict_new(ts);
    if (!names) return {};
  } else if (intern != Py_None) {
    if (!PyDict_Check(intern)) return raise(ts, PyExc_TypeError, "intern must be a dictionary");
    names = dup(intern);
  }
  PyTypeObject* type = state_of(m)->parser_type;
  Ref<> o = Ref<>::steal(type->tp_alloc(type, 0));
  if (!o) return {};
  Parser* p = as_parser(o.get());
  p->buffer_size = 8192;
  p->intern = names.release();
  p->xml = XML_ParserCreate_MM(encoding, nullptr, separator);
  if (p->xml == nullptr) return raise_memory(ts);
  XML_SetHashSalt(p->xml, static_cast<unsigned long>(runtime().hash_secret[0]));
  XML_SetUserData(p->xml, p);
  XML_SetUnknownEncodingHandler(p->xml, on_unknown_encoding, p);
  return o;
}
Ref<> f_error_string(ThreadState&, PyObject*, Py_ssize_t code) {
  const char* s = XML_ErrorString(static_cast<XML_Error>(code));
  return s != nullptr ? Ref<>::steal(PyUnicode_FromString(s)) : new_none();
}

constexpr MethodSpec kMethods[] = {
    ATOLL_METHOD(m_parse, "Parse", "($self, data, isfinal=False, /)", "Parse XML data.\n\n`isfinal' should be true at end of input."),
    ATOLL_METHOD(m_parse_file, "ParseFile", "($self, file, /)", "Parse XML data from file-like object."),
    ATOLL_METHOD(m_set_base, "SetBase", "($self, base, /)", "Set the base URL for the parser."),
    ATOLL_METHOD(m_get_base, "GetBase", "($self, /)", "Return base URL string for the parser."),
    ATOLL_METHOD(m_get_input_context, "GetInputContext", "($self, /)",
                 "Return the untranslated text of the input that caused the current event.\n\nWithin a handler only; None elsewhere."),
    ATOLL_METHOD(m_external_entity_parser, "ExternalEntityParserCreate", "($self, context, encoding=<unrepresentable>,\n                           /)",
                 "Create a parser for parsing an external entity based on the information passed to the ExternalEntityRefHandler."),
    ATOLL_METHOD(m_set_param_entity_parsing, "SetParamEntityParsing", "($self, flag, /)",
                 "Controls parsing of parameter entities (including the external DTD subset).\n\nReturns whether the flag could be set."),
    ATOLL_METHOD(m_use_foreign_dtd, "UseForeignDTD", "($self, flag=True, /)",
                 "Allows the application to provide an artificial external subset if one is not specified as part of the document instance.\n\n"
                 "To be called before parsing begins."),
    ATOLL_METHOD_END};
constexpr PyMemberDef kMembers[] = {{"intern", T_OBJECT, offsetof(Parser, intern), READONLY, nullptr}, {}};

constexpr PyGetSetDef kGetSet[] = {
    {kHandlers[kStartElement].attribute, get_handler<kStartElement>, set_handler<kStartElement>, nullptr, nullptr},
    {kHandlers[kEndElement].attribute, get_handler<kEndElement>, set_handler<kEndElement>, nullptr, nullptr},
    {kHandlers[kProcessingInstruction].attribute, get_handler<kProcessingInstruction>, set_handler<kProcessingInstruction>, nullptr, nullptr},
    {kHandlers[kCharacterData].attribute, get_handler<kCharacterData>, set_handler<kCharacterData>, nullptr, nullptr},
    {kHandlers[kUnparsedEntityDecl].attribute, get_handler<kUnparsedEntityDecl>, set_handler<kUnparsedEntityDecl>, nullptr, nullptr},
    {kHandlers[kNotationDecl].attribute, get_handler<kNotationDecl>, set_handler<kNotationDecl>, nullptr, nullptr},
    {kHandlers[kStartNamespaceDecl].attribute, get_handler<kStartNamespaceDecl>, set_handler<kStartNamespaceDecl>, nullptr, nullptr},
    {kHandlers[kEndNamespaceDecl].attribute, get_handler<kEndNamespaceDecl>, set_handler<kEndNamespaceDecl>, nullptr, nullptr},
    {kHandlers[kComment].attribute, get_handler<kComment>, set_handler<kComment>, nullptr, nullptr},
    {kHandlers[kStartCdataSection].attribute, get_handler<kStartCdataSection>, set_handler<kStartCdataSection>, nullptr, nullptr},
    {kHandlers[kEndCdataSection].attribute, get_handler<kEndCdataSection>, set_handler<kEndCdataSection>, nullptr, nullptr},
    {kHandlers[kDefault].attribute, get_handler<kDefault>, set_handler<kDefault>, nullptr, nullptr},
    {kHandlers[kDefaultExpand].attribute, get_handler<kDefaultExpand>, set_handler<kDefaultExpand>, nullptr, nullptr},
    {kHandlers[kNotStandalone].attribute, get_handler<kNotStandalone>, set_handler<kNotStandalone>, nullptr, nullptr},
    {kHandlers[kExternalEntityRef].attribute, get_handler<kExternalEntityRef>, set_handler<kExternalEntityRef>, nullptr, nullptr},
    {kHandlers[kStartDoctypeDecl].attribute, get_handler<kStartDoctypeDecl>, set_handler<kStartDoctypeDecl>, nullptr, nullptr},
    {kHandlers[kEndDoctypeDecl].attribute, get_handler<kEndDoctypeDecl>, set_handler<kEndDoctypeDecl>, nullptr, nullptr},
    {kHandlers[kEntityDecl].attribute, get_handler<kEntityDecl>, set_handler<kEntityDecl>, nullptr, nullptr},
    {kHandlers[kXmlDecl].attribute, get_handler<kXmlDecl>, set_handler<kXmlDecl>, nullptr, nullptr},
    {kHandlers[kElementDecl].attribute, get_handler<kElementDecl>, set_handler<kElementDecl>, nullptr, nullptr},
    {kHandlers[kAttlistDecl].attribute, get_handler<kAttlistDecl>, set_handler<kAttlistDecl>, nullptr, nullptr},
    {kHandlers[kSkippedEntity].attribute, get_handler<kSkippedEntity>, set_handler<kSkippedEntity>, nullptr, nullptr},
    {"ErrorCode", get_number<XML_GetErrorCode>, nullptr, nullptr, nullptr},
    {"ErrorLineNumber", get_number<XML_GetErrorLineNumber>, nullptr, nullptr, nullptr},
    {"ErrorColumnNumber", get_number<XML_GetErrorColumnNumber>, nullptr, nullptr, nullptr},
    {"ErrorByteIndex", get_number<XML_GetErrorByteIndex>, nullptr, nullptr, nullptr},
    {"CurrentLineNumber", get_number<XML_GetCurrentLineNumber>, nullptr, nullptr, nullptr},
    {"CurrentColumnNumber", get_number<XML_GetCurrentColumnNumber>, nullptr, nullptr, nullptr},
    {"CurrentByteIndex", get_number<XML_GetCurrentByteIndex>, nullptr, nullptr, nullptr},
    {"buffer_size", get_buffer_size, set_buffer_size, nullptr, nullptr},
    {"buffer_text", get_buffer_text, set_buffer_text, nullptr, nullptr},
    {"buffer_used", get_buffer_used, nullptr, nullptr, nullptr},
    {"namespace_prefixes", get_flag<&Parser::namespace_prefixes>, set_flag<&Parser::namespace_prefixes>, nullptr, nullptr},
    {"ordered_attributes", get_flag<&Parser::ordered_attributes>, set_flag<&Parser::ordered_attributes>, nullptr, nullptr},
    {"specified_attributes", get_flag<&Parser::specified_attributes>, set_flag<&Parser::specified_attributes>, nullptr, nullptr},
    ATOLL_GETSET_END};

PyTypeObject* make_parser_type(PyObject* m) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(parser_dealloc)},
                         {Py_tp_doc, const_cast<char*>("XML parser")},
                         {Py_tp_traverse, reinterpret_cast<void*>(parser_traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(parser_clear)},
                         {Py_tp_methods, const_cast<MethodSpec*>(kMethods)},
                         {Py_tp_members, const_cast<PyMemberDef*>(kMembers)},
                         {Py_tp_getset, const_cast<PyGetSetDef*>(kGetSet)},
                         {0, nullptr}};
  PyType_Spec spec{"pyexpat.xmlparser", sizeof(Parser), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};
  return heap_type(m, spec);
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(f_parser_create, "ParserCreate", "($module, /, encoding=None, namespace_separator=None,\n             intern=<unrepresentable>)",
                 "Return a new XML parser object."),
    ATOLL_METHOD(f_error_string, "ErrorString", "($module, code, /)", "Returns string error for given number."), ATOLL_METHOD_END};

constexpr IntConstant kErrors[] = {
    {"XML_ERROR_NO_MEMORY", XML_ERROR_NO_MEMORY},
    {"XML_ERROR_SYNTAX", XML_ERROR_SYNTAX},
    {"XML_ERROR_NO_ELEMENTS", XML_ERROR_NO_ELEMENTS},
    {"XML_ERROR_INVALID_TOKEN", XML_ERROR_INVALID_TOKEN},
    {"XML_ERROR_UNCLOSED_TOKEN", XML_ERROR_UNCLOSED_TOKEN},
    {"XML_ERROR_PARTIAL_CHAR", XML_ERROR_PARTIAL_CHAR},
    {"XML_ERROR_TAG_MISMATCH", XML_ERROR_TAG_MISMATCH},
    {"XML_ERROR_DUPLICATE_ATTRIBUTE", XML_ERROR_DUPLICATE_ATTRIBUTE},
    {"XML_ERROR_JUNK_AFTER_DOC_ELEMENT", XML_ERROR_JUNK_AFTER_DOC_ELEMENT},
    {"XML_ERROR_PARAM_ENTITY_REF", XML_ERROR_PARAM_ENTITY_REF},
    {"XML_ERROR_UNDEFINED_ENTITY", XML_ERROR_UNDEFINED_ENTITY},
    {"XML_ERROR_RECURSIVE_ENTITY_REF", XML_ERROR_RECURSIVE_ENTITY_REF},
    {"XML_ERROR_ASYNC_ENTITY", XML_ERROR_ASYNC_ENTITY},
    {"XML_ERROR_BAD_CHAR_REF", XML_ERROR_BAD_CHAR_REF},
    {"XML_ERROR_BINARY_ENTITY_REF", XML_ERROR_BINARY_ENTITY_REF},
    {"XML_ERROR_ATTRIBUTE_EXTERNAL_ENTITY_REF", XML_ERROR_ATTRIBUTE_EXTERNAL_ENTITY_REF},
    {"XML_ERROR_MISPLACED_XML_PI", XML_ERROR_MISPLACED_XML_PI},
    {"XML_ERROR_UNKNOWN_ENCODING", XML_ERROR_UNKNOWN_ENCODING},
    {"XML_ERROR_INCORRECT_ENCODING", XML_ERROR_INCORRECT_ENCODING},
    {"XML_ERROR_UNCLOSED_CDATA_SECTION", XML_ERROR_UNCLOSED_CDATA_SECTION},
    {"XML_ERROR_EXTERNAL_ENTITY_HANDLING", XML_ERROR_EXTERNAL_ENTITY_HANDLING},
    {"XML_ERROR_NOT_STANDALONE", XML_ERROR_NOT_STANDALONE},
    {"XML_ERROR_UNEXPECTED_STATE", XML_ERROR_UNEXPECTED_STATE},
    {"XML_ERROR_ENTITY_DECLARED_IN_PE", XML_ERROR_ENTITY_DECLARED_IN_PE},
    {"XML_ERROR_FEATURE_REQUIRES_XML_DTD", XML_ERROR_FEATURE_REQUIRES_XML_DTD},
    {"XML_ERROR_CANT_CHANGE_FEATURE_ONCE_PARSING", XML_ERROR_CANT_CHANGE_FEATURE_ONCE_PARSING},
    {"XML_ERROR_UNBOUND_PREFIX", XML_ERROR_UNBOUND_PREFIX},
    {"XML_ERROR_UNDECLARING_PREFIX", XML_ERROR_UNDECLARING_PREFIX},
    {"XML_ERROR_INCOMPLETE_PE", XML_ERROR_INCOMPLETE_PE},
    {"XML_ERROR_XML_DECL", XML_ERROR_XML_DECL},
    {"XML_ERROR_TEXT_DECL", XML_ERROR_TEXT_DECL},
    {"XML_ERROR_PUBLICID", XML_ERROR_PUBLICID},
    {"XML_ERROR_SUSPENDED", XML_ERROR_SUSPENDED},
    {"XML_ERROR_NOT_SUSPENDED", XML_ERROR_NOT_SUSPENDED},
    {"XML_ERROR_ABORTED", XML_ERROR_ABORTED},
    {"XML_ERROR_FINISHED", XML_ERROR_FINISHED},
    {"XML_ERROR_SUSPEND_PE", XML_ERROR_SUSPEND_PE},
    {"XML_ERROR_RESERVED_PREFIX_XML", XML_ERROR_RESERVED_PREFIX_XML},
    {"XML_ERROR_RESERVED_PREFIX_XMLNS", XML_ERROR_RESERVED_PREFIX_XMLNS},
    {"XML_ERROR_RESERVED_NAMESPACE_URI", XML_ERROR_RESERVED_NAMESPACE_URI},
    {"XML_ERROR_INVALID_ARGUMENT", XML_ERROR_INVALID_ARGUMENT},
    {"XML_ERROR_NO_BUFFER", XML_ERROR_NO_BUFFER},
    {"XML_ERROR_AMPLIFICATION_LIMIT_BREACH", XML_ERROR_AMPLIFICATION_LIMIT_BREACH},
};
constexpr IntConstant kModel[] = {{"XML_CTYPE_EMPTY", XML_CTYPE_EMPTY}, {"XML_CTYPE_ANY", XML_CTYPE_ANY},       {"XML_CTYPE_MIXED", XML_CTYPE_MIXED},
                                  {"XML_CTYPE_NAME", XML_CTYPE_NAME},   {"XML_CTYPE_CHOICE", XML_CTYPE_CHOICE}, {"XML_CTYPE_SEQ", XML_CTYPE_SEQ},
                                  {"XML_CQUANT_NONE", XML_CQUANT_NONE}, {"XML_CQUANT_OPT", XML_CQUANT_OPT},     {"XML_CQUANT_REP", XML_CQUANT_REP},
                                  {"XML_CQUANT_PLUS", XML_CQUANT_PLUS}};
constexpr IntConstant kConstants[] = {{"XML_PARAM_ENTITY_PARSING_NEVER", XML_PARAM_ENTITY_PARSING_NEVER},
                                      {"XML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE", XML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE},
                                      {"XML_PARAM_ENTITY_PARSING_ALWAYS", XML_PARAM_ENTITY_PARSING_ALWAYS}};

// A module within the module, which can be imported, too.
PyObject* add_submodule(PyObject* m, const char* full_name, const char* name, const char* doc) {
  Ref<> module = Ref<>::steal(PyModule_New(full_name));
  if (!module || PyModule_SetDocString(module.get(), doc) < 0 || PyModule_AddObjectRef(m, name, module.get()) < 0) return nullptr;
  PyObject* modules = PyImport_GetModuleDict();
  return modules != nullptr && PyDict_SetItemString(modules, full_name, module.get()) == 0 ? module.get() : nullptr;
}
int add_errors(PyObject* m) {
  PyObject* errors = add_submodule(m, "pyexpat.errors", "errors", "Constants used to describe error conditions.");
  Ref<> codes = Ref<>::steal(PyDict_New()), messages = Ref<>::steal(PyDict_New());
  if (errors == nullptr || !codes || !messages) return -1;
  for (const IntConstant& e : kErrors) {
    Ref<> number = Ref<>::steal(PyLong_FromLong(e.value));
    const char* s = XML_ErrorString(static_cast<XML_Error>(e.value));
    Ref<> message = s != nullptr ? Ref<>::steal(PyUnicode_FromString(s)) : Ref<>();
    if (s == nullptr) continue;  // newer than the library
    if (!number || !message || PyModule_AddObjectRef(errors, e.name, message.get()) < 0 || PyDict_SetItem(codes.get(), message.get(), number.get()) < 0 ||
        PyDict_SetItem(messages.get(), number.get(), message.get()) < 0) {
      return -1;
    }
  }
  return PyModule_AddObjectRef(errors, "codes", codes.get()) < 0 ? -1 : PyModule_AddObjectRef(errors, "messages", messages.get());
}
int add_features(PyObject* m) {
  Ref<> list = Ref<>::steal(PyList_New(0));
  for (const XML_Feature* f = XML_GetFeatureList(); list && f->feature != XML_FEATURE_END; ++f) {
    Ref<> item = Ref<>::steal(Py_BuildValue("(sl)", f->name, f->value));
    if (!item || PyList_Append(list.get(), item.get()) < 0) return -1;
  }
  return list ? PyModule_AddObjectRef(m, "features", list.get()) : -1;
}

int exec(PyObject* m) {
  State* s = state_of(m);
  s->parser_type = make_parser_type(m);
  s->error = s->parser_type != nullptr ? PyErr_NewException("xml.parsers.expat.ExpatError", nullptr, nullptr) : nullptr;
  if (s->error == nullptr || PyModule_AddObjectRef(m, "error", s->error) < 0 || PyModule_AddObjectRef(m, "ExpatError", s->error) < 0 ||
      PyModule_AddObjectRef(m, "XMLParserType", obj(s->parser_type)) < 0 || PyModule_AddStringConstant(m, "EXPAT_VERSION", XML_ExpatVersion()) < 0) {
    return -1;
  }
  XML_Expat_Version v = XML_ExpatVersionInfo();
  Ref<> version = Ref<>::steal(Py_BuildValue("(iii)", v.major, v.minor, v.micro));
  if (!version || PyModule_AddObjectRef(m, "version_info", version.get()) < 0 || PyModule_AddStringConstant(m, "native_encoding", "UTF-8") < 0) return -1;
  PyObject* model = add_submodule(m, "pyexpat.model", "model", "Constants used to interpret content model information.");
  if (model == nullptr || add_int_constants(model, kModel) < 0 || add_errors(m) < 0 || add_features(m) < 0) return -1;
  return add_int_constants(m, kConstants);
}
int traverse(PyObject* m, visitproc visit, void* arg) {
  Py_VISIT(obj(state_of(m)->parser_type));
  Py_VISIT(state_of(m)->error);
  return 0;
}
int clear(PyObject* m) {
  clear_field(state_of(m)->parser_type);
  clear_field(state_of(m)->error);
  return 0;
}

ATOLL_SEALED PyModuleDef_Slot g_slots[] = {{Py_mod_exec, reinterpret_cast<void*>(exec)}, {0, nullptr}};
ATOLL_SEALED PyModuleDef g_definition = {PyModuleDef_HEAD_INIT,
                                         "pyexpat",
                                         "Python wrapper for Expat parser.",
                                         sizeof(State),
                                         reinterpret_cast<PyMethodDef*>(const_cast<MethodSpec*>(kFunctions)),
                                         g_slots,
                                         traverse,
                                         clear,
                                         nullptr};

}  // namespace

}  // namespace atl

PyMODINIT_FUNC PyInit_pyexpat() { return PyModuleDef_Init(&atl::g_definition); }
