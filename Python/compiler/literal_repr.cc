#include "Python/compiler/literal_repr.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "Python/compiler/utf8.h"

namespace atl::compiler {

using namespace ast;

namespace {

char quote_for(std::string_view text) {
  bool single = text.find('\'') != std::string_view::npos, twice = text.find('"') != std::string_view::npos;
  return single && !twice ? '"' : '\'';
}

// A float the way it stands in a complex number, or (with ".0") alone.
bool append_number(Buffer<char>* out, double value, bool keep_point) {
  if (std::isnan(value)) return append_text(out, "nan");
  if (std::isinf(value)) return append_text(out, value > 0 ? "inf" : "-inf");
  char buffer[64];
  auto scientific = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string_view digits(buffer, static_cast<size_t>(scientific.ptr - buffer));
  size_t e = digits.find('e');
  int exponent = 0;
  std::from_chars(digits.data() + e + 1 + (digits[e + 1] == '+'), digits.data() + digits.size(), exponent);
  if (exponent < -4 || exponent >= 16) {
    char tail[16];
    int n = std::snprintf(tail, sizeof tail, "e%c%02d", exponent < 0 ? '-' : '+', std::abs(exponent));
    return append_text(out, digits.substr(0, e)) && append_text(out, {tail, static_cast<size_t>(n)});
  }
  auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  std::string_view text(buffer, static_cast<size_t>(fixed.ptr - buffer));
  return append_text(out, text) &&
         (!keep_point || text.find('.') != std::string_view::npos || append_text(out, ".0"));
}

// Digits in any base to decimal, by schoolbook steps of nine digits.
bool append_big(Buffer<char>* out, const ConstantValue& value) {
  Buffer<uint32_t> limbs;
  for (char c : value.view()) {
    uint64_t carry = static_cast<uint64_t>(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    for (uint32_t& limb : limbs) {
      carry += static_cast<uint64_t>(limb) * value.base;
      limb = static_cast<uint32_t>(carry % 1'000'000'000);
      carry /= 1'000'000'000;
    }
    if (carry && !limbs.push(static_cast<uint32_t>(carry))) return false;
  }
  if (value.negative && !out->push('-')) return false;
  char buffer[16];
  for (size_t i = limbs.size(); i-- > 0;) {
    int n = std::snprintf(buffer, sizeof buffer, i + 1 == limbs.size() ? "%u" : "%09u", limbs[i]);
    if (!append_text(out, {buffer, static_cast<size_t>(n)})) return false;
  }
  return true;
}

}  // namespace

bool append_text(Buffer<char>* out, std::string_view text) { return out->append(text.data(), text.size()); }

bool append_str_repr(Buffer<char>* out, std::string_view text) {
  char quote = quote_for(text);
  bool ok = out->push(quote);
  char buffer[16];
  for (const char* p = text.data(); ok && p < text.data() + text.size();) {
    const char* at = p;
    uint32_t c = utf8_next(p);
    if (c == static_cast<uint32_t>(quote) || c == '\\') {
      ok = out->push('\\') && out->push(static_cast<char>(c));
    } else if (c == '\n' || c == '\r' || c == '\t') {
      ok = append_text(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
    } else if (is_printable(c)) {
      ok = out->append(at, static_cast<size_t>(p - at));
    } else {
      int n = std::snprintf(buffer, sizeof buffer, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
      ok = out->append(buffer, static_cast<size_t>(n));
    }
  }
  return ok && out->push(quote);
}

bool append_bytes_repr(Buffer<char>* out, std::string_view text) {
  char quote = quote_for(text);
  bool ok = out->push('b') && out->push(quote);
  char buffer[8];
  for (unsigned char c : text) {
    if (!ok) break;
    if (c == static_cast<unsigned char>(quote) || c == '\\') {
      ok = out->push('\\') && out->push(static_cast<char>(c));
    } else if (c == '\n' || c == '\r' || c == '\t') {
      ok = append_text(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
    } else if (c >= 32 && c < 127) {
      ok = out->push(static_cast<char>(c));
    } else {
      int n = std::snprintf(buffer, sizeof buffer, "\\x%02x", c);
      ok = out->append(buffer, static_cast<size_t>(n));
    }
  }
  return ok && out->push(quote);
}

bool append_float_repr(Buffer<char>* out, double value) { return append_number(out, value, true); }

bool append_constant_repr(Buffer<char>* out, constant value) {
  switch (value->kind) {
    case ConstantKind::kNone: return append_text(out, "None");
    case ConstantKind::kTrue: return append_text(out, "True");
    case ConstantKind::kFalse: return append_text(out, "False");
    case ConstantKind::kEllipsis: return append_text(out, "Ellipsis");
    case ConstantKind::kInt: {
      char buffer[24];
      auto end = std::to_chars(buffer, buffer + sizeof buffer, value->integer);
      return out->append(buffer, static_cast<size_t>(end.ptr - buffer));
    }
    case ConstantKind::kBigInt: return append_big(out, *value);
    case ConstantKind::kFloat: return append_float_repr(out, value->real);
    case ConstantKind::kComplex: {
      bool only_imaginary = value->real == 0 && !std::signbit(value->real);
      if (only_imaginary) return append_number(out, value->imag, false) && out->push('j');
      return out->push('(') && append_number(out, value->real, false) &&
             (std::signbit(value->imag) || out->push('+')) && append_number(out, value->imag, false) &&
             append_text(out, "j)");
    }
    case ConstantKind::kStr: return append_str_repr(out, value->view());
    case ConstantKind::kBytes: return append_bytes_repr(out, value->view());
    case ConstantKind::kTuple:
    case ConstantKind::kFrozenSet: {
      bool set = value->kind == ConstantKind::kFrozenSet;
      if (set && value->size == 0) return append_text(out, "frozenset()");
      bool ok = append_text(out, set ? "frozenset({" : "(");
      for (uint32_t i = 0; ok && i < value->size; i++) {
        ok = (i == 0 || append_text(out, ", ")) && append_constant_repr(out, value->items[i]);
      }
      return ok && append_text(out, set ? "})" : value->size == 1 ? ",)" : ")");
    }
    case ConstantKind::kForeign: break;
  }
  return false;
}

}  // namespace atl::compiler
