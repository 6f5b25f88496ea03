// Reporting, future statements, name mangling (see passes.h).
#include "Python/compiler/passes.h"

#include <cstdarg>
#include <cstdio>

namespace atl::compiler {

using namespace ast;

namespace {

bool report(PassContext& context, ErrorKind kind, int32_t line, int32_t col, int32_t end_line, int32_t end_col,
            const char* format, va_list args) {
  if (context.failed()) return false;
  char message[600];
  int size = std::vsnprintf(message, sizeof message, format, args);
  size_t length = size < static_cast<int>(sizeof message) ? static_cast<size_t>(size) : sizeof message - 1;
  char* copy = context.arena.copy_text({message, length});
  if (!copy) return false;
  ErrorRecord& e = context.error;
  e.kind = kind;
  e.message = {copy, length};
  e.lineno = line;
  e.offset = col;
  e.end_lineno = end_line;
  e.end_offset = end_col;
  e.pass = ErrorRecord::Pass::kScopes;
  return false;
}

}  // namespace

bool PassContext::syntax_error(const PositionedNode* at, const char* format, ...) {
  va_list args;
  va_start(args, format);
  report(*this, ErrorKind::kSyntaxError, at->lineno, at->col_offset + 1, at->end_lineno, at->end_col_offset + 1, format,
         args);
  va_end(args);
  return false;
}

bool PassContext::syntax_error_at(int32_t line, int32_t col, int32_t end_line, int32_t end_col, const char* format,
                                  ...) {
  va_list args;
  va_start(args, format);
  report(*this, ErrorKind::kSyntaxError, line, col, end_line, end_col, format, args);
  va_end(args);
  return false;
}

bool PassContext::error_of(ErrorKind kind, const char* format, ...) {
  va_list args;
  va_start(args, format);
  report(*this, kind, ErrorRecord::kAbsent, ErrorRecord::kAbsent, ErrorRecord::kAbsent, ErrorRecord::kAbsent, format,
         args);
  va_end(args);
  return false;
}

bool PassContext::warn(const PositionedNode* at, const char* format, ...) {
  char message[600];
  va_list args;
  va_start(args, format);
  int size = std::vsnprintf(message, sizeof message, format, args);
  va_end(args);
  size_t length = size < static_cast<int>(sizeof message) ? static_cast<size_t>(size) : sizeof message - 1;
  char* copy = arena.copy_text({message, length});
  if (!copy) return false;
  WarningRecord w{WarningKind::kSyntaxWarning, at->lineno, {copy, length}, {}};
  w.as_error.kind = ErrorKind::kSyntaxError;
  w.as_error.message = w.message;
  w.as_error.lineno = at->lineno;
  w.as_error.offset = at->col_offset + 1;
  w.as_error.end_lineno = at->end_lineno;
  w.as_error.end_offset = at->end_col_offset + 1;
  w.as_error.pass = ErrorRecord::Pass::kCode;
  return warnings.push(w) || memory_error();
}

bool find_future(PassContext& context, const mod* tree, Future* future) {
  const Seq<stmt*>* body = nullptr;
  if (auto* module = if_is<Module>(tree)) body = &module->body;
  if (auto* interactive = if_is<Interactive>(tree)) body = &interactive->body;
  if (!body) return true;
  bool docstring_allowed = true;
  bool done = false;
  int32_t line = 0;
  for (const stmt* s : *body) {
    // Code generation finds late ones by their line, so those of the last line are looked for here.
    if (done && s->lineno > line) return true;
    line = s->lineno;
    auto* import = if_is<ImportFrom>(s);
    if (import && import->module && import->module->is("__future__")) {
      if (done) {
        context.syntax_error(s, "from __future__ imports must occur at the beginning of the file");
        context.error.offset = s->col_offset;  // (counted from 0 here)
        context.error.end_offset = ErrorRecord::kAbsent;
        context.error.end_lineno = s->lineno;
        return false;
      }
      for (const alias* a : import->names) {
        std::string_view name = a->name->view();
        struct Feature {
          std::string_view name;
          uint32_t flag;
        };
        static constexpr Feature kFeatures[] = {
            {"nested_scopes", 0}, {"generators", 0}, {"division", 0}, {"absolute_import", 0}, {"with_statement", 0},
            {"print_function", 0}, {"unicode_literals", 0}, {"barry_as_FLUFL", kFutureBarryAsBdfl},
            {"generator_stop", 0}, {"annotations", kFutureAnnotations},
        };
        bool known = false;
        for (const Feature& feature : kFeatures) {
          if (feature.name != name) continue;
          known = true;
          future->flags |= feature.flag;
        }
        if (known) continue;
        if (name == "braces") {
          context.syntax_error(s, "not a chance");
        } else {
          context.syntax_error(s, "future feature %.100s is not defined", a->name->text);
        }
        context.error.end_offset = ErrorRecord::kAbsent;
        context.error.end_lineno = s->lineno;
        return false;
      }
      future->last_line = s->lineno;
      docstring_allowed = false;
      continue;
    }
    auto* expression = if_is<Expr>(s);
    auto* text = expression ? if_is<Constant>(expression->value) : nullptr;
    if (!docstring_allowed || !text || text->value->kind != ConstantKind::kStr) done = true;
    docstring_allowed = false;
  }
  return true;
}

identifier mangle(PassContext& context, identifier private_name, identifier name) {
  if (!private_name || name->size < 2 || name->text[0] != '_' || name->text[1] != '_') return name;
  std::string_view text = name->view();
  if (text.ends_with("__") || text.find('.') != std::string_view::npos) return name;
  std::string_view owner = private_name->view();
  size_t first = owner.find_first_not_of('_');
  if (first == std::string_view::npos) return name;
  owner.remove_prefix(first);
  char* mangled = static_cast<char*>(context.arena.alloc(owner.size() + text.size() + 1));
  if (!mangled) return nullptr;
  mangled[0] = '_';
  std::memcpy(mangled + 1, owner.data(), owner.size());
  std::memcpy(mangled + 1 + owner.size(), text.data(), text.size());
  return context.names.intern({mangled, 1 + owner.size() + text.size()});
}

bool same_constant(constant a, constant b) {
  if (a == b) return true;
  if (a->kind != b->kind) return false;
  auto same_bits = [](double x, double y) { return std::memcmp(&x, &y, sizeof x) == 0; };
  switch (a->kind) {
    case ConstantKind::kNone:
    case ConstantKind::kTrue:
    case ConstantKind::kFalse:
    case ConstantKind::kEllipsis: return true;
    case ConstantKind::kInt: return a->integer == b->integer;
    case ConstantKind::kBigInt: return a->negative == b->negative && a->base == b->base && a->view() == b->view();
    case ConstantKind::kFloat: return same_bits(a->real, b->real);
    case ConstantKind::kComplex: return same_bits(a->real, b->real) && same_bits(a->imag, b->imag);
    case ConstantKind::kStr:
    case ConstantKind::kBytes: return a->view() == b->view();
    case ConstantKind::kTuple:
    case ConstantKind::kFrozenSet:
      if (a->size != b->size) return false;
      for (uint32_t i = 0; i < a->size; i++) {
        if (!same_constant(a->items[i], b->items[i])) return false;
      }
      return true;
    case ConstantKind::kForeign: break;
  }
  return false;
}

bool constant_truth(constant value) {
  switch (value->kind) {
    case ConstantKind::kNone:
    case ConstantKind::kFalse: return false;
    case ConstantKind::kTrue:
    case ConstantKind::kEllipsis:
    case ConstantKind::kBigInt: return true;
    case ConstantKind::kInt: return value->integer != 0;
    case ConstantKind::kFloat: return value->real != 0;
    case ConstantKind::kComplex: return value->real != 0 || value->imag != 0;
    default: return value->size != 0;
  }
}

}  // namespace atl::compiler
