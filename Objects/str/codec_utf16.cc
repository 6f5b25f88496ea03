// UTF-16 and UTF-32.
#include <cstring>

#include "Objects/str/codecs.h"
#include "Objects/str/layout.h"

namespace atl {
namespace {

struct Utf16 {
  static constexpr Py_ssize_t kUnit = 2;
  static constexpr const char* kNames[] = {"utf-16-le", "utf-16-be", "utf-16"};
  static int mark(const uint8_t* p) { return p[0] == 0xFF && p[1] == 0xFE ? -1 : p[0] == 0xFE && p[1] == 0xFF ? 1 : 0; }
  static DecodeScan scan(const uint8_t* d, ptrdiff_t n, ptrdiff_t start, ByteOrder o, Input in) { return utf16_scan(d, n, start, o, in); }
  static void write(const uint8_t* d, ptrdiff_t n, ByteOrder o, TextKind k, void* out) { utf16_write(d, n, o, k, out); }
  static EncodeScan measure(TextView t, ptrdiff_t start) { return utf16_measure(t, start); }
  static uint8_t* encode(TextView t, ByteOrder o, uint8_t* out) { return utf16_encode(t, o, out); }
};

struct Utf32 {
  static constexpr Py_ssize_t kUnit = 4;
  static constexpr const char* kNames[] = {"utf-32-le", "utf-32-be", "utf-32"};
  static int mark(const uint8_t* p) {
    if (p[0] == 0xFF && p[1] == 0xFE && p[2] == 0 && p[3] == 0) return -1;
    return p[0] == 0 && p[1] == 0 && p[2] == 0xFE && p[3] == 0xFF ? 1 : 0;
  }
  static DecodeScan scan(const uint8_t* d, ptrdiff_t n, ptrdiff_t start, ByteOrder o, Input in) { return utf32_scan(d, n, start, o, in); }
  static void write(const uint8_t* d, ptrdiff_t n, ByteOrder o, TextKind k, void* out) { utf32_write(d, n, o, k, out); }
  static EncodeScan measure(TextView t, ptrdiff_t start) { return utf32_measure(t, start); }
  static uint8_t* encode(TextView t, ByteOrder o, uint8_t* out) { return utf32_encode(t, o, out); }
};

template <class Codec>
Ref<> decode_wide(ThreadState& ts, std::string_view input, const char* errors, int* order, Py_ssize_t* consumed) {
  auto* bytes = reinterpret_cast<const uint8_t*>(input.data());
  int given = order != nullptr ? *order : 0;
  Py_ssize_t pos = 0;
  if (given == 0 && static_cast<Py_ssize_t>(input.size()) >= Codec::kUnit) {
    given = Codec::mark(bytes);
    if (given != 0) pos = Codec::kUnit;
  }
  if (order != nullptr) *order = given;
  ByteOrder byte_order = given <= 0 ? ByteOrder::kLittle : ByteOrder::kBig;  // the machine's order is little
  DecodeErrors err(ts, Codec::kNames[given > 0], input, errors);
  Input more = consumed != nullptr ? Input::kPartial : Input::kFinal;
  StrWriter w(ts);
  for (bool first = true;; first = false) {
    DecodeScan scan = Codec::scan(err.data, err.size, pos, byte_order, more);
    if (first && scan.reason == nullptr) {
      if (consumed != nullptr) *consumed = scan.stop;
      if (scan.length <= 1) {
        uint32_t c = 0;
        if (scan.length == 0) return dup(empty_str());
        Codec::write(err.data + pos, scan.stop - pos, byte_order, TextKind::k4, &c);
        return str_from_char(ts, c);
      }
      void* data;
      PyObject* s = str_allocate(ts, scan.length, scan.max_class, &data);
      if (s != nullptr) Codec::write(err.data + pos, scan.stop - pos, byte_order, text_kind_for(scan.max_class), data);
      return steal(s);
    }
    if (failed(w.prepare_exact(scan.length, scan.max_class))) return {};
    Codec::write(err.data + pos, scan.stop - pos, byte_order, w.kind(), w.tail());
    w.advance(scan.length);
    if (scan.reason == nullptr) {
      if (consumed != nullptr) *consumed = scan.stop;
      return w.finish();
    }
    if (failed(err.handle(scan.reason, scan.stop, scan.error_end, &w, &pos))) return {};
  }
}

template <class Codec>
Ref<> encode_wide(ThreadState& ts, PyObject* s, const char* errors, int order) {
  TextView text = str_view(s);
  ByteOrder byte_order = order <= 0 ? ByteOrder::kLittle : ByteOrder::kBig;
  static constexpr uint32_t kMark[] = {0xFEFF};
  TextView mark{kMark, order == 0 ? 1 : 0, TextKind::k4};
  EncodeScan scan = Codec::measure(text, 0);
  if (scan.reason == nullptr) {
    Py_ssize_t head = order == 0 ? Codec::kUnit : 0;
    Ref<> bytes = bytes_new(ts, scan.size + head);
    if (!bytes || scan.size + head == 0) return bytes;
    Codec::encode(text, byte_order, Codec::encode(mark, byte_order, reinterpret_cast<uint8_t*>(bytes_data(bytes.get()))));
    return bytes;
  }
  EncodeErrors err(ts, Codec::kNames[order == 0 ? 2 : order > 0], s, errors);
  BytesWriter w(ts);
  auto put = [&](TextView piece) -> Status {
    uint8_t* out = w.prepare(piece.length * 4);
    if (out == nullptr) return Status::kError;
    w.advance(Codec::encode(piece, byte_order, out) - out);
    return Status::kOk;
  };
  if (failed(put(mark))) return {};
  for (Py_ssize_t pos = 0;;) {
    if (failed(put(text_slice(text, pos, scan.stop)))) return {};
    if (scan.reason == nullptr) return w.finish();
    Ref<> replacement;
    if (failed(err.handle(scan.reason, scan.stop, scan.error_end, &replacement, &pos))) return {};
    if (replacement) {
      PyObject* r = replacement.get();
      if (is_str(r)) {
        if (!str_is_ascii(r)) return err.fail(scan.reason, scan.stop, scan.error_end);
        if (failed(put(str_view(r)))) return {};
      } else {
        if (bytes_size(r) % Codec::kUnit != 0) return err.fail(scan.reason, scan.stop, scan.error_end);
        if (failed(w.write(bytes_view(r)))) return {};
      }
    }
    scan = Codec::measure(text, pos);
  }
}

}  // namespace

Ref<> decode_utf16(ThreadState& ts, std::string_view data, const char* errors, int* order, Py_ssize_t* consumed) {
  return decode_wide<Utf16>(ts, data, errors, order, consumed);
}
Ref<> decode_utf32(ThreadState& ts, std::string_view data, const char* errors, int* order, Py_ssize_t* consumed) {
  return decode_wide<Utf32>(ts, data, errors, order, consumed);
}
Ref<> encode_utf16(ThreadState& ts, PyObject* s, const char* errors, int order) {
  return encode_wide<Utf16>(ts, s, errors, order);
}
Ref<> encode_utf32(ThreadState& ts, PyObject* s, const char* errors, int order) {
  return encode_wide<Utf32>(ts, s, errors, order);
}

}  // namespace atl
