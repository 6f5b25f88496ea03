// UTF-8, ASCII and Latin-1.
#include <cstring>

#include "Objects/str/codecs.h"
#include "Objects/str/layout.h"

namespace atl {

Ref<> decode_utf8(ThreadState& ts, std::string_view text, const char* errors, Py_ssize_t* consumed) {
  DecodeErrors err(ts, "utf-8", text, errors);
  Input input = consumed != nullptr ? Input::kPartial : Input::kFinal;
  StrWriter w(ts);
  Py_ssize_t pos = 0;
  for (bool first = true;; first = false) {
    DecodeScan scan = utf8_scan(err.data, err.size, pos, input);
    if (first && scan.reason == nullptr) {
      if (consumed != nullptr) *consumed = scan.stop;
      return str_from_utf8(ts, {reinterpret_cast<const char*>(err.data), static_cast<size_t>(scan.stop)}, nullptr);
    }
    if (failed(w.prepare_exact(scan.length, scan.max_class))) return {};
    utf8_write(err.data + pos, scan.stop - pos, w.kind(), w.tail());
    w.advance(scan.length);
    if (scan.reason == nullptr) {
      if (consumed != nullptr) *consumed = scan.stop;
      return w.finish();
    }
    if (failed(err.handle(scan.reason, scan.stop, scan.error_end, &w, &pos))) return {};
  }
}

Ref<> decode_ascii(ThreadState& ts, std::string_view text, const char* errors) {
  auto* data = reinterpret_cast<const uint8_t*>(text.data());
  if (bytes_are_ascii(data, text.size())) return str_from_ascii(ts, text);
  DecodeErrors err(ts, "ascii", text, errors);
  StrWriter w(ts);
  for (Py_ssize_t pos = 0;;) {
    DecodeScan scan = ascii_scan(err.data, err.size, pos);
    if (failed(w.write_ascii({reinterpret_cast<const char*>(err.data + pos), static_cast<size_t>(scan.stop - pos)}))) return {};
    if (scan.reason == nullptr) return w.finish();
    if (failed(err.handle(scan.reason, scan.stop, scan.error_end, &w, &pos))) return {};
  }
}

Ref<> decode_latin1(ThreadState& ts, std::string_view text) {
  return str_from_latin1(ts, reinterpret_cast<const uint8_t*>(text.data()), static_cast<Py_ssize_t>(text.size()));
}

Ref<> encode_utf8(ThreadState& ts, PyObject* s, const char* errors) {
  if (str_is_ascii(s)) return bytes_from(ts, {static_cast<const char*>(str_data(s)), static_cast<size_t>(str_length(s))});
  auto* compact = reinterpret_cast<PyCompactUnicodeObject*>(s);
  if (compact->utf8 != nullptr) return bytes_from(ts, {compact->utf8, static_cast<size_t>(compact->utf8_length)});
  TextView text = str_view(s);
  EncodeScan scan = utf8_measure(text, 0);
  if (ATOLL_LIKELY(scan.reason == nullptr)) {
    Ref<> bytes = bytes_new(ts, scan.size);
    if (bytes) utf8_encode(text, reinterpret_cast<uint8_t*>(bytes_data(bytes.get())));
    return bytes;
  }
  EncodeErrors err(ts, "utf-8", s, errors);
  BytesWriter w(ts);
  for (Py_ssize_t pos = 0;;) {
    uint8_t* out = w.prepare(scan.size);
    if (out == nullptr) return {};
    utf8_encode(text_slice(text, pos, scan.stop), out);
    w.advance(scan.size);
    if (scan.reason == nullptr) return w.finish();
    Ref<> replacement;
    if (failed(err.handle(scan.reason, scan.stop, scan.error_end, &replacement, &pos))) return {};
    if (replacement) {
      PyObject* r = replacement.get();
      if (is_str(r) && !str_is_ascii(r)) return err.fail(scan.reason, scan.stop, scan.error_end);
      std::string_view piece = is_str(r) ? std::string_view(static_cast<const char*>(str_data(r)), static_cast<size_t>(str_length(r)))
                                         : bytes_view(r);
      if (failed(w.write(piece))) return {};
    }
    scan = utf8_measure(text, pos);
  }
}

namespace {

// ASCII and Latin-1: characters below `limit` are bytes.
Ref<> encode_narrow(ThreadState& ts, PyObject* s, const char* errors, uint32_t limit, const char* encoding) {
  TextView text = str_view(s);
  auto measure = [&](Py_ssize_t from) {
    return limit == 0x80 ? ascii_measure(text, from) : latin1_measure(text, from);
  };
  EncodeScan scan = measure(0);
  if (scan.reason == nullptr) {
    Ref<> bytes = bytes_new(ts, text.length);
    if (bytes) text_convert(text, TextKind::k1, bytes_data(bytes.get()));
    return bytes;
  }
  EncodeErrors err(ts, encoding, s, errors);
  BytesWriter w(ts);
  for (Py_ssize_t pos = 0;;) {
    uint8_t* out = w.prepare(scan.stop - pos);
    if (out == nullptr) return {};
    text_convert(text_slice(text, pos, scan.stop), TextKind::k1, out);
    w.advance(scan.stop - pos);
    if (scan.reason == nullptr) return w.finish();
    Ref<> replacement;
    if (failed(err.handle(scan.reason, scan.stop, scan.error_end, &replacement, &pos))) return {};
    if (replacement) {
      PyObject* r = replacement.get();
      if (is_str(r)) {
        if (text_max_class(str_view(r)) >= limit) return err.fail(scan.reason, scan.stop, scan.error_end);
        if (failed(w.write({static_cast<const char*>(str_data(r)), static_cast<size_t>(str_length(r))}))) return {};
      } else if (failed(w.write(bytes_view(r)))) {
        return {};
      }
    }
    scan = measure(pos);
  }
}

}  // namespace

Ref<> encode_ascii(ThreadState& ts, PyObject* s, const char* errors) {
  if (str_is_ascii(s)) return bytes_from(ts, {static_cast<const char*>(str_data(s)), static_cast<size_t>(str_length(s))});
  return encode_narrow(ts, s, errors, 0x80, "ascii");
}

Ref<> encode_latin1(ThreadState& ts, PyObject* s, const char* errors) {
  if (str_kind(s) == 1) return bytes_from(ts, {static_cast<const char*>(str_data(s)), static_cast<size_t>(str_length(s))});
  return encode_narrow(ts, s, errors, 0x100, "latin-1");
}

}  // namespace atl
