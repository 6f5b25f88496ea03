// _testinternalcapi: what the regression suite asks about the interpreter itself: the settings it was started with, how
// deep it is in calls, the size of the collector's head. The compiled module of that name that Debian ships reads private
// structs of another interpreter; of its functions those are here whose question has an answer in this one.
#include "Modules/module_def.h"
#include "Objects/dict/dict.h"
#include "Objects/int/int.h"
#include "Objects/list.h"
#include "Objects/str/str.h"
#include "Python/runtime/config.h"
#include "Python/runtime/gc_state.h"
#include "Python/runtime/runtime.h"

namespace atl {

namespace {

Ref<> text_or_none(ThreadState& ts, const char* text) {
  return text != nullptr ? str_from_utf8(ts, text, "surrogateescape") : new_none();
}

Ref<> text_list(ThreadState& ts, const StringList& from) {
  Ref<> list = list_new(ts, 0);
  for (size_t i = 0; list && i < from.size; ++i) {
    Ref<> text = text_or_none(ts, from.items[i]);
    if (!text || failed(list_append(ts, list.get(), std::move(text)))) return {};
  }
  return list;
}

struct Number {
  const char* name;
  int64_t value;
};

// The configuration under the names that PyConfig's fields have.
Ref<> m_get_config(ThreadState& ts, PyObject*) {
  const Config& c = *runtime().config;
  Ref<> d = dict_new(ts);
  if (!d) return {};
  auto put = [&](const char* name, Ref<> value) { return value && !failed(dict_set(ts, d.get(), name, value.get())); };
  for (const Number& n : {
           Number{"isolated", c.isolated},
           Number{"use_environment", c.use_environment},
           Number{"dev_mode", c.dev_mode},
           Number{"install_signal_handlers", c.install_signal_handlers},
           Number{"use_hash_seed", c.use_hash_seed},
           Number{"hash_seed", static_cast<int64_t>(c.hash_seed)},
           Number{"faulthandler", c.faulthandler},
           Number{"tracemalloc", c.tracemalloc},
           Number{"import_time", c.import_time},
           Number{"code_debug_ranges", c.code_debug_ranges},
           Number{"site_import", !c.no_site},
           Number{"bytes_warning", c.bytes_warning},
           Number{"warn_default_encoding", c.warn_default_encoding},
           Number{"inspect", c.inspect},
           Number{"interactive", c.interactive},
           Number{"optimization_level", c.optimize},
           Number{"parser_debug", c.debug},
           Number{"write_bytecode", !c.dont_write_bytecode},
           Number{"verbose", c.verbose},
           Number{"quiet", c.quiet},
           Number{"user_site_directory", !c.no_user_site},
           Number{"buffered_stdio", !c.unbuffered},
           Number{"skip_source_first_line", c.skip_first_line},
           Number{"safe_path", c.safe_path},
       }) {
    if (!put(n.name, int_from_i64(ts, n.value))) return {};
  }
  bool ok = put("program_name", text_or_none(ts, c.program_name)) && put("executable", text_or_none(ts, c.executable)) &&
            put("pythonpath_env", text_or_none(ts, c.python_path)) && put("prefix", text_or_none(ts, c.prefix)) &&
            put("pycache_prefix", text_or_none(ts, c.pycache_prefix)) && put("platlibdir", text_or_none(ts, c.platlibdir)) &&
            put("stdio_encoding", text_or_none(ts, c.stdio_encoding)) && put("stdio_errors", text_or_none(ts, c.stdio_errors)) &&
            put("check_hash_pycs_mode", text_or_none(ts, c.check_hash_pycs_mode)) && put("argv", text_list(ts, c.argv)) &&
            put("orig_argv", text_list(ts, c.orig_argv)) && put("warnoptions", text_list(ts, c.warn_options)) &&
            put("xoptions", text_list(ts, c.x_options));
  return ok ? std::move(d) : Ref<>();
}

Ref<> m_get_recursion_depth(ThreadState& ts, PyObject*) {
  return int_from_i64(ts, ts.recursion_limit - ts.recursion_remaining);
}

constexpr MethodSpec kFunctions[] = {
    ATOLL_METHOD(m_get_config, "get_config", "($module, /)", "The settings that the process was started with."),
    ATOLL_METHOD(m_get_recursion_depth, "get_recursion_depth", "($module, /)", "How many calls this thread is in."),
    ATOLL_METHOD_END};

int exec(PyObject* module) {
  ThreadState& ts = current_thread();
  Ref<> head = int_from_u64(ts, sizeof(GcLinks));
  return head && !failed(dict_set(ts, module_dict(module), "SIZEOF_PYGC_HEAD", head.get())) ? 0 : -1;
}

}  // namespace

}  // namespace atl

ATOLL_BUILTIN_MODULE(PyInit__testinternalcapi, "_testinternalcapi", nullptr, 0, atl::kFunctions, atl::exec)
