// Units: functions, lambdas, classes, modules; names, constants, and the emitting of instructions.
#include <cstdarg>
#include <cstdio>

#include "Python/compiler/codegen_impl.h"

namespace atl::compiler {

using namespace ast;

namespace {
enum CodeFlags : uint32_t {
  kOptimized = 0x1,
  kNewLocals = 0x2,
  kVarArgs = 0x4,
  kVarKeywords = 0x8,
  kNested = 0x10,
  kGenerator = 0x20,
  kCoroutine = 0x80,
  kAsyncGenerator = 0x200,
};
constexpr uint32_t kInheritedFlags = kFutureDivision | kFutureAbsoluteImport | kFutureWithStatement |
                                     kFuturePrintFunction | kFutureUnicodeLiterals | kFutureBarryAsBdfl |
                                     kFutureGeneratorStop | kFutureAnnotations;
}  // namespace

// ---- maps -------------------------------------------------------------------------------------------------------

namespace {
uint32_t pointer_hash(const void* key) {
  return static_cast<uint32_t>((reinterpret_cast<uintptr_t>(key) * 0x9E3779B97F4A7C15u) >> 32);
}
}  // namespace

int32_t IndexMap::find(const void* key) const {
  if (!slots_) return -1;
  for (uint32_t i = pointer_hash(key) & mask_; slots_[i]; i = (i + 1) & mask_) {
    if (keys_[slots_[i] - 1] == key) return static_cast<int32_t>(slots_[i] - 1);
  }
  return -1;
}

int32_t IndexMap::find_or_add(const void* key, bool* added) {
  int32_t found = find(key);
  *added = found < 0;
  if (found >= 0) return found;
  if (keys_.size() * 2 >= mask_) {
    uint32_t capacity = slots_ ? (mask_ + 1) * 2 : 16;
    auto* slots = static_cast<uint32_t*>(std::calloc(capacity, sizeof(uint32_t)));
    if (!slots) return -1;
    for (size_t k = 0; k < keys_.size(); k++) {
      uint32_t i = pointer_hash(keys_[k]) & (capacity - 1);
      while (slots[i]) i = (i + 1) & (capacity - 1);
      slots[i] = static_cast<uint32_t>(k + 1);
    }
    std::free(slots_);
    slots_ = slots;
    mask_ = capacity - 1;
  }
  if (!keys_.push(key)) return -1;
  uint32_t i = pointer_hash(key) & mask_;
  while (slots_[i]) i = (i + 1) & mask_;
  slots_[i] = static_cast<uint32_t>(keys_.size());
  return static_cast<int32_t>(keys_.size() - 1);
}

// ---- emitting ---------------------------------------------------------------------------------------------------

bool Generator::emit(Opcode op, int a, int b, int c) {
  return u_->code.push({op, a, b, c, kNoLabel, pos_}) || context_.memory_error();
}

bool Generator::emit_jump(Opcode op, Label target, int a, int b, int c) {
  return u_->code.push({op, a, b, c, target, pos_}) || context_.memory_error();
}

Label Generator::new_label() {
  if (!u_->labels.push(-1)) return context_.memory_error(), kNoLabel;
  return static_cast<Label>(u_->labels.size() - 1);
}

bool Generator::place(Label label) {
  if (label < 0) return false;
  u_->labels[static_cast<size_t>(label)] = static_cast<int32_t>(u_->code.size());
  return true;
}

bool Generator::error(const char* format, ...) {
  char message[500];
  va_list args;
  va_start(args, format);
  std::vsnprintf(message, sizeof message, format, args);
  va_end(args);
  bool first = !context_.failed();
  context_.syntax_error_at(pos_.line, pos_.col + 1, pos_.end_line, pos_.end_col + 1, "%s", message);
  if (first) context_.error.pass = ErrorRecord::Pass::kCode;
  return false;
}

bool Generator::warn(const char* format, ...) {
  char message[500];
  va_list args;
  va_start(args, format);
  std::vsnprintf(message, sizeof message, format, args);
  va_end(args);
  PositionedNode at;
  at.lineno = pos_.line;
  at.col_offset = pos_.col;
  at.end_lineno = pos_.end_line;
  at.end_col_offset = pos_.end_col;
  return context_.warn(&at, "%s", message);
}

// ---- constants --------------------------------------------------------------------------------------------------

namespace {
uint32_t constant_hash(constant c) {
  uint64_t h = static_cast<uint64_t>(c->kind) * 0x9E3779B97F4A7C15u;
  auto mix = [&](uint64_t v) { h = (h ^ v) * 0x9E3779B97F4A7C15u, h ^= h >> 29; };
  auto mix_double = [&](double d) {
    uint64_t v;
    std::memcpy(&v, &d, sizeof v);
    mix(v);
  };
  switch (c->kind) {
    case ConstantKind::kInt: mix(static_cast<uint64_t>(c->integer)); break;
    case ConstantKind::kFloat: mix_double(c->real); break;
    case ConstantKind::kComplex: mix_double(c->real), mix_double(c->imag); break;
    case ConstantKind::kStr:
    case ConstantKind::kBytes:
    case ConstantKind::kBigInt: mix(IdentifierTable::hash_text(c->view())); break;
    case ConstantKind::kTuple:
    case ConstantKind::kFrozenSet:
      for (uint32_t i = 0; i < c->size; i++) mix(constant_hash(c->items[i]));
      break;
    default: break;
  }
  return static_cast<uint32_t>(h >> 32);
}
}  // namespace

int Generator::add_const(constant value) {
  auto& slots = u_->const_slots;
  if (u_->consts.size() * 2 >= slots.size()) {
    size_t capacity = slots.size() ? slots.size() * 2 : 16;
    slots.truncate(0);
    if (!slots.resize_zeroed(capacity)) return context_.memory_error(), -1;
    for (size_t k = 0; k < u_->consts.size(); k++) {
      if (!u_->consts[k].value) continue;
      size_t i = constant_hash(u_->consts[k].value) & (capacity - 1);
      while (slots[i]) i = (i + 1) & (capacity - 1);
      slots[i] = static_cast<uint32_t>(k + 1);
    }
  }
  size_t mask = slots.size() - 1;
  size_t i = constant_hash(value) & mask;
  for (; slots[i]; i = (i + 1) & mask) {
    if (same_constant(u_->consts[slots[i] - 1].value, value)) return static_cast<int>(slots[i] - 1);
  }
  if (!u_->consts.push({value, nullptr})) return context_.memory_error(), -1;
  slots[i] = static_cast<uint32_t>(u_->consts.size());
  return static_cast<int>(u_->consts.size() - 1);
}

int Generator::add_child(CodeUnit* child) {
  if (!u_->consts.push({nullptr, child})) return context_.memory_error(), -1;
  return static_cast<int>(u_->consts.size() - 1);
}

int Generator::add_name(identifier name) {
  bool added;
  int index = u_->names.find_or_add(name, &added);
  if (index < 0) context_.memory_error();
  return index;
}

constant Generator::make_str(std::string_view text) {
  auto* c = arena_.make<ConstantValue>();
  if (!c) return nullptr;
  c->kind = ConstantKind::kStr;
  c->text = text.data();
  c->size = static_cast<uint32_t>(text.size());
  return c;
}

constant Generator::make_int(int64_t value) {
  auto* c = arena_.make<ConstantValue>();
  if (!c) return nullptr;
  c->kind = ConstantKind::kInt;
  c->integer = value;
  return c;
}

constant Generator::make_tuple(const Buffer<constant>& items) {
  auto* c = arena_.make<ConstantValue>();
  if (!c) return nullptr;
  c->kind = ConstantKind::kTuple;
  c->size = static_cast<uint32_t>(items.size());
  c->items = arena_.make_array<constant>(items.size() + 1);
  if (!c->items) return nullptr;
  for (size_t i = 0; i < items.size(); i++) c->items[i] = items[i];
  return c;
}

bool Generator::return_constant(constant value) {
  int k = add_const(value);
  if (k < 65536) return k >= 0 && emit(Opcode::kReturnK, k);
  int t = u_->depth;
  push_temp();
  bool ok = emit(Opcode::kLoadK, t, k) && emit(Opcode::kReturn, t);
  u_->depth = t;
  return ok;
}

bool Generator::load_const(int dst, constant value) {
  int k = add_const(value);
  return k >= 0 && emit(Opcode::kLoadK, dst, k);
}

// ---- names ------------------------------------------------------------------------------------------------------

bool Generator::check_name(identifier name, expr_context context) {
  if (!name->is("__debug__")) return true;
  if (context == expr_context::Store) return error("cannot assign to __debug__");
  if (context == expr_context::Del) return error("cannot delete __debug__");
  return true;
}

// Operand of a local that is no cell of its own.
int Generator::local_slot(identifier name) {
  bool added;
  int slot = u_->locals.find_or_add(name, &added);
  if (slot < 0) return context_.memory_error(), kFail;
  return -1 - slot;
}

int Generator::cell_operand(identifier name) {
  int slot = u_->locals.find(name);
  if (slot >= 0) return -1 - slot;  // a parameter
  for (size_t i = 0; i < u_->cells.size(); i++) {
    if (u_->cells[i] == name) return kCellOperand - static_cast<int>(i);
  }
  context_.error_of(ErrorKind::kSystemError, "no cell for '%s'", name->text);
  return kFail;
}

int Generator::free_index(identifier name) {
  for (size_t i = 0; i < u_->free_names.size(); i++) {
    if (u_->free_names[i] == name) return static_cast<int>(i);
  }
  context_.error_of(ErrorKind::kSystemError, "no free variable '%s'", name->text);
  return kFail;
}

bool Generator::resolve(identifier name, NameRef* ref) {
  const Symbol* symbol = u_->scope->symbols.find(name);
  bool function = u_->scope->kind == ScopeKind::kFunction;
  switch (symbol ? symbol->scope : NameScope::kUnknown) {
    case NameScope::kFree:
      *ref = {u_->scope->kind == ScopeKind::kClass ? Access::kClassFree : Access::kFree, free_index(name)};
      return ref->index != kFail;
    case NameScope::kCell:
      *ref = {Access::kCell, cell_operand(name)};
      return ref->index != kFail;
    case NameScope::kLocal:
      if (function) {
        *ref = {Access::kFast, local_slot(name)};
        return ref->index != kFail;
      }
      break;
    case NameScope::kGlobalImplicit:
      if (function) {
        *ref = {Access::kGlobal, add_name(name)};
        return ref->index >= 0;
      }
      break;
    case NameScope::kGlobalExplicit:
      *ref = {Access::kGlobal, add_name(name)};
      return ref->index >= 0;
    case NameScope::kUnknown: break;
  }
  *ref = {Access::kName, add_name(name)};
  return ref->index >= 0;
}

int Generator::plain_local(identifier name) {
  // (Those who store must look at the name __debug__, which no variable has.)
  if (u_->scope->kind != ScopeKind::kFunction || name->is("__debug__")) return kFail;
  identifier m = mangled(name);
  if (!m) return kFail;
  const Symbol* symbol = u_->scope->symbols.find(m);
  if (!symbol || symbol->scope != NameScope::kLocal) return kFail;
  return local_slot(m);
}

bool Generator::load_name(identifier name, int dst) {
  identifier m = mangled(name);
  NameRef ref;
  if (!m || !resolve(m, &ref)) return false;
  switch (ref.access) {
    case Access::kFast: return emit(Opcode::kCheckLocal, ref.index) && emit(Opcode::kMove, dst, ref.index);
    case Access::kCell: return emit(Opcode::kGetCell, dst, ref.index);
    case Access::kFree: return emit(Opcode::kGetFree, dst, ref.index);
    case Access::kClassFree: return emit(Opcode::kGetClassFree, dst, ref.index);
    case Access::kGlobal: return emit(Opcode::kGetGlobal, dst, ref.index);
    case Access::kName: return emit(Opcode::kGetName, dst, ref.index);
  }
  return false;
}

bool Generator::store_name(identifier name, int src) {
  identifier m = mangled(name);
  NameRef ref;
  if (!m || !check_name(name, expr_context::Store) || !resolve(m, &ref)) return false;
  switch (ref.access) {
    case Access::kFast: return move(ref.index, src);
    case Access::kCell: return emit(Opcode::kSetCell, ref.index, src);
    case Access::kFree:
    case Access::kClassFree: return emit(Opcode::kSetFree, ref.index, src);
    case Access::kGlobal: return emit(Opcode::kSetGlobal, ref.index, src);
    case Access::kName: return emit(Opcode::kSetName, ref.index, src);
  }
  return false;
}

bool Generator::delete_name(identifier name) {
  identifier m = mangled(name);
  NameRef ref;
  if (!m || !check_name(name, expr_context::Del) || !resolve(m, &ref)) return false;
  switch (ref.access) {
    case Access::kFast: return emit(Opcode::kDelLocal, ref.index);
    case Access::kCell: return emit(Opcode::kDelCell, ref.index);
    case Access::kFree:
    case Access::kClassFree: return emit(Opcode::kDelFree, ref.index);
    case Access::kGlobal: return emit(Opcode::kDelGlobal, ref.index);
    case Access::kName: return emit(Opcode::kDelName, ref.index);
  }
  return false;
}

// ---- units ------------------------------------------------------------------------------------------------------

uint32_t Generator::code_flags(const Unit& unit) const {
  const Scope* scope = unit.scope;
  uint32_t flags = flags_ & kInheritedFlags;
  if (scope->kind == ScopeKind::kFunction) {
    flags |= kOptimized | kNewLocals;
    if (scope->nested) flags |= kNested;
    if (scope->generator && !scope->coroutine) flags |= kGenerator;
    if (!scope->generator && scope->coroutine) flags |= kCoroutine;
    if (scope->generator && scope->coroutine) flags |= kAsyncGenerator;
    if (scope->varargs) flags |= kVarArgs;
    if (scope->varkeywords) flags |= kVarKeywords;
  } else if (options_.top_level_await && scope->kind == ScopeKind::kModule && scope->coroutine) {
    flags |= kCoroutine;
  }
  return flags;
}

bool Generator::set_qualname(Unit& unit) {
  unit.result->qualname = unit.result->name->view();
  Unit* parent = unit.parent;
  if (!parent || parent->kind == UnitKind::kModule) return true;
  if (unit.kind == UnitKind::kFunction || unit.kind == UnitKind::kAsyncFunction || unit.kind == UnitKind::kClass) {
    identifier m = mangle(context_, parent->private_name, unit.result->name);
    if (!m) return false;
    if (scope_of(parent->scope, m) == NameScope::kGlobalExplicit) return true;
  }
  std::string_view base = parent->result->qualname;
  std::string_view locals = parent->kind == UnitKind::kClass ? "" : ".<locals>";
  std::string_view own = unit.result->name->view();
  char* text = static_cast<char*>(arena_.alloc(base.size() + locals.size() + own.size() + 2));
  if (!text) return false;
  char* p = text;
  for (std::string_view part : {base, locals, std::string_view("."), own}) {
    std::memcpy(p, part.data(), part.size());
    p += part.size();
  }
  unit.result->qualname = {text, static_cast<size_t>(p - text)};
  return true;
}

// Makes `unit` the current one: slots of parameters and cells, and the code that starts a frame.
bool Generator::begin_unit(Unit& unit, identifier name, int32_t firstlineno) {
  unit.result = arena_.make<CodeUnit>();
  if (!unit.result || !name) return false;
  const Scope* scope = unit.scope;
  unit.result->name = name;
  unit.result->firstlineno = firstlineno;
  unit.private_name = unit.parent ? unit.parent->private_name : nullptr;
  unit.disturbed = scope->has_named_expressions || scope->generator || scope->coroutine;
  if (!set_qualname(unit)) return false;
  unit.result->flags = code_flags(unit);
  u_ = &unit;

  bool ok = true;
  bool added;
  for (uint32_t i = 0; i < scope->parameter_count; i++) {
    ok = ok && unit.locals.find_or_add(scope->parameters[i], &added) >= 0;
  }
  for (const Symbol& symbol : scope->symbols) {
    if (symbol.scope == NameScope::kCell && unit.locals.find(symbol.name) < 0) ok = ok && unit.cells.push(symbol.name);
    if (symbol.scope == NameScope::kFree || (symbol.flags & kDefFreeClass)) ok = ok && unit.free_names.push(symbol.name);
  }
  if (scope->kind == ScopeKind::kClass && scope->needs_class_closure) {
    identifier class_cell = intern("__class__");
    ok = ok && class_cell && unit.cells.push(class_cell);
  }
  if (!ok) return context_.memory_error();
  auto by_name = [](identifier a, identifier b) { return a->view() < b->view(); };
  auto sort = [&](Buffer<identifier>& list) {
    // Few items: by insertion.
    for (size_t i = 1; i < list.size(); i++) {
      identifier item = list[i];
      size_t j = i;
      for (; j > 0 && by_name(item, list[j - 1]); j--) list[j] = list[j - 1];
      list[j] = item;
    }
  };
  sort(unit.cells);
  sort(unit.free_names);

  pos_ = {firstlineno, firstlineno, 0, 0};
  if ((unit.result->flags & (kGenerator | kCoroutine | kAsyncGenerator)) && !emit(Opcode::kGenStart)) return false;
  no_pos();
  for (uint32_t i = 0; i < scope->parameter_count; i++) {
    if (scope_of(scope, scope->parameters[i]) == NameScope::kCell && !emit(Opcode::kMakeCell, -1 - static_cast<int>(i)))
      return false;
  }
  for (size_t i = 0; i < unit.cells.size(); i++) {
    if (!emit(Opcode::kMakeCell, kCellOperand - static_cast<int>(i))) return false;
  }
  return true;
}

bool Generator::end_unit(Unit& unit) {
  bool ok = !context_.failed() && assemble_unit(context_, unit);
  u_ = unit.parent;
  return ok;
}

CodeUnit* Generator::function_unit(const Node* node, identifier name, UnitKind kind, ast::arguments* args,
                                   const Seq<stmt*>* body, expr* result, int32_t firstlineno) {
  const Scope* scope = table_.find(node);
  if (!scope) return context_.error_of(ErrorKind::kSystemError, "no scope for a function"), nullptr;
  Position outer = pos_;
  Unit unit(scope, kind, u_);
  if (!begin_unit(unit, name, firstlineno)) return nullptr;
  unit.result->argcount = args->posonlyargs.size() + args->args.size();
  unit.result->posonlyargcount = args->posonlyargs.size();
  unit.result->kwonlyargcount = args->kwonlyargs.size();
  // Constant 0 is the docstring, or None.
  constant doc = body && options_.optimize < 2 ? docstring_of(*body) : nullptr;
  bool ok = add_const(doc ? doc : none_constant()) == 0;
  if (body) {
    Seq<stmt*> rest = *body;
    if (doc) rest = {body->items + 1, body->count - 1};
    ok = ok && statements(rest);
    if (ok) {
      no_pos();
      ok = return_constant(none_constant());
    }
  } else {
    PosScope pos(*this, result);
    int v = ok ? value(result) : kFail;
    ok = v != kFail;
    ok = ok && emit(Opcode::kReturn, v);
  }
  if (!end_unit(unit) || !ok) return nullptr;
  pos_ = outer;
  return unit.result;
}

// The closure tuple for a nested scope at the top temporary, if it needs one.
bool Generator::closure(const Scope* child, int* flags) {
  Buffer<identifier> names;
  for (const Symbol& symbol : child->symbols) {
    if (symbol.scope == NameScope::kFree || (symbol.flags & kDefFreeClass)) {
      if (!names.push(symbol.name)) return context_.memory_error();
    }
  }
  if (names.empty()) return true;
  for (size_t i = 1; i < names.size(); i++) {
    identifier item = names[i];
    size_t j = i;
    for (; j > 0 && item->view() < names[j - 1]->view(); j--) names[j] = names[j - 1];
    names[j] = item;
  }
  int window = u_->depth;
  for (identifier name : names) {
    bool own_class = u_->scope->kind == ScopeKind::kClass && name->is("__class__");
    int t = push_temp();
    if (own_class || scope_of(u_->scope, name) == NameScope::kCell) {
      int cell = cell_operand(name);
      if (cell == kFail || !emit(Opcode::kMove, t, cell)) return false;
    } else {
      int index = free_index(name);
      if (index == kFail || !emit(Opcode::kGetFreeCell, t, index)) return false;
    }
  }
  u_->depth = window;
  push_temp();
  *flags |= 8;
  return emit(Opcode::kBuildTuple, window, window, static_cast<int>(names.size()));
}

// [code][defaults][kwdefaults][annotations][closure], then the function at dst.
bool Generator::make_function(CodeUnit* code, const Scope* scope, int dst) {
  int window = u_->depth;
  int k = add_child(code);
  if (k < 0 || !emit(Opcode::kLoadK, window, k)) return false;
  push_temp();
  int flags = 0;
  if (!closure(scope, &flags)) return false;
  u_->depth = window;
  return emit(Opcode::kMakeFunction, dst, window, flags);
}

// Defaults, keyword defaults and annotations on the temporaries behind a window's head.
bool Generator::function_parts(ast::arguments* args, expr* returns, bool annotated, int* flags) {
  if (!args->defaults.empty()) {
    int t = u_->depth;
    bool constants = true;
    for (expr* e : args->defaults) constants = constants && is<Constant>(e);
    if (constants) {
      Buffer<constant> items;
      for (expr* e : args->defaults) {
        if (!items.push(as<Constant>(e)->value)) return context_.memory_error();
      }
      constant tuple = make_tuple(items);
      if (!tuple || !load_const(t, tuple)) return false;
    } else {
      for (expr* e : args->defaults) {
        if (to_temp(e) == kFail) return false;
      }
      u_->depth = t;
      if (!emit(Opcode::kBuildTuple, t, t, static_cast<int>(args->defaults.size()))) return false;
    }
    push_temp();
    *flags |= 1;
  }
  Buffer<constant> names;
  int window = u_->depth;
  for (uint32_t i = 0; i < args->kwonlyargs.size(); i++) {
    expr* e = args->kw_defaults[i];
    if (!e) continue;
    identifier name = mangled(args->kwonlyargs[i]->arg_);
    constant text = name ? make_str(name->view()) : nullptr;
    if (!text || to_temp(e) == kFail) return false;
    if (!names.push(text)) return context_.memory_error();
  }
  if (!names.empty()) {
    constant keys = make_tuple(names);
    if (!keys || !load_const(u_->depth, keys)) return false;
    push_temp();
    u_->depth = window;
    if (!emit(Opcode::kBuildConstMap, window, window, static_cast<int>(names.size()))) return false;
    push_temp();
    *flags |= 2;
  }
  if (annotated) {
    bool any = false;
    if (!annotations(args, returns, &any)) return false;
    if (any) *flags |= 4;
  }
  return true;
}

bool Generator::annotation_value(expr* annotation) {
  int t = u_->depth;
  if (flags_ & kFutureAnnotations) {
    Buffer<char> text;
    if (!unparse_expression(context_, annotation, &text)) return false;
    char* copy = arena_.copy_text({text.data(), text.size()});
    constant c = copy ? make_str({copy, text.size()}) : nullptr;
    if (!c || !load_const(t, c)) return false;
  } else if (auto* star = if_is<Starred>(annotation)) {
    // *args: *Ts is [annotation] = [*Ts].
    int v = value(star->value);
    if (v == kFail) return false;
    u_->depth = t;
    PosScope pos(*this, annotation);
    if (!emit(Opcode::kUnpack, t, v, 1)) return false;
  } else if (!into(annotation, t)) {
    return false;
  }
  push_temp();
  return true;
}

bool Generator::annotations(ast::arguments* args, expr* returns, bool* any) {
  int window = u_->depth;
  int count = 0;
  auto one = [&](identifier name, expr* annotation) {
    if (!annotation) return true;
    identifier m = mangled(name);
    constant text = m ? make_str(m->view()) : nullptr;
    if (!text || !load_const(u_->depth, text)) return false;
    push_temp();
    count += 2;
    return annotation_value(annotation);
  };
  auto all = [&](const Seq<arg*>& list) {
    for (arg* a : list) {
      if (!one(a->arg_, a->annotation)) return false;
    }
    return true;
  };
  identifier return_name = intern("return");
  if (!return_name || !all(args->args) || !all(args->posonlyargs) ||
      (args->vararg && !one(args->vararg->arg_, args->vararg->annotation)) || !all(args->kwonlyargs) ||
      (args->kwarg && !one(args->kwarg->arg_, args->kwarg->annotation)) || !one(return_name, returns))
    return false;
  u_->depth = window;
  *any = count > 0;
  if (!count) return true;
  if (!emit(Opcode::kBuildTuple, window, window, count)) return false;
  push_temp();
  return true;
}

bool Generator::check_parameters(ast::arguments* args) {
  auto all = [&](const Seq<arg*>& list) {
    for (arg* a : list) {
      if (!check_name(a->arg_, expr_context::Store)) return false;
    }
    return true;
  };
  return all(args->posonlyargs) && all(args->args) && (!args->vararg || check_name(args->vararg->arg_, expr_context::Store)) &&
         all(args->kwonlyargs) && (!args->kwarg || check_name(args->kwarg->arg_, expr_context::Store));
}

// Decorators go into call windows, the first outermost; *windows receives where they stand.
bool Generator::decorators(const Seq<expr*>& list, Buffer<int>* windows) {
  for (expr* d : list) {
    int window = u_->depth;
    if (!into(d, window)) return false;
    push_temps(2);
    if (!windows->push(window)) return context_.memory_error();
  }
  return true;
}

// The definition is the argument at the top; calls the decorators around it. The result is in the lowest window's
// first temporary (or where it was).
bool Generator::apply_decorators(const Seq<expr*>& list, const Buffer<int>& windows) {
  for (size_t i = windows.size(); i-- > 0;) {
    PosScope pos(*this, list[i]);
    if (!emit(Opcode::kCall, windows[i], windows[i], 1)) return false;
    u_->depth = windows[i];
    push_temp();
  }
  return true;
}

bool Generator::function_def(stmt* s) {
  bool is_async = is<AsyncFunctionDef>(s);
  auto* plain = as<FunctionDef>(s);
  auto* async = as<AsyncFunctionDef>(s);
  identifier name = is_async ? async->name : plain->name;
  ast::arguments* args = is_async ? async->args : plain->args;
  const Seq<stmt*>& statements_ = is_async ? async->body : plain->body;
  const Seq<expr*>& decorator_list = is_async ? async->decorator_list : plain->decorator_list;
  expr* returns = is_async ? async->returns : plain->returns;

  int saved = u_->depth;
  if (!check_parameters(args)) return false;
  Buffer<int> windows;
  if (!decorators(decorator_list, &windows)) return false;
  int32_t first = decorator_list.empty() ? s->lineno : decorator_list[0]->lineno;

  // The code stands below the defaults, but is made after them.
  int window = u_->depth;
  push_temp();
  int flags = 0;
  if (!function_parts(args, returns, true, &flags)) return false;
  CodeUnit* code = function_unit(s, name, is_async ? UnitKind::kAsyncFunction : UnitKind::kFunction, args,
                                 &statements_, nullptr, first);
  int k = code ? add_child(code) : -1;
  if (k < 0 || !emit(Opcode::kLoadK, window, k) || !closure(table_.find(s), &flags)) return false;
  u_->depth = window;
  if (windows.empty()) {
    int slot = plain_local(name);
    if (context_.failed() || !check_name(name, expr_context::Store)) return false;
    if (slot != kFail) return emit(Opcode::kMakeFunction, slot, window, flags);
  }
  if (!emit(Opcode::kMakeFunction, window, window, flags)) return false;
  push_temp();
  if (!apply_decorators(decorator_list, windows)) return false;
  int result = windows.empty() ? window : windows[0];
  bool ok = store_name(name, result);
  u_->depth = saved;
  return ok;
}

bool Generator::lambda(Lambda* e, int dst) {
  if (!check_parameters(e->args)) return false;
  int window = u_->depth;
  push_temp();
  int flags = 0;
  if (!function_parts(e->args, nullptr, false, &flags)) return false;
  CodeUnit* code = function_unit(e, intern("<lambda>"), UnitKind::kLambda, e->args, nullptr, e->body, e->lineno);
  int k = code ? add_child(code) : -1;
  if (k < 0 || !emit(Opcode::kLoadK, window, k) || !closure(table_.find(e), &flags)) return false;
  u_->depth = window;
  return emit(Opcode::kMakeFunction, dst, window, flags);
}

bool Generator::class_def(ClassDef* s) {
  int saved = u_->depth;
  Buffer<int> windows;
  if (!decorators(s->decorator_list, &windows)) return false;
  int32_t first = s->decorator_list.empty() ? s->lineno : s->decorator_list[0]->lineno;
  if (!check_keywords(s->keywords)) return false;

  const Scope* scope = table_.find(s);
  if (!scope) return context_.error_of(ErrorKind::kSystemError, "no scope for a class");
  Position outer = pos_;
  Unit unit(scope, UnitKind::kClass, u_);
  if (!begin_unit(unit, s->name, first)) return false;
  unit.private_name = s->name;
  pos_ = {first, first, 0, 0};
  identifier name_name = intern("__name__"), module_name = intern("__module__"), qualname = intern("__qualname__");
  bool ok = name_name && module_name && qualname;
  if (ok) {
    int t = u_->depth;
    int get = add_name(name_name), set = add_name(module_name), set_qual = add_name(qualname);
    constant text = make_str(unit.result->qualname);
    ok = get >= 0 && set >= 0 && set_qual >= 0 && text && emit(Opcode::kGetName, t, get) &&
         emit(Opcode::kSetName, set, t) && load_const(t, text) && emit(Opcode::kSetName, set_qual, t);
    push_temp();
    u_->depth = t;
  }
  ok = ok && body(s->body);
  if (ok) {
    no_pos();
    if (scope->needs_class_closure) {
      // The caller puts the class into the cell.
      identifier cell_name = intern("__classcell__"), class_name = intern("__class__");
      int cell = class_name ? cell_operand(class_name) : kFail;
      int set = cell_name ? add_name(cell_name) : -1;
      int t = push_temp();
      ok = cell != kFail && set >= 0 && emit(Opcode::kMove, t, cell) && emit(Opcode::kSetName, set, cell) &&
           emit(Opcode::kReturn, t);
    } else {
      ok = return_constant(none_constant());
    }
  }
  if (!end_unit(unit) || !ok) return false;
  pos_ = outer;

  int window = u_->depth;
  if (!emit(Opcode::kLoadBuildClass, window)) return false;
  push_temps(2);
  int function = u_->depth;
  if (!make_function(unit.result, scope, function)) return false;
  push_temp();
  constant text = make_str(s->name->view());
  if (!text || !load_const(u_->depth, text)) return false;
  push_temp();
  call_pos_ = pos_;
  if (!call_arguments(window, false, s->bases, s->keywords, 2, window)) return false;
  u_->depth = window;
  push_temp();
  if (!apply_decorators(s->decorator_list, windows)) return false;
  pos_ = outer;
  bool stored = store_name(s->name, windows.empty() ? window : windows[0]);
  u_->depth = saved;
  return stored;
}

// ---- bodies -----------------------------------------------------------------------------------------------------

constant Generator::docstring_of(const Seq<stmt*>& body) {
  auto* first = body.empty() ? nullptr : if_is<Expr>(body[0]);
  constant c = first ? constant_of(first->value) : nullptr;
  return c && c->kind == ConstantKind::kStr ? c : nullptr;
}

bool Generator::has_annotations(const Seq<stmt*>& body) const {
  for (const stmt* s : body) {
    bool found = false;
    switch (s->kind) {
      case Kind::AnnAssign: return true;
      case Kind::For: found = has_annotations(as<For>(s)->body) || has_annotations(as<For>(s)->orelse); break;
      case Kind::AsyncFor: found = has_annotations(as<AsyncFor>(s)->body) || has_annotations(as<AsyncFor>(s)->orelse); break;
      case Kind::While: found = has_annotations(as<While>(s)->body) || has_annotations(as<While>(s)->orelse); break;
      case Kind::If:
        for (auto* i = as<If>(s);;) {
          found = has_annotations(i->body);
          if (!found && i->orelse.size() == 1 && is<If>(i->orelse[0])) {
            i = as<If>(i->orelse[0]);
            continue;
          }
          found = found || has_annotations(i->orelse);
          break;
        }
        break;
      case Kind::Match:
        for (match_case* c : as<Match>(s)->cases) found = found || has_annotations(c->body);
        break;
      case Kind::With: found = has_annotations(as<With>(s)->body); break;
      case Kind::AsyncWith: found = has_annotations(as<AsyncWith>(s)->body); break;
      case Kind::Try:
      case Kind::TryStar: {
        auto* t = as<Try>(s);  // (both have the same fields)
        for (excepthandler* h : t->handlers) found = found || has_annotations(as<ExceptHandler>(h)->body);
        found = found || has_annotations(t->body) || has_annotations(t->orelse) || has_annotations(t->finalbody);
        break;
      }
      default: break;
    }
    if (found) return true;
  }
  return false;
}

// A module's or class's statements, with docstring and annotations dictionary.
bool Generator::body(const Seq<stmt*>& list) {
  if (u_->kind == UnitKind::kModule && !list.empty()) set_pos(list[0]);
  if (has_annotations(list) && !emit(Opcode::kSetupAnnotations)) return false;
  Seq<stmt*> rest = list;
  constant doc = options_.optimize < 2 && !interactive_ ? docstring_of(list) : nullptr;
  if (doc) {
    PosScope pos(*this, as<Expr>(list[0])->value);
    identifier name = intern("__doc__");
    int t = u_->depth;
    if (!name || !load_const(t, doc)) return false;
    push_temp();
    if (!store_name(name, t)) return false;
    u_->depth = t;
    rest = {list.items + 1, list.count - 1};
  }
  return statements(rest);
}

CodeUnit* Generator::module(mod* tree) {
  none_ = arena_.make<ConstantValue>();
  if (!none_) return nullptr;
  Unit unit(table_.top, UnitKind::kModule, nullptr);
  if (!begin_unit(unit, intern("<module>"), 1)) return nullptr;
  bool ok = false;
  pos_ = {0, 0, -1, -1};
  switch (tree->kind) {
    case Kind::Module: ok = body(as<Module>(tree)->body); break;
    case Kind::Interactive:
      interactive_ = true;
      ok = body(as<Interactive>(tree)->body);
      break;
    case Kind::Expression: {
      set_pos(as<Expression>(tree)->body);
      int v = to_temp(as<Expression>(tree)->body);
      ok = v != kFail && emit(Opcode::kReturn, v);
      break;
    }
    default: context_.error_of(ErrorKind::kSystemError, "module kind can't be compiled");
  }
  if (ok && !is<Expression>(tree)) {
    no_pos();
    ok = return_constant(none_constant());
  }
  if (!end_unit(unit) || !ok) return nullptr;
  return unit.result;
}

CodeUnit* generate_code(PassContext& context, mod* tree, const SymbolTable& table, const Future& future,
                        const CodegenOptions& options) {
  Generator generator(context, table, future, options);
  CodeUnit* unit = generator.module(tree);
  return context.failed() ? nullptr : unit;
}

}  // namespace atl::compiler
