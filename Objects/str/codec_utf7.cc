// UTF-7 (RFC 2152). Runs of UTF-16 in base 64 between '+' and the first character that is none of base 64 ('-' belongs to
// the run); what may stand for itself is decoded whether or not the RFC calls it optional.
#include "Objects/str/codecs.h"
#include "Objects/str/layout.h"

namespace atl {
namespace {

constexpr const char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr int base64_value(uint32_t c) {
  if (c >= 'A' && c <= 'Z') return static_cast<int>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<int>(c - 'a') + 26;
  if (c >= '0' && c <= '9') return static_cast<int>(c - '0') + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// Characters that the encoder writes as themselves: RFC 2152's sets D and O, and white space.
constexpr bool is_direct(uint32_t c) {
  if (c >= 0x7F || c == 0) return false;
  if (c < ' ') return c == '\t' || c == '\n' || c == '\r';
  return c != '+' && c != '\\' && c != '~';
}

// A run of base 64 that is being read.
struct Run {
  uint32_t bits = 0;
  int count = 0;           // bits that are waiting
  uint32_t surrogate = 0;  // a high one that waits for its low one
};

}  // namespace

Ref<> decode_utf7(ThreadState& ts, std::string_view input, const char* errors, Py_ssize_t* consumed) {
  DecodeErrors err(ts, "utf7", input, errors);
  StrWriter w(ts);
  Run run;
  bool in_run = false;
  Py_ssize_t pos = 0, start = 0, written_before = 0;
  for (;;) {
    const char* problem = nullptr;
    while (pos < err.size && problem == nullptr) {
      uint8_t c = err.data[pos];
      if (in_run) {
        int value = base64_value(c);
        if (value >= 0) {
          ++pos;
          run.bits = run.bits << 6 | static_cast<uint32_t>(value);
          run.count += 6;
          if (run.count < 16) continue;
          uint32_t unit = run.bits >> (run.count - 16) & 0xFFFF;
          run.count -= 16;
          run.bits &= (1u << run.count) - 1;
          if (run.surrogate != 0) {
            uint32_t high = std::exchange(run.surrogate, 0);
            if (Py_UNICODE_IS_LOW_SURROGATE(unit)) {
              if (failed(w.put(Py_UNICODE_JOIN_SURROGATES(high, unit)))) return {};
              continue;
            }
            if (failed(w.put(high))) return {};
          }
          if (Py_UNICODE_IS_HIGH_SURROGATE(unit)) {
            run.surrogate = unit;
          } else if (failed(w.put(unit))) {
            return {};
          }
          continue;
        }
        in_run = false;
        if (run.count >= 6) {
          ++pos;
          problem = "partial character in shift sequence";
          continue;
        }
        if (run.count > 0 && run.bits != 0) {
          ++pos;
          problem = "non-zero padding bits in shift sequence";
          continue;
        }
        if (run.surrogate != 0 && c <= 127 && c != '+') {
          if (failed(w.put(run.surrogate))) return {};
        }
        run.surrogate = 0;
        if (c == '-') ++pos;
        continue;
      }
      if (c == '+') {
        start = pos++;
        if (pos < err.size && err.data[pos] == '-') {
          ++pos;
          if (failed(w.put('+'))) return {};
        } else if (pos < err.size && base64_value(err.data[pos]) < 0) {
          ++pos;
          problem = "ill-formed sequence";
        } else {
          in_run = true;
          run = Run{};
          written_before = w.length();
        }
        continue;
      }
      start = pos++;
      if (c <= 127) {
        if (failed(w.put(c))) return {};
      } else {
        problem = "unexpected special character";
      }
    }
    Py_ssize_t end = pos;
    if (problem == nullptr) {
      bool dangling = in_run && (run.surrogate != 0 || run.count >= 6 || (run.count > 0 && run.bits != 0));
      if (consumed != nullptr) {
        if (in_run) {
          w.truncate(written_before);
          *consumed = start;
        } else {
          *consumed = pos;
        }
        return w.finish();
      }
      if (!dangling) return w.finish();
      problem = "unterminated shift sequence";
      end = err.size;
    }
    in_run = false;
    if (failed(err.handle(problem, start, end, &w, &pos))) return {};
    if (pos >= err.size && consumed == nullptr) return w.finish();
  }
}

Ref<> encode_utf7(ThreadState& ts, PyObject* s, const char*) {
  TextView text = str_view(s);
  BytesWriter w(ts);
  uint32_t bits = 0;
  int count = 0;
  bool in_run = false;
  for (Py_ssize_t i = 0; i < text.length; ++i) {
    uint32_t c = text_read(text.kind, text.data, i);
    if (is_direct(c)) {
      if (in_run) {
        if (count > 0 && failed(w.put(static_cast<uint8_t>(kBase64[bits << (6 - count) & 63])))) return {};
        in_run = false;
        // '-' ends the run where what follows would seem to belong to it.
        if ((base64_value(c) >= 0 || c == '-') && failed(w.put('-'))) return {};
      }
      if (failed(w.put(static_cast<uint8_t>(c)))) return {};
      continue;
    }
    if (!in_run) {
      if (failed(w.put('+'))) return {};
      if (c == '+') {
        if (failed(w.put('-'))) return {};
        continue;
      }
      in_run = true;
      bits = 0;
      count = 0;
    }
    uint32_t units[2] = {c, 0};
    int n = 1;
    if (c >= 0x10000) {
      units[0] = Py_UNICODE_HIGH_SURROGATE(c);
      units[1] = Py_UNICODE_LOW_SURROGATE(c);
      n = 2;
    }
    for (int k = 0; k < n; ++k) {
      bits = bits << 16 | units[k];
      count += 16;
      for (; count >= 6; count -= 6) {
        if (failed(w.put(static_cast<uint8_t>(kBase64[bits >> (count - 6) & 63])))) return {};
      }
      bits &= (1u << count) - 1;
    }
  }
  if (in_run) {
    if (count > 0 && failed(w.put(static_cast<uint8_t>(kBase64[bits << (6 - count) & 63])))) return {};
    if (failed(w.put('-'))) return {};
  }
  return w.finish();
}

}  // namespace atl
