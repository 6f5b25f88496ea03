// _string: the parser of str.format for string.Formatter.
#include "Modules/module_def.h"
#include "Objects/str/markup.h"

namespace atl {
namespace {

PyObject* formatter_parser(PyObject*, PyObject* text) { return markup_parser(current_thread(), text).release(); }
PyObject* formatter_field_name_split(PyObject*, PyObject* text) {
  return markup_field_name_split(current_thread(), text).release();
}

constinit const MethodSpec kMethods[] = {
    ATOLL_METHOD_RAW(formatter_field_name_split, "formatter_field_name_split", METH_O,
                     "Split a field's name into its first part and an iterator of the steps behind it."),
    ATOLL_METHOD_RAW(formatter_parser, "formatter_parser", METH_O, "Iterate over the literal texts and fields of a format string."),
    ATOLL_METHOD_END};

int ready(PyObject*) { return 0; }

}  // namespace
}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__string, "_string", "What the module string needs from the core.", 0, atl::kMethods, atl::ready)
