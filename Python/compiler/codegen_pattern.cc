// Code for match statements.
//
// The subject stays in its temporary while the cases are tried. A pattern works on a temporary: one it owns (an item it
// got by unpacking) it consumes, whether it matches or not; the subject itself it only looks at. Captured values wait
// in temporaries and are bound to their names when the whole pattern has matched. PatternContext::live lists the
// temporaries in use; each set of them with which a pattern may fail gets a stub behind the pattern that lets them go.
#include <utility>

#include "Python/compiler/codegen_impl.h"
#include "Python/compiler/literal_repr.h"

namespace atl::compiler {

using namespace ast;

struct Generator::PatternContext {
  struct Capture {
    identifier name;
    int temp;
  };
  struct Stub {
    Label label;
    uint32_t first, count;  // in stub_temps
  };
  Buffer<int> live;
  Buffer<Capture> captures;
  Buffer<Stub> stubs;
  Buffer<int> stub_temps;
  size_t live_base = 0;  // what lies below is not ours to drop
  size_t stub_base = 0;
  bool allow_irrefutable = false;
  Position last;  // of the pattern compiled last

  void forget(int temp) {
    for (size_t i = live.size(); i-- > 0;) {
      if (live[i] != temp) continue;
      for (size_t j = i + 1; j < live.size(); j++) live[j - 1] = live[j];
      live.truncate(live.size() - 1);
      return;
    }
  }
};

bool Generator::is_wildcard(const ast::pattern* p) {
  auto* as_pattern = if_is<MatchAs>(p);
  return as_pattern && !as_pattern->name;
}

bool Generator::is_star_wildcard(const ast::pattern* p) {
  auto* star = if_is<MatchStar>(p);
  return star && !star->name;
}

// Where to go now if the pattern fails with what is alive at the moment.
Label Generator::fail_label(PatternContext& pc) {
  size_t count = pc.live.size() - pc.live_base;
  for (size_t i = pc.stub_base; i < pc.stubs.size(); i++) {
    const PatternContext::Stub& stub = pc.stubs[i];
    if (stub.count == count &&
        (count == 0 || std::memcmp(&pc.stub_temps[stub.first], &pc.live[pc.live_base], count * sizeof(int)) == 0))
      return stub.label;
  }
  Label label = new_label();
  if (label < 0) return kNoLabel;
  uint32_t first = static_cast<uint32_t>(pc.stub_temps.size());
  bool ok = count == 0 || pc.stub_temps.append(&pc.live[pc.live_base], count);
  ok = ok && pc.stubs.push({label, first, static_cast<uint32_t>(count)});
  return ok ? label : (context_.memory_error(), kNoLabel);
}

bool Generator::emit_fail_stubs(PatternContext& pc, Label next) {
  no_pos();
  for (size_t i = pc.stub_base; i < pc.stubs.size(); i++) {
    PatternContext::Stub stub = pc.stubs[i];
    if (!place(stub.label)) return false;
    for (uint32_t k = stub.count; k-- > 0;) {
      if (!emit(Opcode::kDrop, pc.stub_temps[stub.first + k])) return false;
    }
    if (!emit_jump(Opcode::kJump, next)) return false;
  }
  pc.stubs.truncate(pc.stub_base);
  return true;
}

bool Generator::match(Match* s) {
  int subject = to_temp(s->subject);
  if (subject == kFail) return false;
  Label end = new_label();
  if (end < 0) return false;
  uint32_t n = s->cases.size();
  for (uint32_t i = 0; i < n; i++) {
    match_case* c = s->cases[i];
    set_pos(c->pattern_);
    Label next = new_label();
    if (next < 0) return false;
    PatternContext pc;
    // A pattern that always matches must be the last, unless it has a guard.
    pc.allow_irrefutable = c->guard || i + 1 == n;
    int depth = u_->depth;
    if (is_wildcard(c->pattern_) && !emit(Opcode::kNop)) return false;  // its line must be seen
    if (!pattern(c->pattern_, subject, false, pc)) return false;
    set_pos(c->pattern_);
    for (const PatternContext::Capture& capture : pc.captures) {
      if (!store_name(capture.name, capture.temp)) return false;
    }
    pc.live.truncate(0);
    u_->depth = depth;
    if (c->guard) {
      Label fail = fail_label(pc);
      if (fail < 0 || !cond_jump(c->guard, fail, false)) return false;
    }
    no_pos();
    if (!emit(Opcode::kDrop, subject) || !statements(c->body)) return false;
    no_pos();
    if (!emit_jump(Opcode::kJump, end) || !emit_fail_stubs(pc, next) || !place(next)) return false;
    u_->depth = depth;
  }
  no_pos();
  return emit(Opcode::kDrop, subject) && place(end);
}

bool Generator::capture(identifier name, int subject, bool owned, const ast::pattern* p, PatternContext& pc) {
  if (!name) return !owned || (pc.forget(subject), emit(Opcode::kDrop, subject));
  PosScope pos(*this, p);
  if (!check_name(name, expr_context::Store)) return false;
  for (const PatternContext::Capture& c : pc.captures) {
    if (c.name == name) return error("multiple assignments to name '%s' in pattern", name->text);
  }
  int temp = subject;
  if (!owned) {
    temp = push_temp();
    if (!emit(Opcode::kDup, temp, subject) || !pc.live.push(temp)) return context_.memory_error();
  }
  return pc.captures.push({name, temp}) || context_.memory_error();
}

bool Generator::pattern(ast::pattern* p, int subject, bool owned, PatternContext& pc) {
  PassDepth depth(context_);
  if (depth.too_deep) return false;
  PosScope pos(*this, p);
  pc.last = pos_;
  switch (p->kind) {
    case Kind::MatchValue: {
      expr* e = as<MatchValue>(p)->value;
      if (!is<Constant>(e) && !is<Attribute>(e))
        return error("patterns may only match literals and attribute lookups");
      return match_value(operand_constant(e), e, subject, owned, pc);
    }
    case Kind::MatchSingleton: {
      constant c = as<MatchSingleton>(p)->value;
      int test = subject;
      if (owned) {
        pc.forget(subject);
      } else {
        test = push_temp();
        if (!emit(Opcode::kDup, test, subject)) return false;
      }
      Label fail = fail_label(pc);
      if (fail < 0) return false;
      if (c->kind == ConstantKind::kNone) return emit_jump(Opcode::kJNotNone, fail, 0, test);
      int t = push_temp();
      return load_const(t, c) && emit_jump(Opcode::kJFIs, fail, 0, test, t);
    }
    case Kind::MatchSequence: return match_sequence(as<MatchSequence>(p), subject, owned, pc);
    case Kind::MatchMapping: return match_mapping(as<MatchMapping>(p), subject, owned, pc);
    case Kind::MatchClass: return match_class(as<MatchClass>(p), subject, owned, pc);
    case Kind::MatchStar: return capture(as<MatchStar>(p)->name, subject, owned, p, pc);
    case Kind::MatchOr: return match_or(as<MatchOr>(p), subject, owned, pc);
    case Kind::MatchAs: {
      auto* a = as<MatchAs>(p);
      if (!a->pattern_) {
        if (!pc.allow_irrefutable) {
          if (a->name) return error("name capture '%s' makes remaining patterns unreachable", a->name->text);
          return error("wildcard makes remaining patterns unreachable");
        }
        return capture(a->name, subject, owned, p, pc);
      }
      // The value is wanted for itself, whatever the inner pattern makes of it.
      int copy = push_temp();
      if (!emit(Opcode::kDup, copy, subject) || !pc.live.push(copy)) return context_.memory_error();
      return pattern(a->pattern_, subject, owned, pc) && capture(a->name, copy, true, p, pc);
    }
    default: return error("invalid match pattern node");
  }
}

bool Generator::match_value(constant value_constant, expr* e, int subject, bool owned, PatternContext& pc) {
  int test = subject;
  if (!owned) {
    test = push_temp();
    if (!emit(Opcode::kDup, test, subject)) return false;
    if (!pc.live.push(test)) return context_.memory_error();
  }
  if (value_constant) {
    int k = add_const(value_constant);
    pc.forget(test);
    Label fail = fail_label(pc);
    return k >= 0 && fail >= 0 && emit_jump(Opcode::kJFEqRK, fail, 0, test, k);
  }
  int v = value(e);
  if (v == kFail) return false;
  pc.forget(test);
  Label fail = fail_label(pc);
  return fail >= 0 && emit_jump(Opcode::kJFEqRR, fail, 0, test, v);
}

// The items are on temporaries first_temp …, owned.
bool Generator::sub_patterns(const Seq<ast::pattern*>& patterns, int first_temp, PatternContext& pc) {
  for (uint32_t i = 0; i < patterns.size(); i++) {
    if (!pc.live.push(first_temp + static_cast<int>(i))) return context_.memory_error();
  }
  for (uint32_t i = 0; i < patterns.size(); i++) {
    // Within another pattern anything may be irrefutable.
    bool allow = std::exchange(pc.allow_irrefutable, true);
    bool ok = pattern(patterns[i], first_temp + static_cast<int>(i), true, pc);
    pc.allow_irrefutable = allow;
    if (!ok) return false;
  }
  return true;
}

bool Generator::match_sequence(MatchSequence* p, int subject, bool owned, PatternContext& pc) {
  uint32_t n = p->patterns.size();
  uint32_t star = UINT32_MAX;
  bool only_wildcards = true, star_wildcard = false;
  for (uint32_t i = 0; i < n; i++) {
    ast::pattern* item = p->patterns[i];
    if (is<MatchStar>(item)) {
      if (star != UINT32_MAX) return error("multiple starred names in sequence pattern");
      star_wildcard = is_star_wildcard(item);
      only_wildcards = only_wildcards && star_wildcard;
      star = i;
      continue;
    }
    only_wildcards = only_wildcards && is_wildcard(item);
  }
  bool has_star = star != UINT32_MAX;
  if (has_star && (star >= 256 || n - star - 1 >= 128))
    return error("too many expressions in star-unpacking sequence pattern");
  int t = push_temp();
  Label fail = fail_label(pc);
  if (fail < 0 || !emit(Opcode::kMatchSequence, t, subject) || !emit_jump(Opcode::kJF, fail, 0, t)) return false;
  u_->depth = t;
  auto check_length = [&](Opcode jump, uint32_t length) {
    constant c = make_int(length);
    int k = c ? add_const(c) : -1;
    int len = push_temp();
    bool ok = k >= 0 && emit(Opcode::kGetLen, len, subject) && emit_jump(jump, fail, 0, len, k);
    u_->depth = len;
    return ok;
  };
  if (!has_star) {
    if (!check_length(Opcode::kJFEqRK, n)) return false;
  } else if (n > 1) {
    if (!check_length(Opcode::kJFGeRK, n - 1)) return false;
  }
  if (only_wildcards) return !owned || (pc.forget(subject), emit(Opcode::kDrop, subject));
  if (has_star && star_wildcard) {
    // Items by index, from the front and from the back; the rest is not looked at.
    for (uint32_t i = 0; i < n; i++) {
      ast::pattern* item = p->patterns[i];
      if (i == star || is_wildcard(item)) continue;
      int value_temp = push_temp();
      if (i < star) {
        constant c = make_int(i);
        int k = c ? add_const(c) : -1;
        int copy = push_temp();
        if (k < 0 || !emit(Opcode::kDup, copy, subject) || !emit(Opcode::kGetItemK, value_temp, copy, k)) return false;
      } else {
        constant c = make_int(n - i);
        int k = c ? add_const(c) : -1;
        int copy = push_temp(), len = push_temp();
        if (k < 0 || !emit(Opcode::kDup, copy, subject) || !emit(Opcode::kGetLen, len, subject) ||
            !emit(Opcode::kSubRK, len, len, k) || !emit(Opcode::kGetItem, value_temp, copy, len))
          return false;
      }
      u_->depth = value_temp + 1;
      if (!pc.live.push(value_temp)) return context_.memory_error();
      bool allow = std::exchange(pc.allow_irrefutable, true);
      bool ok = pattern(item, value_temp, true, pc);
      pc.allow_irrefutable = allow;
      if (!ok) return false;
    }
    return !owned || (pc.forget(subject), emit(Opcode::kDrop, subject));
  }
  int source = subject;
  if (owned) {
    pc.forget(subject);
  } else {
    source = push_temp();
    if (!emit(Opcode::kDup, source, subject)) return false;
  }
  int first = u_->depth;
  push_temps(static_cast<int>(n));
  bool ok = has_star ? emit(Opcode::kUnpackEx, first, source, static_cast<int>(star | (n - star - 1) << 8))
                     : emit(Opcode::kUnpack, first, source, static_cast<int>(n));
  return ok && sub_patterns(p->patterns, first, pc);
}

bool Generator::match_mapping(MatchMapping* p, int subject, bool owned, PatternContext& pc) {
  uint32_t n = p->keys.size();
  if (n != p->patterns.size())
    return error("keys (%u) / patterns (%u) length mismatch in mapping pattern", n, p->patterns.size());
  int t = push_temp();
  Label fail = fail_label(pc);
  if (fail < 0 || !emit(Opcode::kMatchMapping, t, subject) || !emit_jump(Opcode::kJF, fail, 0, t)) return false;
  u_->depth = t;
  auto drop_subject = [&] { return !owned || (pc.forget(subject), emit(Opcode::kDrop, subject)); };
  if (n == 0 && !p->rest) return drop_subject();
  if (n > 32000) return error("too many sub-patterns in mapping pattern");
  if (n) {
    constant c = make_int(n);
    int k = c ? add_const(c) : -1;
    int len = push_temp();
    if (k < 0 || !emit(Opcode::kGetLen, len, subject) || !emit_jump(Opcode::kJFGeRK, fail, 0, len, k)) return false;
    u_->depth = len;
  }
  int keys = u_->depth;
  for (uint32_t i = 0; i < n; i++) {
    expr* key = p->keys[i];
    if (constant c = constant_of(key)) {
      for (uint32_t j = 0; j < i; j++) {
        constant earlier = constant_of(p->keys[j]);
        if (!earlier || !equal_keys(earlier, c)) continue;
        PosScope pos(*this, p);
        Buffer<char> repr;
        if (!append_constant_repr(&repr, c)) return context_.memory_error();
        return error("mapping pattern checks duplicate key (%.*s)", static_cast<int>(repr.size()), repr.data());
      }
    } else if (!is<Attribute>(key)) {
      return error("mapping pattern keys may only match literals and attribute lookups");
    }
    if (to_temp(key) == kFail) return false;
  }
  u_->depth = keys;
  if (!emit(Opcode::kBuildTuple, keys, keys, static_cast<int>(n))) return false;
  push_temp();
  if (!pc.live.push(keys)) return context_.memory_error();
  if (n) {
    int values = push_temp();
    int test = push_temp();
    // (None means that a key is missing.)
    Label missing = kNoLabel;
    if (!emit(Opcode::kMatchKeys, values, subject, keys) || !pc.live.push(values)) return context_.memory_error();
    missing = fail_label(pc);
    if (missing < 0 || !emit(Opcode::kDup, test, values) || !emit_jump(Opcode::kJNone, missing, 0, test)) return false;
    u_->depth = test;
    pc.forget(values);
    int first = u_->depth;
    push_temps(static_cast<int>(n));
    if (!emit(Opcode::kUnpack, first, values, static_cast<int>(n)) || !sub_patterns(p->patterns, first, pc)) return false;
  }
  if (p->rest) {
    int rest = push_temp();
    pc.forget(keys);
    if (!emit(Opcode::kCopyDictWithoutKeys, rest, subject, keys)) return false;
    if (!pc.live.push(rest)) return context_.memory_error();
    return drop_subject() && capture(p->rest, rest, true, p, pc);
  }
  pc.forget(keys);
  return emit(Opcode::kDrop, keys) && drop_subject();
}

// Constant keys that a dictionary would take for the same.
bool Generator::equal_keys(constant a, constant b) {
  auto number = [](constant c, double* value) {
    switch (c->kind) {
      case ConstantKind::kTrue: return *value = 1, true;
      case ConstantKind::kFalse: return *value = 0, true;
      case ConstantKind::kInt:
        *value = static_cast<double>(c->integer);
        return static_cast<int64_t>(*value) == c->integer;
      case ConstantKind::kFloat: return *value = c->real, true;
      case ConstantKind::kComplex: return *value = c->real, c->imag == 0;
      default: return false;
    }
  };
  double x, y;
  if (number(a, &x) && number(b, &y)) return x == y;
  return same_constant(a, b);
}

bool Generator::match_class(MatchClass* p, int subject, bool owned, PatternContext& pc) {
  uint32_t positional = p->patterns.size(), named = p->kwd_patterns.size();
  if (p->kwd_attrs.size() != named)
    return error("kwd_attrs (%u) / kwd_patterns (%u) length mismatch in class pattern", p->kwd_attrs.size(), named);
  if (positional + named > 32000) return error("too many sub-patterns in class pattern");
  for (uint32_t i = 0; i < named; i++) {
    identifier attr = p->kwd_attrs[i];
    if (!check_name(attr, expr_context::Store)) return false;
    for (uint32_t j = i + 1; j < named; j++) {
      if (p->kwd_attrs[j] != attr) continue;
      set_pos(p->kwd_patterns[j]);
      return error("attribute name repeated in class pattern: %s", attr->text);
    }
  }
  // [subject][class][keyword names]
  int window = push_temp();
  if (!emit(Opcode::kDup, window, subject)) return false;
  if (!pc.live.push(window)) return context_.memory_error();
  if (to_temp(p->cls) == kFail) return false;
  Buffer<constant> names;
  for (identifier attr : p->kwd_attrs) {
    constant text = make_str(attr->view());
    if (!text || !names.push(text)) return context_.memory_error();
  }
  constant tuple = make_tuple(names);
  if (!tuple || !load_const(u_->depth, tuple)) return false;
  push_temp();
  pc.forget(window);
  u_->depth = window;
  int values = push_temp();
  if (!emit(Opcode::kMatchClass, values, window, static_cast<int>(positional))) return false;
  if (!pc.live.push(values)) return context_.memory_error();
  Label fail = fail_label(pc);
  int test = push_temp();
  if (fail < 0 || !emit(Opcode::kDup, test, values) || !emit_jump(Opcode::kJNone, fail, 0, test)) return false;
  u_->depth = test;
  pc.forget(values);
  if (owned) {
    pc.forget(subject);
    if (!emit(Opcode::kDrop, subject)) return false;
  }
  uint32_t n = positional + named;
  int first = u_->depth;
  push_temps(static_cast<int>(n));
  Seq<ast::pattern*> all;
  all.count = n;
  all.items = arena_.make_array<ast::pattern*>(n + 1);
  if (!all.items || !emit(Opcode::kUnpack, first, values, static_cast<int>(n))) return false;
  for (uint32_t i = 0; i < n; i++) all[i] = i < positional ? p->patterns[i] : p->kwd_patterns[i - positional];
  return sub_patterns(all, first, pc);
}

// Names that a pattern captures, in order.
bool Generator::pattern_names(const ast::pattern* p, Buffer<identifier>* names) {
  auto all = [&](const Seq<ast::pattern*>& list) {
    for (ast::pattern* item : list) {
      if (!pattern_names(item, names)) return false;
    }
    return true;
  };
  auto add = [&](identifier name) {
    for (identifier known : *names) {
      if (known == name) return true;
    }
    return !name || names->push(name) || context_.memory_error();
  };
  switch (p->kind) {
    case Kind::MatchSequence: return all(as<MatchSequence>(p)->patterns);
    case Kind::MatchMapping: return all(as<MatchMapping>(p)->patterns) && add(as<MatchMapping>(p)->rest);
    case Kind::MatchClass: return all(as<MatchClass>(p)->patterns) && all(as<MatchClass>(p)->kwd_patterns);
    case Kind::MatchStar: return add(as<MatchStar>(p)->name);
    case Kind::MatchAs:
      return (!as<MatchAs>(p)->pattern_ || pattern_names(as<MatchAs>(p)->pattern_, names)) && add(as<MatchAs>(p)->name);
    // Alternatives bind the same names, which is checked when they are compiled.
    case Kind::MatchOr: return pattern_names(as<MatchOr>(p)->patterns[0], names);
    default: return true;
  }
}

bool Generator::match_or(MatchOr* p, int subject, bool owned, PatternContext& pc) {
  Buffer<identifier> names;
  if (!pattern_names(p->patterns[0], &names)) return false;
  // Captures of all the alternatives end up in the same temporaries.
  int results = u_->depth;
  push_temps(static_cast<int>(names.size()));
  int work = u_->depth;
  Label success = new_label();
  if (success < 0) return false;
  size_t captures = pc.captures.size();
  size_t live_count = pc.live.size();
  size_t live_base = pc.live_base, stub_base = pc.stub_base;
  bool allow = pc.allow_irrefutable;
  uint32_t n = p->patterns.size();
  for (uint32_t i = 0; i < n; i++) {
    Label next = new_label();
    if (next < 0) return false;
    set_pos(p->patterns[i]);
    pc.live_base = live_count;
    pc.stub_base = pc.stubs.size();
    // Only the last alternative may be irrefutable, and only where the whole pattern may.
    pc.allow_irrefutable = i + 1 == n && allow;
    if (!pattern(p->patterns[i], subject, false, pc)) return false;
    size_t found = pc.captures.size() - captures;
    bool same = found == names.size();
    for (size_t k = 0; same && k < names.size(); k++) {
      bool bound = false;
      for (size_t c = captures; c < pc.captures.size(); c++) {
        if (pc.captures[c].name != names[k]) continue;
        bound = true;
        if (!emit(Opcode::kMove, results + static_cast<int>(k), pc.captures[c].temp)) return false;
      }
      same = bound;
    }
    if (!same) {
      pos_ = pc.last;  // (3.11 is left at the innermost pattern that came last.)
      return error("alternative patterns bind different names");
    }
    if (!emit_jump(Opcode::kJump, success)) return false;
    pc.captures.truncate(captures);
    pc.live.truncate(live_count);
    if (!emit_fail_stubs(pc, next) || !place(next)) return false;
    u_->depth = work;
  }
  pc.live_base = live_base;
  pc.stub_base = stub_base;
  pc.allow_irrefutable = allow;
  // None of them.
  Label fail = fail_label(pc);
  if (fail < 0 || !emit_jump(Opcode::kJump, fail) || !place(success)) return false;
  set_pos(p);
  for (size_t k = 0; k < names.size(); k++) {
    int temp = results + static_cast<int>(k);
    if (!pc.live.push(temp)) return context_.memory_error();
    for (const PatternContext::Capture& c : pc.captures) {
      if (c.name == names[k]) return error("multiple assignments to name '%s' in pattern", c.name->text);
    }
    if (!pc.captures.push({names[k], temp})) return context_.memory_error();
  }
  if (!owned) return true;
  pc.forget(subject);
  return emit(Opcode::kDrop, subject);
}

}  // namespace atl::compiler
